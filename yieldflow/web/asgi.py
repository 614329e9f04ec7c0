"""The ASGI application: routes a request, lets in who may come in, and turns what is raised into a problem.

Pure ASGI without a framework, for event loops of asyncio. Opens nothing that it was not told to open.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from attrs import define, field

from yieldflow.app import App
from yieldflow.errors import UsageError, YieldflowError, shortened
from yieldflow.metrics.exposition import CONTENT_TYPE
from yieldflow.metrics.gauges import page
from yieldflow.web.access import Access, Right, access
from yieldflow.web.asked import Asked
from yieldflow.web.bounds import Bounds, Buckets, Room, network
from yieldflow.web.desk import Desk
from yieldflow.web.discreet import wrong_of
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
    expect_method,
    fitted,
    pairs,
    problem,
    reply,
    request_of,
    too_many,
)
from yieldflow.web.masking import mask
from yieldflow.web.openapi import openapi
from yieldflow.web.operation import Operation, Parameter
from yieldflow.web.operations import OPERATIONS
from yieldflow.web.page.doors import expect_host, own_names
from yieldflow.web.page.site import Site
from yieldflow.web.payloads import expect_media, tree_of
from yieldflow.web.problems import headers_of, name_of, name_of_refusal, sentence_of, status_of
from yieldflow.web.schema import Unfit, check
from yieldflow.web.signatures import Signature

_CLOSED = "the API is closed: asgi(token=…) opens it to whoever has that token"
_NOT_YOURS = "another site's page may not ask for whoever looks at it"
_LOOK_ONLY = "it may only look: nothing can be changed with this token, or here"
_HIDDEN = "payloads are hidden here"
_TOKENS = "tokens of hooks are for those who may answer them"
_FOREIGN = {"cross-site", "same-site"}
_LOG = logging.getLogger("yieldflow.web")


def asgi(
    app: App,
    *,
    token: str | Iterable[str] | None = None,
    readers: str | Iterable[str] | None = None,
    trusted: bool = False,
    page: bool = False,
    read_only: bool = False,
    payloads: bool = True,
    hosts: Iterable[str] | None = None,
    signatures: Mapping[str, Signature] | None = None,
    bounds: Bounds | None = None,
) -> Asgi:
    """An ASGI application for *app*: hook links at `hooks/TOKEN`, the API beside them, and with *page* the page at
    `ui/`.

    *token*: whoever sends it as `Authorization: Bearer TOKEN`, or signs in with it, may use them; several while it is
    changed. *readers*: tokens of those who may look and change nothing. *trusted*: whoever can reach it may all, since
    the mounter lets in only whom it knows. With none of them API and page are closed, and links alone are answered.
    *read_only*: nobody changes anything but by links. With *payloads* False arguments, answers, payloads, data and
    local variables are not shown. *hosts*: names that page and trusted API answer to (default: all; with *trusted*,
    where the app has a `base_url`, that one's host and the names of this machine). *signatures*: by the names of hooks,
    how deliveries to them are signed. *bounds*: what strangers may take. Raises `UsageError`.

    >>> asgi(App("memory:"), token="a long secret that nobody guesses", page=True)
    <yieldflow over HTTP: links, API and page>
    """
    if hosts is None and trusted and app.base_url is not None:
        hosts = own_names(app.base_url)
    known = access(token, readers, trusted=trusted, read_only=read_only, shows_payloads=payloads, hosts=hosts)
    if page and not known.is_open:
        raise UsageError("the page is for somebody: give it a token=, or trusted=True where you know who comes")
    mask("uvicorn.access")
    made = Asgi(Desk(app, bounds or Bounds()), known, dict(signatures or {}))
    return made.with_page() if page else made


@define(eq=False, repr=False)
class Asgi:
    """What `asgi` answers: to be mounted, or served."""

    _desk: Desk
    _access: Access
    _signatures: Mapping[str, Signature]
    _links: Links = field(init=False)
    _room: Room = field(init=False)
    _guesses: Buckets = field(init=False)  # wrong tokens, by who sends them
    _site: Site | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        bounds = self._desk.bounds
        self._room, self._guesses = Room(bounds.memory), Buckets(bounds.address)
        self._links = Links(self._desk, self._room, Buckets(bounds.address), self._signatures)

    def with_page(self) -> Asgi:
        self._site = Site(self._desk, self._access, self._room, self._guesses)
        return self

    def __repr__(self) -> str:
        more = ", API and page" if self._site is not None else " and API" if self._access.is_open else ""
        return f"<yieldflow over HTTP: links{more}>"

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
        shows = self._access.shows_payloads
        try:
            request = request_of(scope, receive)
            shows = shows and request.segments[:1] != ("hooks",)  # whoever has a link may be a stranger
            return await self._routed(request)
        except RefusedRequest as refused:
            return problem(refused.status, name_of_refusal(refused), str(refused), refused.headers)
        except Unfit as unfit:
            return problem(422, "unfit", str(unfit))
        except YieldflowError as error:
            status = status_of(error)
            if status >= 500:
                told = wrong_of(status, str(error), shows_payloads=self._access.shows_payloads)
                _LOG.warning("%s: %s", type(error).__name__, told)
            sentence = wrong_of(status, sentence_of(error), shows_payloads=shows)
            return problem(status, name_of(error), sentence, headers_of(status))

    async def _routed(self, request: Request) -> Reply:
        """Raises `RefusedRequest`, and whatever an operation raises."""
        if self._site is not None and (request.segments in ((), ("",)) or request.segments[:1] == ("ui",)):
            return await self._site.answered(request)
        method = "GET" if request.method == "HEAD" else request.method
        if method == "POST" and request.headers.get("sec-fetch-site") in _FOREIGN:
            raise RefusedRequest(403, _NOT_YOURS, name="foreign")
        match request.segments:
            case ("hooks", token):
                expect_method(method, ("GET", "POST"))
                show = method == "GET"
                return await (self._links.show(request, token) if show else self._links.deliver(request, token))
            case ("openapi.json",):
                expect_method(method, ("GET",))
                self._expect_let_in(request)
                return reply(200, openapi())
            case ("metrics",):
                expect_method(method, ("GET",))
                self._expect_let_in(request)
                return Reply(200, (await self._desk.ask(partial(page, self._desk.app))).encode(), CONTENT_TYPE)
        fitting = [(one, path) for one in OPERATIONS if (path := fitted(one.segments, request.segments)) is not None]
        if not fitting:
            raise RefusedRequest(404, "there is nothing at this path; /openapi.json lists what there is")
        expect_method(method, tuple(one.method for one, _ in fitting))
        right = self._expect_let_in(request)
        operation, path = next((one, path) for one, path in fitting if one.method == method)
        if method == "POST" and right != "change":
            raise RefusedRequest(403, _LOOK_ONLY, name="look-only")
        status, _ = operation.answers
        return reply(status, await operation.do(self._desk, await self._asked(operation, path, request, right)))

    async def _asked(self, operation: Operation, path: Mapping[str, str], request: Request, right: Right) -> Asked:
        key, shows, may_change = request.headers.get("idempotency-key"), self._access.shows_payloads, right == "change"
        query = _query(operation, request.query)
        if query.get("payloads") and not shows:
            raise RefusedRequest(403, _HIDDEN, name="payloads-hidden")
        if query.get("tokens") and not may_change:
            raise RefusedRequest(403, _TOKENS, name="tokens-hidden")
        told = request.headers.get("content-type", "")
        body = b"" if operation.method == "GET" else await body_of(request, self._desk.bounds, self._room)
        if not body and not operation.needs_body:
            return Asked(path, query, key, shows_payloads=shows, may_change=may_change)
        if expect_media(told) != "application/json":
            raise RefusedRequest(415, "the body has to be application/json")
        tree = tree_of(body)
        if operation.body is None:
            raise RefusedRequest(400, "this takes no body")
        check(tree, operation.body, "the body")
        return Asked(path, query, key, tree, shows, may_change)

    def _expect_let_in(self, request: Request) -> Right:
        """Raises `RefusedRequest`. Wrong tokens are counted by address, and after too many none is looked at."""
        if self._access.trusted:
            expect_host(request, self._access.hosts)
            origin, host = request.headers.get("origin"), request.headers.get("host", "")
            if origin is not None and origin.partition("://")[2] != host:  # of browsers that say no more than this
                raise RefusedRequest(403, _NOT_YOURS, name="foreign")
            return self._access.right_of_trusted
        customer, now = network(request.address), time.monotonic()
        if wait := self._guesses.wait(customer, now):  # before it is known whether this one is right
            raise too_many(wait)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        digest = self._access.digest(given) if scheme.lower() == "bearer" else None
        if digest is not None:
            return self._access.right(digest)
        self._guesses.take(customer, now)
        sentence = "it takes the token of this API, as Authorization: Bearer TOKEN" if self._access.is_open else _CLOSED
        raise RefusedRequest(401, sentence, {"WWW-Authenticate": "Bearer"})


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
        case "number" if re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?", text):
            return float(text)
        case _:
            return text
