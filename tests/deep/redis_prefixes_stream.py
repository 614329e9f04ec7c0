"""The write stream of a server, as its append-only file has it, in units that apply as a whole: a command, or
MULTI to EXEC. A replica that is promoted, or a file that lost its end, holds a prefix of them.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from attrs import define, field

from tests.servers import Server, valkey

PLAIN = ("--appendonly", "yes", "--appendfsync", "no", "--aof-use-rdb-preamble", "no")
OPTIONS = (*PLAIN, "--auto-aof-rewrite-percentage", "0")
FOLDER, FILE = "appendonlydir", "appendonly.aof.1.incr.aof"


def commands(stream: bytes) -> Iterator[tuple[list[bytes], int]]:
    """Each command with the offset where it ends. ValueError: the stream is cut within one."""
    at = 0
    while at < len(stream):
        at, count = _number(stream, at, b"*")
        words = []
        for _ in range(count):
            at, size = _number(stream, at, b"$")
            words.append(stream[at : at + size])
            at += size + 2
        if at > len(stream):
            raise ValueError("cut within a command")
        yield words, at


def _number(stream: bytes, at: int, kind: bytes) -> tuple[int, int]:
    end = stream.index(b"\r\n", at)
    assert stream[at : at + 1] == kind, stream[at : at + 40]
    return end + 2, int(stream[at + 1 : end])


def units(stream: bytes) -> list[bytes]:
    """What is applied as a whole, one after the other; together they are the stream."""
    found, began, within = [], 0, False
    for words, end in commands(stream):
        verb = words[0].upper()
        within = verb == b"MULTI" or (within and verb != b"EXEC")
        if not within and verb != b"SELECT":  # that belongs to what follows
            found.append(stream[began:end])
            began = end
    if began < len(stream):
        raise ValueError("cut within a unit")
    return found


@define(eq=False)
class Stream:
    """A server and what was written to it since it was last rebuilt."""

    server: Server
    file: Path
    client: Any = field(init=False)  # a redis.Redis; what that answers has no useful types
    _socket: socket.socket = field(init=False)
    _before: list[bytes] = field(factory=list, init=False)  # what it was rebuilt from
    _offset: int = field(default=0, init=False)  # of the file, where what came later begins
    _count: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.client = redis.Redis.from_url(self.server.url)
        self._socket = socket.create_connection(("127.0.0.1", self.server.port))

    def units(self) -> list[bytes]:
        """All that was acknowledged: it is in the file before any reply is sent."""
        with self.file.open("rb") as file:
            file.seek(self._offset)
            return [*self._before, *units(file.read())]

    def rebuild(self, prefix: Sequence[bytes]) -> None:
        """The server holds what these units say, and nothing else: so a replica has it that is promoted."""
        self.client.flushall()
        self._replay(b"".join(prefix))
        self._before = list(prefix)
        self._offset = self.file.stat().st_size

    def _replay(self, stream: bytes) -> None:
        self._count += 1
        last = f"replayed {self._count}".encode()
        self._socket.sendall(stream + b"*2\r\n$4\r\nECHO\r\n$%d\r\n%s\r\n" % (len(last), last))
        answers = b""
        while not answers.endswith(last + b"\r\n"):
            answer = self._socket.recv(1 << 20)
            assert answer, "the server has closed the connection"
            answers += answer
        assert not answers.startswith(b"-"), answers[:200]
        assert b"\r\n-" not in answers, answers

    def close(self) -> None:
        self._socket.close()
        self.client.close()


@contextmanager
def streaming(folder: Path) -> Iterator[Stream]:
    """A server that writes all in one file."""
    with valkey(*OPTIONS, folder=folder) as server:
        stream = Stream(server, folder / FOLDER / FILE)
        try:
            yield stream
        finally:
            stream.close()
