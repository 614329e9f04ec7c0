"""What the API does: each operation is a verb of `App`, and its answer a JSON document.

Raises what the app raises; which status that is, is said elsewhere.
"""

from __future__ import annotations

import re
from asyncio import sleep
from collections.abc import Callable, Iterable
from functools import partial
from hashlib import sha256
from time import monotonic
from typing import Any

from yieldflow.app import App
from yieldflow.core.chain import chain_of
from yieldflow.core.events import Event
from yieldflow.core.outcome import Cancelled, ContinuedAs, Ending, Err, Ok
from yieldflow.errors import UsageError
from yieldflow.given import instant_of
from yieldflow.inspection import look, read
from yieldflow.inspection.document import document, event_document, run_document
from yieldflow.inspection.phrases import kind
from yieldflow.inspection.plain import plain
from yieldflow.inspection.reading import Moment, ending
from yieldflow.inspection.tokens import chosen_tokens
from yieldflow.inspection.variables import PLAIN, Veil
from yieldflow.inspection.words import all_told
from yieldflow.ports import Summary
from yieldflow.web.asked import Asked
from yieldflow.web.calling import called, span
from yieldflow.web.desk import Desk
from yieldflow.web.discreet import reason_of, why_of
from yieldflow.web.masking import veiled_document
from yieldflow.web.responses import opened

_PAGE = 1_000  # events
_SHORTEST, _LONGEST = 0.02, 1.0  # seconds between two looks at a run that is waited for


async def start(desk: Desk, asked: Asked) -> Any:
    handle = await desk.ask(partial(_started, desk.app, asked))
    return {"run_id": handle}


async def page(desk: Desk, asked: Asked) -> Any:
    return await desk.ask(partial(_page, desk.app, asked))


async def get(desk: Desk, asked: Asked) -> Any:
    return await desk.ask(lambda: _listed(desk.app.get(asked.path["run_id"]).summary(), asked))


async def history(desk: Desk, asked: Asked) -> Any:
    return await desk.ask(partial(_history, desk.app, asked))


async def inspection(desk: Desk, asked: Asked) -> Any:
    chain, _ = chain_of(asked.path["run_id"])
    return await desk.look(chain, partial(_inspection, desk.app, asked))  # it replays


async def result(desk: Desk, asked: Asked) -> Any:
    """Looks after a tenth of the time it has waited: an await holds no thread."""
    run_id, began = asked.path["run_id"], monotonic()
    patience = min(asked.query.get("wait", 0.0), desk.bounds.longest_wait)
    look: Callable[[], Ending | None] = partial(ending, desk.app.store, run_id)
    with desk.waiting():
        end = await desk.ask(look)
        while end is None and (waited := monotonic() - began) < patience:
            await sleep(min(_LONGEST, max(_SHORTEST, waited / 10), patience - waited))
            end = await desk.ask(look)
    return _fit(_ended(desk.app, run_id, end, asked), asked)


async def send(desk: Desk, asked: Asked) -> Any:
    run_id, hook = asked.path["run_id"], asked.path["hook"]
    position = await desk.ask(lambda: desk.app.send(run_id, hook, asked.body, key=asked.key))
    return {"run_id": run_id, "position": position}


async def cancel(desk: Desk, asked: Asked) -> Any:
    body = asked.body or {}
    return await _done(
        desk, asked, lambda run: desk.app.cancel(run, body.get("reason"), again=body.get("again", False))
    )


async def pause(desk: Desk, asked: Asked) -> Any:
    return await _done(desk, asked, lambda run: desk.app.pause(run, (asked.body or {}).get("reason")))


async def resume(desk: Desk, asked: Asked) -> Any:
    return await _done(desk, asked, desk.app.resume)


async def terminate(desk: Desk, asked: Asked) -> Any:
    return await _done(desk, asked, lambda run: desk.app.terminate(run, (asked.body or {}).get("reason")))


async def retry(desk: Desk, asked: Asked) -> Any:
    return await _done(desk, asked, desk.app.retry)


async def _done(desk: Desk, asked: Asked, verb: Callable[[str], object]) -> Any:
    run_id = asked.path["run_id"]
    await desk.ask(lambda: verb(run_id))
    return {"run_id": run_id}


# --- in a thread -------------------------------------------------------------------------------------------------


