"""From what a program asks to what its log records of it.

Arguments are encoded when they are asked: a list that the program changes later is still what it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yieldflow.core.asks import (
    MISSING,
    Command,
    DetachCommand,
    OpenHookCommand,
    PatchedCommand,
    ReceiveCommand,
    RespondCommand,
    SendCommand,
    SetDataCommand,
    SleepCommand,
    StepCall,
    WorkflowCall,
)
from yieldflow.core.commands import (
    CallStep,
    MarkPatch,
    OpenHook,
    Receive,
    Recorded,
    Respond,
    Send,
    SetData,
    Sleep,
    StartChild,
)
from yieldflow.core.times import end
from yieldflow.core.values import Annotation, Arguments, Codec, Parameters
from yieldflow.errors import NotACommand, Unencodable


def recorded(command: Command[Any], codec: Codec, place: Callable[[], str]) -> Recorded:
    """*place* tells the line that asks. Raises `NotACommand` and `Unencodable`."""
    match command:
        case StepCall():
            return _call(command, codec, place)
        case SleepCommand():
            return Sleep(command.end)
        case ReceiveCommand(hook=hook, timeout=timeout):
            return Receive(hook, None if timeout is None else end(timeout))
        case OpenHookCommand(name=name, token=token, response=given, within=within):
            what = f"the response of hook {name!r}"
            response = None if given is MISSING else _encoded(given, Any, codec, place, what)
            return OpenHook(name, token, response, within)
        case RespondCommand(hook=hook, value=value, position=int(position)):
            return Respond(hook, position, _encoded(value, Any, codec, place, f"the response of hook {hook!r}"))
        case WorkflowCall():
            return _child(command, codec, place, detached=False)
        case DetachCommand(call=call):
            return _child(call, codec, place, detached=True)
        case SendCommand(run_id=run_id, hook=hook, payload=payload, type=kind):
            return Send(run_id, hook, _encoded(payload, kind, codec, place, f"the payload for hook {hook!r}"))
        case SetDataCommand(key=key, value=value):
            return SetData(key, _encoded(value, Any, codec, place, f"set_data({key!r})"))
        case PatchedCommand(change_id=change_id):
            return MarkPatch(change_id)
        case _:
            raise NotACommand(repr(command), place(), "this command is not known here")


def _call(call: StepCall[Any], codec: Codec, place: Callable[[], str]) -> CallStep:
    step = call.definition
    if not call.args and not call.kwargs and step.parameters.required:
        name = step.fn.__name__
        needed = ", ".join(step.parameters.required)
        raise NotACommand(f"the step {name} without its arguments", place(), f"call it: `yield {name}({needed})`")
    return CallStep(step.name, arguments(call, codec, place), call.recorded)


def _child(call: WorkflowCall[Any], codec: Codec, place: Callable[[], str], *, detached: bool) -> StartChild:
    workflow = call.definition
    return StartChild(workflow.name, arguments(call, codec, place), detached, workflow.version, call.changed)


def arguments(call: StepCall[Any] | WorkflowCall[Any], codec: Codec, place: Callable[[], str]) -> bytes:
    """Raises `Unencodable`, naming the line and the call."""
    parameters: Parameters = call.definition.parameters
    try:
        return codec.encode_arguments(Arguments(call.args, call.kwargs), parameters)
    except Unencodable as error:
        error.path = f"{place()}: in the call of {call.definition.name}, {error.path}"
        raise


def _encoded(value: object, kind: Annotation, codec: Codec, place: Callable[[], str], what: str) -> bytes:
    try:
        return codec.encode(value, kind)
    except Unencodable as error:
        error.path = f"{place()}: in {what}, {error.path}"
        raise
