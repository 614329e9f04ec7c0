"""Whether a recorded command is the one that is asked now.

Compared are kind, name and encoded arguments; never options, labels or times. Where the bytes differ, the
recorded arguments are read by today's annotations and encoded again: a field with a default that was added
since, or the order of a set, blocks no run.
"""

from __future__ import annotations

from typing import assert_never

from yieldflow.core.asks import StepDefinition
from yieldflow.core.commands import CallStep, OpenHook, Receive, Recorded, Sleep
from yieldflow.core.values import Codec, Parameters
from yieldflow.errors import Undecodable, Unencodable


def same_command(recorded: Recorded, asked: Recorded, step: StepDefinition | None, codec: Codec) -> bool:
    match recorded, asked:
        case CallStep(), CallStep():
            return step is not None and _same_call(recorded, asked, step, codec)
        case Sleep(end), Sleep(other):
            return end == other
        case OpenHook(name), OpenHook(other):
            return name == other
        case Receive(hook), Receive(other):
            return hook == other
        case _:
            return False


def _same_call(recorded: CallStep, asked: CallStep, step: StepDefinition, codec: Codec) -> bool:
    if recorded.name != asked.name and recorded.name not in step.also_known_as:
        return False
    return same_arguments(recorded.arguments, asked.arguments, step.parameters, codec)


def same_arguments(recorded: bytes, asked: bytes, parameters: Parameters, codec: Codec) -> bool:
    """Whether they are equal as they are, or once the recorded ones are written as they would be today."""
    if codec.same(recorded, asked):
        return True
    try:
        today = codec.encode_arguments(codec.decode_arguments(recorded, parameters), parameters)
    except (Undecodable, Unencodable):
        return False
    return codec.same(today, asked)


def shown(command: Recorded) -> str:
    """One line for people: what was asked, with its arguments."""
    match command:
        case CallStep(name, arguments):
            return f"step {name} {arguments.decode(errors='replace')}"
        case Sleep(end):
            return f"sleep {end}"
        case OpenHook(name):
            return f"open_hook {name!r}"
        case Receive(hook):
            return f"hook {hook!r}"
        case _:
            assert_never(command)
