"""A page of figures over HTTP, beside a worker: `/metrics`, and nothing else. In a thread of its own.

For a scraper in the same network; it has no token, and listens on loopback unless it is told otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from yieldflow.errors import UsageError
from yieldflow.metrics.exposition import CONTENT_TYPE

SECONDS = 10.0  # for a request to come


@contextmanager
def serving(text: Callable[[], str], host: str, port: int) -> Iterator[int]:
    """Answer *text()* within the block; gives the port, which is a free one for 0. Raises `UsageError`."""
    try:
        server = ThreadingHTTPServer((host, port), partial(_Page, text))
    except (OSError, OverflowError) as error:
        raise UsageError(f"{host}:{port} cannot be listened at ({error})") from error
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.1,), name="yieldflow metrics", daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


class _Page(BaseHTTPRequestHandler):
    timeout = SECONDS
    server_version, sys_version = "yieldflow", ""

    def __init__(self, text: Callable[[], str], *args: Any) -> None:
        self._text = text
        super().__init__(*args)

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404, "there is only /metrics")
            return
        body = self._text().encode()
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as `http.server` has it
        """A scrape every few seconds is no news."""
