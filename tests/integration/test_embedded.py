"""The embedded PostgreSQL: started, joined, killed, recovered, refused."""

from __future__ import annotations

import logging
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.embedded import EmbeddedError, EmbeddedServer, find_running, machine, processes, start
from app.embedded.binaries import locate
from app.embedded.layout import Layout
from app.embedded.tuning import settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
GB = 1024**3
quick = partial(start, memory_bytes=GB, durable=False)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

# A user of the server in a process of its own: says what it got, stops when its input ends.
STARTER = """
import sys
from pathlib import Path
from app.embedded import start
server = start(Path(sys.argv[1]), memory_bytes=1 << 30, durable=False)
print(server.port, server.adopted, flush=True)
sys.stdin.read()
server.stop()
"""


pytestmark = pytest.mark.one_postgres("server")

Starter = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def home() -> Iterator[Path]:
    """Make a data folder that every user can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="embedded-test-"))
    folder.chmod(0o755)
    yield folder / "data"
    server = find_running(folder / "data")
    if server:
        server.stop("immediate")
    shutil.rmtree(folder)


@pytest.fixture
def starter() -> Iterator[Starter]:
    """Start users of a server in other processes; kill those that are left."""
    begun: list[subprocess.Popen[str]] = []

    def begin(
        data_dir: Path,
        *,
        python: str = sys.executable,
        path: str = "",
        uid: int | None = None,
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [python, "-c", STARTER, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": f"{REPOSITORY}:{path}"},
            cwd="/",
            start_new_session=True,
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )
        begun.append(process)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def psql(server: EmbeddedServer, statement: str, password: str | None = None) -> list[str]:
    """Return the command that runs a statement with the wheel's psql."""
    address = server.dsn().replace(server.password, password or server.password)
    return [str(server.bin_dir / "psql"), address, "-XqAt", "-c", statement]


def sql(server: EmbeddedServer, statement: str) -> str:
    answer = subprocess.run(psql(server, statement), check=True, capture_output=True, text=True)
    return answer.stdout.strip()


