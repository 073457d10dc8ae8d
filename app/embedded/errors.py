"""The one exception of this package."""


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot do what was asked; the message says what to change."""
