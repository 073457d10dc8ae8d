"""The command line as a person uses it: in a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app import embedded
from app.observability.metrics import PREFIX

pytestmark = pytest.mark.one_postgres("server")

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(data_dir: Path, *arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("VECTOR_", "DATABASE_"))}
    env |= {"DATA_DIR": str(data_dir), "PORT": str(port), "PYTHONPATH": str(ROOT)} | environment
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            wait_until_ready(process, f"http://127.0.0.1:{port}")
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def wait_until_ready(process: subprocess.Popen[str], url: str) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stdout and process.stdout.read()
        try:
            if httpx.get(f"{url}/health/ready").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("the service did not become ready")


def test_serve_starts_all_it_needs_and_answers_about_the_sample(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--with-sample") as (process, url):
        query = json.loads((ROOT / "docs" / "sample" / "query.json").read_text())
        found = httpx.post(f"{url}/search", json=query).json()
        assert found["hits"][0]["document_id"] == "docs/adr/0007-access-bitmap.md"
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        assert f"curl -s {url}/search" in output
    assert embedded.find_running(tmp_path / "data") is None


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_service_and_its_database(tmp_path: Path, signal_number: signal.Signals) -> None:
    with serving(tmp_path / "data") as (process, _):
        process.send_signal(signal_number)
        assert process.wait(timeout=30) == 0
    assert embedded.find_running(tmp_path / "data") is None


def test_a_killed_service_is_followed_by_one_that_adopts_its_database(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as (process, url):
        document = {"id": "a", "content": "kept", "embedding": [1.0] * 384}
        assert httpx.post(f"{url}/documents", json={"documents": [document]}).status_code == httpx.codes.OK
        process.kill()
        process.wait()
    with serving(tmp_path / "data") as (process, url):
        assert httpx.get(f"{url}/documents/a").json()["chunks"][0]["content"] == "kept"
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def test_a_mistyped_setting_stops_the_start(tmp_path: Path) -> None:
    env = os.environ | {"DATA_DIR": str(tmp_path), "VECTOR_DB_TABEL": "x", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "unknown settings: VECTOR_DB_TABEL" in done.stderr


def test_several_workers_answer(tmp_path: Path) -> None:
    with serving(tmp_path / "data", VECTOR_SEARCH_WORKERS="2") as (process, url):
        for _ in range(20):
            assert httpx.get(f"{url}/indexes").json()["indexes"][0]["name"] == "documents"
        counted = [line for line in httpx.get(f"{url}/metrics").text.splitlines() if 'route="/indexes"' in line]
        assert any(
            line.startswith(f"{PREFIX}_http_request_duration_seconds_count") and line.endswith(" 20.0")
            for line in counted
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert embedded.find_running(tmp_path / "data") is None


def test_what_lives_as_long_as_the_process_is_not_collected_again_and_again() -> None:
    """A full collection of all that the libraries are made of would stop every request for a good part of 100 ms."""
    told = (
        "import gc; from app.cli.serving import application; app = application(); "
        "print(gc.get_freeze_count(), len(gc.get_objects()))"
    )
    env = os.environ | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    frozen, walked = map(int, done.stdout.split())
    assert frozen > 100 * walked
