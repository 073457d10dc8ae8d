"""Keys by the command line, and what is said at the start where there are none."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from app.cli.commands import cli
from app.storage.transport import dsn_with_tls
from tests.conftest import ROOT, make_settings, running
from tests.integration.test_serving import serving


def run(dsn: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("VECTOR_")}
    env |= {"DATABASE_URL": dsn, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", "from app.cli import main; main()", "keys", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)


async def test_a_key_is_made_shown_once_listed_and_revoked(dsn: str) -> None:
    made = run(dsn, "create", "reader", "--scope", "read", "--tenant", "acme", "--index", "i", "--days", "30")
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    key_id = key.split("_")[1]
    assert key.startswith("vsk_")
    assert key_id in made.stderr
    listed = run(dsn, "list").stdout
    assert all(word in listed for word in (key_id, "reader", "read", "acme", "until"))
    assert key not in listed
    assert key.rpartition("_")[2] not in listed
    async with running(make_settings(dsn)) as client:
        client.headers["authorization"] = f"Bearer {key}"
        shown = await client.get("/indexes")
        assert (shown.status_code, shown.json()) == (200, {"indexes": []})
        assert (await client.get("/indexes", headers={"x-tenant-id": "public"})).status_code == 403
        assert (await client.get("/indexes/j")).status_code == 403
    revoked = run(dsn, "revoke", key_id)
    assert (revoked.returncode, revoked.stdout.strip()) == (0, f"Key {key_id} is revoked.")
    again = run(dsn, "revoke", key_id)
    assert again.returncode == 1
    assert "no key" in again.stderr
    assert "revoked" in run(dsn, "list").stdout
    async with running(make_settings(dsn)) as client:
        answer = await client.get("/indexes", headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == 401
        assert (await client.get("/indexes")).status_code == 401  # keys are wanted, even if none counts


@pytest.mark.parametrize("arguments", [(), ("--scope", "root"), ("--scope", "read", "--days", "0")])
def test_a_key_says_what_it_may_do(arguments: tuple[str, ...]) -> None:
    made = CliRunner().invoke(cli, ["keys", "create", "reader", *arguments])
    assert made.exit_code == 2
    assert made.stdout == ""


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "only_this_machine_is_answered"),
        ({"VECTOR_SEARCH_ALLOW_ANONYMOUS": "true"}, "anyone_may_do_anything"),
        ({"VECTOR_SEARCH_API_KEYS": '["a key of the settings"]'}, None),
    ],
)
def test_open_doors_are_told_loudly(dsn: str, tmp_path: Path, settings: dict[str, str], said: str | None) -> None:
    with serving(tmp_path, DATABASE_URL=dsn, VECTOR_DB_EMBEDDING_DIMENSION="8", **settings) as (process, url):
        status = httpx.get(f"{url}/indexes").status_code
        spoofed = httpx.get(f"{url}/indexes", headers={"x-forwarded-for": "127.0.0.1"}).status_code
        elsewhere = httpx.get(f"{url}/indexes", headers={"host": "vectors.example.com"}).status_code
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    expected = {None: (401, 401, 401), "anyone_may_do_anything": (200, 200, 200)}
    assert (status, spoofed, elsewhere) == expected.get(said, (200, 403, 403))
    found = [name for name in ("only_this_machine_is_answered", "anyone_may_do_anything") if name in output]
    assert found == ([] if said is None else [said])


async def test_a_database_without_tls_where_it_is_wanted_is_told_clearly(dsn: str) -> None:
    async with running(make_settings(dsn_with_tls(dsn, "verify-full"))) as client:
        answer = await client.get("/indexes", headers={"authorization": "Bearer x"})
    assert answer.status_code == 503
    assert "VECTOR_DB_SSLMODE" in answer.json()["detail"]
