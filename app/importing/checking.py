"""One verification: a source read again from its beginning and held against what is stored."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from app.domain.documents import Document
from app.domain.imports import PageEnd, PageRow, gather
from app.domain.indexes import Index
from app.domain.migration import RowRejectedError, RowSkippedError, SourceRow
from app.domain.verification import Finding, Findings
from app.importing.source import PageRestart, Source
from app.services.verifying import SeenChunks, VerificationService, short_key

_BATCH = 300
_WHOLE = 1 << 64


@dataclass(slots=True)
class Checked:
    """How much was looked at."""

    rows: int = 0
    compared: int = 0
    findings: Findings = field(default_factory=Findings)


class SourceCheck:
    """Reads every row of a source; compares counts of all, and checksums of a sample of the documents.

    Parameters
    ----------
    sample
        The part of the documents whose chunks are compared, from 0 to 1: chosen by the documents' keys, so
        that all chunks of a document are in it, and the same documents every time.
    """

    def __init__(self, service: VerificationService, index: Index, source: Source, sample: float) -> None:
        self._service = service
        self._index = index
        self._source = source
        self._below = int(sample * _WHOLE)
        self._seen = SeenChunks()

    async def run(self) -> Checked:
        """Read the slices side by side, then count."""
        checked = Checked()
        await asyncio.gather(*(self._slice(number, checked) for number in range(self._source.slices)))
        await self._service.compare_counts(self._index, self._seen, checked.findings)
        return checked

    async def _slice(self, number: int, checked: Checked) -> None:
        batch: list[PageRow] = []
        async for row in self._rows(number, checked):
            batch.append(PageRow(row, b""))
            if len(batch) >= _BATCH:
                await self._compare(batch, checked)
                batch = []
        await self._compare(batch, checked)

    async def _compare(self, batch: list[PageRow], checked: Checked) -> None:
        gathered = gather(batch)
        documents = [document for group in gathered.groups.values() for document in group.values()]
        self._seen.add(documents)
        sampled = [document for document in documents if self._is_sampled(document)]
        if sampled:
            compared = await self._service.compare(self._index, sampled, checked.findings)
            checked.compared += compared  # apart: other slices count meanwhile

    def _is_sampled(self, document: Document) -> bool:
        return short_key(document.key) < self._below

    async def _rows(self, number: int, checked: Checked) -> AsyncIterator[SourceRow]:
        """Yield rows page by page: those of a page that breaks off come again."""
        page: list[SourceRow] = []
        async for event in self._source.read(number, None):
            if isinstance(event, PageRestart):
                page = []
            elif isinstance(event, PageEnd):
                checked.rows += len(page)
                for row in page:
                    yield row
                page = []
            elif (found := self._row(event, checked)) is not None:
                page.append(found)

    def _row(self, body: bytes, checked: Checked) -> SourceRow | None:
        try:
            return self._source.row(body)
        except RowSkippedError as skipped:
            checked.findings.add(Finding("left_out", "", detail=skipped.reason))
        except RowRejectedError as rejected:
            checked.findings.add(Finding("not_importable", "", detail=f"{rejected.code}: {rejected.detail}"))
        return None
