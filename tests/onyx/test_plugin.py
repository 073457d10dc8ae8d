"""Plugging in: settings, the hook in a process of its own, the line at Python's start, readiness."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest
from onyx_vector_search.plugin import install
from onyx_vector_search.plugin.settings import PluginSettings, is_chosen

ROOT = Path(__file__).resolve().parents[2]
CHOSEN = {
    "VECTOR_DB_TYPE": "pgvector",
    "PGVECTOR_INDEX_URL": "http://127.0.0.1:9",
    "PGVECTOR_INDEX_READY_TIMEOUT_S": "0.1",
}
DUAL = {"PGVECTOR_INDEX_DUAL_WRITE": "true"}

_REPORT = """
import json, sys
from onyx_vector_search.plugin import hook
hook.install()
hook.install()
from onyx.db.models import SearchSettings
from onyx.document_index import factory
from onyx.document_index.opensearch.port_copy import PortCopier
from onyx.document_index.opensearch.index_reclaim import reclaim_index_data
from onyx.document_index.interfaces_new import TenantState
from onyx.background.celery.apps import app_base
from onyx import setup
one, two = SearchSettings("one", 8), SearchSettings("two", 16)
def name(thing):
    return thing if isinstance(thing, str) else type(thing).__name__
def outcome(call):
    try:
        return str(call())
    except Exception as error:
        return type(error).__name__
copier = PortCopier(one, two)
pair = factory.get_all_document_indices(one, two, None, True)[-1]
print(json.dumps({
    "default": name(factory.get_default_document_index(one, None, None)),
    "all": [name(index) for index in factory.get_all_document_indices(one, two, primary_backfill_in_progress=True)],
    "pair": [pair.primary._index_name, pair.secondary._index_name, pair._secondary_embedding_dim,
             pair._primary_backfill_in_progress, pair._secondary_is_new] if not isinstance(pair, str) else None,
    "copier": [name(copier.present), name(copier.future)],
    "wait": outcome(app_base.wait_for_document_index_or_shutdown),
    "waited": app_base.waited,
    "setup": outcome(setup.setup_multitenant_onyx),
    "set up": setup.set_up,
    "finders": sum(type(finder).__name__ == "_PatchingFinder" for finder in sys.meta_path),
    "source": factory.__loader__.get_source("onyx.document_index.factory")[:3],
}))
"""


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = [ROOT / "clients/onyx/src", ROOT / "tests/onyx/standins"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PGVECTOR_", "VECTOR_DB_"))}
    return subprocess.run(
        [sys.executable, "-c", script],
        env=kept | environment | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        check=False,
    )


def report(**environment: str) -> dict[str, Any]:
    ran = run(_REPORT, **environment)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_onyx_is_left_alone_unless_it_is_told() -> None:
    ran = run(_REPORT.replace("name(copier.present), name(copier.future)", '"-"'), VECTOR_DB_TYPE="vespa")
    found = json.loads(ran.stdout)
    assert found["default"] == "previous engine of one"
    assert (found["all"], found["finders"], found["waited"]) == (["previous engine of one"], 0, ["previous engine"])


def test_alone_it_takes_the_place_of_the_previous_engine() -> None:
    found = report(**CHOSEN)
    assert found["default"] == "PgVectorIndexPair"
    assert found["all"] == ["PgVectorIndexPair"]
    assert found["pair"] == ["one", "two", 16, True, False]
    assert found["copier"] == ["PgVectorChunkReader", "PgVectorChunkWriter"]
    assert (found["wait"], found["waited"]) == ("WorkerShutdown", [])
    assert (found["setup"], found["set up"]) == ("RuntimeError", [])
    assert (found["finders"], found["source"]) == (1, '"""')


def test_beside_the_previous_engine_that_is_written_first() -> None:
    found = report(**CHOSEN, **DUAL)
    assert found["default"] == "PgVectorIndexPair"
    assert found["all"] == ["previous engine of one", "PgVectorIndexPair"]
    assert found["copier"] == ["PgVectorChunkReader", "BothWriters"]
    assert (found["wait"], found["waited"]) == ("WorkerShutdown", ["previous engine"])
    assert found["set up"] == ["previous engine"]


