"""The verbs of a workflow: each makes a command, a value that does nothing until it is yielded.

What is wrong with an argument is said here, at the call; what may be asked at all is judged where it is yielded.
"""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Any, Never, TypeVar, overload
from uuid import UUID

from yieldflow.authoring.options import is_name
from yieldflow.core.answers import is_derived
from yieldflow.core.asks import (
    MISSING,
    NOW,
    RNG,
    RUN_INFO,
    UUID4,
    Command,
    ContinueCommand,
    DetachCommand,
    GetDataCommand,
    Hook,
    OpenHookCommand,
    PatchedCommand,
    ReceiveCommand,
    RunInfo,
    SendCommand,
    SetDataCommand,
    SleepCommand,
    WorkflowCall,
)
from yieldflow.core.times import Duration, Millis, When, duration, end
from yieldflow.errors import shown

T = TypeVar("T")
O = TypeVar("O")  # noqa: E741 - the "otherwise" of a wait

LONGEST_RESPONSE: Millis = 60_000  # for which somebody out there waits


def sleep(when: When) -> Command[None]:
    """Wait for a duration (seconds, "3 days", a timedelta) or until an aware datetime; the answer is None.

    Raises ValueError for anything else.

    >>> sleep("3 days")
    sleep('3 days')
    """
    return SleepCommand(when, end(when))


@overload
def hook(name: str, type: type[T], *, timeout: When | None = None) -> ReceiveCommand[T]: ...
@overload
def hook(name: str, type: type[T], *, timeout: When | None = None, default: O) -> ReceiveCommand[T | O]: ...
@overload
def hook(name: str, type: Any = ..., *, timeout: When | None = None, default: Any = ...) -> ReceiveCommand[Any]: ...
def hook(
    name: str,
    type: Any = Any,  # noqa: A002 - the word that users know
    *,
    timeout: When | None = None,
    default: Any = MISSING,
) -> ReceiveCommand[Any]:
    """Wait for one payload sent to this name from outside; asked again, the next one.

    Past *timeout* (a duration or an aware datetime; None: wait for ever) the answer is *default* if given, else
    `TimedOut` is raised. As a value it doubles as the typed declaration of the hook. Raises ValueError.

    >>> hook("approval", bool, timeout="2d", default=False)
    hook('approval', timeout='2d', default=False)
    """
    return ReceiveCommand[Any](hook_name(name), _kind(type)).options(timeout=timeout, default=default)


@overload
def open_hook(
    name: str, type: type[T], *, token: str | None = None, response: Any = ..., respond_within: Duration | None = None
) -> Command[Hook[T]]: ...
@overload
def open_hook(
    name: str, type: Any = ..., *, token: str | None = None, response: Any = ..., respond_within: Duration | None = None
) -> Command[Hook[Any]]: ...
def open_hook(
    name: str,
    type: Any = Any,  # noqa: A002 - the word that users know
    *,
    token: str | None = None,
    response: Any = MISSING,
    respond_within: Duration | None = None,
) -> Command[Hook[Any]]:
    """Open a hook without waiting: the answer is a `Hook` with a secret token to pass on.

    *token* (1 to 200 printable characters): one of your own choice, such as an order's number that the other side
    knows anyway; whoever guesses it can answer. `HookTokenTaken` is raised at the yield while another hook has it.
    *response*: what whoever delivers over HTTP is told, instead of 202 Accepted. *respond_within* (at most 60 s):
    for so long a delivery waits for `Hook.respond`, and is then told *response*. Raises ValueError.

    >>> open_hook("paid", token="order-42", response={"ok": True})
    open_hook('paid')
    """
    own = None if token is None else _text(token, "the token of a hook")
    if own is not None and is_derived(own):
        raise ValueError("a token of one's own must not look like those that are made here (43 characters of base64)")
    within = None if respond_within is None else duration(respond_within)
    if within is not None and not 0 < within <= LONGEST_RESPONSE:
        raise ValueError(f"respond_within={shown(respond_within)} must be more than 0 s and at most 60 s")
    return OpenHookCommand(hook_name(name), _kind(type), own, response, within)


