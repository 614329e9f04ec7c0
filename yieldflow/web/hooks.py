"""Hook links: `POST` delivers a body to the hook that has the token, `GET` shows a form to whoever got the link.

Unknown, closed and malformed tokens are one answer. Whoever has a token is told nothing of its run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from hashlib import sha256
from typing import Any, TypeVar

from attrs import define, field, frozen

from yieldflow.core.answers import token_hash
from yieldflow.core.commands import OpenHook
from yieldflow.errors import BadPayload, InboxFull, StoreError, UnknownRun, UnknownToken
from yieldflow.inspection.kinds import Kinds, kinds_of
from yieldflow.inspection.plain import plain
from yieldflow.runtime import fresh
from yieldflow.web import pages
from yieldflow.web.bounds import Buckets, Room, network
from yieldflow.web.desk import Desk
from yieldflow.web.fields import Fields, fields_of
from yieldflow.web.http import RefusedRequest, Reply, Request, body_of, reply, too_many
from yieldflow.web.payloads import ONCE, Content, Form, content, expect_media, payload
from yieldflow.web.responses import Place, Responses, opened
from yieldflow.web.signatures import Signature

T = TypeVar("T")

_EVEN = 0.05  # seconds after which an unknown token is answered, whatever it took to find out
_NOBODY = "no open hook has this link; its run may have ended, or the link was not copied whole"
_LONGEST_KEY = 255


@frozen
class Found:
    """The hook of a token."""

    run_id: str
    name: str


@frozen
class Delivery:
    token: str
    headers: Mapping[str, str]
    body: bytes
    content: Content

    @property
    def key(self) -> str | None:
        """A page that is sent twice counts once."""
        filled = self.content.pairs if isinstance(self.content, Form) else ()
        return self.headers.get("idempotency-key", dict(filled).get(ONCE))


@frozen
class Delivered:
    """To a hook that was opened so. *place*: where it is, if somebody waits to be told something."""

    hook: OpenHook
    place: Place | None


@define(eq=False)
class Links:
    """*room* is of all bodies of this process."""

    desk: Desk
    room: Room
    addresses: Buckets
    signatures: Mapping[str, Signature]
    kinds: Kinds = field(init=False)
    responses: Responses = field(init=False)
    _deliveries: Buckets = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.kinds, self.responses = kinds_of(self.desk.app), Responses(self.desk)
        self._deliveries = Buckets(self.desk.bounds.link)

    async def show(self, request: Request, token: str) -> Reply:
        """Its form. Raises nothing: a browser is told in a page."""
        try:
            self._expect_patience(request)
            return await self._even(self.desk.ask(lambda: self._form(token)))
        except RefusedRequest as refused:
            return pages.refusal(refused.status, str(refused), refused.headers)

    async def deliver(self, request: Request, token: str) -> Reply:
        """Raises `RefusedRequest`."""
        self._expect_patience(request)
        told = request.headers.get("content-type", "")
        media = expect_media(told)
        body = await body_of(request, self.desk.bounds, self.room)
        given = content(media, body, told=bool(told))
        delivery = Delivery(token, request.headers, body, given)
        if not (isinstance(given, Form) and given.page):
            return await self._responded(await self._even(self.desk.ask(lambda: self._delivered(delivery))))
        try:
            return await self._even(self.desk.ask(lambda: self._answered(delivery)))
        except RefusedRequest as refused:
            return pages.refusal(refused.status, str(refused), refused.headers)

    async def _responded(self, delivered: Delivered) -> Reply:
        """What a program is told: what the workflow says, else what the hook was opened with, else that it is there."""
        place, hook = delivered.place, delivered.hook
        try:
            said = hook.response if place is None else await self.responses.wait(place, hook)
        except (StoreError, RefusedRequest):
            said = hook.response
        if said is None:
            return reply(202, {"delivered": True})
        return reply(200, plain(opened(self.desk.app, said)))

    # --- in a thread ------------------------------------------------------------------------------------------------

    def _form(self, token: str) -> Reply:
        found = self._resolved(token)
        if found.name in self.signatures:
            raise RefusedRequest(405, "this link is for a program that signs what it sends", {"Allow": "POST"})
        return pages.form(found.name, self._fields(found))

    def _answered(self, delivery: Delivery) -> Reply:
        """By somebody at our page, who may press twice, or go back and mend it."""
        try:
            return pages.thanks(self._delivered(delivery).hook.name)
        except BadPayload as bad:
            found = self._resolved(delivery.token)
            given = dict(delivery.content.pairs) if isinstance(delivery.content, Form) else {}
            return pages.form(found.name, self._fields(found), given, bad.reason)

    def _fields(self, found: Found) -> Fields:
        kind = self.kinds.of(self.desk.app, found.run_id, found.name)
        return fields_of(Any if kind is None else kind.annotation, self.desk.app.codec)

    def _delivered(self, delivery: Delivery) -> Delivered:
        app = self.desk.app
        found = self._resolved(delivery.token)
        if wait := self._deliveries.take(token_hash(delivery.token), time.monotonic()):
            raise too_many(wait)
        key = self._key(delivery, found)
        kind = self.kinds.of(self.desk.app, found.run_id, found.name)
        value = payload(delivery.content, delivery.body, found.name, kind, app.codec)
        hook = self.responses.of(found.run_id, found.name)
        key = key or fresh()
        try:
            position = app.resume_hook(delivery.token, value, key=key)
        except InboxFull:
            sentence = "too many deliveries wait to be read; try again later"
            raise RefusedRequest(429, sentence, {"Retry-After": "60"}) from None
        return Delivered(hook, None if hook.within is None else self.responses.place(found.run_id, key, position))

    def _resolved(self, token: str) -> Found:
        """Raises `UnknownToken`; what can be no token is looked up all the same, for it takes its time."""
        known = self.desk.app.store.resolve(token_hash(token))
        if known is None:
            raise UnknownToken
        return Found(*known)

    def _key(self, delivery: Delivery, found: Found) -> str | None:
        """As the run keeps it: two hooks of a run never share one. Raises `RefusedRequest`."""
        signature = self.signatures.get(found.name)
        given = delivery.key
        if given is not None and not (0 < len(given) <= _LONGEST_KEY and given.isprintable()):
            raise RefusedRequest(400, f"Idempotency-Key has 1 to {_LONGEST_KEY} printable characters")
        if signature is not None:
            if not signature.fits(delivery.headers, delivery.body, time.time()):
                raise RefusedRequest(401, "the signature does not fit, or is too old")
            given = signature.once(delivery.headers) or given
        return None if given is None else "web:" + sha256(f"{found.name}\0{given}".encode()).hexdigest()

    # --- what strangers may take --------------------------------------------------------------------------------------

    def _expect_patience(self, request: Request) -> None:
        if wait := self.addresses.take(network(request.address), time.monotonic()):
            raise too_many(wait)

    async def _even(self, asked: Awaitable[T]) -> T:
        """What is unknown takes as long as it may ever take to find out. Raises `RefusedRequest`."""
        until = time.monotonic() + _EVEN
        try:
            return await asked
        except (UnknownToken, UnknownRun):  # the latter: it was deleted meanwhile
            await asyncio.sleep(max(0.0, until - time.monotonic()))
            raise RefusedRequest(404, _NOBODY) from None
        except BadPayload as bad:
            raise RefusedRequest(422, str(bad)) from bad
        except StoreError as error:  # its sentence names the store
            raise RefusedRequest(503, "it cannot be delivered now; try again", {"Retry-After": "5"}) from error
