"""Nobody holds a connection and waits for another: with one for all, each call must still be answered.

Where searches look something up while they hold a connection, as many searches as there are connections wait for each
other until the pool gives up: the answer is 503 after seconds, and only under load, when what is remembered is old.
"""

from typing import Any

import httpx
import pytest

from app.services import catalog, planning, statistics
from tests.api.calls import NEAR, document, index
from tests.conftest import make_settings, running

LIST = {"access_control_list": ["user:a"]}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("/search", {"embedding": NEAR, "mode": "semantic", "filters": LIST}),
    ("/search", {"embedding": NEAR, "mode": "semantic", "exact": True, "filters": LIST}),
    ("/search", {"embedding": NEAR, "mode": "semantic", "min_recall": 0.9, "explain": True, "filters": LIST}),
    ("/search", {"query": "part", "mode": "keyword", "explain": True, "filters": LIST | {"source_type": ["web"]}}),
    ("/search", {"query": '"part 0" par* prat', "mode": "keyword", "filters": LIST}),
    ("/search", {"mode": "random", "filters": LIST}),
    *(
        ("/search", {"query": "part", "embedding": NEAR, "mode": "hybrid", "filters": LIST} | more)
        for more in (
            {"feedback": True, "explain": True},
            {"exact": True},
            {"rank_profile": "vespa"},
            {"rank_profile": "opensearch"},
            {"rank_profile": "rrf"},
            {"query": '"part 0"'},
        )
    ),
    ("/search/recall", {"k": 2}),
    ("/chunks/retrieve", {"sections": [{"document_id": "d1"}], "filters": LIST}),
    ("/chunks/scan", {"document_ids": ["d1"]}),
    ("/access/explain", {"document_id": "d1", "access_control_list": ["user:a"]}),
]


@pytest.fixture
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is looked up now and then is remembered."""
    for module in (catalog, planning, statistics):
        monkeypatch.setattr(module, "_FRESH_SECONDS", -1.0)


@pytest.mark.usefixtures("_forgetful")
async def test_every_call_makes_do_with_one_connection(dsn: str) -> None:
    settings = make_settings(dsn, search_connections=1, pool_timeout=20.0)
    async with running(settings) as client:
        await index(client, *(document(f"d{place}", chunks=3, source_type="web") for place in range(5)))
        for path, body in CALLS:
            answer = await client.post(path, json=body)
            assert answer.status_code == httpx.codes.OK, (path, body, answer.text)
