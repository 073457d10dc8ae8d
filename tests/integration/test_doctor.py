"""The doctor on real servers: sound ones, ones without a schema, ones with a broken graph."""

import asyncio
import json
from pathlib import Path

import asyncpg
import httpx
import pytest
from typer.testing import CliRunner

from app import embedded
from app.cli.commands import cli
from app.storage.diagnostics import _place
from tests.conftest import temporary_database


async def findings(monkeypatch: pytest.MonkeyPatch, dsn: str) -> tuple[int, dict[str, dict[str, str]]]:
    monkeypatch.setenv("DATABASE_URL", dsn)
    answer = await asyncio.to_thread(CliRunner().invoke, cli, ["doctor", "--json"])
    return answer.exit_code, {found["subject"]: found for found in json.loads(answer.stdout)}


async def is_sound(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    """Nothing is wrong but what the tests' server does without on purpose."""
    _, found = await findings(monkeypatch, dsn)
    assert {subject for subject, item in found.items() if item["level"] == "error"} <= {"durability"}
    assert found["schema"]["level"] == "ok"
    assert found["pgvector"]["level"] == "ok"
    assert "free of" in found["disk"]["found"]  # the server runs here


async def test_a_migrated_database_is_sound(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await is_sound(monkeypatch, dsn)


@pytest.mark.one_postgres("server")
async def test_one_on_the_oldest_postgresql_too(dsn16: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await is_sound(monkeypatch, dsn16)


async def test_a_database_without_a_schema_is_told_to_migrate(
    postgres: embedded.EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with temporary_database(postgres, None) as dsn:
        code, found = await findings(monkeypatch, dsn)
    assert code == 1
    assert found["schema"]["level"] == "error"
    assert "vector-search migrate" in found["schema"]["advice"]
    assert "vector-search migrate" in found["pgvector"]["advice"]


async def test_graphs_and_limits_of_the_role_are_seen(
    client: httpx.AsyncClient, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await client.get("/health/ready")).is_success
    connection = await asyncpg.connect(dsn)
    try:
        index_id = await connection.fetchval("SELECT index_id FROM indexes WHERE name = 'documents'")
        graph = f"chunk_embeddings_hnsw_{index_id}"
        await connection.execute(  # the name of the index's table
            f"CREATE INDEX {graph} ON chunk_embeddings_{index_id} USING hnsw "
            "((embedding::halfvec(8)) halfvec_cosine_ops) WITH (m = 8, ef_construction = 40)"
        )
        _, before = await findings(monkeypatch, dsn)
        assert "m 8" in before['index "public/documents"']["found"]
        await connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = $1::text::regclass", graph)
        database = await connection.fetchval("SELECT current_database()")
        await connection.execute(f"ALTER DATABASE {database} SET statement_timeout = '10s'")
    finally:
        await connection.close()
    _, after = await findings(monkeypatch, dsn)
    assert "invalid graph" in after['index "public/documents"']["found"]
    assert after["statement_timeout"]["level"] == "warning"


async def test_people_get_lines_and_an_exit_code(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    answer = await asyncio.to_thread(CliRunner().invoke, cli, ["doctor"])
    lines = answer.stdout.splitlines()
    assert any(line.startswith("ok      schema: revision ") for line in lines)
    assert answer.exit_code == (1 if any(line.startswith("error") for line in lines) else 0)


def test_a_loopback_address_alone_does_not_make_our_disk_the_servers(tmp_path: Path) -> None:
    assert _place(str(tmp_path / "pgdata"), "127.0.0.1") == tmp_path
    assert _place("/nowhere/pgdata", "127.0.0.1") is None
    assert _place(str(tmp_path), "postgres.example.com") is None
    assert _place(None, "127.0.0.1") is None
