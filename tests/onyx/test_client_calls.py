"""Every call of both clients against the service."""

import json
from collections.abc import Iterator
from random import Random
from uuid import UUID, uuid4

import httpx
import pytest
from onyx_objects import vector
from onyx_vector_search import (
    AsyncClient,
    Client,
    DocumentNotFoundError,
    IndexNotFoundError,
    Options,
    Patience,
    RequestRefusedError,
    ServiceUnavailableError,
    UploadNotFoundError,
    calls,
)
from onyx_vector_search.models import (
    Access,
    Chunk,
    Document,
    DocumentHead,
    Filters,
    IndexSettings,
    Search,
    Section,
    Update,
)

EVERYTHING = Filters(access_control_list=None)
PUBLIC = Access(public=True)


def some(document_id: str, count: int = 1, text: str = "text", dimension: int = 8) -> Document:
    return Document(
        DocumentHead(id=document_id, title="Title", access=PUBLIC, title_embedding=vector(1, dimension=dimension)),
        (
            Chunk(chunk_index=number, content=f"{text} {number}", embedding=vector(1, 0.5, dimension=dimension))
            for number in range(count)
        ),
    )


@pytest.fixture
def made(onyx_client: Client, index_name: str) -> str:
    onyx_client.put_index(index_name, IndexSettings(embedding_dimension=8))
    return index_name


def test_indexes(onyx_client: Client, index_name: str) -> None:
    settings = IndexSettings(embedding_dimension=8, language="german")
    assert onyx_client.put_index(index_name, settings).language == "german"
    assert onyx_client.put_index(index_name, settings).documents == 0
    assert index_name in {index.name for index in onyx_client.list_indexes()}
    onyx_client.index_documents([some("a"), some("b")], index=index_name)
    shown = onyx_client.get_index(index_name)
    assert (shown.documents, shown.chunks, shown.ann.state) == (2, 2, "none")
    emptied = onyx_client.empty_index(index_name, 1)
    assert (emptied.deleted, emptied.remaining) == (1, 1)
    assert onyx_client.put_index(index_name, IndexSettings(embedding_dimension=4), reset=True).documents == 0
    onyx_client.delete_index(index_name)
    with pytest.raises(IndexNotFoundError):
        onyx_client.get_index(index_name)


def test_documents(onyx_client: Client, made: str) -> None:
    odd = "https://a/b?c=d&e='..'#/../.\u00e4"
    (result,) = onyx_client.index_documents([some(odd, 2)], index=made)
    assert (result.document_id, result.already_existed, result.chunk_count) == (odd, False, 2)
    stored = onyx_client.get_document(odd, index=made, embeddings=True)
    assert (stored.id, stored.chunk_count, stored.access, stored.written_by) == (odd, 2, PUBLIC, "index")
    assert list(stored.title_embedding or ()) == vector(1)
    assert [list(chunk.embedding or ()) for chunk in stored.chunks or ()] == [vector(1, 0.5)] * 2
    (change,) = onyx_client.update_documents([Update(document_ids=[odd], boost=2)], index=made)
    assert (change.found, change.chunk_count) == (True, 2)
    assert onyx_client.get_document(odd, index=made).boost == 2
    (change,) = onyx_client.delete_documents([odd], index=made, written_by="port")
    assert not change.found
    (change,) = onyx_client.delete_documents([odd], index=made)
    assert change.found
    with pytest.raises(DocumentNotFoundError):
        onyx_client.get_document(odd, index=made)


@pytest.mark.parametrize("document_id", [".", "..", "/", "a/../b", "%2F", "?"])
def test_documents_whose_ids_mean_something_in_a_path(onyx_client: Client, made: str, document_id: str) -> None:
    onyx_client.index_documents([some(document_id)], index=made)
    assert onyx_client.get_document(document_id, index=made).id == document_id


