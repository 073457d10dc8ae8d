"""Settings of the plugin, from the environment of Onyx's containers.

The names do not begin as those of the service do, which refuses names it does not know: both may be given the
same environment.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, Self, cast

from onyx_vector_search.patience import Patience

PREFIX = "PGVECTOR_INDEX_"
ENGINE = "VECTOR_DB_TYPE"
Reads = Literal["pgvector", "previous"]
_PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """What the plugin is told.

    Attributes
    ----------
    url
        Of the service.
    api_key
        One of its keys; empty for none.
    search_timeout_s
        Seconds the answer to a search may take.
    write_timeout_s
        Seconds the answer to a write may take.
    dual_write
        Whether the engine Onyx had before is written too, and first.
    reads
        Which of the two answers searches while both are written.
    ready_timeout_s
        Seconds a worker waits at its start for the service.
    """

    url: str
    api_key: str = field(default="", repr=False)
    search_timeout_s: float = _PATIENCE.search_read
    write_timeout_s: float = _PATIENCE.write_read
    dual_write: bool = False
    reads: Reads = "pgvector"
    ready_timeout_s: float = 60.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings.

        Raises
        ------
        ValueError
            One is missing, unknown, or makes no sense.
        """
        known = {f"{PREFIX}{item.name.upper()}": item.name for item in fields(cls)}
        given = {name: value.strip() for name, value in environment.items() if name.startswith(PREFIX)}
        if unknown := sorted(given.keys() - known.keys()):
            raise ValueError(f"Unknown settings: {', '.join(unknown)}. There are: {', '.join(known)}.")
        values = {known[name]: value for name, value in given.items() if value}
        if "url" not in values:
            raise ValueError(f"{PREFIX}URL must name the service, such as http://vector-search:8080.")
        settings = cls(
            url=values["url"],
            api_key=values.get("api_key", ""),
            search_timeout_s=_seconds(values, "search_timeout_s", _PATIENCE.search_read),
            write_timeout_s=_seconds(values, "write_timeout_s", _PATIENCE.write_read),
            dual_write=_flag(values, "dual_write"),
            reads=_reads(values.get("reads", "pgvector")),
            ready_timeout_s=_seconds(values, "ready_timeout_s", 60.0),
        )
        if settings.reads == "previous" and not settings.dual_write:
            raise ValueError(f"{PREFIX}READS=previous needs {PREFIX}DUAL_WRITE=true, or the index would not be kept.")
        return settings

    @property
    def patience(self) -> Patience:
        """How long the client waits."""
        return Patience(search_read=self.search_timeout_s, write_read=self.write_timeout_s)


def is_chosen(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this Onyx is to use the plugin at all."""
    return environment.get(ENGINE, "").strip().lower() == "pgvector"


def _seconds(values: Mapping[str, str], name: str, default: float) -> float:
    text = values.get(name)
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError(f"{PREFIX}{name.upper()} must be a number of seconds above 0, not {text!r}.")
    return number


def _flag(values: Mapping[str, str], name: str) -> bool:
    text = values.get(name, "false").lower()
    if text not in {"true", "false"}:
        raise ValueError(f"{PREFIX}{name.upper()} must be true or false, not {text!r}.")
    return text == "true"


def _reads(text: str) -> Reads:
    if text not in {"pgvector", "previous"}:
        raise ValueError(f"{PREFIX}READS must be pgvector or previous, not {text!r}.")
    return cast("Reads", text)
