"""Events as one line of JSON each: what a store keeps, and what a person reads with redis-cli.

Tags are short texts of tables of our own, never class names. Fields that are at their default are left out, and
unknown fields are ignored, so that fields can be added. Values inside stay the JSON that the codec made of them.
Knows no class of a user and gives no value a meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import assert_never

import orjson

from yieldflow.codec.parts import (
    Raw,
    given,
    pack_command,
    pack_failure,
    pack_outcome,
    read_answer,
    read_command,
    read_ending,
    read_failure,
    read_raw,
    unknown,
)
from yieldflow.codec.strict import Packed, flag, labels, number, number_or, numbers, text, text_or, word
from yieldflow.codec.upcasts import today
from yieldflow.core.events import (
    AttemptFailed,
    CancelRequested,
    Cause,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    Event,
    ForkOf,
    HookReceived,
    Limits,
    Next,
    Parent,
    Reason,
    RetryOf,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
)
from yieldflow.core.path import Path, parse, show
from yieldflow.errors import Undecodable, shortened

_LIMITS = RunStarted(0, "", "", b"", b"").limits
_REASONS: tuple[Reason, ...] = ("raised", "timeout", "lost")
_BROKEN = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def pack(event: Event) -> bytes:
    return orjson.dumps(_event(event))


def unpack(data: bytes) -> Event:
    """Raises `Undecodable`."""
    try:
        packed = orjson.loads(data)
        read = _EVENTS.get(packed["e"])
        if read is None:
            packed = today(packed)
            read = _EVENTS.get(packed["e"])
        if read is not None:
            return read(packed)
    except _BROKEN as error:
        reason = f"{type(error).__name__}: {shortened(str(error), 200)}; {data[:200]!r}"
        raise Undecodable("the event", "an event", reason) from None
    raise unknown("event", packed["e"])


# --- events ------------------------------------------------------------------------------------------


def _event(event: Event) -> Packed:
    match event:
        case CommandIssued():
            return {"e": "issued", "at": event.at, "path": show(event.path), "command": pack_command(event.command)}
        case CommandResolved():
            return _resolved(event)
        case RunStarted():
            return _started(event)
        case AttemptFailed():
            return _attempt_failed(event)
        case CommandAbandoned(at, path):
            return {"e": "abandoned", "at": at, "path": show(path)}
        case HookReceived(at, name, payload, key, by):
            return {"e": "received", "at": at, "hook": name, "payload": Raw(payload), "key": key, **_by(by)}
        case CancelRequested(at, key, reason, by):
            return {"e": "cancel", "at": at, "key": key, **_reason(reason), **_by(by)}
        case RunPaused(at, by, reason):
            return {"e": "paused", "at": at, **_reason(reason), **_by(by)}
        case RunResumed(at, by):
            return {"e": "resumed", "at": at, **_by(by)}
        case RunFinished(at, outcome, origin):
            came = {} if origin is None else {"origin": show(origin)}
            return {"e": "finished", "at": at, **pack_outcome(outcome), **came}
        case _:
            assert_never(event)


def _by(by: str | None) -> Packed:
    return {} if by is None else {"by": by}


def _reason(reason: str | None) -> Packed:
    return {} if reason is None else {"reason": reason}


def _started(event: RunStarted) -> Packed:
    out = {"e": "started", "at": event.at, "run": event.run_id, "workflow": event.workflow}
    out |= {"arguments": Raw(event.arguments), "seed": event.seed.hex()}
    out |= given(
        ("queue", event.queue, "yieldflow"),
        ("version", event.version, None),
        ("tags", dict(event.tags), {}),
        ("deadline", event.deadline, None),
        ("anew", event.anew, ()),
        ("base_url", event.base_url, None),
    )
    if event.parent is not None:
        out["parent"] = _parent(event.parent)
    if event.cause is not None:
        out["cause"] = _cause(event.cause)
    if event.limits != _LIMITS:
        out["limits"] = _limits(event.limits)
    if event.token_seed is not None:
        out["token_seed"] = event.token_seed.hex()
    if event.inbox:
        out["inbox"] = {name: list(map(Raw, payloads)) for name, payloads in event.inbox.items()}
    if event.data:
        out["data"] = {key: Raw(value) for key, value in event.data.items()}
    if event.tokens:
        out["tokens"] = dict(event.tokens)
    return out


def _read_started(packed: Packed) -> RunStarted:
    return RunStarted(
        at=number(packed, "at"),
        run_id=text(packed, "run"),
        workflow=text(packed, "workflow"),
        arguments=orjson.dumps(packed["arguments"]),
        seed=bytes.fromhex(packed["seed"]),
        queue=text_or(packed, "queue", "yieldflow"),
        version=text_or(packed, "version", None),
        parent=_read_parent(packed["parent"]) if "parent" in packed else None,
        cause=_read_cause(packed["cause"]) if "cause" in packed else None,
        tags=labels(packed, "tags"),
        deadline=number_or(packed, "deadline", None),
        limits=_read_limits(packed["limits"]) if "limits" in packed else _LIMITS,
        base_url=text_or(packed, "base_url", None),
        token_seed=bytes.fromhex(packed["token_seed"]) if "token_seed" in packed else None,
        inbox={name: tuple(map(orjson.dumps, payloads)) for name, payloads in packed.get("inbox", {}).items()},
        data={key: orjson.dumps(value) for key, value in packed.get("data", {}).items()},
        anew=numbers(packed, "anew"),
        tokens=labels(packed, "tokens"),
    )


def _parent(parent: Parent) -> Packed:
    return {"run": parent.run_id, "path": show(parent.path), **given(("detached", parent.detached, False))}


def _read_parent(packed: Packed) -> Parent:
    return Parent(text(packed, "run"), parse(packed["path"]), flag(packed, "detached"))


def _limits(limits: Limits) -> Packed:
    return given(
        ("lease", limits.lease, _LIMITS.lease),
        ("step_queue", limits.step_queue, None),
        ("inbox", limits.inbox, _LIMITS.inbox),
        ("history", limits.history, _LIMITS.history),
        ("history_bytes", limits.history_bytes, _LIMITS.history_bytes),
        ("history_warn", limits.history_warn, _LIMITS.history_warn),
    )


def _read_limits(packed: Packed) -> Limits:
    return Limits(
        lease=number_or(packed, "lease", _LIMITS.lease),
        step_queue=text_or(packed, "step_queue", None),
        inbox=number_or(packed, "inbox", _LIMITS.inbox),
        history=number_or(packed, "history", _LIMITS.history),
        history_bytes=number_or(packed, "history_bytes", _LIMITS.history_bytes),
        history_warn=number_or(packed, "history_warn", _LIMITS.history_warn),
    )


def _cause(cause: Cause) -> Packed:
    match cause:
        case Next(run_id):
            return {"is": "next", "run": run_id}
        case RetryOf(run_id, position, fork):
            more = {} if fork is None else {"fork": _cause(fork)}
            return {"is": "retry", "run": run_id, "position": position, **more}
        case ForkOf(run_id, position, seed, before, replaced):
            more = {} if before is None else {"before": _cause(before)}
            other = {"replaced": [show(path) for path in replaced]} if replaced else {}
            return {"is": "fork", "run": run_id, "position": position, "seed": seed.hex(), **more, **other}
        case _:
            assert_never(cause)


def _read_cause(packed: Packed) -> Cause:
    match packed["is"]:
        case "next":
            return Next(text(packed, "run"))
        case "retry":
            fork = _read_fork(packed["fork"]) if "fork" in packed else None
            return RetryOf(text(packed, "run"), number(packed, "position"), fork)
        case "fork":
            return _read_fork(packed)
        case tag:
            raise unknown("cause", tag)


def _read_fork(packed: Packed) -> ForkOf:
    before = _read_fork(packed["before"]) if "before" in packed else None
    replaced = tuple(map(parse, packed.get("replaced", ())))
    return ForkOf(text(packed, "run"), number(packed, "position"), bytes.fromhex(packed["seed"]), before, replaced)


def _resolved(event: CommandResolved) -> Packed:
    out = {"e": "resolved", "at": event.at, "path": show(event.path), **pack_outcome(event.outcome)}
    if event.attempt:
        out["attempt"] = event.attempt
    return _worked(out, event)


def _worked(out: Packed, event: CommandResolved | AttemptFailed) -> Packed:
    if event.worker is not None:
        out["worker"] = event.worker
    if event.started_at is not None:
        out["started_at"] = event.started_at
    return out


def _read_resolved(packed: Packed) -> CommandResolved:
    return CommandResolved(
        number(packed, "at"),
        parse(packed["path"]),
        read_answer(packed),
        number_or(packed, "attempt", 0),
        text_or(packed, "worker", None),
        number_or(packed, "started_at", None),
    )


def _attempt_failed(event: AttemptFailed) -> Packed:
    out = {"e": "attempt", "at": event.at, "path": show(event.path), "attempt": event.attempt}
    out |= {"failure": pack_failure(event.failure), "retry_at": event.retry_at}
    if event.reason != "raised":
        out["reason"] = event.reason
    if event.heartbeat is not None:
        out["heartbeat"] = Raw(event.heartbeat)
    return _worked(out, event)


def _read_attempt_failed(packed: Packed) -> AttemptFailed:
    return AttemptFailed(
        at=number(packed, "at"),
        path=parse(packed["path"]),
        attempt=number(packed, "attempt"),
        failure=read_failure(packed["failure"]),
        retry_at=number(packed, "retry_at"),
        reason=word(packed, "reason", _REASONS),
        heartbeat=read_raw(packed, "heartbeat"),
        worker=text_or(packed, "worker", None),
        started_at=number_or(packed, "started_at", None),
    )


def _read_origin(packed: Packed) -> Path | None:
    return parse(packed["origin"]) if "origin" in packed else None


def _read_issued(packed: Packed) -> CommandIssued:
    return CommandIssued(number(packed, "at"), parse(packed["path"]), read_command(packed["command"]))


def _read_received(packed: Packed) -> HookReceived:
    at, payload, by = number(packed, "at"), orjson.dumps(packed["payload"]), text_or(packed, "by", None)
    return HookReceived(at, text(packed, "hook"), payload, text(packed, "key"), by)


def _read_cancel(packed: Packed) -> CancelRequested:
    reason, by = text_or(packed, "reason", None), text_or(packed, "by", None)
    return CancelRequested(number(packed, "at"), text(packed, "key"), reason, by)


def _read_paused(packed: Packed) -> RunPaused:
    return RunPaused(number(packed, "at"), text_or(packed, "by", None), text_or(packed, "reason", None))


_EVENTS: Mapping[str, Callable[[Packed], Event]] = {
    "started": _read_started,
    "issued": _read_issued,
    "resolved": _read_resolved,
    "attempt": _read_attempt_failed,
    "abandoned": lambda packed: CommandAbandoned(number(packed, "at"), parse(packed["path"])),
    "received": _read_received,
    "cancel": _read_cancel,
    "paused": _read_paused,
    "resumed": lambda packed: RunResumed(number(packed, "at"), text_or(packed, "by", None)),
    "finished": lambda packed: RunFinished(number(packed, "at"), read_ending(packed), _read_origin(packed)),
}
