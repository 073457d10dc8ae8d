"""Explaining access, from what is stored and from what searches do."""

from collections.abc import Sequence

from app.domain.callers import OPERATOR
from app.domain.documents import Section
from app.domain.errors import DocumentNotFoundError
from app.domain.explanation import NOT_THERE, Explanation, explain
from app.domain.filters import Filters
from app.services.reading import ReadingService


class AccessExplainer:
    """Says why somebody can or cannot see a document."""

    def __init__(self, reading: ReadingService) -> None:
        self._reading = reading

    async def explain(
        self, tenant_id: str, index_name: str | None, document_id: str, asked: Sequence[str] | None
    ) -> Explanation:
        """Explain one document to an access list; None asks without one. A document that is not there is no error."""
        try:
            row, _, _ = await self._reading.document(tenant_id, index_name, document_id, chunks=False, embeddings=False)
        except DocumentNotFoundError:
            return NOT_THERE
        filters = Filters(access_control_list=None if asked is None else tuple(asked))
        chunks = await self._reading.sections(tenant_id, index_name, [Section(document_id)], OPERATOR.permit(filters))
        return explain(
            asked,
            public=row["acl_public"],
            hidden=row["hidden"],
            entries=row["acl_entries"],
            found_by_search=any(chunk["document_id"] == document_id for chunk in chunks),
        )