@overload
def send(run_id: str, hook: ReceiveCommand[T] | Command[Hook[T]], payload: T) -> Command[int]: ...
@overload
def send(run_id: str, hook: str, payload: Any) -> Command[int]: ...
def send(run_id: str, hook: Any, payload: Any) -> Command[int]:
    """Deliver *payload* to another run's hook (a name, or the hook itself); the answer is its position there.

    It counts once. `UnknownRun`, `RunEnded` and `InboxFull` are raised where it is yielded. Raises ValueError.

    >>> send("order-42", "approval", True)
    send('order-42', 'approval', True)
    """
    match hook:
        case ReceiveCommand(hook=name, type=kind) | OpenHookCommand(name=name, type=kind):
            return SendCommand(_text(run_id, "a run id"), name, payload, kind)
        case _:
            return SendCommand(_text(run_id, "a run id"), hook_name(hook), payload)


def detach(call: WorkflowCall[Any]) -> Command[str]:
    """Start a workflow as a run of its own; the answer is its run id, at once. Raises TypeError.

    `RunExists` is raised where it is yielded, if its run id is another run's.

    >>> from yieldflow.authoring.workflow import workflow
    >>> @workflow
    ... def billing(month: int):
    ...     yield sleep("1s")
    >>> detach(billing(11))
    detach(billing(11))
    """
    return DetachCommand(_call(call, "detach"))


def set_data(key: str, value: Any) -> Command[None]:
    """Keep a value with the run, readable from outside while it runs: `handle.data(key)`. Raises ValueError.

    >>> set_data("progress", 0.5)
    set_data('progress', 0.5)
    """
    return SetDataCommand(_text(key, "a key"), value)


@overload
def get_data(key: str, type: type[T], default: O) -> Command[T | O]: ...
@overload
def get_data(key: str, type: type[T]) -> Command[T | None]: ...
@overload
def get_data(key: str, type: Any = ..., default: Any = ...) -> Command[Any]: ...
def get_data(key: str, type: Any = Any, default: Any = None) -> Command[Any]:  # noqa: A002 - the word that users know
    """What was set last, a fresh copy each time; *default* if nothing was. Raises ValueError.

    >>> get_data("progress", float)
    get_data('progress')
    """
    return GetDataCommand(_text(key, "a key"), type, default)


def patched(change_id: str) -> Command[bool]:
    """Whether this run takes the new way: True in runs that come here after the change, False in those that were past
    this point before it. The first answer for an id holds for the run. Raises ValueError.

    >>> patched("charge-before-packing")
    patched('charge-before-packing')
    """
    return PatchedCommand(_text(change_id, "a change id"))


@overload
def continue_as_new() -> Command[Never]: ...
@overload
def continue_as_new(call: WorkflowCall[T], /) -> Command[T]: ...
def continue_as_new(call: WorkflowCall[Any] | None = None, /) -> Command[Any]:
    """End this log and go on with a fresh one under the same run id.

    It is a tail call: `return (yield from continue_as_new(billing(next)))`.

    *call* (default: the same one again) is what the next generation runs. Never answered: what stands after it does
    not run, and what a `finally` around it asks is dropped. Only in the workflow itself. Raises TypeError.

    >>> continue_as_new()
    continue_as_new()
    """
    return ContinueCommand(None if call is None else _call(call, "continue_as_new"))


def now() -> Command[datetime]:
    """The time of the run, an aware UTC datetime: that of the last fact it was told, the same on every replay.

    >>> now()
    now()
    """
    return NOW


def rng() -> Command[Random]:
    """A `random.Random` seeded by the run: the same numbers on every replay within one minor version of Python.

    >>> rng()
    rng()
    """
    return RNG


def uuid4() -> Command[UUID]:
    """A random UUID derived from the run: another one each time it is asked, the same on every replay.

    >>> uuid4()
    uuid4()
    """
    return UUID4


def run_info() -> Command[RunInfo]:
    """What the run may know of itself: `RunInfo`, the same on every replay.

    >>> run_info()
    run_info()
    """
    return RUN_INFO


def hook_name(name: str) -> str:
    """Raises ValueError for what cannot be one."""
    return _text(name, "the name of a hook")


def _kind(given: Any) -> Any:
    if isinstance(given, str):
        raise TypeError(f"{given!r} is a text, not a type: no payload would fit it; give the type itself, such as bool")
    return given


def _text(given: str, what: str) -> str:
    if not is_name(given):
        raise ValueError(f"{shown(given)} cannot be {what}: use 1 to 200 printable characters")
    return given


def _call(call: Any, verb: str) -> WorkflowCall[Any]:
    if not isinstance(call, WorkflowCall):
        raise TypeError(f"{verb}() takes the call of a workflow, such as checkout(order), not {shown(call)}")
    return call
