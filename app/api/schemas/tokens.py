"""Bodies about search tokens."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from app.api.schemas.fields import Body, IndexName, Labels, example
from app.api.schemas.search import FiltersBody
from app.domain.filters import Filters

LONGEST_SECONDS = 86_400


class TokenBody(Body):
    """Whose searches, where, and for how long."""

    model_config = example({"access_control_list": ["user_email:a@x.io", "group:eng"], "expires_in": 900})

    index: IndexName | None = None
    access_control_list: Annotated[Labels, Field(description="Who asks; [] sees public documents only.")]
    filters: Annotated[
        FiltersBody, Field(description="Searches may narrow these, and never widen them; without an access list.")
    ] = FiltersBody()
    include_hidden: bool = False
    expires_in: Annotated[int, Field(ge=1, le=LONGEST_SECONDS, description="Seconds.")] = 900

    @model_validator(mode="after")
    def _check_one_list(self) -> Self:
        if "access_control_list" in self.filters.model_fields_set:
            raise PydanticCustomError("duplicate", "The access list of a token stands beside its filters")
        return self

    def to_domain(self) -> Filters:
        """Translate."""
        given = self.filters.model_copy(update={"access_control_list": self.access_control_list})
        return given.to_domain(include_hidden=self.include_hidden)


class TokenAnswer(BaseModel):
    """A token: send it as a key. It cannot be shown again."""

    token: str
    expires_at: Annotated[int, Field(description="Unix time.")]
    tenant_id: str
    index: str
