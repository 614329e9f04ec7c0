"""The API as one table: what is routed, checked and published comes from it.

An operation says its method, path, parameters, body and answers; what it does is a function of the app.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from yieldflow.ports import Status
from yieldflow.schedules.plan import Overlap
from yieldflow.schedules.verbs import Standing
from yieldflow.web import runs, schedules
from yieldflow.web.operation import Do, Operation, Parameter
from yieldflow.web.schema import ANY, FLAG, INSTANT, NUMBER, TEXT, WHOLE, Schema, listed, mapped, maybe, record

_STATUS: Schema = {"type": "string", "enum": list(get_args(Status))}
_RUN = record(
    {
        "run_id": TEXT,
        "status": _STATUS,
        "workflow": TEXT,
        "queue": TEXT,
        "started_at": INSTANT,
        "finished_at": maybe(INSTANT),
        "tags": mapped(TEXT),
        "parent": maybe(TEXT),
        "blocked": maybe(TEXT),
    }
)
_NAMED = record({"run_id": TEXT})
_ENDED = record(
    {"run_id": TEXT, "status": {"type": "string", "enum": ["running", "completed", "failed", "cancelled"]}},
    {"result": ANY, "error": record({"type": TEXT, "message": TEXT}), "reason": maybe(TEXT)},
)
_EVENT = record(
    {"position": WHOLE, "at": INSTANT, "event": TEXT}, {"path": TEXT, "name": TEXT, "text": TEXT, "value": ANY}
)
_REASON = record({}, {"reason": maybe(TEXT)})
_SCHEDULE = record(
    {
        "schedule_id": TEXT,
        "standing": {"type": "string", "enum": list(get_args(Standing))},
        "reason": maybe(TEXT),
        "workflow": TEXT,
        "due": TEXT,
        "tz": TEXT,
        "overlap": TEXT,
        "next": listed(INSTANT),
        "started": WHOLE,
        "by_hand": WHOLE,
        "skipped": WHOLE,
        "missed": WHOLE,
        "waiting": listed(INSTANT),
        "recent": listed(record({"run_id": TEXT, "status": _STATUS})),
    }
)
_SPAN: Schema = {"anyOf": [TEXT, NUMBER]}
_RULE: Mapping[str, Schema] = {
    "cron": TEXT,
    "every": _SPAN,
    "at": listed(TEXT),
    "tz": TEXT,
    "overlap": {"type": "string", "enum": list(get_args(Overlap))},
    "jitter": _SPAN,
    "catch_up": _SPAN,
    "start": TEXT,
    "end": TEXT,
    "limit": WHOLE,
}
_CALL: Mapping[str, Schema] = {"args": listed(ANY), "kwargs": mapped(ANY)}


_ID = Parameter("run_id", "path", TEXT, "The id of a run; a slash in it is written %2F.")
_KEY = Parameter("Idempotency-Key", "header", TEXT, "The same again counts once.")
_PAYLOADS = Parameter("payloads", "query", FLAG, "Show arguments, answers, payloads and data, too.")
_LIMIT: Mapping[str, object] = {"type": "integer", "minimum": 1, "maximum": 500}
_FILTERS = (
    Parameter("status", "query", listed(_STATUS), "Any of these."),
    Parameter("workflow", "query", TEXT, "Of this workflow, as module:name."),
    Parameter("tag", "query", listed(TEXT), "With all of these, each as name=value."),
    Parameter("since", "query", TEXT, "Started since: a time of ISO 8601, or how long ago, such as 2d."),
    Parameter("until", "query", TEXT, "Started before."),
    Parameter("oldest_first", "query", FLAG, "Default: newest first."),
    Parameter("limit", "query", _LIMIT, "Of a page; default 100."),
    Parameter("cursor", "query", TEXT, "Of the page before."),
)


def _verb(name: str, text: str, do: Do, body: Schema | None = None) -> Operation:
    """Something that is done to one run."""
    return Operation(
        name, "POST", f"/runs/{{run_id}}/{name}", text, do, (202, _NAMED), (_ID,), body, refusals=(404, 409)
    )


_SCHEDULED = record({"schedule_id": TEXT})
_SCHEDULE_ID = Parameter("schedule_id", "path", TEXT, "The id of a schedule.")


def _of_schedule(
    name: str,
    text: str,
    do: Do,
    answer: Schema = _SCHEDULED,
    body: Schema | None = None,
    *,
    parameters: tuple[Parameter, ...] = (),
    needs_body: bool = False,
) -> Operation:
    """Something that is done to one schedule."""
    path = f"/schedules/{{schedule_id}}/{name}"
    known, refusals = (_SCHEDULE_ID, *parameters), (404, 409)
    return Operation(f"{name}_schedule", "POST", path, text, do, (202, answer), known, body, needs_body, refusals)


OPERATIONS = (
    Operation(
        "start",
        "POST",
        "/runs",
        "Start a run. With a run_id, or an Idempotency-Key, the same again answers the run that is there.",
        runs.start,
        (202, _NAMED),
        (_KEY,),
        record(
            {"workflow": TEXT},
            {**_CALL, "run_id": TEXT, "tags": mapped(TEXT), "timeout": _SPAN},
        ),
        needs_body=True,
        refusals=(404, 409),
    ),
    Operation(
        "list",
        "GET",
        "/runs",
        "Runs that fit, and the cursor of the next page.",
        runs.page,
        (200, record({"runs": listed(_RUN), "cursor": maybe(TEXT)})),
        _FILTERS,
    ),
    Operation("get", "GET", "/runs/{run_id}", "How a run stands.", runs.get, (200, _RUN), (_ID,), refusals=(404,)),
    Operation(
        "history",
        "GET",
        "/runs/{run_id}/history",
        "The events of its log, and the position after which the next page begins.",
        runs.history,
        (200, record({"events": listed(_EVENT), "next": maybe(WHOLE)})),
        (
            _ID,
            Parameter("generation", "query", {"type": "integer", "minimum": 1}, "Default: the newest."),
            Parameter("after", "query", {"type": "integer", "minimum": 0}, "A position."),
            Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 1000}, "Default 1000."),
            _PAYLOADS,
        ),
        refusals=(404,),
    ),
    Operation(
        "inspect",
        "GET",
        "/runs/{run_id}/inspection",
        "Where it stands and why, as `yieldflow inspect --json` says it.",
        runs.inspection,
        (200, {"type": "object"}),
        (
            _ID,
            Parameter("at", "query", TEXT, "A position, a time of ISO 8601, or how long ago."),
            _PAYLOADS,
            Parameter("tokens", "query", FLAG, "Show the tokens of its hooks: whoever has one can answer."),
        ),
        refusals=(404,),
    ),
    Operation(
        "result",
        "GET",
        "/runs/{run_id}/result",
        "How it ended; while it runs, its end is waited for.",
        runs.result,
        (200, _ENDED),
        (_ID, Parameter("wait", "query", {"type": "number", "minimum": 0, "maximum": 3600}, "Seconds; default 0.")),
        refusals=(404,),
    ),
    Operation(
        "send",
        "POST",
        "/runs/{run_id}/hooks/{hook}",
        "Deliver the body to a hook of a run, open already or not.",
        runs.send,
        (202, record({"run_id": TEXT, "position": WHOLE})),
        (_ID, Parameter("hook", "path", TEXT, "The name of a hook."), _KEY),
        ANY,
        needs_body=True,
        refusals=(404, 409),
    ),
    _verb("cancel", "Ask it to stop.", runs.cancel, record({}, {"reason": maybe(TEXT), "again": FLAG})),
    _verb("pause", "Tell it nothing until it is resumed.", runs.pause, _REASON),
    _verb("resume", "Go on with it.", runs.resume),
    _verb("terminate", "End it without asking it.", runs.terminate, _REASON),
    _verb("retry", "Go on with a failed run from its failure.", runs.retry),
    Operation(
        "add_schedule",
        "POST",
        "/schedules",
        "Start a workflow again and again, as one of cron, every and at says. The same again answers the one there is.",
        schedules.add,
        (202, _SCHEDULED),
        body=record({"workflow": TEXT}, {**_CALL, "schedule_id": TEXT, **_RULE}),
        needs_body=True,
        refusals=(404, 409),
    ),
    Operation(
        "list_schedules",
        "GET",
        "/schedules",
        "Schedules by their ids, and the cursor of the next page.",
        schedules.page,
        (200, record({"schedules": listed(_SCHEDULE), "cursor": maybe(TEXT)})),
        (
            Parameter("ended", "query", FLAG, "Also those that are over or deleted."),
            Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 100}, "Of a page; default 50."),
            Parameter("cursor", "query", TEXT, "Of the page before."),
        ),
    ),
    Operation(
        "get_schedule",
        "GET",
        "/schedules/{schedule_id}",
        "How a schedule stands, when it is due next, and what it has started.",
        schedules.get,
        (200, _SCHEDULE),
        (_SCHEDULE_ID,),
        refusals=(404,),
    ),
    _of_schedule(
        "update", "Change when it is due, or an option.", schedules.update, body=record({}, _RULE), needs_body=True
    ),
    _of_schedule("pause", "Start nothing by itself until it is resumed.", schedules.pause, body=_REASON),
    _of_schedule("resume", "Go on with what is due from now on.", schedules.resume),
    _of_schedule("trigger", "Start it now, whatever runs.", schedules.trigger, _NAMED, parameters=(_KEY,)),
    _of_schedule(
        "backfill",
        "Start what was due in a time that has passed, but for what was started.",
        schedules.backfill,
        record({"run_ids": listed(TEXT)}),
        record({"since": TEXT, "until": TEXT}),
        needs_body=True,
    ),
    _of_schedule("delete", "End it; what it has started goes on.", schedules.delete),
)
