"""Every file under sql/queries does what its header says, on the oldest and the newest PostgreSQL."""

import re
from pathlib import Path

import asyncpg
import pytest

from app.domain.indexes import Index
from app.storage.statements import SQL, Statement, all_statements, on_citus, statement
from tests.support.storage import connected, make_index, opened

QUERY = re.compile(r"^(--[^\n]*\n)*\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
LITERALS = {"m": 16, "ef_construction": 64}
Described = tuple[tuple[str, str], ...]


async def test_headers_tell_the_truth_on_postgresql_18(dsn: str) -> None:
    assert await lies(dsn) == {}


@pytest.mark.one_postgres("server")
async def test_headers_tell_the_truth_on_postgresql_16(dsn16: str) -> None:
    assert await lies(dsn16) == {}


async def test_what_cannot_be_prepared_runs(dsn: str) -> None:
    """Commands have neither parameters nor columns; again, with nothing to do, they are no error."""
    commands = {which.name: which for which in all_statements() if not QUERY.match(which.template)}
    assert [which for which in commands.values() if which.parameters or which.columns] == []
    async with opened(dsn) as database:
        index = await make_index(database)
    graph = f"chunk_embeddings_hnsw_{index.index_id}"
    async with connected(dsn) as connection:
        for which in [*commands.values(), *commands.values()]:
            if "REINDEX" in which.template:  # it needs a graph: below
                continue
            if "LOCK TABLE" in which.template:
                async with connection.transaction():
                    await connection.execute(text_of(which, index))
            else:
                await connection.execute(text_of(which, index))
        await connection.execute(text_of(commands["maintenance/create_ann_index"], index))
        definition = await connection.fetchval("SELECT pg_get_indexdef(to_regclass($1))", graph)
        assert "USING hnsw (((embedding)::halfvec(8)) halfvec_cosine_ops)" in definition
        assert "m='16', ef_construction='64'" in definition
        await connection.execute(text_of(commands["maintenance/rebuild_ann_index"], index))
        await connection.execute(f"ALTER INDEX {graph} RENAME TO {graph}_ccnew")  # as a rebuild leaves it
        await connection.execute(text_of(commands["maintenance/drop_rebuilt_ann_index"], index))
        assert await connection.fetchval("SELECT to_regclass($1)", f"{graph}_ccnew") is None
        await connection.execute(text_of(commands["maintenance/create_ann_index"], index))
        await connection.execute(text_of(commands["maintenance/drop_ann_index"], index))
        assert await connection.fetchval("SELECT to_regclass($1)", graph) is None


def test_every_statement_is_used_and_every_use_is_a_statement() -> None:
    sources = [path.read_text() for path in Path("app").rglob("*.py")]
    used = [name for source in sources for name in re.findall(r'\bstatement\(\s*f?"([^"]+)"', source)]
    patterns = [re.compile(re.sub(r"\{[^}]+\}", r"\\w+", name)) for name in used]
    names = [which.name for which in all_statements()]
    assert [name for name in names if not any(pattern.fullmatch(name) for pattern in patterns)] == []
    assert [pattern.pattern for pattern in patterns if not any(map(pattern.fullmatch, names))] == []


def test_every_fragment_is_included() -> None:
    queries = "\n".join(path.read_text() for path in (SQL / "queries").rglob("*.sql"))
    assert [path.name for path in (SQL / "fragments").glob("*.sql") if f":{path.stem}" not in queries] == []


def text_of(which: Statement, index: Index) -> str:
    return which.text(index_id=index.index_id, dimension=index.embedding_dimension, **LITERALS)


async def lies(dsn: str) -> dict[str, str]:
    """Prepare every statement; return what its header says otherwise, by name."""
    found: dict[str, str] = {}
    async with opened(dsn) as database:
        index = await make_index(database)
    async with connected(dsn) as connection:
        spread = await connection.fetchval(statement("operations/is_on_citus").text())
        for which in map(on_citus, all_statements()) if spread else all_statements():
            if not QUERY.match(which.template):
                continue
            try:
                prepared = await connection.prepare(text_of(which, index))
            except asyncpg.PostgresError as error:
                found[which.name] = str(error)
                continue
            parameters = [kind.name for kind in prepared.get_parameters()]
            columns = [(c.name, c.type.name) for c in prepared.get_attributes() if c.type.name != "void"]
            said = await plain(connection, which.parameters), await plain(connection, which.columns)
            if [kind for _, kind in said[0]] != parameters:
                found[which.name] = f"parameters {said[0]}, in truth {parameters}"
            elif said[1] != columns:
                found[which.name] = f"columns {said[1]}, in truth {columns}"
    return found


async def plain(connection: asyncpg.Connection, described: Described) -> list[tuple[str, str]]:
    """Spell types as asyncpg does: ``int8`` for ``bigint``, ``text[]`` for what is ``_text`` in the catalogue."""
    names: list[str] = await connection.fetchval(
        "SELECT array_agg(coalesce(e.typname || '[]', t.typname)::text ORDER BY k.place) "
        "FROM unnest($1::text[]) WITH ORDINALITY AS k (name, place) "
        "LEFT JOIN pg_type AS t ON t.oid = to_regtype(k.name) LEFT JOIN pg_type AS e ON e.typarray = t.oid",
        [kind for _, kind in described],
    )
    return [(name, kind) for (name, _), kind in zip(described, names or [], strict=True)]