def postmaster_pid(server: EmbeddedServer) -> int:
    found = processes.read_pid_file(Layout(server.data_dir))
    assert found
    return found.pid


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("version", [18, 16])
def test_serves_vectors_with_its_settings(home: Path, version: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with quick(home, version=version, settings={"work_mem": "7MB"}) as server:
        sql(server, "create extension vector")
        assert sql(server, "select '[1,2]'::vector <-> '[1,3]'") == "1"
        assert sql(server, "show server_version").startswith(f"{version}.")
        shown = sql(server, "select current_setting('work_mem'), current_setting('shared_buffers')")
        assert shown == "7MB|256MB"
        assert sql(server, "select upper('é')") == "É"
        assert server.started_by_us
    assert f"PostgreSQL {version} started on 127.0.0.1:{server.port}" in caplog.text
    assert find_running(home) is None


def test_nothing_but_loopback_with_the_password(home: Path) -> None:
    with quick(home) as server:
        assert sql(server, "show listen_addresses") == "127.0.0.1"
        assert sql(server, "show unix_socket_directories") == ""
        assert (home / "password").stat().st_mode & 0o777 == 0o600
        wrong = subprocess.run(psql(server, "select 1", "x"), check=False, capture_output=True)
        assert b"authentication failed" in wrong.stderr


def test_a_restart_keeps_port_data_and_alter_system(home: Path) -> None:
    with quick(home, settings={"work_mem": "7MB"}) as first:
        sql(first, "create table t as select 42 as answer")
        sql(first, "alter system set random_page_cost = 3")
    with quick(home, settings={"work_mem": "9MB"}) as second:
        assert second.port == first.port
        assert second.started_by_us
        assert sql(second, "select answer from t") == "42"
        assert sql(second, "show random_page_cost") == "3"
        assert sql(second, "show work_mem") == "9MB"


def test_a_running_server_is_adopted_and_left_to_its_users(home: Path) -> None:
    first = quick(home)
    second = quick(home)
    looked_up = find_running(home)
    assert second.adopted
    assert looked_up
    assert {first.port, second.port, looked_up.port} == {first.port}
    looked_up.stop()
    first.stop()
    first.stop()  # once more does no harm
    assert sql(second, "select 1") == "1"
    second.stop()
    assert find_running(home) is None


def test_a_killed_starter_leaves_a_server_that_is_adopted(
    home: Path,
    starter: Starter,
) -> None:
    process = starter(home)
    assert process.stdout
    port = process.stdout.readline().split()[0]
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in a terminal, for the whole group
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with quick(home) as server:
        assert server.adopted
        assert str(server.port) == port
    assert find_running(home) is None


def test_a_killed_postmaster_is_recovered(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server = start(home, memory_bytes=GB)
    sql(server, "create table t as select 42 as answer")
    # Busy backends do not notice by themselves that their postmaster is gone.
    statement = "do $$ begin loop end loop; end $$"
    busy = subprocess.Popen(psql(server, statement), stderr=subprocess.DEVNULL)
    until(lambda: sql(server, "select count(*) from pg_stat_activity where query like 'do %'") == "1")
    os.kill(postmaster_pid(server), signal.SIGKILL)
    with start(home, memory_bytes=GB) as again:
        assert again.started_by_us
        assert sql(again, "select answer from t") == "42"
        server.stop()
        assert sql(again, "select answer from t") == "42"
    assert busy.wait() != 0
    assert "recovered" in caplog.text


def test_a_stale_pid_file_naming_another_program_is_no_obstacle(home: Path) -> None:
    server = quick(home)
    note = Layout(home).postmaster_pid
    text = note.read_text()
    server.stop("immediate")
    note.write_text(text.replace(text.split("\n")[0], str(os.getpid()), 1))
    with quick(home) as again:
        assert again.started_by_us


def test_two_starts_at_once_share_one_server(home: Path, starter: Starter) -> None:
    both = [starter(home), starter(home)]
    said = [process.stdout.readline().split() for process in both if process.stdout]
    assert said[0][0] == said[1][0]
    assert sorted(adopted for _, adopted in said) == ["False", "True"]
    for process, left in ((both[0], True), (both[1], False)):
        process.communicate("")
        assert process.returncode == 0
        assert (find_running(home) is not None) is left


def test_data_of_another_version_is_refused_untouched(home: Path) -> None:
    quick(home, version=16).stop()
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    with pytest.raises(EmbeddedError, match="is of PostgreSQL 16, not 18"):
        quick(home, version=18)
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before
    with pytest.raises(EmbeddedError, match="choose one of"):
        quick(home, version=12)


def test_a_killed_initdb_leaves_no_half_made_data(
    home: Path,
    starter: Starter,
) -> None:
    process = starter(home)
    until(lambda: any(home.glob("cluster.new-*/global")))
    process.kill()
    assert not Layout(home).cluster.exists()
    with quick(home) as server:
        assert sql(server, "select 1") == "1"
    assert not list(home.glob("cluster.new-*"))


def test_a_taken_port_is_replaced_unless_it_was_asked_for(home: Path) -> None:
    with quick(home) as server:
        old = server.port
    with socket.create_server(("127.0.0.1", old)):
        with pytest.raises(EmbeddedError, match=f"port {old} is taken"):
            quick(home, port=old)
        with quick(home) as server:
            assert server.port != old
    with quick(home, port=old) as server:
        assert server.port == old


def test_a_failed_start_shows_the_log(home: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"did not start.*(\n.*)*shared_buffers"):
        quick(home, settings={"shared_buffers": "many"})
    with quick(home) as server:
        assert sql(server, "select 1") == "1"


def test_the_folder_of_another_postgresql_is_refused(home: Path) -> None:
    home.mkdir()
    (home / "PG_VERSION").write_text("18\n")
    with pytest.raises(EmbeddedError, match="itself a data folder"):
        quick(home)


def python_for(uid: int) -> str:
    """Find a Python that a user may run with this repository: our own may lie in a closed folder."""
    code = f"import sys; assert sys.version_info >= (3, 11); open({str(REPOSITORY / 'pyproject.toml')!r})"
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            tried = subprocess.run(
                [python, "-c", code],
                check=False,
                cwd="/",
                capture_output=True,
                user=uid,
                group=uid,
                extra_groups=[],
            )
        except OSError:  # not there, or closed to that user
            continue
        if tried.returncode == 0:
            return python
    pytest.skip("no Python that an ordinary user could run with this repository")


@as_root
def test_an_ordinary_user_runs_it(home: Path, starter: Starter) -> None:
    uid = pwd.getpwnam("nobody").pw_uid
    home.mkdir()
    os.chown(home, uid, uid)
    process = starter(home, python=python_for(uid), path=str(locate(18).root.parents[1]), uid=uid)
    assert process.stdout
    assert process.stdout.readline().split()[1] == "False"
    with quick(home) as server:  # root joins, and everything stays that user's
        assert server.adopted
        assert Path(f"/proc/{postmaster_pid(server)}").stat().st_uid == uid
    process.communicate("")
    assert process.returncode == 0
    quick(home).stop()
    assert {path.stat().st_uid for path in home.rglob("*")} == {uid}


@as_root
def test_an_ordinary_user_is_told_whose_the_data_is(home: Path) -> None:
    quick(home).stop()
    nobody = pwd.getpwnam("nobody").pw_uid
    os.seteuid(nobody)
    try:
        with pytest.raises(EmbeddedError, match="DATA_DIR"):
            start(home)
        with pytest.raises(EmbeddedError, match="DATA_DIR"):
            start(Path("/root/data"))
    finally:
        os.seteuid(0)


@as_root
def test_root_works_in_a_folder_and_with_programs_that_others_cannot_reach(
    tmp_path: Path,
    starter: Starter,
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = locate(18).root.parent
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, closed / folder.name, ignore=shutil.ignore_patterns("pginstall", "include"))
    process = starter(closed / "data", path=str(closed))
    assert process.stdout
    assert process.stdout.readline().split()[1] == "False"
    with quick(closed / "data") as server:
        assert server.adopted
        sql(server, "create extension vector")
        executable = Path(f"/proc/{postmaster_pid(server)}/exe").readlink()
        assert not executable.is_relative_to(closed)
        assert not executable.is_relative_to(package)
    process.communicate("")
    assert process.returncode == 0
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("memory", "shared_buffers", "maintenance_work_mem"),
    [(GB // 4, "128MB", "64MB"), (8 * GB, "2GB", "1GB"), (512 * GB, "32GB", "2GB")],
)
def test_settings_follow_the_memory(memory: int, shared_buffers: str, maintenance_work_mem: str) -> None:
    settings = settings_for(memory_bytes=memory, cpus=4)
    assert settings["shared_buffers"] == shared_buffers
    assert settings["maintenance_work_mem"] == maintenance_work_mem
    assert "fsync" not in settings
    assert "dynamic_shared_memory_type" not in settings


def test_settings_follow_processors_and_shared_memory() -> None:
    settings = settings_for(memory_bytes=8 * GB, cpus=16, shared_memory_bytes=64 * 1024**2, durable=False)
    assert settings["max_parallel_maintenance_workers"] == "8"
    assert settings["max_worker_processes"] == "20"
    assert settings["dynamic_shared_memory_type"] == "mmap"
    assert settings["fsync"] == "off"


def test_a_control_group_bounds_memory_and_processors(tmp_path: Path) -> None:
    (tmp_path / "pod" / "box").mkdir(parents=True)
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "pod" / "memory.max").write_text("536870912\n")
    (tmp_path / "pod" / "cpu.max").write_text("max 100000\n")
    (tmp_path / "pod" / "box" / "cpu.max").write_text("50000 100000\n")
    membership = tmp_path / "cgroup"
    membership.write_text("0::/pod/box\n")
    assert machine.memory_bytes(tmp_path, membership) == 512 * 1024**2
    assert machine.cpus(tmp_path, membership) == 1
    assert machine.memory_bytes(tmp_path / "none", tmp_path / "none") > GB // 8
