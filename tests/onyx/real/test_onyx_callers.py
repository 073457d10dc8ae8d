"""Onyx's callers of the interface, with the adapter behind them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from onyx.background.celery.tasks.shared.RetryDocumentIndex import RetryDocumentIndex
from onyx.document_index.interfaces_new import IndexingMetadata
from onyx.indexing.models import DocMetadataAwareIndexChunk, IndexingSetting
from onyx.indexing.vector_db_insertion import write_chunks_to_vector_db_with_backoff
from onyx.setup import setup_document_indices
from onyx_objects import EVERYTHING, chunk, make_index, seen, update_request, vector
from onyx_vector_search import Client
from onyx_vector_search.adapter import PgVectorDocumentIndex


def test_a_batch_that_fails_goes_document_by_document(index: PgVectorDocumentIndex) -> None:
    """One-shot iterators, the metadata of the whole batch, and one document that cannot be stored."""
    names = [f"d{number}" for number in range(5)]

    def make_chunks() -> Iterator[DocMetadataAwareIndexChunk]:
        for name in names:
            bad = {"embedding": [1.0] * 9} if name == "d2" else {}
            yield from (chunk(name, number, f"{name} {number}", **bad) for number in range(3))

    counts = IndexingMetadata.ChunkCounts(old_chunk_cnt=0, new_chunk_cnt=3)
    records, failures = write_chunks_to_vector_db_with_backoff(
        index, make_chunks, IndexingMetadata(doc_id_to_chunk_cnt_diff=dict.fromkeys(names, counts)), "public"
    )
    assert [record.document_id for record in records] == ["d0", "d1", "d3", "d4"]
    assert [failure.failed_document.document_id for failure in failures if failure.failed_document] == ["d2"]
    assert seen(index) == {"d0", "d1", "d3", "d4"}
    assert len(index.semantic_retrieval(vector(1), EVERYTHING, 99)) == 12


def test_start_up_makes_the_index_and_survives_a_write_block(onyx_client: Client, index_name: str) -> None:
    setting = IndexingSetting.model_construct(model_dim=8)
    assert setup_document_indices([make_index(onyx_client, index_name)], setting, num_attempts=1)
    assert onyx_client.get_index(index_name).embedding_dimension == 8

    def blocked(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            return httpx.Response(503, json={"status": 503, "code": "database_read_only", "detail": "standby"})
        return httpx.Response(200, json=onyx_client.get_index(index_name).model_dump(mode="json"))

    with Client("http://service", transport=httpx.MockTransport(blocked)) as client:
        assert setup_document_indices([make_index(client, index_name)], setting, num_attempts=1)


def test_onyx_retries_read_timeouts_and_only_those() -> None:
    answers: list[httpx.Response | None] = []

    def handler(_request: httpx.Request) -> httpx.Response:
        answer = answers.pop(0)
        if answer is None:
            raise httpx.ReadTimeout("late")
        return answer

    results = httpx.Response(200, json={"results": [{"document_id": "d", "found": True, "chunk_count": 3}]})
    with Client("http://service", transport=httpx.MockTransport(handler)) as client:
        index = RetryDocumentIndex(make_index(client, "index"))
        answers += [None, results]
        assert index.delete("d", chunk_count=3) == 3
        answers += [None, results]
        index.update([update_request("d", boost=1)])
        answers.append(httpx.Response(422, json={"status": 422, "code": "invalid_request", "detail": "no"}))
        with pytest.raises(httpx.HTTPStatusError):
            index.delete("d")
        assert answers == []


_HOOKED = """
import json, sys
from types import SimpleNamespace
from onyx_vector_search.plugin import hook
hook.install()
import onyx.background.celery.apps.app_base as app_base
import onyx.background.celery.apps.light as light
import onyx.background.celery.tasks.vespa.tasks as sync
import onyx.db.swap_index as swap
import onyx.document_index.opensearch.index_reclaim as reclaim
import onyx.document_index.opensearch.port_copy as port_copy
import onyx.indexing.indexing_pipeline
import onyx.server.manage.search_settings as search_settings
import onyx.setup as setup
from onyx.db.enums import EmbeddingPrecision, SwitchoverType
from onyx.document_index.factory import get_all_document_indices, get_default_document_index
from onyx.indexing.models import IndexingSetting

def settings(name, dimension):
    return SimpleNamespace(
        index_name=name, model_name="m", model_dim=dimension, normalize=True, query_prefix="", passage_prefix="",
        provider_type=None, multipass_indexing=False, embedding_precision=EmbeddingPrecision.FLOAT,
        reduced_dimension=4 if dimension == 16 else None, switchover_type=SwitchoverType.REINDEX,
        enable_contextual_rag=False, contextual_rag_model_configuration_id=None,
    )

name = sys.argv[1]
pair = get_default_document_index(settings(name, 8), settings(name + "_b", 16), None)
pair.verify_and_create_index_if_necessary(8, EmbeddingPrecision.FLOAT)
from onyx_vector_search.plugin.connection import shared_client
app_base.wait_for_document_index_or_shutdown()
swap_index = swap.get_all_document_indices(settings(name, 8), None, None)
print(json.dumps({
    "kinds": [type(index).__name__ for index in get_all_document_indices(settings(name, 8), None)],
    "dimensions": [shared_client().get_index(each).embedding_dimension for each in (name, name + "_b")],
    "patched": sorted({
        function.__module__ for function in (
            app_base.wait_for_document_index_or_shutdown, sync.get_all_document_indices, swap.get_all_document_indices,
            reclaim.reclaim_index_data, port_copy.build_opensearch_document_index, setup.get_all_document_indices,
            setup.setup_multitenant_onyx, search_settings.get_all_document_indices,
            search_settings.get_default_document_index,
        )
    }),
    "reader": type(port_copy.OpenSearchIndexClient(index_name=name)).__name__,
    "writer": type(port_copy.build_opensearch_document_index(settings(name, 8))).__name__,
    "reclaimed": [reclaim.reclaim_index_data(each, pair.primary._tenant_state).value for each in (name, name + "_b")],
    "left": [index.name for index in shared_client().list_indexes() if index.name.startswith(name)],
}))
"""


def test_the_hook_reaches_every_caller_in_onyx(service_url: str, index_name: str) -> None:
    environment = os.environ | {"VECTOR_DB_TYPE": "pgvector", "PGVECTOR_INDEX_URL": service_url}
    ran = subprocess.run(
        [sys.executable, "-c", _HOOKED, index_name], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == {
        "kinds": ["PgVectorIndexPair"],
        "dimensions": [8, 4],
        "patched": ["onyx_vector_search.plugin.patches"],
        "reader": "PgVectorChunkReader",
        "writer": "PgVectorChunkWriter",
        "reclaimed": ["complete", "complete"],
        "left": [],
    }
