"""What a service writes to its log."""

import io
import json
from typing import Any


class LogLines(io.StringIO):
    """A stream that stands for stderr."""

    @property
    def raw(self) -> list[str]:
        """The lines as they are."""
        return self.getvalue().removesuffix("\n").split("\n")

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of one event."""
        parsed: list[dict[str, Any]] = [json.loads(line) for line in self.raw]
        return [line for line in parsed if line.get("event") == name]
