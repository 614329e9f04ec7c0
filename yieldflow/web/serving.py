"""`yieldflow web`: our application in uvicorn, for those who have no server of their own.

Writes no access log. Bounds what uvicorn does not: how long the head of a request may take.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, NoReturn

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from yieldflow.errors import UsageError
from yieldflow.web.asgi import Asgi
from yieldflow.web.page.doors import own_names as names_here

_HEAD = 16_384  # bytes
_PATIENCE = 10.0  # seconds for the head of a request
_CONNECTIONS = 1_000
_IDLE = 5  # seconds that a connection may lie idle
_GRACE = 10  # seconds to end what is being answered


class Patient(H11Protocol):
    """Hangs up where the head of a request does not come."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._expect_a_head()

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before and self._deadline is not None:
            self._deadline.cancel()

    def on_response_complete(self) -> None:
        self._expect_a_head()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _expect_a_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(_PATIENCE, self.transport.close)


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def own_names(host: str, base_url: str | None) -> frozenset[str]:
    """Under which names the page is asked for where only this machine can reach it, and what is in front of us."""
    return names_here(base_url) | {host}


def serve(application: Asgi, host: str, port: int, proxies: str | None, told: Callable[[str], None]) -> None:
    """Until it is stopped by a signal; *told* where it can be reached. Raises what `prepared` raises."""
    server, listening = prepared(application, host, port, proxies)
    signal.signal(signal.SIGTERM, _ended)  # uvicorn raises it again when all is answered
    told(address(listening))
    server.run(sockets=[listening])


def _ended(*_: object) -> NoReturn:
    raise SystemExit(0)


def prepared(
    application: Asgi, host: str, port: int = 0, proxies: str | None = None
) -> tuple[uvicorn.Server, socket.socket]:
    """A server, and where it will listen. *proxies*: addresses of those whose `X-Forwarded-For` is believed. Raises
    `UsageError` for a place that cannot be listened at.
    """
    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        http=Patient,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=proxies is not None,
        forwarded_allow_ips=proxies,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_GRACE,
        h11_max_incomplete_event_size=_HEAD,
    )
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(found[4][:2], family=found[0])
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no host can be called so"
        raise UsageError(f"{host}:{port} cannot be listened at ({reason})") from error
    return uvicorn.Server(config), listening


def address(listening: socket.socket) -> str:
    place: Any = listening.getsockname()
    return f"http://{f'[{place[0]}]' if ':' in place[0] else place[0]}:{place[1]}"
