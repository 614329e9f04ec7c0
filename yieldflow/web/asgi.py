"""The ASGI application: routes a request, lets in who may come in, and turns what is raised into a problem.

Pure ASGI without a framework, for event loops of asyncio. Opens nothing that it was not told to open.
"""

from __future__ import annotations

import hmac
import logging
import re
import time
from collections.abc import Iterable, Mapping
from hashlib import sha256
from math import ceil
from typing import Any

from attrs import define, field

from yieldflow.app import App
from yieldflow.errors import (
    InboxFull,
    NotFailed,
    NotFoundError,
    RunEnded,
    RunExists,
    StoreError,
    UsageError,
    YieldflowError,
    shortened,
)
from yieldflow.web.asked import Asked
from yieldflow.web.bounds import Bounds, Buckets, Room, network
from yieldflow.web.desk import Desk
from yieldflow.web.hooks import Links
from yieldflow.web.http import (
    Disconnected,
    Receive,
    RefusedRequest,
    Reply,
    Request,
    Scope,
    Send,
    answer,
    body_of,
    pairs,
    problem,
    reply,
    request_of,
)
from yieldflow.web.masking import mask
from yieldflow.web.openapi import openapi
from yieldflow.web.operations import OPERATIONS, Operation, Parameter
from yieldflow.web.payloads import expect_media, tree_of
from yieldflow.web.schema import Unfit, check
from yieldflow.web.signatures import Signature

SHORTEST_TOKEN = 16  # characters
_CLOSED = "the API is closed: asgi(token=…) opens it to whoever has that token"
_NOT_YOURS = "another site's page may not ask for whoever looks at it"
_FOREIGN = {"cross-site", "same-site"}
_LOG = logging.getLogger("yieldflow.web")


def asgi(
    app: App,
    *,
    token: str | Iterable[str] | None = None,
    trusted: bool = False,
    signatures: Mapping[str, Signature] | None = None,
    bounds: Bounds | None = None,
) -> Asgi:
    """An ASGI application for *app*: hook links at `hooks/TOKEN`, and the API beside them.

    *token*: whoever sends it as `Authorization: Bearer TOKEN` may use the API; several while it is changed. *trusted*:
    whoever can reach it may, since the mounter lets in only whom it knows. With neither the API is closed, and links
    alone are answered. *signatures*: by the names of hooks, how deliveries to them are signed. *bounds*: what strangers
    may take. Raises `UsageError`.

    >>> asgi(App("memory:"), token="a long secret that nobody guesses")
    <yieldflow over HTTP: links and API>
    """
    several = [token] if isinstance(token, str) else list(token or ())
    if any(len(one) < SHORTEST_TOKEN or not one.isascii() or not one.isprintable() for one in several):
        raise UsageError(f"a token of the API has {SHORTEST_TOKEN} printable ASCII characters or more")
    if several and trusted:
        raise UsageError("either a token= opens the API, or trusted=True does")
    mask("uvicorn.access")
    desk = Desk(app, bounds or Bounds())
    return Asgi(desk, tuple(sha256(one.encode()).digest() for one in several), trusted, dict(signatures or {}))


