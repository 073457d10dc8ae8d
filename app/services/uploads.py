"""Documents too large for one request: parts are stored as they come, and one commit makes them a document."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from uuid import UUID

from app.domain.documents import Chunk, Document, IndexedDocument
from app.domain.errors import IndexNotFoundError, UploadIncompleteError, UploadNotFoundError
from app.domain.indexes import Index
from app.services.catalog import IndexCatalog
from app.services.indexing import IndexingService, Prepared
from app.services.replacing import ChunkReplacement
from app.storage.chunks import ChunkRepository
from app.storage.database import Database, Session
from app.storage.documents import DocumentRepository
from app.storage.parts import decode_chunks, encode_chunks
from app.storage.uploads import UploadRepository


class UploadService:
    """A part sent twice counts once, a commit repeated answers the same, an abandoned upload is swept."""

    def __init__(self, database: Database, catalog: IndexCatalog, indexing: IndexingService) -> None:
        self._database = database
        self._catalog = catalog
        self._indexing = indexing
        self._uploads = UploadRepository(database)
        self._documents = DocumentRepository(database)
        self._chunks = ChunkRepository(database)

    async def save_part(
        self, tenant_id: str, index_name: str | None, upload_id: UUID, part: int, chunks: Sequence[Chunk]
    ) -> None:
        """Check and store one part; durable when it returns, visible to nobody.

        Raises
        ------
        InvalidRequestError
            A chunk does not fit the index.
        """
        index = await self._catalog.get(tenant_id, index_name)
        try:
            await self._save_part(index, upload_id, part, chunks)
        except IndexNotFoundError:  # the one that was remembered was dropped; it may have been made anew
            await self._save_part(await self._catalog.get_anew(index), upload_id, part, chunks)

    async def _save_part(self, index: Index, upload_id: UUID, part: int, chunks: Sequence[Chunk]) -> None:
        # Who may read it, and its title, come with the commit.
        whole = Document(id="", semantic_identifier="", chunks=tuple(chunks))
        fitting, _ = await self._indexing.fit(replace(index, access_control=False), [whole], [""])
        await self._uploads.save_part(index, upload_id, part, encode_chunks(fitting[0].chunks))

    async def commit(
        self, tenant_id: str, index_name: str | None, upload_id: UUID, document: Document, parts: int
    ) -> IndexedDocument:
        """Replace a document by the parts of an upload, as a whole.

        Raises
        ------
        UploadNotFoundError
            No part has come, or the upload was swept.
        UploadIncompleteError
            Some parts have not come.
        """
        index = await self._catalog.get(tenant_id, index_name)
        prepared = await self._indexing.prepare(index, [document], ["/document"])
        async with self._database.transaction() as session:
            exists, result = await self._uploads.lock(session, index, upload_id)
            if not exists:
                raise UploadNotFoundError(f"No part of the upload {upload_id} is here; send them again.")
            if result is not None:
                return IndexedDocument(**result)
            missing = sorted(set(range(parts)) - set(await self._uploads.parts(session, index, upload_id)))
            if missing:
                raise UploadIncompleteError(f"{len(missing)} of {parts} parts have not come: {missing[:20]}.")
            late = await self._indexing.fences.before_writing(session, index, prepared.documents, "replace")
            answer = late.get(document.key) or await self._replace(session, index, prepared, upload_id, parts)
            await self._uploads.finish(session, index, upload_id, asdict(answer))
        return answer

    async def abort(self, tenant_id: str, index_name: str | None, upload_id: UUID) -> None:
        """Forget an upload.

        Raises
        ------
        UploadNotFoundError
            There is none.
        """
        index = await self._catalog.get(tenant_id, index_name)
        if not await self._uploads.delete(index, upload_id):
            raise UploadNotFoundError(f"There is no upload {upload_id}.")

    async def _replace(
        self, session: Session, index: Index, prepared: Prepared, upload_id: UUID, parts: int
    ) -> IndexedDocument:
        document = prepared.documents[0]
        existed = await self._documents.upsert(session, index, [document], prepared.acl_ids, {}, "index")
        replacement = await ChunkReplacement.of(
            session,
            self._chunks,
            index,
            prepared.average_length,
            [document.key] if existed[document.key] else [],
        )
        for part in range(parts):  # one at a time: memory holds a part, not the document
            chunks = decode_chunks(await self._uploads.part(session, index, upload_id, part))
            documents = [replace(document, chunks=chunks)]
            await replacement.add(documents, await self._indexing.bags(index, documents))
        await replacement.remove_tail()
        counts = await self._documents.count_chunks(session, index, [document.key])
        return IndexedDocument(document.id, existed[document.key], counts[document.key])
