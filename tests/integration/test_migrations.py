"""The chain of migrations, the schema it adds up to, and what the service makes of others' schemas."""

import asyncio
import difflib
import io
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout

import asyncpg
import httpx
import pytest
from alembic.script import ScriptDirectory

from alembic import command
from app import embedded
from app.embedded.binaries import locate
from app.storage import migrations
from app.storage.revisions import known_revisions, newest_revision
from app.storage.statements import SQL
from tests.conftest import make_settings, running, temporary_database
from tests.support.schema import schema_of
from tests.support.storage import connected
from tests.support.waiting import eventually

SCHEMA = SQL / "schema.sql"
Servers = dict[int, embedded.EmbeddedServer]


@pytest.fixture
def servers(postgres: embedded.EmbeddedServer, postgres16: embedded.EmbeddedServer) -> Servers:
    return {16: postgres16, 18: postgres}


@pytest.fixture(params=[pytest.param("postgres16", marks=pytest.mark.one_postgres("server")), "postgres"])
async def empty(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A database without anything in it, on both versions."""
    async with temporary_database(request.getfixturevalue(request.param), None) as dsn:
        yield dsn


async def upgraded(dsn: str, revision: str = "head") -> None:
    await asyncio.to_thread(migrations.upgrade, dsn, revision)


@pytest.mark.one_postgres("catalogue")
async def test_the_chain_adds_up_to_the_schema(servers: Servers, request: pytest.FixtureRequest) -> None:
    """The same on both versions, and the same as was reviewed."""
    found = {}
    for version, server in servers.items():
        async with temporary_database(server, None) as dsn:
            await upgraded(dsn)
            found[version] = await schema_of(dsn)
    if request.config.getoption("--update-schema"):
        SCHEMA.write_text(found[18], encoding="utf-8")
    assert list(difflib.unified_diff(found[16].splitlines(), found[18].splitlines(), lineterm="")) == []
    reviewed = SCHEMA.read_text(encoding="utf-8")
    assert list(difflib.unified_diff(reviewed.splitlines(), found[18].splitlines(), lineterm="")) == [], "make schema"


async def test_down_takes_back_what_up_made(empty: str) -> None:
    await upgraded(empty)
    made = await schema_of(empty)
    async with connected(empty) as connection:  # something in it, graph and all
        await connection.execute("SELECT create_index_partitions(7, 4)")
    await asyncio.to_thread(migrations.downgrade, empty, "base")
    async with connected(empty) as connection:
        left = await connection.fetch(
            "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace "
            "AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')"
        )
    assert {row["relname"] for row in left} <= {"alembic_version", "alembic_version_pkc"}
    await upgraded(empty)
    assert await schema_of(empty) == made


async def test_upgrade_again_changes_nothing(empty: str) -> None:
    await upgraded(empty)
    made = await schema_of(empty)
    await upgraded(empty)
    assert await schema_of(empty) == made


@pytest.mark.one_postgres("catalogue")
async def test_the_printed_sql_makes_the_same_schema(servers: Servers) -> None:
    script = await asyncio.to_thread(printed_upgrade)
    for server in servers.values():
        async with temporary_database(server, None) as by_psql, temporary_database(server, None) as by_alembic:
            psql = [
                str(server.bin_dir / "psql"),
                by_psql,
                "--no-psqlrc",
                "--quiet",
                "--set=ON_ERROR_STOP=1",
                "--file=-",
            ]
            done = await asyncio.to_thread(
                subprocess.run, psql, input=script, text=True, capture_output=True, check=False
            )
            assert (done.returncode, done.stderr) == (0, "")
            await upgraded(by_alembic)
            assert await schema_of(by_psql) == await schema_of(by_alembic)
            async with connected(by_psql) as connection:
                assert await connection.fetchval("SELECT version_num FROM alembic_version") == newest_revision()


def test_the_revisions_are_those_that_alembic_knows() -> None:
    scripts = ScriptDirectory.from_config(migrations.alembic_config())
    assert newest_revision() == scripts.get_current_head()
    assert known_revisions() == {script.revision for script in scripts.walk_revisions()}


def test_a_service_does_without_alembic() -> None:
    """It takes as much memory as everything of ours together."""
    script = "import sys, app.cli, app.main; sys.exit(not {'alembic', 'sqlalchemy'}.isdisjoint(sys.modules))"
    subprocess.run([sys.executable, "-c", script], cwd=SQL.parent, check=True)


async def test_many_replicas_may_migrate_at_once(empty: str) -> None:
    """Each in a process of its own, as they are when a deployment scales up."""
    script = "import sys; from app.storage import migrations; migrations.upgrade(sys.argv[1])"

    def migrate() -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-c", script, empty], cwd=SQL.parent, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr

    with ThreadPoolExecutor(4) as threads:
        results = await asyncio.gather(
            *(asyncio.get_running_loop().run_in_executor(threads, migrate) for _ in range(4))
        )
    assert results == [(0, "")] * 4
    async with connected(empty) as connection:
        assert await connection.fetchval("SELECT array_agg(version_num) FROM alembic_version") == ["0001"]


async def test_a_failed_migration_leaves_nothing(empty: str) -> None:
    async with connected(empty) as connection:
        await connection.execute("CREATE FUNCTION search_documents(int) RETURNS int LANGUAGE sql AS 'SELECT 1'")
        await connection.execute("CREATE TABLE acl_members (somebody_elses text)")
    before = await schema_of(empty)
    with pytest.raises(asyncpg.DuplicateTableError):
        await upgraded(empty)
    assert await schema_of(empty) == before


def printed_upgrade() -> str:
    """Return what ``alembic upgrade head --sql`` prints."""
    output = io.StringIO()
    config = migrations.alembic_config("postgresql://nobody@127.0.0.1:1/none")
    config.output_buffer = output
    with redirect_stdout(output):
        command.upgrade(config, "head", sql=True)
    return output.getvalue()


async def test_an_older_schema_is_not_ready_and_becomes_so(empty: str) -> None:
    """The process lives meanwhile, and takes up its work by itself."""
    async with running(make_settings(empty)) as client:
        before = await client.get("/health/ready")
        assert (before.status_code, before.json()["code"]) == (503, "not_ready")
        assert (await client.get("/health")).status_code == 200
        await upgraded(empty)
        await eventually(lambda: is_ready(client))
        assert (await client.get("/indexes/documents")).status_code == 200


async def is_ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/health/ready")).status_code == 200


async def test_a_known_older_revision_is_not_ready(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As this release's code finds it once there is a second revision."""
    monkeypatch.setattr("app.services.readiness.newest_revision", lambda: "0002")
    async with running(make_settings(dsn)) as client:
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert "0001" in answer.json()["detail"]
    assert "0002" in answer.json()["detail"]


async def test_a_newer_schema_is_ready(dsn: str) -> None:
    """Of a release to come, which keeps this one working until it is gone (expand, deploy, contract)."""
    async with connected(dsn) as connection:
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
        await connection.execute("ALTER TABLE documents ADD COLUMN of_the_future text")
    async with running(make_settings(dsn)) as client:
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["schema_revision"]) == (200, "9999")
        await index_some(client)
        assert (await client.get("/documents/near")).status_code == 200