def test_beside_the_previous_engine_that_is_read() -> None:
    found = report(**CHOSEN, **DUAL, PGVECTOR_INDEX_READS="previous")
    assert found["default"] == "previous engine of one"
    assert found["all"] == ["previous engine of one", "PgVectorIndexPair"]
    assert found["copier"] == ["OpenSearchIndexClient", "BothWriters"]


def test_a_disabled_vector_database_stays_disabled() -> None:
    script = """
from onyx_vector_search.plugin import hook
hook.install()
from onyx.document_index import factory
from onyx.background.celery.apps import app_base
from onyx.db.models import SearchSettings
factory.DISABLE_VECTOR_DB = app_base.DISABLE_VECTOR_DB = True
app_base.wait_for_document_index_or_shutdown()
one = SearchSettings("one", 8)
print(factory.get_all_document_indices(one, None), factory.get_default_document_index(one, None, None), app_base.waited)
"""
    ran = run(script, **CHOSEN)
    assert ran.stdout.split("\n")[0] == "['previous engine of one'] previous engine of one ['previous engine']"


def test_an_onyx_that_differs_stops_rather_than_to_use_the_other_engine() -> None:
    script = """
from onyx_vector_search.plugin import hook, patches
hook.install()
original = patches.PATCHES["onyx.document_index.factory"]
import importlib.machinery
load = importlib.machinery.SourceFileLoader.exec_module
def changed(self, module):
    load(self, module)
    if module.__name__ == "onyx.document_index.factory":
        module.get_all_document_indices = lambda search_settings, something_new: []
importlib.machinery.SourceFileLoader.exec_module = changed
import onyx.document_index.factory
"""
    ran = run(script, **CHOSEN)
    assert ran.returncode == 1
    assert "IncompatibleOnyxError: onyx.document_index.factory.get_all_document_indices takes" in ran.stderr


def test_wrong_settings_stop_onyx_when_it_is_imported() -> None:
    script = "from onyx_vector_search.plugin import hook; hook.install(); import onyx.document_index.factory"
    ran = run(script, VECTOR_DB_TYPE="pgvector")
    assert (ran.returncode, "PGVECTOR_INDEX_URL must name the service" in ran.stderr) == (1, True)


