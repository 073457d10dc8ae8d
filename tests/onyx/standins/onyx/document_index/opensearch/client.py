"""The client of the engine Onyx had."""


class OpenSearchIndexClient:
    """Reads one index."""

    def __init__(self, index_name: str) -> None:
        self.index_name = index_name


class OpenSearchIndexWriteBlockedError(Exception):
    """An index is there and takes no writes."""
