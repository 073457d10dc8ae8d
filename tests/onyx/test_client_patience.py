"""When the client asks again, how long it waits, and what it makes of answers."""

import gzip
import inspect
import json
from collections.abc import Callable

import httpx
import pytest
from onyx_vector_search import (
    AsyncClient,
    Client,
    IndexMismatchError,
    IndexNotFoundError,
    Options,
    Patience,
    ReadOnlyError,
    RequestRefusedError,
    ServiceFailedError,
    ServiceUnavailableError,
    StorageFullError,
)
from onyx_vector_search.models import Chunk, Document, DocumentHead, Filters, Search, Update
from onyx_vector_search.patience import Attempts, Purpose, retry_after

SEARCH = Search(filters=Filters(access_control_list=[]))
ANSWER = {"hits": [], "mode": "random", "strategy": "random", "exact": True, "complete": True, "took_ms": 1.0}
QUICK = Options(patience=Patience(first_delay=0.001, longest_delay=0.002))

Handler = Callable[[httpx.Request], httpx.Response]


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    body = {"type": "about:blank", "title": "t", "status": status, "detail": "why", "instance": "", "code": code}
    return httpx.Response(status, json=body, headers=headers)


def client(handler: Handler, options: Options = QUICK) -> Client:
    return Client("http://service", transport=httpx.MockTransport(handler), options=options)


def script(*steps: httpx.Response | Exception) -> tuple[Handler, list[httpx.Request]]:
    requests: list[httpx.Request] = []
    left = iter(steps)

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        step = next(left)
        if isinstance(step, Exception):
            raise step
        return step

    return handler, requests


@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(429, text="slow down"),
        httpx.Response(502, text="<html>"),
        problem(503, "overloaded"),
        problem(504, "query_timeout"),
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("late"),
        httpx.PoolTimeout("full"),
        httpx.RemoteProtocolError("cut off"),
        httpx.ReadError("reset"),
    ],
)
def test_what_may_pass_is_tried_again(failure: httpx.Response | Exception) -> None:
    handler, requests = script(failure, failure, httpx.Response(200, json=ANSWER))
    assert client(handler).search(SEARCH).complete
    assert len(requests) == 3
    assert len({request.headers["x-request-id"] for request in requests}) == 1


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (problem(400, "malformed_request"), RequestRefusedError),
        (problem(401, "unauthorised"), RequestRefusedError),
        (problem(422, "invalid_request"), RequestRefusedError),
        (problem(404, "index_not_found"), IndexNotFoundError),
        (problem(404, "tenant_not_found"), IndexNotFoundError),
        (problem(409, "index_mismatch"), IndexMismatchError),
        (problem(500, "internal"), ServiceFailedError),
        (httpx.Response(500, text="oops"), ServiceFailedError),
        (problem(503, "database_read_only"), ReadOnlyError),
        (problem(507, "database_full"), StorageFullError),
        (httpx.Response(507, text="full"), StorageFullError),
    ],
)
def test_what_stays_is_raised_at_once(response: httpx.Response, kind: type[Exception]) -> None:
    handler, requests = script(response)
    with pytest.raises(kind) as raised:
        client(handler).search(SEARCH)
    assert type(raised.value) is kind
    assert len(requests) == 1


def test_only_what_is_final_is_what_onyx_never_retries() -> None:
    handler, _ = script(problem(422, "invalid_request"))
    with pytest.raises(httpx.HTTPStatusError) as raised:
        client(handler).search(SEARCH)
    assert raised.value.response.status_code == 422
    for kind in (ServiceUnavailableError, ServiceFailedError, ReadOnlyError, StorageFullError):
        assert not issubclass(kind, httpx.HTTPStatusError)


def test_a_read_timeout_passes_through_as_it_is() -> None:
    handler, requests = script(httpx.ReadTimeout("slow"))
    with pytest.raises(httpx.ReadTimeout):
        client(handler).search(SEARCH)
    assert len(requests) == 1


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = pass_time_by_waiting(monkeypatch)

    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(ServiceUnavailableError, match="refused"):
        client(refuse, Options()).search(SEARCH)
    assert 30 < sum(waits) < Patience().search_budget


def test_what_the_service_asks_for_is_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = pass_time_by_waiting(monkeypatch)
    busy = {"retry-after": "11"}
    handler, _ = script(
        httpx.Response(503, headers=busy), httpx.Response(429, headers=busy), httpx.Response(200, json=ANSWER)
    )
    client(handler, Options()).search(SEARCH)
    assert waits == [11.0, 11.0]


def test_no_more_is_waited_than_patience_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = pass_time_by_waiting(monkeypatch)
    handler, requests = script(httpx.Response(503, headers={"retry-after": "3600"}))
    with pytest.raises(ServiceUnavailableError):
        client(handler, Options()).search(SEARCH)
    assert (waits, len(requests)) == ([], 1)


def test_retry_after_may_be_a_date() -> None:
    assert retry_after(httpx.Response(503, headers={"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"})) == 0
    assert retry_after(httpx.Response(503, headers={"retry-after": "Fri, 31 Dec 2100 23:59:59 GMT"})) > 1e9
    assert retry_after(httpx.Response(503, headers={"retry-after": "soon"})) == 0
    assert retry_after(httpx.Response(503)) == 0


