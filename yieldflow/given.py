"""Values as somebody outside writes them, on a command line or in a request: JSON, the arguments of a call, moments.

Says in one sentence what cannot be meant. Knows no command, no request and no store.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from yieldflow.authoring.workflow import Workflow
from yieldflow.core.asks import WorkflowCall, WorkflowDefinition
from yieldflow.core.times import Millis, duration, moment
from yieldflow.core.values import Codec
from yieldflow.errors import BadArguments, Undecodable, UsageError, error, shortened, shown


@error
class BadJson(UsageError):
    place: str
    text: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place} is not JSON ({self.reason}): {shortened(self.text, 60)}"


def parse(place: str, text: str) -> Any:
    """Raises `BadJson`."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_int=_whole)
    except RecursionError as error:
        raise BadJson(place, text, "it is nested too deep") from error
    except ValueError as error:
        quoted = json.dumps(text, ensure_ascii=False)
        is_word = len(text) <= 60 and text.isprintable() and not text.startswith(("{", "[", '"')) and "'" not in text
        reason = f"strings need quotes, '{quoted}'" if is_word else str(error)
        raise BadJson(place, text, reason) from error


def call_of(
    definition: WorkflowDefinition, args: Sequence[Any], kwargs: Mapping[str, Any], codec: Codec, name: str
) -> WorkflowCall[Any]:
    """With arguments of JSON, read as its types say; *name*: its own in a sentence. Raises `BadArguments`."""
    try:
        arguments = codec.decode_arguments(json.dumps([args, kwargs]).encode(), definition.parameters)
        return Workflow[..., Any](definition)(*arguments.args, **arguments.kwargs)
    except (Undecodable, TypeError) as error:
        reason = str(error).removeprefix(f"{definition.fn.__qualname__}(): ")
        raise BadArguments(name, reason) from error


def span_of(text: str) -> Millis:
    """A duration: "30s", "2 days", or seconds. Raises `UsageError`."""
    try:
        return duration(float(text) if text.replace(".", "", 1).isdigit() else text)
    except ValueError as error:
        raise UsageError(str(error)) from error


def instant_of(option: str, text: str | None, now: Millis) -> datetime | None:
    """So long before *now*, or a moment: UTC where no zone is said. Raises `UsageError`."""
    if text is None:
        return None
    try:
        return moment(now - span_of(text.removesuffix("ago").rstrip()))
    except UsageError as error:
        try:
            return time_of(text)
        except ValueError:
            raise UsageError(f"{option}: {error}, nor is it a time such as 2026-01-31T12:00") from error
    except (OverflowError, ValueError) as error:
        raise UsageError(f"{option} {shortened(text, 60)} is too long ago") from error


def time_to_come(option: str, text: str) -> datetime:
    """A moment alone: "2h" would be two hours ago. Raises `UsageError`."""
    try:
        return time_of(text)
    except ValueError:
        raise UsageError(f"{option}: {shown(text)} is no time such as 2026-01-31T12:00") from None


def time_of(text: str) -> datetime:
    """ISO 8601, in UTC where no zone is said, as on all screens. Raises ValueError."""
    at = datetime.fromisoformat(text.removesuffix(" UTC"))
    return at if at.utcoffset() is not None else at.replace(tzinfo=UTC)


def _whole(digits: str) -> int:
    """Larger ones would silently be rounded on their way."""
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**64:
        raise ValueError(f"a number of {len(digits):,} digits is too large for JSON; write it as a string")
    return int(digits)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")
