"""Documents as connectors make them."""

from datetime import datetime

from onyx.configs.constants import DocumentSource
from pydantic import BaseModel


class BasicExpertInfo(BaseModel):
    """A person."""

    email: str


class Document(BaseModel):
    """A document before it is cut into chunks."""

    id: str
    source: DocumentSource
    semantic_identifier: str
    metadata: dict[str, str | list[str]] = {}
    title: str | None = None
    doc_updated_at: datetime | None = None
    doc_created_at: datetime | None = None
    primary_owners: list[BasicExpertInfo] | None = None
    secondary_owners: list[BasicExpertInfo] | None = None

    def get_title_for_document_index(self) -> str | None:
        if self.title == "":
            return None
        title = self.semantic_identifier if self.title is None else self.title
        return title.replace("\n", " ").replace("\r", " ").strip()


def convert_metadata_list_of_strings_to_dict(metadata_list: list[str]) -> dict[str, str | list[str]]:
    values: dict[str, list[str]] = {}
    for item in metadata_list:
        key, value = item.split("===", 1)
        values.setdefault(key, []).append(value)
    return {key: items if len(items) > 1 else items[0] for key, items in values.items()}
