"""The application for servers that speak WSGI: their threads carry each request to one event loop of this process.

Answers go out whole. Says nothing of its own, and opens nothing that `asgi` does not open.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from http import HTTPStatus
from queue import SimpleQueue
from threading import Thread
from typing import Any, ParamSpec, TypeAlias
from urllib.parse import quote, unquote_to_bytes
from weakref import finalize

from attrs import define, field

from yieldflow.app import App
from yieldflow.web.asgi import Asgi, asgi
from yieldflow.web.bounds import Bounds
from yieldflow.web.http import Message, Scope

P = ParamSpec("P")
Environ: TypeAlias = Mapping[str, Any]
StartResponse: TypeAlias = Callable[[str, list[tuple[str, str]]], object]

_PART = 65_536  # bytes of a body that are read at once
_LONGEST_WAIT = 20.0  # seconds: whoever waits holds a thread, and gunicorn ends a worker that is silent for 30
_GONE = "400 Bad Request"  # to nobody: the body broke off


def _taking_all_of(_: Callable[P, Asgi]) -> Callable[[Callable[..., Wsgi]], Callable[P, Wsgi]]:
    return lambda function: function


@_taking_all_of(asgi)
def wsgi(app: App, **options: Any) -> Wsgi:
    """As `asgi`, with all of its options, for Flask, for Django under WSGI, and for servers such as gunicorn.

    By default waits for results end after 20 s, since each holds a thread of the server. Raises `UsageError`.

    >>> wsgi(App("memory:"), token="a long secret that nobody guesses")
    <yieldflow over HTTP: links and API, by WSGI>
    """
    bounds = options.pop("bounds", None) or Bounds(longest_wait=_LONGEST_WAIT)
    return Wsgi(partial(asgi, app, bounds=bounds, **options))


@define(eq=False, repr=False, weakref_slot=True)
class Wsgi:
    """What `wsgi` answers: to be mounted, or served."""

    _make: Callable[[], Asgi]
    _first: Asgi = field(init=False)
    _carriers: dict[int, _Carrier] = field(factory=dict, init=False)  # by process: a fork has no thread of its parent

    def __attrs_post_init__(self) -> None:
        self._first = self._make()

    def __repr__(self) -> str:
        return f"{str(self._first)[:-1]}, by WSGI>"

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        carrier = self._carriers.get(os.getpid()) or self._begun()
        said = carrier.carried(scope_of(environ), Body.of(environ))
        if not said:
            start_response(_GONE, [("Content-Length", "0")])
            return []
        status = said[0]["status"]
        named = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in said[0]["headers"]]
        headers = [(name, value) for name, value in named if name != "connection"]  # it is the server's: PEP 3333
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [part.get("body", b"") for part in said[1:]]

    def _begun(self) -> _Carrier:
        """Without a lock, which a fork might copy while it is held. What has served in a parent counts on threads that
        are not here, so all is made anew; what has not yet served is the same in every child.
        """
        made = _Carrier(self._make() if self._carriers else self._first)
        kept = self._carriers.setdefault(os.getpid(), made)
        if kept is made:
            Thread(target=_run, args=(made.loop,), name="yieldflow wsgi", daemon=True).start()
            finalize(self, _stop, made.loop, os.getpid())
        else:
            made.loop.close()
        return kept


def _run(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


def _stop(loop: asyncio.AbstractEventLoop, process: int) -> None:
    if process == os.getpid() and not loop.is_closed():
        loop.call_soon_threadsafe(loop.stop)


@define(eq=False)
class _Carrier:
    """Carries requests from threads of the server to the loop, and what is said there back."""

    _application: Asgi
    loop: asyncio.AbstractEventLoop = field(factory=asyncio.new_event_loop)

    def carried(self, scope: Scope, body: Body) -> list[Message]:
        """All that is said. The body is read in this thread, as far as it is asked for. Raises what reading raises."""
        said, wanted = list[Message](), SimpleQueue[asyncio.Future[Message] | None]()

        async def receive() -> Message:
            told: asyncio.Future[Message] = self.loop.create_future()
            wanted.put(told)
            return await told

        async def send(message: Message) -> None:
            said.append(message)

        running: Future[None] = asyncio.run_coroutine_threadsafe(self._application(scope, receive, send), self.loop)
        running.add_done_callback(lambda _: wanted.put(None))
        try:
            while (told := wanted.get()) is not None:
                self.loop.call_soon_threadsafe(_tell, told, body.read())
            running.result()
        finally:
            running.cancel()  # where reading failed
        return said


def _tell(told: asyncio.Future[Message], message: Message) -> None:
    if not told.done():  # whoever asked for it may have lost patience
        told.set_result(message)


@define(eq=False)
class Body:
    """What is still to be read of a request; *left* is None where the server knows its end."""

    _read: Callable[[int], bytes]
    _left: int | None

    @classmethod
    def of(cls, environ: Environ) -> Body:
        told, read = environ.get("CONTENT_LENGTH") or "", environ["wsgi.input"].read
        if re.fullmatch(r"[0-9]{1,18}", told):
            return cls(read, int(told))
        return cls(read, None if environ.get("wsgi.input_terminated", False) else 0)

    def read(self) -> Message:
        if self._left == 0:
            return {"type": "http.request", "body": b"", "more_body": False}
        part = self._read(_PART if self._left is None else min(_PART, self._left))
        if self._left is None:
            return {"type": "http.request", "body": part, "more_body": bool(part)}
        self._left -= len(part)
        if not part:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": self._left > 0}


def scope_of(environ: Environ) -> Scope:
    """A request as ASGI has it."""
    names = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}
    names |= {key: key[5:].lower().replace("_", "-") for key in environ if key.startswith("HTTP_")}
    headers = [(names[key].encode("latin-1"), _bytes(environ[key])) for key in names if environ.get(key)]
    script, path = _bytes(environ.get("SCRIPT_NAME", "")).rstrip(b"/"), _bytes(environ.get("PATH_INFO", ""))
    place = environ.get("REMOTE_ADDR")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": environ.get("SERVER_PROTOCOL", "HTTP/1.1").partition("/")[2],
        "method": environ["REQUEST_METHOD"],
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "path": (script + path).decode("utf-8", "replace"),
        "raw_path": _raw(environ, script, path),
        "root_path": script.decode("utf-8", "replace"),
        "query_string": _bytes(environ.get("QUERY_STRING", "")),
        "headers": headers,
        "client": (place, 0) if place else None,
    }


def _raw(environ: Environ, script: bytes, path: bytes) -> bytes:
    """The path before it was decoded, so that `%2F` in an id is no slash: known where the server says it, under either
    name. Where what stands in front of us has changed the path to something else, what it says holds.
    """
    told = _bytes(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "").partition(b"?")[0]
    raw = told if told.startswith(b"/") else b"/" + told.partition(b"://")[2].partition(b"/")[2]
    match unquote_to_bytes(raw):
        case found if found == script + path:
            return raw
        case found if found == path:  # a proxy has cut off what we are mounted at
            return quote(script).encode() + raw
        case _:
            return quote(script + path).encode()


def _bytes(text: str) -> bytes:
    """WSGI has bytes as Latin-1."""
    return text.encode("latin-1", "replace")
