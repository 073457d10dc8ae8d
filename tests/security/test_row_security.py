"""The optional policies: a reader beside the service sees its tenants' rows only, and the service notices nothing."""

from uuid import uuid4

import asyncpg
import pytest

from tests.api.calls import document, found, guarded_index, index
from tests.conftest import ROOT, make_settings, running

SCRIPT = (ROOT / "sql" / "optional" / "row_security.sql").read_text(encoding="utf-8")
TABLES = (
    "documents",
    "document_versions",
    "chunks",
    "chunk_embeddings",
    "chunk_segments",
    "chunk_terms",
    "vocabulary",
    "acl_sets",
    "indexes",
)


async def test_a_reader_sees_the_rows_of_its_tenants_only(dsn: str) -> None:
    async with running(make_settings(dsn)) as http:
        for tenant in ("acme", "other"):
            http.headers["x-tenant-id"] = tenant
            await guarded_index(http)
            await index(http, document(f"of {tenant}", chunks=2, version=1), index="guarded")
        owner = await asyncpg.connect(dsn)
        role = f"reader_{uuid4().hex[:12]}"
        try:
            plans = await owner.fetch("EXPLAIN SELECT * FROM chunk_terms WHERE index_id = 2 AND tokens && '{1}'")
            await owner.execute(SCRIPT)
            await owner.execute(SCRIPT)
            await owner.execute(f"CREATE ROLE {role} LOGIN IN ROLE vector_search_reader")
            await owner.execute("INSERT INTO tenant_readers VALUES ($1, 'acme')", role)
            again = await owner.fetch("EXPLAIN SELECT * FROM chunk_terms WHERE index_id = 2 AND tokens && '{1}'")
            assert [row[0].partition("(")[0] for row in again] == [row[0].partition("(")[0] for row in plans]
            for tenant in ("acme", "other"):  # the service reads and writes as before
                http.headers["x-tenant-id"] = tenant
                await index(http, document(f"later of {tenant}"), index="guarded")
                everything = await found(http, {"access_control_list": []}, index="guarded")
                assert everything == [f"later of {tenant}", f"of {tenant}"]
            await as_reader(owner, role)
        finally:
            await owner.execute("RESET SESSION AUTHORIZATION")
            await owner.execute(f"DROP OWNED BY {role}; DROP ROLE IF EXISTS {role}")
            await owner.close()


async def as_reader(connection: asyncpg.Connection, role: str) -> None:
    """Look at everything as somebody who logged in by a role would."""
    partitions = await connection.fetch(
        "SELECT i.inhrelid::regclass::text AS name FROM pg_inherits AS i "
        "JOIN pg_class AS c ON c.oid = i.inhrelid WHERE c.relkind = 'r'"
    )
    numbers = {row["tenant_id"]: row["index_id"] for row in await connection.fetch("SELECT * FROM indexes")}
    await connection.execute(f"SET SESSION AUTHORIZATION {role}")
    names = [row["document_id"] for row in await connection.fetch("SELECT document_id FROM documents")]
    assert sorted(names) == ["later of acme", "of acme"]
    for table in TABLES:
        seen = {row["index_id"] for row in await connection.fetch(f"SELECT index_id FROM {table}")}  # noqa: S608
        assert seen == {numbers["acme"]}, table
    await connection.execute("SET vector_search.tenant = 'other'")
    await connection.execute("SET row_security = on")
    assert len(await connection.fetch("SELECT * FROM documents WHERE index_id = $1", numbers["other"])) == 0
    for statement in (
        "INSERT INTO tenant_readers VALUES (session_user, 'other')",
        "UPDATE documents SET boost = 1",
        "DELETE FROM chunks",
        "SET ROLE postgres",
        "SELECT * FROM api_keys",
        *(f"SELECT * FROM {row['name']}" for row in partitions if row["name"].startswith("documents_")),  # noqa: S608
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