def test_listings_and_scans_go_over_pages(onyx_client: Client, made: str) -> None:
    names = [f"d{number}" for number in range(7)]
    onyx_client.index_documents([some(name, 3) for name in names], index=made)
    listed = list(onyx_client.list_documents(index=made, chunks=True, embeddings=True, page_size=2))
    assert sorted(document.id for document in listed) == names
    assert all(len(document.chunks or ()) == 3 for document in listed)
    pages = list(onyx_client.scan_chunks(names, index=made, embeddings=True, page_size=10))
    assert [len(page) for page in pages] == [10, 10, 1]
    assert list(pages[0][0].embedding or ()) == vector(1, 0.5)


def test_searches_and_sections(onyx_client: Client, made: str) -> None:
    onyx_client.index_documents([some("d", 5)], index=made)
    answer = onyx_client.search(Search(filters=EVERYTHING, embedding=vector(1, 0.5), limit=3, exact=True), index=made)
    assert (len(answer.hits), answer.mode, answer.exact, answer.complete) == (3, "semantic", True, True)
    assert answer.hits[0].score == pytest.approx(1.0)
    found = onyx_client.retrieve_chunks(
        [Section(document_id="d", min_chunk_index=3)], EVERYTHING, index=made, include_hidden=True
    )
    assert [chunk.chunk_index for chunk in found] == [3, 4]


def test_readiness(onyx_client: Client) -> None:
    assert (onyx_client.ready().status, onyx_client.ready().read_only) == ("ready", False)


async def test_the_asynchronous_client(service_url: str, index_name: str) -> None:
    async with AsyncClient(service_url, options=Options(part_bytes=1000)) as client:
        await client.put_index(index_name, IndexSettings(embedding_dimension=8))
        results = await client.index_documents([some("small"), some("large", 40), some("last")], index=index_name)
        assert [(result.document_id, result.chunk_count) for result in results] == [
            ("small", 1), ("large", 40), ("last", 1),
        ]  # fmt: skip
        assert len([document async for document in client.list_documents(index=index_name, page_size=1)]) == 3
        pages = [len(page) async for page in client.scan_chunks(["large"], index=index_name, page_size=30)]
        assert pages == [30, 10]
        answer = await client.search(Search(filters=EVERYTHING, embedding=vector(1), limit=100), index=index_name)
        assert len(answer.hits) == 42
        found = await client.retrieve_chunks([Section(document_id="small")], EVERYTHING, index=index_name)
        assert len(found) == 1
        await client.update_documents([Update(document_ids=["small"], hidden=True)], index=index_name)
        assert (await client.get_document("small", index=index_name)).hidden
        assert [change.found for change in await client.delete_documents(["small", "x"], index=index_name)] == [
            True,
            False,
        ]
        assert (await client.empty_index(index_name)).remaining == 0
        assert (await client.get_index(index_name)).documents == 0
        assert index_name in {index.name for index in await client.list_indexes()}
        assert (await client.ready()).status == "ready"
        await client.delete_index(index_name)
        with pytest.raises(IndexNotFoundError):
            await client.get_index(index_name)


class Cut(httpx.HTTPTransport):
    """Lets some requests through, and then the service is gone."""

    def __init__(self, requests: int) -> None:
        super().__init__()
        self.left = requests

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt  # what kills a process leaves no time to tidy up
        return super().handle_request(request)


def test_a_document_of_5000_chunks_killed_halfway_leaves_the_old_version_and_no_trace(
    service_url: str, onyx_client: Client, made: str
) -> None:
    onyx_client.index_documents([some("d", 10, "old")], index=made)
    options = Options(part_bytes=64 * 1024)
    with Client(service_url, transport=Cut(6), options=options) as dying, pytest.raises(KeyboardInterrupt):
        dying.index_documents([some("d", 5000, "new")], index=made)
    state = onyx_client.get_index(made)
    assert (state.documents, state.chunks) == (1, 10)
    answer = onyx_client.search(Search(filters=EVERYTHING, embedding=vector(1), limit=1000), index=made)
    assert sorted(hit.content for hit in answer.hits) == sorted(f"old {number}" for number in range(10))
    assert {raw.content.split()[0] for page in onyx_client.scan_chunks(["d"], index=made) for raw in page} == {"old"}
    with Client(service_url, options=options) as living:
        (result,) = living.index_documents([some("d", 5000, "new")], index=made)
    assert (result.already_existed, result.chunk_count) == (True, 5000)
    assert {raw.content.split()[0] for page in onyx_client.scan_chunks(["d"], index=made) for raw in page} == {"new"}


