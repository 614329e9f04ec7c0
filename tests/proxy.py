"""A loopback proxy in front of a server, which counts how often its clients waited: one burst is one round trip.

A burst is what a client sends until it has been quiet for a moment; replies are held back for so long, or the first
of a long pipeline would come before its last request is sent.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Thread

from attrs import define, field

QUIET_SECONDS = 0.005


@define
class Proxy:
    port: int
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


@contextmanager
def counting(server_port: int) -> Iterator[Proxy]:
    """A proxy for the server at this port of 127.0.0.1; it ends when its clients have closed their connections."""
    relays: list[Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(listener.getsockname()[1])
        door = Thread(target=_accept, args=(proxy, listener, server_port, relays), daemon=True)
        door.start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)
        for thread in (door, *relays):
            thread.join(5)


def _accept(proxy: Proxy, listener: socket.socket, server_port: int, relays: list[Thread]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # the test is over
            return
        relays.append(Thread(target=_relay, args=(proxy, client, server_port), daemon=True))
        relays[-1].start()


def _relay(proxy: Proxy, client: socket.socket, server_port: int) -> None:
    with client, socket.create_connection(("127.0.0.1", server_port)) as server:
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
