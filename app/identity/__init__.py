"""Identity providers: whom others vouch for. The only place that fetches their keys."""
