"""Moving documents in from other engines and from files, and proving that all of them came."""