def _started(app: App, asked: Asked) -> str:
    """Raises `UnknownTarget`, and what `App.start` raises."""
    body, run_id = asked.body, asked.body.get("run_id")
    call = called(app, body["workflow"], body.get("args", []), body.get("kwargs", {}))
    if run_id is None and asked.key is not None:
        digest = sha256(f"{call.definition.name}\0{asked.key}".encode()).hexdigest()
        run_id = f"{call.definition.fn.__name__}-{digest[:22]}"
    return app.start(call, run_id=run_id, tags=body.get("tags"), timeout=span("timeout", body.get("timeout"))).run_id


def _page(app: App, asked: Asked) -> dict[str, Any]:
    wish = asked.query
    _, now = app.store.next_alarm()
    found = app.runs(
        status=wish.get("status"),
        workflow=wish.get("workflow"),
        tag=_tags(wish.get("tag", [])),
        since=instant_of("since", wish.get("since"), now),
        until=instant_of("until", wish.get("until"), now),
        oldest_first=wish.get("oldest_first", False),
        limit=wish.get("limit", 100),
        cursor=wish.get("cursor"),
    )
    return {"runs": [_listed(one, asked) for one in found.runs], "cursor": found.cursor}


def _listed(summary: Summary, asked: Asked) -> dict[str, Any]:
    listed, note = run_document(summary), summary.note
    if note is not None and not _shows_others(asked):
        listed["blocked"] = reason_of(note.reason, shows_payloads=False)
    return _fit(listed, asked)


def _shows_others(asked: Asked) -> bool:
    """Values in why a run is blocked whose tokens are not at hand."""
    return asked.shows_payloads and asked.may_change


def _fit(found: dict[str, Any], asked: Asked, log: Iterable[Event] = ()) -> dict[str, Any]:
    """For whoever asks: one who may only look is shown nothing that answers a hook of this *log*."""
    return found if asked.may_change else veiled_document(found, chosen_tokens(log))


def _tags(texts: list[str]) -> dict[str, str]:
    """Raises `UsageError`."""
    found = [text.partition("=") for text in texts]
    tags = {name: value for name, equals, value in found if name and equals}
    if len(tags) < len(texts):
        raise UsageError("each tag is name=value, and a name is given once")
    return tags


def _history(app: App, asked: Asked) -> dict[str, Any]:
    wish = asked.query
    after, limit = wish.get("after", 0), wish.get("limit", _PAGE)
    log = app.get(asked.path["run_id"]).history(wish.get("generation"))
    told = all_told(log)
    events = [event_document(one, payloads=wish.get("payloads", False)) for one in told[after : after + limit]]
    found = {"events": events, "next": after + limit if len(told) > after + limit else None}
    return _fit(found, asked, log)


def _inspection(app: App, asked: Asked) -> dict[str, Any]:
    wish = asked.query
    veil = PLAIN if asked.shows_payloads else Veil(masks=("*",))
    known = read(app, asked.path["run_id"])
    seen = look(app, known, _moment(app, wish.get("at")), veil)
    found = document(seen, payloads=wish.get("payloads", False), tokens=wish.get("tokens", False), events=False)
    return _fit(found if _shows_others(asked) else _discreet(found, asked), asked, known.events)


def _discreet(found: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """Without the values in why one that it waits for is blocked; if they are hidden, nor in why the run is."""
    shows = asked.shows_payloads
    found["why"] = why_of(found["why"], shows_payloads=shows, shows_others=False)
    if found["code"] is not None and not shows:
        found["code"] = reason_of(found["code"], shows_payloads=False)
    for branch in found["branches"]:
        for one in branch["open"]:
            one["text"] = why_of(one["text"], shows_payloads=shows, shows_others=False)
    kin = list(found["children"])
    for child in kin:
        kin += child["children"]
        if child["blocked"] is not None:
            child["blocked"] = reason_of(child["blocked"], shows_payloads=False)
    return found


def _moment(app: App, text: str | None) -> Moment | None:
    if text is None or re.fullmatch(r"-?\d{1,18}", text):
        return None if text is None else int(text)
    _, now = app.store.next_alarm()
    return instant_of("at", text, now)


def _ended(app: App, run_id: str, end: Ending | None, asked: Asked) -> dict[str, Any]:
    match end:
        case None | ContinuedAs():
            return {"run_id": run_id, "status": "running"}
        case Ok() if not asked.shows_payloads:
            return {"run_id": run_id, "status": "completed"}
        case Ok(value):
            return {"run_id": run_id, "status": "completed", "result": plain(opened(app, value))}
        case Err(failure):
            error = {"type": kind(failure), "message": failure.message}
            return {"run_id": run_id, "status": "failed", "error": error}
        case Cancelled(reason):
            return {"run_id": run_id, "status": "cancelled", "reason": reason}