@define(eq=False, repr=False)
class Asgi:
    """What `asgi` answers: to be mounted, or served."""

    _desk: Desk
    _tokens: tuple[bytes, ...]
    _trusted: bool
    _signatures: Mapping[str, Signature]
    _links: Links = field(init=False)
    _room: Room = field(init=False)
    _addresses: Buckets = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._room, self._addresses = Room(self._desk.bounds.memory), Buckets(self._desk.bounds.address)
        self._links = Links(self._desk, self._room, self._addresses, self._signatures)

    def __repr__(self) -> str:
        return f"<yieldflow over HTTP: links{' and API' if self._tokens or self._trusted else ''}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                try:
                    await answer(send, await self._answered(scope, receive))
                except Disconnected:
                    return
            case "lifespan":
                while (await receive())["type"] != "lifespan.shutdown":
                    await send({"type": "lifespan.startup.complete"})
                await send({"type": "lifespan.shutdown.complete"})
            case _:
                await send({"type": "websocket.close", "code": 1000})

    async def _answered(self, scope: Scope, receive: Receive) -> Reply:
        try:
            return await self._routed(request_of(scope, receive))
        except RefusedRequest as refused:
            return problem(refused.status, _name(refused.status), str(refused), refused.headers)
        except Unfit as unfit:
            return problem(422, "unfit", str(unfit))
        except YieldflowError as error:
            status = _status(error)
            if status >= 500:
                _LOG.warning("%s: %s", type(error).__name__, error)
            headers = {"Retry-After": "5"} if status in (429, 503) else {}
            return problem(status, _kebab(type(error).__name__), shortened(str(error), 2_000), headers)

    async def _routed(self, request: Request) -> Reply:
        """Raises `RefusedRequest`, and whatever an operation raises."""
        method = "GET" if request.method == "HEAD" else request.method
        if method == "POST" and request.headers.get("sec-fetch-site") in _FOREIGN:
            raise RefusedRequest(403, _NOT_YOURS)
        match request.segments:
            case ("hooks", token):
                _expect_method(method, ("GET", "POST"))
                show = method == "GET"
                return await (self._links.show(request, token) if show else self._links.deliver(request, token))
            case ("openapi.json",):
                _expect_method(method, ("GET",))
                self._expect_let_in(request)
                return reply(200, openapi())
        fitting = [(one, path) for one in OPERATIONS if (path := _path(one, request.segments)) is not None]
        if not fitting:
            raise RefusedRequest(404, "there is nothing at this path; /openapi.json lists what there is")
        _expect_method(method, tuple(one.method for one, _ in fitting))
        self._expect_let_in(request)
        operation, path = next((one, path) for one, path in fitting if one.method == method)
        status, _ = operation.answers
        return reply(status, await operation.do(self._desk, await self._asked(operation, path, request)))

    async def _asked(self, operation: Operation, path: Mapping[str, str], request: Request) -> Asked:
        key = request.headers.get("idempotency-key")
        query = _query(operation, request.query)
        told = request.headers.get("content-type", "")
        body = b"" if operation.method == "GET" else await body_of(request, self._desk.bounds, self._room)
        if not body and not operation.needs_body:
            return Asked(path, query, key)
        if expect_media(told) != "application/json":
            raise RefusedRequest(415, "the body has to be application/json")
        tree = tree_of(body)
        if operation.body is None:
            raise RefusedRequest(400, "this takes no body")
        check(tree, operation.body, "the body")
        return Asked(path, query, key, tree)

    def _expect_let_in(self, request: Request) -> None:
        """Raises `RefusedRequest`. Wrong tokens are counted by address, right ones are not."""
        if self._trusted:
            origin, host = request.headers.get("origin"), request.headers.get("host", "")
            if origin is not None and origin.partition("://")[2] != host:  # of browsers that say no more than this
                raise RefusedRequest(403, _NOT_YOURS)
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        digest = sha256(given.strip().encode("latin-1", "replace")).digest()
        known = [hmac.compare_digest(digest, one) for one in self._tokens]
        if scheme.lower() == "bearer" and any(known):
            return
        if wait := self._addresses.take(network(request.address), time.monotonic()):
            raise RefusedRequest(429, "too many requests; try again later", {"Retry-After": str(ceil(wait))})
        sentence = "it takes the token of this API, as Authorization: Bearer TOKEN" if self._tokens else _CLOSED
        raise RefusedRequest(401, sentence, {"WWW-Authenticate": "Bearer"})


def _expect_method(method: str, known: tuple[str, ...]) -> None:
    if method not in known:
        allowed = ", ".join([*known, "HEAD"] if "GET" in known else known)
        raise RefusedRequest(405, f"this path takes {allowed}", {"Allow": allowed})


def _path(operation: Operation, segments: tuple[str, ...]) -> dict[str, str] | None:
    """Its parameters in the path; None: it is another path."""
    if len(segments) != len(operation.segments):
        return None
    found = dict[str, str]()
    for known, given in zip(operation.segments, segments, strict=True):
        if known.startswith("{"):
            found[known[1:-1]] = given
        elif known != given:
            return None
    return found


def _query(operation: Operation, text: str) -> dict[str, Any]:
    """Raises `RefusedRequest`, `Unfit`."""
    known = {one.name: one for one in operation.parameters if one.place == "query"}
    texts = dict[str, list[str]]()
    for name, value in pairs(text):
        if name not in known:
            those = f"there are {', '.join(known)}" if known else "it takes none"
            raise RefusedRequest(422, f"nothing knows the parameter {shortened(ascii(name), 60)}; {those}")
        texts.setdefault(name, []).append(value)
    return {name: _read(known[name], given) for name, given in texts.items()}


def _read(parameter: Parameter, texts: list[str]) -> Any:
    """Raises `Unfit`."""
    kind = parameter.schema["type"]
    if kind != "array" and len(texts) > 1:
        raise Unfit(parameter.name, "is given more than once")
    value = texts if kind == "array" else _value(kind, texts[0])
    check(value, parameter.schema, parameter.name)
    return value


def _value(kind: str, text: str) -> Any:
    """What cannot be read stays a text, which its schema then refuses."""
    match kind:
        case "boolean":
            return {"true": True, "false": False}.get(text, text)
        case "integer" if re.fullmatch(r"-?[0-9]{1,18}", text):
            return int(text)
        case "number" if re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text):
            return float(text)
        case _:
            return text


def _status(error: YieldflowError) -> int:
    match error:
        case NotFoundError():
            return 404
        case RunExists() | RunEnded() | NotFailed():
            return 409
        case InboxFull():
            return 429
        case UsageError():
            return 422
        case StoreError():
            return 503
        case _:
            return 500


def _kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def _name(status: int) -> str:
    return {
        400: "malformed",
        401: "not-let-in",
        403: "foreign",
        404: "not-found",
        405: "wrong-method",
        408: "too-slow",
        413: "too-large",
        415: "wrong-media",
        422: "unfit",
        429: "too-many",
        431: "too-large",
    }.get(status, "unavailable")
