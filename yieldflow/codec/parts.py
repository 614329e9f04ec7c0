"""The values inside events as JSON: commands, options, outcomes, failures. See `packing`.

Names in a failure are texts to compare, never to import.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Any, Literal, TypeAlias, assert_never

import orjson

from yieldflow.codec.strict import Packed, flag, labels, number, number_or, share, text, text_or, texts, word
from yieldflow.core.commands import (
    CallStep,
    ChildOptions,
    MarkPatch,
    OpenHook,
    Receive,
    Recorded,
    Respond,
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

Raw: TypeAlias = orjson.Fragment  # bytes that are JSON already

_OPTIONS = CallStep("", b"").options
_CHILD = StartChild("", b"").options
_CLOSING: tuple[Literal["cancel", "abandon"], ...] = ("cancel", "abandon")
_RETRY = Retry()
_SHORT = 500  # bytes of options that are remembered
_DEEPEST = 200  # causes in causes; orjson writes no more than 254 levels


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
        case CallStep():
            return _call(command)
        case Sleep(end):
            return {"do": "sleep", **_end(end)}
        case OpenHook(name, token, response, within):
            out = {"do": "hook", "name": name, **given(("token", token, None), ("within", within, None))}
            return out if response is None else {**out, "response": Raw(response)}
        case Respond(hook, position, value):
            return {"do": "respond", "hook": hook, "position": position, "value": Raw(value)}
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


def _call(command: CallStep) -> Packed:
    out: Packed = {"do": "step", "name": command.name, "arguments": Raw(command.arguments)}
    if command.options is not _OPTIONS and command.options != _OPTIONS:
        out["options"] = _options(command.options)
    return out


def read_command(packed: Packed) -> Recorded:
    match packed["do"]:
        case "step":
            options = _known_options(packed["options"]) if "options" in packed else _OPTIONS
            return CallStep(text(packed, "name"), orjson.dumps(packed["arguments"]), options)
        case "sleep":
            return Sleep(_read_end(packed))
        case "hook":
            within = number_or(packed, "within", None)
            return OpenHook(text(packed, "name"), text_or(packed, "token", None), read_raw(packed, "response"), within)
        case "respond":
            return Respond(text(packed, "hook"), number(packed, "position"), orjson.dumps(packed["value"]))
        case "receive":
            timeout = _read_end(packed) if "for" in packed or "until" in packed else None
            return Receive(text(packed, "hook"), timeout)
        case "set":
            return SetData(text(packed, "key"), orjson.dumps(packed["value"]))
        case "patch":
            return MarkPatch(text(packed, "id"))
        case "child":
            return _read_child(packed)
        case "send":
            return Send(text(packed, "run"), text(packed, "hook"), orjson.dumps(packed["payload"]))
        case tag:
            raise unknown("command", tag)


def _read_child(packed: Packed) -> StartChild:
    detached, version = flag(packed, "detached"), text_or(packed, "version", None)
    options = _read_child_options(packed["options"]) if "options" in packed else _CHILD
    return StartChild(text(packed, "workflow"), orjson.dumps(packed["arguments"]), detached, version, options)


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
        run_id=text_or(packed, "run", None),
        tags=labels(packed, "tags"),
        timeout=number_or(packed, "timeout", None),
        queue=text_or(packed, "queue", None),
        on_parent_close=word(packed, "on_parent_close", _CLOSING),
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
    return At(number(packed, "until")) if "until" in packed else After(number(packed, "for"))


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


def _known_options(packed: Packed) -> StepOptions:
    """Each call of a step has the same: they are looked at once."""
    data = orjson.dumps(packed)
    return _remembered_options(data) if len(data) <= _SHORT else _read_options(packed)


@lru_cache(1_024)
def _remembered_options(data: bytes) -> StepOptions:
    return _read_options(orjson.loads(data))


def _read_options(packed: Packed) -> StepOptions:
    return StepOptions(
        queue=text_or(packed, "queue", None),
        attempts=_read_attempts(packed, _OPTIONS.attempts),
        lost=number_or(packed, "lost", _OPTIONS.lost),
        timeout=number_or(packed, "timeout", None),
        lease=number_or(packed, "lease", None),
        heartbeat=number_or(packed, "heartbeat", None),
        label=text_or(packed, "label", None),
        local=flag(packed, "local"),
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
        attempts=_read_attempts(packed, _RETRY.attempts),
        delay=_span(packed, "delay", _RETRY.delay),
        factor=share(packed, "factor", _RETRY.factor),
        max_delay=_span(packed, "max_delay", _RETRY.max_delay),
        jitter=share(packed, "jitter", _RETRY.jitter),
        retry_on=tuple(packed.get("retry_on", _RETRY.retry_on)),  # it takes no other members than names
        give_up_on=tuple(packed.get("give_up_on", _RETRY.give_up_on)),
        lost=number_or(packed, "lost", _RETRY.lost),
    )


def _read_attempts(packed: Packed, default: int | None) -> int | None:
    """Null is no limit."""
    return number_or(packed, "attempts", None) if "attempts" in packed else default


def _span(packed: Packed, name: str, default: timedelta) -> timedelta:
    return timedelta(milliseconds=packed[name]) if name in packed else default


# --- outcomes ------------------------------------------------------------------------------------------


def pack_outcome(outcome: Answer | Ending) -> Packed:
    match outcome:
        case Ok():
            return {"is": "ok", "value": Raw(outcome.value)}
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
            return Taken(number(packed, "position"))
        case "cancelled":
            return Cancelled(text_or(packed, "reason", None), flag(packed, "forced"))
        case tag:
            raise unknown("answer", tag)


def read_ending(packed: Packed) -> Ending:
    match packed["is"]:
        case "ok":
            return Ok(orjson.dumps(packed["value"]))
        case "error":
            return Err(read_failure(packed["failure"]))
        case "cancelled":
            return Cancelled(text_or(packed, "reason", None), flag(packed, "forced"))
        case "continued":
            return _read_continued(packed)
        case tag:
            raise unknown("end", tag)


def _read_continued(packed: Packed) -> ContinuedAs:
    arguments, version = orjson.dumps(packed["arguments"]), text_or(packed, "version", None)
    cancel = _read_cancel(*packed["cancel"]) if "cancel" in packed else None
    return ContinuedAs(text(packed, "run"), text(packed, "workflow"), arguments, version, cancel)


def _read_cancel(key: object, reason: object) -> tuple[str, str | None]:
    packed = {"key": key, "reason": reason}
    return text(packed, "key"), text_or(packed, "reason", None)


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


def read_failure(packed: Packed, room: int = _DEEPEST) -> Failure:
    if not room:
        raise ValueError(f"more than {_DEEPEST} causes of causes")
    return Failure(
        names=texts(packed, "names"),
        message=text(packed, "message"),
        args=read_raw(packed, "args"),
        state=read_raw(packed, "state"),
        traceback=text_or(packed, "traceback", None),
        cause=read_failure(packed["cause"], room - 1) if "cause" in packed else None,
    )
