"""Which status an error is over HTTP, and what it is called there."""

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
    UsageError,
    YieldflowError,
)
from yieldflow.schedules.verbs import ScheduleExists


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


def name_of_status(status: int) -> str:
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
