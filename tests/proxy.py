"""Loopback proxies in front of a server. One counts how often its clients waited: one burst is one round trip; one
cuts a connection where a reply should come, after the server has done what it was asked; one can be led elsewhere.

A burst is what a client sends until it has been quiet for a moment; replies are held back for so long, or the first
of a long pipeline would come before its last request is sent.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from threading import Lock, Thread

from attrs import define, field

QUIET_SECONDS = 0.005
SCRIPTS = b"EVALSHA"  # every verb of the store is one; no connection begins with it


@define
class Proxy:
    port: int = 0
    _bursts: int = 0
    _lock: Lock = field(factory=Lock, repr=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def bursts(self) -> int:
        """Round trips so far, those of new connections included: do something once before the difference is taken."""
        with self._lock:
            return self._bursts

    def count(self) -> None:
        with self._lock:
            self._bursts += 1


@define
class Cutter:
    """*asked*: replies that might have been cut. *cut*: those that were; one of each *every*, by chance which, or what
    is asked at regular intervals might never be answered.
    """

    every: int
    of: bytes
    port: int = 0
    asked: int = 0
    cut: int = 0
    _next: int = 0
    _chance: Random = field(factory=lambda: Random(0), repr=False)
    _lock: Lock = field(factory=Lock, repr=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def cuts(self, request: bytes) -> bool:
        """Whether the reply to this does not come."""
        with self._lock:
            if self.of not in request:
                return False
            if self.asked % self.every == 0:
                self._next = self.asked + self._chance.randrange(self.every)
            self.asked += 1
            cuts = self.asked == self._next + 1
            self.cut += cuts
            return cuts


@define
class Door:
    """Where connections lead to. While it is *closed* nothing passes, in those that there are."""

    server_port: int
    port: int = 0
    closed: bool = False

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


@contextmanager
def counting(server_port: int) -> Iterator[Proxy]:
    """A proxy for the server at this port of 127.0.0.1; it ends when its clients have closed their connections."""
    proxy = Proxy()
    with _listening(lambda: server_port, lambda client, server: _count(proxy, client, server)) as proxy.port:
        yield proxy


@contextmanager
def cutting(server_port: int, *, every: int, of: bytes = SCRIPTS) -> Iterator[Cutter]:
    """A proxy that closes the connection instead of one in *every* replies to requests with *of* in it (empty: any).

    The server has answered by then, so what was asked is done. A pipeline is one request.
    """
    cutter = Cutter(every, of)
    with _listening(lambda: server_port, lambda client, server: _cut(cutter, client, server)) as cutter.port:
        yield cutter


@contextmanager
def relaying(server_port: int) -> Iterator[Door]:
    """A proxy that may lead to another server later, for whoever connects then, or to nowhere."""
    door = Door(server_port)
    with _listening(lambda: door.server_port, lambda client, server: _pass_on(door, client, server)) as door.port:
        yield door


@contextmanager
def _listening(server_port: Callable[[], int], relay: Callable[[socket.socket, socket.socket], None]) -> Iterator[int]:
    relays: list[Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        door = Thread(target=_accept, args=(listener, server_port, relay, relays), daemon=True)
        door.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        for thread in (door, *relays):
            thread.join(5)


def _accept(
    listener: socket.socket,
    server_port: Callable[[], int],
    relay: Callable[[socket.socket, socket.socket], None],
    relays: list[Thread],
) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # the test is over
            return
        relays.append(Thread(target=_serve, args=(client, server_port, relay), daemon=True))
        relays[-1].start()


def _serve(
    client: socket.socket, server_port: Callable[[], int], relay: Callable[[socket.socket, socket.socket], None]
) -> None:
    with client, suppress(ConnectionError), socket.create_connection(("127.0.0.1", server_port())) as server:
        for side in (client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        relay(client, server)  # either side may be killed


def _count(proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
    asked = False
    while True:
        waiting = select.select([client, server], [], [])[0]
        if asked and client not in waiting:
            waiting = select.select([client], [], [], QUIET_SECONDS)[0] or [server]
        sender = client if client in waiting else server
        data = sender.recv(1 << 16)
        if not data:
            return
        if sender is client and not asked:
            proxy.count()
        asked = sender is client
        (server if asked else client).sendall(data)


def _cut(cutter: Cutter, client: socket.socket, server: socket.socket) -> None:
    request = b""
    while True:
        waiting = select.select([client, server], [], [])[0]
        if client in waiting:
            if not (data := client.recv(1 << 16)):
                return
            request += data
            server.sendall(data)
            continue
        data = server.recv(1 << 16)
        if not data or (request and cutter.cuts(request)):
            return
        request = b""
        client.sendall(data)


def _pass_on(door: Door, client: socket.socket, server: socket.socket) -> None:
    while True:
        waiting = select.select([client, server], [], [], QUIET_SECONDS)[0]
        for sender in () if door.closed else waiting:
            if not (data := sender.recv(1 << 16)):
                return
            (server if sender is client else client).sendall(data)
        if door.closed:
            time.sleep(QUIET_SECONDS)
