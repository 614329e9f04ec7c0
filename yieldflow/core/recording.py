"""From what a program asks to what its log records of it.

Arguments are encoded when they are asked: a list that the program changes later is still what it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yieldflow.core.asks import (
    Command,
    OpenHookCommand,
    ReceiveCommand,
    SleepCommand,
    StepCall,
    WorkflowCall,
)
from yieldflow.core.commands import CallStep, OpenHook, Receive, Recorded, Sleep
from yieldflow.core.times import end
from yieldflow.core.values import Arguments, Codec
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
        case OpenHookCommand(name=name):
            return OpenHook(name)
        case WorkflowCall(definition=workflow):
            inline = f"run it in this run with `yield from {workflow.fn.__name__}.fn(…)`"
            raise NotACommand(f"the workflow {command!r}", place(), inline)
        case _:
            raise NotACommand(repr(command), place(), "this command is not known here")


def _call(call: StepCall[Any], codec: Codec, place: Callable[[], str]) -> CallStep:
    step = call.definition
    if step.parameters.required and not call.args and not call.kwargs:
        name = step.fn.__name__
        needed = ", ".join(step.parameters.required)
        raise NotACommand(f"the step {name} without its arguments", place(), f"call it: `yield {name}({needed})`")
    try:
        arguments = codec.encode_arguments(Arguments(call.args, call.kwargs), step.parameters)
    except Unencodable as error:
        error.path = f"{place()}: in the call of {step.name}, {error.path}"
        raise
    return CallStep(step.name, arguments, call.recorded)
