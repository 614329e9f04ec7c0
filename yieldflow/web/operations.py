"""The API as one table: what is routed, checked and published comes from it.

An operation says its method, path, parameters, body and answers; what it does is a function of the app.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeAlias, get_args

from attrs import field, frozen

from yieldflow.ports import Status
from yieldflow.web import runs
from yieldflow.web.asked import Asked
from yieldflow.web.desk import Desk
from yieldflow.web.schema import ANY, FLAG, INSTANT, NUMBER, TEXT, WHOLE, Schema, listed, mapped, maybe, record

Do: TypeAlias = Callable[[Desk, Asked], Awaitable[Any]]

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


@frozen
class Parameter:
    """*place*: in the path, the query or a header. A list comes as a name that is given several times."""

    name: str
    place: Literal["path", "query", "header"]
    schema: Schema
    text: str

    @property
    def required(self) -> bool:
        return self.place == "path"


@frozen
class Operation:
    """*body*: schema of what has to be sent, if anything; an optional one may be left out. *refusals*: statuses besides
    those that all have.
    """

    name: str
    method: Literal["GET", "POST"]
    path: str
    text: str
    do: Do
    answers: tuple[int, Schema]
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = None
    needs_body: bool = False
    refusals: tuple[int, ...] = field(default=())

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(self.path.split("/")[1:])


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
            {
                "args": listed(ANY),
                "kwargs": mapped(ANY),
                "run_id": TEXT,
                "tags": mapped(TEXT),
                "timeout": {"anyOf": [TEXT, NUMBER]},
            },
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
)