class Recorded(httpx.HTTPTransport):
    """Counts bytes and remembers requests."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return super().handle_request(request)


def test_an_upload_that_is_refused_or_whose_source_fails_is_taken_back(service_url: str, made: str) -> None:
    def failing() -> Iterator[Chunk]:
        yield from some("d", 100).chunks
        raise RuntimeError("the source failed")

    def wrong() -> Iterator[Chunk]:
        yield from some("d", 100).chunks
        yield Chunk(chunk_index=100, content="x" * 1000, embedding=[1.0])

    transport = Recorded()
    with Client(service_url, transport=transport, options=Options(part_bytes=1000)) as client:
        for chunks, kind in ((failing(), RuntimeError), (wrong(), RequestRefusedError)):
            transport.requests.clear()
            with pytest.raises(kind):
                client.index_documents([Document(some("d").head, chunks)], index=made)
            *_, last = transport.requests
            assert (last.method, last.url.path.split("/")[1]) == ("DELETE", "uploads")
            with pytest.raises(UploadNotFoundError):
                client.send(calls.delete_upload(_upload_id(last), made))
        with pytest.raises(DocumentNotFoundError):
            client.get_document("d", index=made)


def test_a_commit_that_is_repeated_answers_the_same(service_url: str, made: str) -> None:
    with Client(service_url) as client:
        upload = uuid4()
        chunks = [chunk.model_dump_json(exclude_none=True).encode() for chunk in some("d", 3).chunks]
        client.send(calls.put_part(upload, 0, made, chunks))
        commit = calls.commit_upload(upload, made, some("d").head.model_dump_json(exclude_none=True).encode(), 1)
        assert client.send(commit) == client.send(commit)
        assert client.get_index(made).chunks == 3


def test_vectors_take_less_than_half_of_what_numbers_would(service_url: str, index_name: str) -> None:
    """16 documents of 10 chunks, 1536 dimensions, with titles: at most 45 % of JSON with numbers."""
    draw = Random(5)
    numbers = [[draw.gauss(0, 0.03) for _ in range(1536)] for _ in range(176)]
    vectors = iter(numbers)
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]
    documents = [
        Document(
            DocumentHead(
                id=f"https://example.org/{name}", title=f"Title {name}", access=PUBLIC, title_embedding=next(vectors)
            ),
            [
                Chunk(chunk_index=place, content=" ".join(draw.choices(words, k=450)), embedding=next(vectors))
                for place in range(10)
            ],
        )
        for name in range(16)
    ]
    plain = 0
    for document in documents:
        head = document.head.model_dump(mode="json", exclude_none=True) | {
            "title_embedding": document.head.title_embedding
        }
        chunks = [
            chunk.model_dump(mode="json", exclude_none=True) | {"embedding": chunk.embedding}
            for chunk in document.chunks
        ]
        plain += len(json.dumps(head | {"chunks": chunks}))
    transport = Recorded()
    with Client(service_url, transport=transport) as client:
        client.put_index(index_name, IndexSettings(embedding_dimension=1536))
        transport.requests.clear()
        client.index_documents(documents, index=index_name)
        sent = sum(len(request.content) for request in transport.requests)
        assert client.get_index(index_name).chunks == 160
        client.delete_index(index_name)
    assert sent <= 0.45 * plain


def test_nobody_listening_is_said_so() -> None:
    options = Options(patience=Patience(search_budget=0.3, first_delay=0.01))
    with (
        Client("http://127.0.0.1:9", options=options) as client,
        pytest.raises(ServiceUnavailableError, match="cannot be reached"),
    ):
        client.ready()


def _upload_id(request: httpx.Request) -> UUID:
    return UUID(request.url.path.split("/")[2])
