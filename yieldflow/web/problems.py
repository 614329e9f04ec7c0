"""Which status an error is over HTTP, what it is called there, and what is said of it."""

from __future__ import annotations

import re

from yieldflow.errors import (
    HookTokenTaken,
    InboxFull,
    NotFailed,
    NotFoundError,
    RunEnded,
    RunExists,
    StoreError,
    UnknownRun,
    UnknownTarget,
    UsageError,
    YieldflowError,
    shortened,
    shown,
)
from yieldflow.schedules.verbs import ScheduleExists, UnknownSchedule
from yieldflow.web.http import RefusedRequest


def status_of(error: YieldflowError) -> int:
    match error:
        case NotFoundError():
            return 404
        case RunExists() | RunEnded() | NotFailed() | ScheduleExists() | HookTokenTaken():
            return 409
        case InboxFull():
            return 429
        case UsageError():
            return 422
        case StoreError():
            return 503
        case _:
            return 500


def headers_of(status: int) -> dict[str, str]:
    return {"Retry-After": "5"} if status in (429, 503) else {}


def name_of(error: YieldflowError) -> str:
    """Its class in small letters."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()


def sentence_of(error: YieldflowError) -> str:
    """For somebody who has no shell there."""
    match error:
        case UnknownRun(run_id=run_id):
            return f"there is no run {shown(run_id)}; GET /runs lists those that there are"
        case UnknownSchedule(schedule_id=schedule_id):
            return f"there is no schedule {shown(schedule_id)}; GET /schedules lists those that there are"
        case UnknownTarget(target=target, reason=reason):
            return f"{shown(target)} cannot be started: {reason}"
        case _:
            return shortened(str(error), _LONGEST)


def name_of_refusal(refused: RefusedRequest) -> str:
    """Its own, or that of its status."""
    return refused.name or _NAMES.get(refused.status, "refused")


_LONGEST = 2_000  # characters of a sentence
_NAMES = {
    400: "malformed",
    401: "not-let-in",
    404: "not-found",
    405: "wrong-method",
    408: "too-slow",
    413: "too-large",
    415: "wrong-media",
    421: "wrong-host",
    422: "unfit",
    429: "too-many",
    431: "too-large",
    503: "unavailable",
}
