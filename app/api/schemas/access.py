"""Bodies about access."""

from typing import Annotated

from pydantic import BaseModel, Field

from app.api.schemas.fields import Body, DocumentId, IndexName, Labels, example
from app.domain.explanation import Reason


class ExplainBody(Body):
    """Who, and which document."""

    model_config = example({"document_id": "docs/tuning.md", "access_control_list": ["user_email:a@x.io"]})

    index: IndexName | None = None
    document_id: DocumentId
    access_control_list: Annotated[
        Labels | None, Field(description="Who asks, as in a search; null asks without an access list.")
    ]


class ExplainAnswer(BaseModel):
    """Whether a search finds the document, and why."""

    visible: Annotated[bool, Field(description="Whether a search by this access list can find it.")]
    reasons: Annotated[list[Reason], Field(description="Everything that speaks for it or against it.")]
    matched_entries: Annotated[list[str], Field(description="Entries of the access list that the document names.")]
    public: bool | None
    hidden: bool | None
    entries_count: Annotated[int | None, Field(description="How many entries the document names.")]
    found_by_search: Annotated[bool, Field(description="What the filter of searches decides, asked just now.")]