async def index_some(client: httpx.AsyncClient) -> None:
    """Index documents at known angles to the first axis, one of them hidden and one private."""
    angles = {"near": 1.0, "middle": 0.8, "far": 0.2, "opposite": -1.0, "hidden": 1.0, "private": 1.0}
    documents = [
        {
            "id": name,
            "title": name.title(),
            "content": f"About {name}",
            "metadata": {"name": name},
            "embedding": [cosine, (1 - cosine**2) ** 0.5, 0, 0, 0, 0, 0, 0],
            "hidden": name == "hidden",
            "access": {"public": name != "private", "entries": ["group:eng"] if name == "private" else []},
        }
        for name, cosine in angles.items()
    ]
    documents.append({"id": "zero", "content": "No direction", "embedding": [0] * 8})
    assert (await client.post("/documents", json={"documents": documents})).status_code == 200


async def test_people_search_from_psql(dsn: str) -> None:
    assert await psql(dsn, "SELECT * FROM search_documents('[1,0,0,0,0,0,0,0]')") == (
        3,
        "ERROR:  There is no default index yet\nHINT:  Start the service once: it creates VECTOR_DB_TABLE.",
    )
    async with running(make_settings(dsn)) as client:
        await index_some(client)
    query = "SELECT id || ' ' || round(similarity::numeric, 2) FROM search_documents('[2,0,0,0,0,0,0,0]'{})"
    assert await psql(dsn, query.format("")) == (0, "near 1.00\nmiddle 0.80\nfar 0.20")
    assert await psql(dsn, query.format(", 0.5")) == (0, "near 1.00\nmiddle 0.80")
    assert await psql(dsn, query.format(", -1, 2")) == (0, "near 1.00\nmiddle 0.80")
    assert await psql(dsn, query.format(", similarity_threshold => -1")) == (
        0,
        "near 1.00\nmiddle 0.80\nfar 0.20\nopposite -1.00",
    )
    rest = "SELECT chunk_index, title, content, metadata FROM search_documents('[1,0,0,0,0,0,0,0]', max_results => 1)"
    assert await psql(dsn, rest) == (0, '0|Near|About near|{"name": "near"}')
    code, problem = await psql(dsn, "SELECT * FROM search_documents('[1,0]')")
    assert (code, problem.splitlines()[0]) == (3, 'ERROR:  The query has 2 dimensions, the index "documents" has 8')


async def test_people_get_full_answers_from_the_graph(dsn: str) -> None:
    """Hidden documents do not leave the answer short, though the graph knows nothing of them."""
    async with running(make_settings(dsn)) as client:
        documents = [
            {"id": f"{n:03}", "content": "x", "embedding": [1, n / 1000, 0, 0, 0, 0, 0, 0], "hidden": n < 200}
            for n in range(300)
        ]
        await client.post("/documents", json={"documents": documents})
    async with connected(dsn) as connection:
        await connection.execute(
            "CREATE INDEX ON chunk_embeddings_1 USING hnsw ((embedding::halfvec(8)) halfvec_cosine_ops)"
        )
    query = (
        "SET enable_seqscan = off; SET enable_sort = off; SET hnsw.ef_search = 10;"
        "SELECT id FROM search_documents('[1,0,0,0,0,0,0,0]', 0, 5)"
    )
    assert await psql(dsn, query) == (0, "200\n201\n202\n203\n204")


async def psql(dsn: str, script: str) -> tuple[int, str]:
    """Run a script as a person would; return the exit code and what was printed."""
    call = [locate(18).tool("psql"), dsn, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"]
    done = await asyncio.to_thread(subprocess.run, call, input=script, text=True, capture_output=True, check=False)
    printed = (done.stdout + done.stderr).strip().replace("psql:<stdin>:1: ", "")
    return done.returncode, printed.split("\nCONTEXT:")[0]
