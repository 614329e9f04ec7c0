"""The page as a whole: takes a request, finds out who asks, has the view or action answer it, and makes it a reply.

What is wrong becomes a page with one sentence. Changes nothing by being looked at.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from attrs import define, evolve, field, frozen

from yieldflow.core.chain import chain_of
from yieldflow.errors import YieldflowError, shortened
from yieldflow.web.access import Access, Right
from yieldflow.web.bounds import Buckets, Room, network
from yieldflow.web.desk import Desk
from yieldflow.web.discreet import wrong_of
from yieldflow.web.http import (
    HTML,
    RefusedRequest,
    Reply,
    Request,
    body_of,
    expect_method,
    fitted,
    pairs,
    too_many,
)
from yieldflow.web.page import sessions, shell
from yieldflow.web.page.doors import expect_host, expect_own_page, is_secure, was_led_here
from yieldflow.web.page.files import static
from yieldflow.web.page.table import ACTIONS, VIEWS
from yieldflow.web.page.views import Action, Done, View
from yieldflow.web.page.visit import Visit, unspelled
from yieldflow.web.payloads import expect_media
from yieldflow.web.problems import headers_of, status_of

T = TypeVar("T", View, Action)

_FORM = "application/x-www-form-urlencoded"
_WRONG = "this is not the token of this page"
_LOOK_ONLY = "nothing can be changed here: this page or session may only look"
_NOTHING = "there is nothing at this address"
_LOCAL = re.compile(r"[!-\[\]-~]*")  # printable ASCII but for backslashes
_DOTS = re.compile(r"/(\.|%2e){1,2}(?![^/?#])", re.IGNORECASE)  # segments that a browser takes out of a path


@frozen
class Guest:
    """*digest*: of the token of the session; None: the mounter knows who it is."""

    right: Right
    digest: bytes | None = None


@define(eq=False)
class Site:
    """*guesses*: wrong tokens, by who sends them."""

    desk: Desk
    access: Access
    room: Room
    guesses: Buckets
    views: tuple[View, ...] = VIEWS
    actions: tuple[Action, ...] = ACTIONS
    _key: bytes = field(init=False)  # of what is said once
    _clock: Callable[[], float] = time.time

    def __attrs_post_init__(self) -> None:
        self._key = self.access.digests[0] if self.access.digests else secrets.token_bytes(32)

    async def answered(self, request: Request) -> Reply:
        """Raises nothing but `Disconnected`."""
        guest = self._guest(request)
        signed_in = guest is not None and guest.digest is not None
        frame = shell.Frame(self._visit(request, guest), signed_in, stranger=guest is None)
        try:
            return await self._routed(request, guest)
        except RefusedRequest as refused:
            return shell.refused(frame, refused.status, str(refused), refused.headers)
        except YieldflowError as error:
            status = status_of(error)
            return shell.refused(frame, status, self._wrong(error), headers_of(status))

    async def _routed(self, request: Request, guest: Guest | None) -> Reply:
        """Raises `RefusedRequest`, and what a view raises."""
        method, below = _method(request), _below(request)
        match below:
            case ("static", name):
                expect_method(method, ("GET",))
                return _static(name)
            case _:
                expect_host(request, self.access.hosts)
        if method == "POST":
            expect_own_page(request, self.desk.app.base_url)
        match below:
            case ("sign-in",):
                expect_method(method, ("GET", "POST"))
                opening = await self._signed_in(request) if method == "POST" else None
                return opening or shell.sign_in(_root(request), None, status=200)
            case ("sign-out",):
                expect_method(method, ("POST",))
                return self._signed_out(request)
        if guest is None:
            return self._stopped(request, method)
        if below in ((), ("",)):
            return shell.moved(f"{_root(request)}/runs")
        return await self._let_in(request, guest, below)

    async def _let_in(self, request: Request, guest: Guest, below: tuple[str, ...]) -> Reply:
        method = _method(request)
        visit = evolve(self._visit(request, guest), query=dict(pairs(request.query)))
        if (action := _found(self.actions, below)) is not None:
            expect_method(method, ("GET", "POST"))
            if not visit.may_change:
                raise RefusedRequest(403, _LOOK_ONLY)
            visit = evolve(visit, path=action[1])
            return await (self._done if method == "POST" else self._asked)(request, guest, visit, action[0])
        if (view := _found(self.views, below)) is None:
            raise RefusedRequest(404, _NOTHING)
        expect_method(method, ("GET",))
        return await self._seen(request, guest, evolve(visit, path=view[1]), view[0])

    # --- what is there ------------------------------------------------------------------------------------------------

    async def _seen(self, request: Request, guest: Guest, visit: Visit, view: View) -> Reply:
        given = sessions.cookies(request.headers.get("cookie", ""))
        live = "yieldflow-live" in request.headers  # the script asks again, and leaves what is said once to people
        said = None if live else sessions.said(given, self._key)
        frame = shell.Frame(visit, guest.digest is not None, said)
        about = "/".join(view.segments) if view.alone else _run(visit)
        reply = await self.desk.look(about, lambda: shell.shown(frame, view.show(visit)))
        if said is not None:
            return evolve(reply, headers=(*reply.headers, sessions.forget_said(visit.root)))
        tag = dict(reply.headers)["ETag"]
        if request.headers.get("if-none-match") == tag:
            return Reply(304, b"", HTML, (("ETag", tag), ("Vary", "Cookie")))
        return reply

    async def _asked(self, _: Request, guest: Guest, visit: Visit, action: Action) -> Reply:
        frame = shell.Frame(visit, guest.digest is not None)
        return await self.desk.ask(lambda: shell.asked(frame, action.question(visit), self._back(visit, action)))

    async def _done(self, request: Request, guest: Guest, visit: Visit, action: Action) -> Reply:
        given = await self._form(request)
        frame = shell.Frame(evolve(visit, given=given), guest.digest is not None)
        done = await self.desk.ask(partial(self._outcome, frame, action, given))
        if isinstance(done, Reply):
            return done
        secure = is_secure(request, self.desk.app.base_url)
        return shell.moved(done.to, sessions.said_cookie(self._key, done.said, visit.root, secure=secure))

    def _outcome(self, frame: shell.Frame, action: Action, given: Mapping[str, str]) -> Done | Reply:
        """In a thread. What cannot be done is said with the question, if that can still be asked."""
        try:
            return action.do(frame.visit, given)
        except YieldflowError as error:
            question, wrong = action.question(frame.visit), self._wrong(error)
            return shell.asked(frame, question, self._back(frame.visit, action), wrong, status_of(error))

    def _wrong(self, error: YieldflowError) -> str:
        said = shortened(str(error), 2_000)
        return wrong_of(status_of(error), said, shows_payloads=self.access.shows_payloads)

    def _back(self, visit: Visit, action: Action) -> str:
        """To the nearest view above an action."""
        given = [visit.path[one[1:-1]] if one.startswith("{") else one for one in action.segments]
        while given and _found(self.views, tuple(given)) is None:
            given.pop()
        return visit.link(*given) if given else visit.link("runs")

    # --- who asks -----------------------------------------------------------------------------------------------------

    def _guest(self, request: Request) -> Guest | None:
        if self.access.trusted:
            return Guest(self.access.right_of_trusted)
        given = sessions.cookies(request.headers.get("cookie", ""))
        digest = sessions.holder(given, self.access.digests, self._clock())
        return None if digest is None else Guest(self.access.right(digest), digest)

    def _stopped(self, request: Request, method: str) -> Reply:
        """Whoever looked is asked who he is, and led back then; what was to be changed has to be asked again."""
        root = _root(request)
        if was_led_here(request):
            return shell.once_more(root)
        here = self._visit(request, None).link(*_below(request))
        to = f"{here}?{request.query}" if request.query else here
        return shell.sign_in(root, to if method == "GET" and _is_local(to, root) else None)

    async def _signed_in(self, request: Request) -> Reply:
        """Raises `RefusedRequest`. Wrong tokens are counted by address, and after too many none is looked at."""
        given, root = await self._form(request), _root(request)
        to = given.get("to", "")
        led = to if _is_local(to, root) else f"{root}/runs"
        if self.access.trusted:
            return shell.moved(led)
        customer, now = network(request.address), time.monotonic()
        if wait := self.guesses.wait(customer, now):  # before it is known whether this one is right
            raise too_many(wait)
        digest = self.access.digest(given.get("token", ""))
        if digest is None:
            self.guesses.take(customer, now)
            return shell.sign_in(root, led, f"{_WRONG[:1].upper()}{_WRONG[1:]}.")
        value, lasts = sessions.opened(digest, self._clock()), sessions.LASTS
        return shell.moved(led, self._cookie(request, sessions.name_of(digest), value, lasts))

    def _signed_out(self, request: Request) -> Reply:
        """Of all that this browser has been signed in to here; the names of others say something of our tokens."""
        given = sessions.cookies(request.headers.get("cookie", ""))
        names = [name for digest in self.access.digests if (name := sessions.name_of(digest)) in given]
        return shell.moved(f"{_root(request)}/sign-in", *(self._cookie(request, name, "", 0) for name in names))

    def _cookie(self, request: Request, name: str, value: str, lasts: int) -> tuple[str, str]:
        secure = is_secure(request, self.desk.app.base_url)
        return sessions.set_cookie(name, value, _root(request), lasts, secure=secure)

    def _visit(self, request: Request, guest: Guest | None) -> Visit:
        may_change = guest is not None and guest.right == "change"
        return Visit(
            self.desk.app, may_change=may_change, shows_payloads=self.access.shows_payloads, root=_root(request)
        )

    async def _form(self, request: Request) -> dict[str, str]:
        """Raises `RefusedRequest`."""
        if expect_media(request.headers.get("content-type", "")) != _FORM:
            raise RefusedRequest(415, "it takes what a form of this page sends")
        body = await body_of(request, self.desk.bounds, self.room)
        try:
            return dict(pairs(body.decode("ascii")))
        except UnicodeDecodeError:
            raise RefusedRequest(400, "the form is not spelled as a browser would") from None


def _method(request: Request) -> str:
    return "GET" if request.method == "HEAD" else request.method


def _root(request: Request) -> str:
    return f"{request.root}/ui"


def _below(request: Request) -> tuple[str, ...]:
    return tuple(unspelled(segment) for segment in request.segments[1:])


def _found(table: tuple[T, ...], below: tuple[str, ...]) -> tuple[T, Mapping[str, str]] | None:
    """The first that fits, and its parameters."""
    return next(((one, path) for one in table if (path := fitted(one.segments, below)) is not None), None)


def _run(visit: Visit) -> str | None:
    """The run that may be replayed for it."""
    run_id = visit.path.get("run_id")
    return None if run_id is None else chain_of(run_id)[0]


def _static(name: str) -> Reply:
    """Raises `RefusedRequest`."""
    reply = static().replies.get(name)
    if reply is None:
        raise RefusedRequest(404, _NOTHING)
    return reply


def _is_local(to: str, root: str) -> bool:
    return to.startswith(f"{root}/") and _LOCAL.fullmatch(to) is not None and _DOTS.search(to) is None
