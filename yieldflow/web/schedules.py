"""What the API does with schedules: each operation is a verb of `app.schedules`, and its answer a JSON document.

Raises what the app raises; which status that is, is said elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from yieldflow.app import App
from yieldflow.core.times import Millis
from yieldflow.errors import UsageError
from yieldflow.given import instant_of, time_to_come
from yieldflow.schedules.document import document, documents
from yieldflow.schedules.verbs import Schedule
from yieldflow.web.asked import Asked
from yieldflow.web.calling import called
from yieldflow.web.desk import Desk

LISTED = 50
_SAME = ("cron", "every", "tz", "overlap", "jitter", "catch_up", "limit")  # of a rule, as they come


async def add(desk: Desk, asked: Asked) -> Any:
    return {"schedule_id": await desk.ask(partial(_added, desk.app, asked.body))}


async def page(desk: Desk, asked: Asked) -> Any:
    return await desk.ask(partial(_page, desk.app, asked.query))


async def get(desk: Desk, asked: Asked) -> Any:
    return await desk.ask(lambda: document(_of(desk, asked).show()))


async def update(desk: Desk, asked: Asked) -> Any:
    return await _done(desk, asked, partial(_updated, asked.body))


async def pause(desk: Desk, asked: Asked) -> Any:
    return await _done(desk, asked, lambda one: one.pause((asked.body or {}).get("reason")))


async def resume(desk: Desk, asked: Asked) -> Any:
    return await _done(desk, asked, Schedule.resume)


async def delete(desk: Desk, asked: Asked) -> Any:
    return await _done(desk, asked, Schedule.delete)


async def trigger(desk: Desk, asked: Asked) -> Any:
    return {"run_id": await desk.ask(lambda: _of(desk, asked).trigger(key=asked.key))}


async def backfill(desk: Desk, asked: Asked) -> Any:
    return {"run_ids": await desk.ask(partial(_filled, desk, asked))}


async def _done(desk: Desk, asked: Asked, verb: Callable[[Schedule], None]) -> Any:
    await desk.ask(lambda: verb(_of(desk, asked)))
    return {"schedule_id": asked.path["schedule_id"]}


# --- in a thread -------------------------------------------------------------------------------------------------


def _of(desk: Desk, asked: Asked) -> Schedule:
    """Raises `UnknownSchedule`."""
    return desk.app.schedules.get(asked.path["schedule_id"])


def _added(app: App, body: Mapping[str, Any]) -> str:
    call = called(app, body["workflow"], body.get("args", []), body.get("kwargs", {}))
    return app.schedule(call, schedule_id=body.get("schedule_id"), **_rule(body)).schedule_id


def _updated(body: Mapping[str, Any], one: Schedule) -> None:
    """Raises `UsageError`, if nothing is to be changed."""
    given = _rule(body)
    if not given:
        raise UsageError("say what to change, such as cron or overlap")
    one.update(**given)


def _rule(body: Mapping[str, Any]) -> dict[str, Any]:
    """What was given of it, with times as such. Raises `UsageError`."""
    given = {name: body[name] for name in _SAME if name in body}
    given |= {name: time_to_come(name, body[name]) for name in ("start", "end") if name in body}
    return given | ({"at": [time_to_come("at", one) for one in body["at"]]} if "at" in body else {})


def _instant(name: str, text: str, now: Millis) -> datetime:
    """Of what has passed. Raises `UsageError`."""
    found = instant_of(name, text, now)
    assert found is not None
    return found


def _page(app: App, wish: Mapping[str, Any]) -> dict[str, Any]:
    """By their ids; the cursor is the last id."""
    limit, after = wish.get("limit", LISTED), wish.get("cursor", "")
    known = [one for one in app.schedules.list(ended=wish.get("ended", False)) if one.schedule_id > after]
    return {
        "schedules": list(documents(known[:limit])),
        "cursor": known[limit - 1].schedule_id if len(known) > limit else None,
    }


def _filled(desk: Desk, asked: Asked) -> list[str]:
    one, body, now = _of(desk, asked), asked.body, desk.app.workshop.now()
    return list(one.backfill(_instant("since", body["since"], now), _instant("until", body["until"], now)))
