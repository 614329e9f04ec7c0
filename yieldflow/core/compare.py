"""Whether a recorded command is the one that is asked now.

Compared are kind, name and encoded arguments; never options, labels or times. Where the bytes differ, the
arguments are read by today's annotations and compared one by one: a field with a default that was added
since, the order of a set, or a default that one side spells out and the other does not, block no run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from yieldflow.core.asks import MISSING, StepDefinition, WorkflowDefinition
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
from yieldflow.core.values import Arguments, Codec, Parameters
from yieldflow.errors import Undecodable, Unencodable

Definition: TypeAlias = StepDefinition | WorkflowDefinition


def same_command(recorded: Recorded, asked: Recorded, called: Definition | None, codec: Codec) -> bool:
    """*called*: what a call is one of. Arguments are compared as well as kind and name."""
    if not same_kind(recorded, asked, called):
        return False
    match recorded, asked:
        case (CallStep(arguments=one), CallStep(arguments=other)) | (
            StartChild(arguments=one),
            StartChild(arguments=other),
        ):
            return called is not None and same_arguments(one, other, called.parameters, codec)
        case (
            (Send(payload=one), Send(payload=other))
            | (SetData(value=one), SetData(value=other))
            | (Respond(value=one), Respond(value=other))
        ):
            return codec.same(one, other)
        case _:
            return True


def same_kind(recorded: Recorded, asked: Recorded, called: Definition | None) -> bool:
    """Kind and name; of what has no name, all there is."""
    match recorded, asked:
        case CallStep(name=name), CallStep(name=other):
            return name == other or (called is not None and name in called.also_known_as)
        case StartChild(name, _, detached), StartChild(other, _, other_detached):
            known = name == other or (called is not None and name in called.also_known_as)
            return known and detached == other_detached
        case Sleep(end), Sleep(other_end):
            return end == other_end
        case OpenHook(name, token), OpenHook(other, other_token):
            return (name, token) == (other, other_token)
        case MarkPatch(name), MarkPatch(other):
            return name == other
        case Respond(hook, position), Respond(other_hook, other_position):
            return (hook, position) == (other_hook, other_position)
        case (Receive(hook=name), Receive(hook=other)) | (SetData(key=name), SetData(key=other)):
            return name == other
        case Send(run_id, hook), Send(other_run, other_hook):
            return (run_id, hook) == (other_run, other_hook)
        case _:
            return False


def same_arguments(recorded: bytes, asked: bytes, parameters: Parameters, codec: Codec) -> bool:
    """Whether they are equal as they are, or as calls of today's function."""
    if codec.same(recorded, asked):
        return True
    try:
        return next(different_places(recorded, asked, parameters, codec), None) is None
    except (Undecodable, Unencodable):
        return False


Place: TypeAlias = int | str  # of an argument: its name, or its position where it has none


def different_places(recorded: bytes, asked: bytes, parameters: Parameters, codec: Codec) -> Iterator[Place]:
    """Where two calls of today's function differ. Raises `Undecodable` and `Unencodable`."""
    one, other = (by_place(codec.decode_arguments(data, parameters), parameters) for data in (recorded, asked))
    for place in dict.fromkeys((*one, *other)):
        if not _same_at(place, one, other, parameters, codec):
            yield place


def by_place(arguments: Arguments, parameters: Parameters) -> dict[Place, object]:
    names = parameters.names[parameters.unnamed :]
    rest = range(len(parameters.names), len(arguments.args))
    return {**dict(zip((*range(parameters.unnamed), *names, *rest), arguments.args, strict=False)), **arguments.kwargs}


def _same_at(
    place: Place, one: Mapping[Place, object], other: Mapping[Place, object], parameters: Parameters, codec: Codec
) -> bool:
    """What one side leaves out is today's default."""
    annotation = parameters.by_position(place) if isinstance(place, int) else parameters.by_name(place)
    default = _default(place, parameters)
    if default is MISSING and (place in one) != (place in other):
        return False
    mine, theirs = (codec.encode(side.get(place, default), annotation) for side in (one, other))
    return codec.same(mine, theirs)


def _default(place: Place, parameters: Parameters) -> object:
    names = parameters.names
    if isinstance(place, int):
        return parameters.defaults.get(names[place], MISSING) if place < len(names) else MISSING
    unnamed = place in names[: parameters.unnamed]  # then it is one of `**kwargs` that is called the same
    return MISSING if unnamed else parameters.defaults.get(place, MISSING)