def test_it_is_too_late_once_onyx_is_there() -> None:
    script = "import onyx.document_index.factory; from onyx_vector_search.plugin import hook; hook.install()"
    ran = run(script, **CHOSEN)
    assert (ran.returncode, "TooLateError" in ran.stderr) == (1, True)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "URL must name the service"),
        ({"URL": "  "}, "URL must name the service"),
        ({"URL": "u", "TIMEOUT": "3"}, "Unknown settings: PGVECTOR_INDEX_TIMEOUT"),
        ({"URL": "u", "SEARCH_TIMEOUT_S": "0"}, "SEARCH_TIMEOUT_S must be a number of seconds"),
        ({"URL": "u", "SEARCH_TIMEOUT_S": "nan"}, "SEARCH_TIMEOUT_S must be a number of seconds"),
        ({"URL": "u", "DUAL_WRITE": "yes"}, "DUAL_WRITE must be true or false"),
        ({"URL": "u", "READS": "vespa"}, "READS must be pgvector or previous"),
        ({"URL": "u", "READS": "previous"}, "READS=previous needs PGVECTOR_INDEX_DUAL_WRITE=true"),
    ],
)
def test_settings_that_make_no_sense_are_refused(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PluginSettings.from_environment({f"PGVECTOR_INDEX_{name}": value for name, value in environment.items()})


def test_settings_are_read() -> None:
    given = PluginSettings.from_environment(
        {
            "PGVECTOR_INDEX_URL": "http://service:8080",
            "PGVECTOR_INDEX_API_KEY": "secret",
            "PGVECTOR_INDEX_SEARCH_TIMEOUT_S": "12.5",
            "PGVECTOR_INDEX_WRITE_TIMEOUT_S": "",
            "PGVECTOR_INDEX_DUAL_WRITE": "True",
            "PGVECTOR_INDEX_READS": "previous",
            "OTHER": "x",
        }
    )
    assert (given.url, given.api_key, given.dual_write, given.reads) == (
        "http://service:8080",
        "secret",
        True,
        "previous",
    )
    assert (given.patience.search_read, given.patience.write_read) == (12.5, 50.0)
    assert "secret" not in repr(given)
    assert (is_chosen({"VECTOR_DB_TYPE": " PGVector "}), is_chosen({}), is_chosen({"VECTOR_DB_TYPE": "vespa"})) == (
        True,
        False,
        False,
    )


def test_workers_wait_for_the_service(service_url: str) -> None:
    script = "from onyx_vector_search.plugin.connection import wait_until_ready; print(wait_until_ready(0.2, 0.1))"
    assert run(script, **CHOSEN | {"PGVECTOR_INDEX_URL": service_url}).stdout == "True\n"
    assert run(script, **CHOSEN).stdout == "False\n"


def test_a_model_change_begins_with_an_empty_index(service_url: str, index_name: str) -> None:
    script = f"""
from onyx_vector_search.plugin import hook
hook.install()
from onyx.db.models import SearchSettings
from onyx.server.manage.search_settings import set_new_search_settings
from onyx.document_index.factory import get_all_document_indices
from onyx.document_index.opensearch.index_reclaim import reclaim_index_data
from onyx.document_index.interfaces_new import TenantState
from onyx_vector_search.models import Access, Chunk, Document, DocumentHead
from onyx_vector_search.plugin.connection import shared_client
client = shared_client()
present, future = SearchSettings("{index_name}", 8), SearchSettings("{index_name}_b", 8)
def fill(index):
    head = DocumentHead(id="d", access=Access(public=True))
    client.index_documents([Document(head, [Chunk(chunk_index=0, content="t", embedding=[1.0] * 8)])], index=index)
def counts():
    print(*(client.get_index(row.index_name).documents for row in (present, future)))
set_new_search_settings(present, future)
fill(present.index_name), fill(future.index_name)
get_all_document_indices(present, future)[0].verify_and_create_index_if_necessary(8, "float")
counts()
set_new_search_settings(present, future)
counts()
try:
    set_new_search_settings(present, present)
except ValueError as error:
    print(error)
counts()
one = TenantState(tenant_id="public", multitenant=False)
print(reclaim_index_data(future.index_name, one), reclaim_index_data(future.index_name, one))
print(sorted(index.name for index in client.list_indexes() if index.name.startswith("{index_name}")))
client.delete_index(present.index_name)
"""
    ran = run(script, **CHOSEN | {"PGVECTOR_INDEX_URL": service_url})
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        "1 1", "1 0", f"The index in use, {index_name}, cannot be made anew.", "1 0", "complete complete",
        f"['{index_name}']",
    ]  # fmt: skip


def test_the_line_is_installed_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))
    assert (install.main(["status"]), install.main(["install"]), install.main(["status"])) == (1, 0, 0)
    assert (tmp_path / install.FILE_NAME).read_text() == install.LINE
    assert (install.main(["remove"]), install.main(["remove"]), install.main(["status"]), install.main([])) == (
        0,
        0,
        1,
        2,
    )
    assert "usage:" in capsys.readouterr().out


def test_the_line_plugs_in_at_the_start_of_python(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", symlinks=True)
    python = tmp_path / "env" / "bin" / "python"
    ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    packages = [str(ROOT / "clients/onyx/src"), str(ROOT / "tests/onyx/standins"), sysconfig.get_path("purelib")]
    (site / "a_packages.pth").write_text("\n".join(packages) + "\n")
    (site / install.FILE_NAME).write_text(install.LINE)
    script = "import sys, onyx.document_index.factory as f; print(f.get_all_document_indices.__module__)"
    environment = {"PATH": os.environ["PATH"]}
    plain = subprocess.run([str(python), "-c", script], env=environment, capture_output=True, text=True, check=True)
    plugged = subprocess.run(
        [str(python), "-c", script], env=environment | CHOSEN, capture_output=True, text=True, check=True
    )
    assert (plain.stdout, plugged.stdout) == ("onyx.document_index.factory\n", "onyx_vector_search.plugin.patches\n")
