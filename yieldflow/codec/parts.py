"""The values inside events as JSON: commands, options, outcomes, failures. See `packing`.

Names in a failure are texts to compare, never to import.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeAlias, assert_never

import orjson

from yieldflow.core.commands import (
    CallStep,
    ChildOptions,
    MarkPatch,
    OpenHook,
    Receive,
    Recorded,
    Send,
    SetData,
    Sleep,
    StartChild,
    StepOptions,
)
from yieldflow.core.outcome import Answer, Cancelled, ContinuedAs, Ending, Err, Expired, Failure, Ok, Taken
from yieldflow.core.retry import Retry
from yieldflow.core.times import After, At, End, duration
from yieldflow.errors import Undecodable, shown

Packed: TypeAlias = dict[str, Any]
Raw: TypeAlias = orjson.Fragment  # bytes that are JSON already

_OPTIONS = CallStep("", b"").options  # the very ones: they need no check when they are read
_CHILD = StartChild("", b"").options
_RETRY = Retry()


def unknown(what: str, tag: object) -> Undecodable:
    return Undecodable(
        "the event", "an event", f"the {what} {shown(tag)} is not known here; a newer yieldflow wrote it?"
    )


def given(*fields: tuple[str, Any, Any]) -> Packed:
    """(key, value, default) of each field that is not at its default."""
    return {key: value for key, value, default in fields if value != default}


def read_raw(packed: Packed, key: str) -> bytes | None:
    return orjson.dumps(packed[key]) if key in packed else None


# --- commands ------------------------------------------------------------------------------------------


def pack_command(command: Recorded) -> Packed:
    match command:
        case CallStep(name, arguments, options):
            out = {"do": "step", "name": name, "arguments": Raw(arguments)}
            return out if options == _OPTIONS else {**out, "options": _options(options)}
        case Sleep(end):
            return {"do": "sleep", **_end(end)}
        case OpenHook(name):
            return {"do": "hook", "name": name}
        case Receive(hook, timeout):
            return {"do": "receive", "hook": hook, **(_end(timeout) if timeout is not None else {})}
        case SetData(key, value):
            return {"do": "set", "key": key, "value": Raw(value)}
        case MarkPatch(change_id):
            return {"do": "patch", "id": change_id}
        case StartChild(workflow, arguments, detached, version, options):
            out = {"do": "child", "workflow": workflow, "arguments": Raw(arguments)}
            out |= given(("detached", detached, False), ("version", version, None))
            return out if options == _CHILD else {**out, "options": _child_options(options)}
        case Send(run_id, hook, payload):
            return {"do": "send", "run": run_id, "hook": hook, "payload": Raw(payload)}
        case _:
            assert_never(command)


def read_command(packed: Packed) -> Recorded:
    match packed["do"]:
        case "step":
            options = _read_options(packed["options"]) if "options" in packed else _OPTIONS
            return CallStep(packed["name"], orjson.dumps(packed["arguments"]), options)
        case "sleep":
            return Sleep(_read_end(packed))
        case "hook":
            return OpenHook(packed["name"])
        case "receive":
            timeout = _read_end(packed) if "for" in packed or "until" in packed else None
            return Receive(packed["hook"], timeout)
        case "set":
            return SetData(packed["key"], orjson.dumps(packed["value"]))
        case "patch":
            return MarkPatch(packed["id"])
        case "child":
            return _read_child(packed)
        case "send":
            return Send(packed["run"], packed["hook"], orjson.dumps(packed["payload"]))
        case tag:
            raise unknown("command", tag)


def _read_child(packed: Packed) -> StartChild:
    detached, version = packed.get("detached", False), packed.get("version")
    options = _read_child_options(packed["options"]) if "options" in packed else _CHILD
    return StartChild(packed["workflow"], orjson.dumps(packed["arguments"]), detached, version, options)


def _child_options(options: ChildOptions) -> Packed:
    return given(
        ("run", options.run_id, None),
        ("tags", dict(options.tags), {}),
        ("timeout", options.timeout, None),
        ("queue", options.queue, None),
        ("on_parent_close", options.on_parent_close, _CHILD.on_parent_close),
    )


def _read_child_options(packed: Packed) -> ChildOptions:
    return ChildOptions(
        run_id=packed.get("run"),
        tags=packed.get("tags", {}),
        timeout=packed.get("timeout"),
        queue=packed.get("queue"),
        on_parent_close=packed.get("on_parent_close", _CHILD.on_parent_close),
    )


def _end(end: End) -> Packed:
    match end:
        case After(millis):
            return {"for": millis}
        case At(instant):
            return {"until": instant}
        case _:
            assert_never(end)


def _read_end(packed: Packed) -> End:
    return At(packed["until"]) if "until" in packed else After(packed["for"])


def _options(options: StepOptions) -> Packed:
    out = given(
        ("queue", options.queue, None),
        ("attempts", options.attempts, _OPTIONS.attempts),
        ("lost", options.lost, _OPTIONS.lost),
        ("timeout", options.timeout, None),
        ("lease", options.lease, None),
        ("heartbeat", options.heartbeat, None),
        ("label", options.label, None),
        ("local", options.local, False),
    )
    return out if options.retry is None else {**out, "retry": _retry(options.retry)}


def _read_options(packed: Packed) -> StepOptions:
    return StepOptions(
        queue=packed.get("queue"),
        attempts=packed.get("attempts", _OPTIONS.attempts),
        lost=packed.get("lost", _OPTIONS.lost),
        timeout=packed.get("timeout"),
        lease=packed.get("lease"),
        heartbeat=packed.get("heartbeat"),
        label=packed.get("label"),
        local=packed.get("local", False),
        retry=_read_retry(packed["retry"]) if "retry" in packed else None,
    )


def _retry(retry: Retry) -> Packed:
    return given(
        ("attempts", retry.attempts, _RETRY.attempts),
        ("delay", duration(retry.delay), duration(_RETRY.delay)),
        ("factor", retry.factor, _RETRY.factor),
        ("max_delay", duration(retry.max_delay), duration(_RETRY.max_delay)),
        ("jitter", retry.jitter, _RETRY.jitter),
        ("retry_on", retry.retry_on, _RETRY.retry_on),
        ("give_up_on", retry.give_up_on, _RETRY.give_up_on),
        ("lost", retry.lost, _RETRY.lost),
    )


def _read_retry(packed: Packed) -> Retry:
    return Retry(
        attempts=packed.get("attempts", _RETRY.attempts),
        delay=_span(packed, "delay", _RETRY.delay),
        factor=packed.get("factor", _RETRY.factor),
        max_delay=_span(packed, "max_delay", _RETRY.max_delay),
        jitter=packed.get("jitter", _RETRY.jitter),
        retry_on=tuple(packed.get("retry_on", _RETRY.retry_on)),
        give_up_on=tuple(packed.get("give_up_on", _RETRY.give_up_on)),
        lost=packed.get("lost", _RETRY.lost),
    )


def _span(packed: Packed, name: str, default: timedelta) -> timedelta:
    return timedelta(milliseconds=packed[name]) if name in packed else default


# --- outcomes ------------------------------------------------------------------------------------------


def pack_outcome(outcome: Answer | Ending) -> Packed:
    match outcome:
        case Ok(value):
            return {"is": "ok", "value": Raw(value)}
        case Err(failure):
            return {"is": "error", "failure": pack_failure(failure)}
        case Expired():
            return {"is": "expired"}
        case Taken(position):
            return {"is": "taken", "position": position}
        case Cancelled(reason, forced):
            return {"is": "cancelled", **given(("reason", reason, None), ("forced", forced, False))}
        case ContinuedAs(run_id, workflow, arguments, version, cancel):
            out = {"is": "continued", "run": run_id, "workflow": workflow, "arguments": Raw(arguments)}
            return {**out, **given(("version", version, None), ("cancel", cancel, None))}
        case _:
            assert_never(outcome)


def read_answer(packed: Packed) -> Answer:
    match packed["is"]:
        case "ok":
            return Ok(orjson.dumps(packed["value"]))
        case "error":
            return Err(read_failure(packed["failure"]))
        case "expired":
            return Expired()
        case "taken":
            return Taken(packed["position"])
        case "cancelled":
            return Cancelled(packed.get("reason"), packed.get("forced", False))
        case tag:
            raise unknown("answer", tag)


def read_ending(packed: Packed) -> Ending:
    match packed["is"]:
        case "ok":
            return Ok(orjson.dumps(packed["value"]))
        case "error":
            return Err(read_failure(packed["failure"]))
        case "cancelled":
            return Cancelled(packed.get("reason"), packed.get("forced", False))
        case "continued":
            arguments = orjson.dumps(packed["arguments"])
            cancel = tuple(packed["cancel"]) if "cancel" in packed else None
            return ContinuedAs(packed["run"], packed["workflow"], arguments, packed.get("version"), cancel)
        case tag:
            raise unknown("end", tag)


def pack_failure(failure: Failure) -> Packed:
    out: Packed = {"names": failure.names, "message": failure.message}
    if failure.args is not None:
        out["args"] = Raw(failure.args)
    if failure.state is not None:
        out["state"] = Raw(failure.state)
    if failure.traceback is not None:
        out["traceback"] = failure.traceback
    if failure.cause is not None:
        out["cause"] = pack_failure(failure.cause)
    return out


def read_failure(packed: Packed) -> Failure:
    return Failure(
        names=tuple(packed["names"]),
        message=packed["message"],
        args=read_raw(packed, "args"),
        state=read_raw(packed, "state"),
        traceback=packed.get("traceback"),
        cause=read_failure(packed["cause"]) if "cause" in packed else None,
    )