@pytest.mark.parametrize(("purpose", "bound"), [("search", 60), ("write", 70)])
def test_all_attempts_together_stay_under_the_bound(purpose: Purpose, bound: float) -> None:
    """Whenever the last attempt begins, and however long each of its phases takes."""
    patience = Patience()
    for tenths in range(1000):
        attempts = Attempts(patience, purpose, clock=iter([0.0, tenths / 10, tenths / 10]).__next__)
        if attempts.wait(None) is None:
            break
        timeout = attempts.timeout()
        assert tenths / 10 + sum(filter(None, timeout.as_dict().values())) < bound
    assert patience.budget(purpose) - 1 < tenths / 10 < patience.budget(purpose)


def test_delays_double_and_are_drawn_by_lot() -> None:
    drawn: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        drawn.append((low, high))
        return low

    attempts = Attempts(Patience(), "search", clock=lambda: 0.0, draw=draw)
    for _ in range(8):
        attempts.wait(None)
    assert [high for _, high in drawn] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 8.0, 8.0]
    assert all(low == high / 2 for low, high in drawn)


def test_large_bodies_are_compressed_and_small_ones_are_not() -> None:
    handler, requests = script(httpx.Response(200, json=ANSWER), httpx.Response(200, json=ANSWER))
    speaker = client(handler)
    entries = [f"external_group:drive_{number}" for number in range(20_000)]
    speaker.search(Search(filters=Filters(access_control_list=entries)))
    speaker.search(SEARCH)
    large, small = requests
    assert large.headers["content-encoding"] == "gzip"
    assert len(large.content) * 4 < len(gzip.decompress(large.content))
    assert json.loads(gzip.decompress(large.content))["filters"]["access_control_list"] == entries
    assert "content-encoding" not in small.headers


def test_access_is_always_spoken_of() -> None:
    handler, requests = script(httpx.Response(200, json=ANSWER), httpx.Response(200, json=ANSWER))
    speaker = client(handler)
    speaker.search(SEARCH)
    speaker.search(Search(filters=Filters(access_control_list=None)))
    sent = [json.loads(request.content)["filters"] for request in requests]
    assert sent == [{"access_control_list": []}, {"access_control_list": None}]


def test_key_and_tenant_go_with_every_request() -> None:
    handler, requests = script(*(httpx.Response(200, json={"indexes": []}) for _ in range(2)))
    with Client("http://service", api_key="secret", transport=httpx.MockTransport(handler)) as first:
        first.list_indexes()
        first.for_tenant("tenant_1").list_indexes()
    assert [request.headers["x-tenant-id"] for request in requests] == ["public", "tenant_1"]
    assert {request.headers["authorization"] for request in requests} == {"Bearer secret"}


def test_both_clients_have_the_same_calls() -> None:
    def calls(kind: type) -> dict[str, str]:
        public = inspect.getmembers(kind, inspect.isfunction)
        return {
            name: str(inspect.signature(member).replace(return_annotation=None))
            for name, member in public
            if not name.startswith("_") and name not in {"close", "aclose", "for_tenant"}
        }

    assert calls(Client) == calls(AsyncClient)


async def test_the_asynchronous_client_waits_as_the_other_does() -> None:
    handler, requests = script(
        httpx.ConnectError("refused"), problem(503, "overloaded"), httpx.Response(200, json=ANSWER)
    )
    async with AsyncClient("http://service", transport=httpx.MockTransport(handler), options=QUICK) as speaker:
        assert (await speaker.search(SEARCH)).complete
    assert len(requests) == 3


def pass_time_by_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let waits take no time, and time pass by waiting."""
    waits: list[float] = []

    def clock() -> float:
        return sum(waits)

    def attempts(patience: Patience, purpose: Purpose) -> Attempts:
        return Attempts(patience, purpose, clock=clock)

    monkeypatch.setattr("onyx_vector_search.client.Attempts", attempts)
    monkeypatch.setattr("onyx_vector_search.client.time.sleep", waits.append)
    return waits


def test_a_write_bears_one_key_over_its_attempts_and_another_the_next_time() -> None:
    answer = httpx.Response(200, json={"results": []})
    handler, requests = script(
        httpx.ReadError("reset"), problem(409, "idempotency_key_in_use"), answer, answer, answer, answer
    )
    service = client(handler)
    service.delete_documents(["a"])
    service.delete_documents(["a"])
    service.update_documents([Update(document_ids=["a"], boost=1)])
    service.index_documents([Document(DocumentHead(id="a"), [Chunk(chunk_index=0, content="x", embedding=[1.0])])])
    keys = [request.headers["idempotency-key"] for request in requests]
    assert len(set(keys[:3])) == 1
    assert len(set(keys)) == 4


def test_a_search_bears_no_key() -> None:
    handler, requests = script(httpx.Response(200, json=ANSWER))
    client(handler).search(SEARCH)
    assert "idempotency-key" not in requests[0].headers


def test_another_conflict_is_not_tried_again() -> None:
    handler, requests = script(problem(409, "upload_incomplete"))
    with pytest.raises(RequestRefusedError):
        client(handler).delete_documents(["a"])
    assert len(requests) == 1
