"""A primary and two standbys on loopback, made by pg_basebackup, with failover as an operator would do it."""

import asyncio
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

from app import embedded
from app.embedded import account
from app.embedded.layout import prepare
from app.storage import migrations
from bench.processes import free_port
from tests.support.waiting import eventually

DATABASE = "replicated"
_MEMORY = 512 * 2**20
_NAMES = ("a", "b", "c")
_RECEIVED = "SELECT pg_last_wal_receive_lsn() - '0/0'::pg_lsn"


@dataclass(slots=True)
class Cluster:
    """Servers by name; ``a`` begins as the primary."""

    folder: Path
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in _NAMES})
    servers: dict[str, embedded.EmbeddedServer] = field(default_factory=dict)

    def start(self) -> None:
        """Make and start all three; a commit waits until one standby has it on disk."""
        primary = self._start("a")
        asyncio.run(execute(primary.dsn(), f"CREATE DATABASE {DATABASE}"))
        migrations.upgrade(primary.dsn(DATABASE))
        for name in _NAMES[1:]:
            self._copy(primary, name)
            self._start(name)
        asyncio.run(execute(primary.dsn(), "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (b, c)'"))
        asyncio.run(execute(primary.dsn(), "SELECT pg_reload_conf()"))

    def dsn(self, names: str) -> str:
        """Name some servers in one DSN."""
        hosts = ",".join(f"127.0.0.1:{self.ports[name]}" for name in names)
        return f"postgresql://postgres:{self.servers['a'].password}@{hosts}/{DATABASE}"

    def crash(self, name: str) -> None:
        """End a server as a power cut would."""
        self.servers[name].stop("immediate")

    def stop(self) -> None:
        """End all of them."""
        for server in self.servers.values():
            server.stop("immediate")

    async def promote_furthest(self) -> str:
        """Make the standby that has most of the log the primary; what was acknowledged is in it."""
        received = {name: int(await value(self.dsn(name), _RECEIVED)) for name in "bc"}
        chosen = max(received, key=received.__getitem__)
        await execute(self.dsn(chosen), "ALTER SYSTEM SET synchronous_standby_names = ''")
        await execute(self.dsn(chosen), "SELECT pg_promote(true, 10)")
        await execute(self.dsn(chosen), "SELECT pg_reload_conf()")
        return chosen

    async def caught_up(self) -> None:
        """Wait until both standbys show what the primary has now."""
        position = await value(self.dsn("a"), "SELECT pg_current_wal_lsn()::text")
        for name in "bc":
            replayed = f"SELECT pg_last_wal_replay_lsn() >= '{position}'::pg_lsn"
            await eventually(partial(value, self.dsn(name), replayed), seconds=60)

    def _start(self, name: str) -> embedded.EmbeddedServer:
        settings = {"max_connections": "60", "wal_keep_size": "256MB", "wal_receiver_status_interval": "1s"}
        self.servers[name] = embedded.start(
            self.folder / name, port=self.ports[name], memory_bytes=_MEMORY, settings=settings
        )
        return self.servers[name]

    def _copy(self, primary: embedded.EmbeddedServer, name: str) -> None:
        layout = prepare(self.folder / name)
        user = account.choose(layout)
        shutil.copy(self.folder / "a" / "password", layout.password)
        layout.cluster.mkdir(mode=0o700)
        user.own(layout.cluster)
        subprocess.run(
            [
                primary.bin_dir / "pg_basebackup", "-D", layout.cluster, "-h", "127.0.0.1", "-p", str(primary.port),
                "-U", "postgres", "-X", "stream", "-c", "fast",
            ],
            check=True, capture_output=True, cwd="/", env={"PGPASSWORD": primary.password}, **user.run_as,
        )  # fmt: skip
        hosts = ",".join("127.0.0.1" for _ in _NAMES)
        ports = ",".join(str(port) for port in self.ports.values())
        conninfo = (
            f"host={hosts} port={ports} user=postgres password={primary.password} "
            f"application_name={name} target_session_attrs=read-write connect_timeout=2"
        )
        for file, text in (("standby.signal", ""), ("postgresql.auto.conf", f"primary_conninfo = '{conninfo}'\n")):
            (layout.cluster / file).write_text(text)
            user.own(layout.cluster / file)


async def execute(dsn: str, statement: str) -> None:
    """Run one statement on one server."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def value(dsn: str, statement: str) -> Any:  # noqa: ANN401  whatever PostgreSQL says
    """Ask one server for one value."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
