"""HTTP as values: a request as far as its headers, a reply, and bodies that are read within bounds.

The path is taken apart before it is decoded: an id may hold a slash, and no `..` means anything.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from math import ceil
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from attrs import frozen

from yieldflow.errors import YieldflowError
from yieldflow.web.bounds import Bounds, Room

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

JSON, PROBLEM, HTML = "application/json", "application/problem+json", "text/html; charset=utf-8"
_HEAD = 32_768  # bytes; servers bound it only roughly
_PARAMETERS = 100  # in a query or a form


class RefusedRequest(YieldflowError):
    """What is answered instead: *status*, one sentence, headers, and *name*, where the status alone says too little."""

    def __init__(
        self, status: int, sentence: str, headers: Mapping[str, str] | None = None, name: str | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = dict(headers or {})
        self.name = name


class Disconnected(Exception):
    """Whoever asked has gone."""


@frozen
class Request:
    """*segments*: the path below where we are mounted, decoded; *address*: of whoever asks; *root*: the path that we
    are mounted at, quoted.
    """

    method: str
    segments: tuple[str, ...]
    query: str
    headers: Mapping[str, str]
    address: str
    receive: Receive
    scheme: str = "http"
    root: str = ""


@frozen
class Reply:
    status: int
    body: bytes = b""
    media: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def reply(status: int, document: object, headers: Mapping[str, str] | None = None) -> Reply:
    """As JSON in ASCII: no text can break it."""
    return Reply(status, json.dumps(document).encode(), JSON, tuple((headers or {}).items()))


def problem(status: int, name: str, sentence: str, headers: Mapping[str, str] | None = None) -> Reply:
    """As RFC 9457 has it."""
    said = {"type": f"urn:yieldflow:{name}", "title": HTTPStatus(status).phrase, "status": status, "detail": sentence}
    return Reply(status, json.dumps(said).encode(), PROBLEM, tuple((headers or {}).items()))


def request_of(scope: Scope, receive: Receive) -> Request:
    """Raises `RefusedRequest` for what is too long, and a path that is not UTF-8."""
    target = len(scope["path"]) + len(scope.get("query_string", b""))
    if target + sum(len(name) + len(value) for name, value in scope["headers"]) > _HEAD:
        raise RefusedRequest(431, f"address and headers take more than {_HEAD:,} bytes", {"Connection": "close"})
    headers = dict[str, str]()
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        between = "; " if key == "cookie" else ", "
        headers[key] = f"{headers[key]}{between}{text}" if key in headers else text
    client = scope.get("client")
    query = scope.get("query_string", b"").decode("latin-1")
    root = quote(scope.get("root_path", "").rstrip("/"))
    address, scheme = client[0] if client else "", scope.get("scheme", "http")
    return Request(scope["method"], _segments(scope), query, headers, address, receive, scheme, root)


def fitted(known: tuple[str, ...], given: tuple[str, ...]) -> dict[str, str] | None:
    """The parameters of a path, which stand in braces; None: it is another path."""
    if len(given) != len(known):
        return None
    found = dict[str, str]()
    for segment, text in zip(known, given, strict=True):
        if segment.startswith("{"):
            found[segment[1:-1]] = text
        elif segment != text:
            return None
    return found


def too_many(wait: float) -> RefusedRequest:
    """*wait*: seconds until it may be tried again."""
    return RefusedRequest(429, "too many requests; try again later", {"Retry-After": str(ceil(wait))})


def expect_method(method: str, known: tuple[str, ...]) -> None:
    """Raises `RefusedRequest`."""
    if method not in known:
        allowed = ", ".join([*known, "HEAD"] if "GET" in known else known)
        raise RefusedRequest(405, f"this path takes {allowed}", {"Allow": allowed})


def pairs(text: str) -> list[tuple[str, str]]:
    """Of a query or a form. Raises `RefusedRequest`."""
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS)
    except UnicodeDecodeError:
        raise RefusedRequest(400, "its parameters are not UTF-8") from None
    except ValueError:
        raise RefusedRequest(400, f"it has more than {_PARAMETERS} parameters") from None


async def body_of(request: Request, bounds: Bounds, room: Room) -> bytes:
    """All of it. Raises `RefusedRequest`, `Disconnected`."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RefusedRequest(415, "the body is compressed; send it as it is")
    told = request.headers.get("content-length", "0")
    if told.isascii() and told.isdigit() and int(told[:20]) > bounds.body:
        raise _too_large(bounds)
    held = 0
    try:
        async with asyncio.timeout(bounds.patience):
            parts = list[bytes]()
            while True:
                message = await request.receive()
                if message["type"] != "http.request":
                    raise Disconnected
                part = message.get("body", b"")
                if held + len(part) > bounds.body:
                    raise _too_large(bounds)
                if not room.take(len(part)):
                    raise RefusedRequest(503, "too many bodies are being read; try again", {"Retry-After": "1"})
                held += len(part)
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        seconds = f"{bounds.patience:g} s"
        raise RefusedRequest(408, f"the body was not there within {seconds}", {"Connection": "close"}) from None
    finally:
        room.give(held)


async def answer(send: Send, given: Reply) -> None:
    headers = {"content-length": str(len(given.body)), "cache-control": "no-store", "x-content-type-options": "nosniff"}
    if given.body:
        headers["content-type"] = given.media
    own = [(name.lower(), value) for name, value in given.headers]  # several cookies are set by several of a name
    told = [*((name, value) for name, value in headers.items() if name not in dict(own)), *own]
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told]
    await send({"type": "http.response.start", "status": given.status, "headers": encoded})
    await send({"type": "http.response.body", "body": given.body})


def _too_large(bounds: Bounds) -> RefusedRequest:
    return RefusedRequest(413, f"the body is larger than {bounds.body:,} bytes", {"Connection": "close"})


def _segments(scope: Scope) -> tuple[str, ...]:
    """*raw_path* is optional in ASGI; what decodes it for us loses which slashes were spelled out."""
    raw = scope.get("raw_path")
    path = scope["path"].encode() if raw is None else raw.partition(b"?")[0]
    try:
        found = [(unquote_to_bytes(part) if raw is not None else part).decode() for part in path.split(b"/")]
    except UnicodeDecodeError:
        raise RefusedRequest(400, "the path is not UTF-8") from None
    root = scope.get("root_path", "").rstrip("/").split("/")
    below = found[len(root) :] if len(root) > 1 and found[: len(root)] == root else found[1:]
    return tuple(below)
