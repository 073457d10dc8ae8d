"""Constants of Onyx that the adapter needs."""

from enum import StrEnum

PUBLIC_DOC_PAT = "PUBLIC"
RETURN_SEPARATOR = "\n\r\n"


class DocumentSource(StrEnum):
    """Where documents come from."""

    WEB = "web"
    SLACK = "slack"
    FILE = "file"
    NOT_APPLICABLE = "not_applicable"
