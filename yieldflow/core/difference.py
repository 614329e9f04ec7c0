"""How a recorded command and what is asked now differ, in the words of those who wrote the program.

Values are shown as plain data, short: the classes of users are never asked for their text, and what a payload
codec has sealed stays sealed, for this text is stored with the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from attrs import frozen

from yieldflow.core.asks import MISSING
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
from yieldflow.core.compare import Definition, Place, by_place, different_places, same_kind
from yieldflow.core.times import After, At, End, Millis, moment
from yieldflow.core.values import Codec, Parameters, Readable
from yieldflow.errors import Undecodable, Unencodable
from yieldflow.errors.code import Change

LONGEST_VALUE = 60
LONGEST_ARGUMENT = 28  # in a call: which of them differ is told besides
_SEALED = b'{"$":"sealed",'
_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms"))


@frozen
class Difference:
    """*details*: where the two differ inside, a line each; *former*: the name that would make them the same call."""

    recorded: str
    asked: str
    change: Change
    details: tuple[str, ...] = ()
    former: str | None = None


def difference(recorded: Recorded, asked: Recorded, called: Definition | None, codec: Codec) -> Difference:
    """Of two commands that are not the same; *called*: what the second is a call of."""
    match recorded, asked:
        case (CallStep(name, one), CallStep(other, two)) | (StartChild(name, one), StartChild(other, two)):
            if called is not None and same_kind(recorded, asked, called):
                details = tuple(_details(one, two, called.parameters, codec))
                return Difference(shown(recorded, codec), shown(asked, codec), "arguments", details)
            alike = _short_name(name) == _short_name(other)  # then the module is what tells them apart
            was, now = (shown(command, codec, whole_name=alike) for command in (recorded, asked))
            same = sealed(one, two) or codec.same(one, two)
            return Difference(was, now, "renamed", former=name if same else None)
        case (
            (Send(payload=one), Send(payload=two))
            | (SetData(value=one), SetData(value=two))
            | (Respond(value=one), Respond(value=two))
        ) if same_kind(recorded, asked, called):
            details = () if sealed(one, two) else tuple(_inside("value", _plain(one, codec), _plain(two, codec)))
            return Difference(shown(recorded, codec), shown(asked, codec), "arguments", details)
        case _:
            both_sleep = isinstance(recorded, Sleep) and isinstance(asked, Sleep)
            return Difference(shown(recorded, codec), shown(asked, codec), "duration" if both_sleep else "other")


def shown(command: Recorded, codec: Codec, *, whole_name: bool = False) -> str:
    """A command as it is written in a program: `charge('o-1', 500)`."""
    match command:
        case CallStep(name, arguments):
            return _call(name, arguments, codec, whole_name=whole_name)
        case StartChild(workflow, arguments, detached):
            call = _call(workflow, arguments, codec, whole_name=whole_name)
            return f"detach({call})" if detached else call
        case Sleep(end):
            return f"sleep({_until(end)})"
        case OpenHook(name, token):
            return f"open_hook({name!r})" if token is None else f"open_hook({name!r}, token=…)"
        case Respond(hook, _, value):
            return f"{hook}.respond({_value(value, codec)})"
        case Receive(hook):
            return f"hook({hook!r})"
        case SetData(key, value):
            return f"set_data({key!r}, {_value(value, codec)})"
        case MarkPatch(change_id):
            return f"patched({change_id!r})"
        case Send(run_id, hook, payload):
            return f"send({run_id!r}, {hook!r}, {_value(payload, codec)})"
        case _:
            assert_never(command)


def sealed(*values: bytes) -> bool:
    """Whether a payload codec has made any of them unreadable, on purpose."""
    return any(value.startswith(_SEALED) for value in values)


def _call(name: str, arguments: bytes, codec: Codec, *, whole_name: bool) -> str:
    given = "…" if sealed(arguments) else ", ".join(_given(arguments, codec))
    return f"{name if whole_name else _short_name(name)}({given})"


def _short_name(name: str) -> str:
    return name.rpartition(":")[2]


def _given(arguments: bytes, codec: Codec) -> Iterator[str]:
    try:
        found = codec.decode_arguments(arguments, _readable(Parameters()))
    except Undecodable:
        yield "…"
        return
    yield from (_short(value, LONGEST_ARGUMENT) for value in found.args)
    for name, value in found.kwargs.items():
        yield f"{_key(name)}={_short(value, LONGEST_ARGUMENT)}"


def _value(data: bytes, codec: Codec) -> str:
    return "…" if sealed(data) else _short(_plain(data, codec))


def _plain(data: bytes, codec: Codec) -> object:
    try:
        return codec.decode(data, Readable)
    except Undecodable:
        return data.decode(errors="replace")


def _short(value: object, longest: int = LONGEST_VALUE) -> str:
    text = repr(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _until(end: End) -> str:
    match end:
        case After(millis):
            return f"'{_spelled(millis)}'"
        case At(instant):
            return f"{moment(instant):%Y-%m-%d %H:%M:%S} UTC"
        case _:
            assert_never(end)


def _spelled(millis: Millis) -> str:
    parts = []
    for size, unit in _UNITS:
        number, millis = divmod(millis, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


# --- inside of them ---------------------------------------------------------------------------------------------------


def _details(recorded: bytes, asked: bytes, parameters: Parameters, codec: Codec) -> Iterator[str]:
    """By today's parameters; of sealed ones only which they are."""
    try:
        places = list(different_places(recorded, asked, parameters, codec))
        one, other = (
            by_place(codec.decode_arguments(data, _readable(parameters)), parameters) for data in (recorded, asked)
        )
    except (Undecodable, Unencodable) as error:
        yield f"what was recorded does not fit today's parameters: {error}"
        return
    if sealed(recorded, asked):
        yield from (_named(place, parameters) for place in places)
        return
    for place in places:
        yield from _inside(_named(place, parameters), one.get(place, MISSING), other.get(place, MISSING))


def _readable(parameters: Parameters) -> Parameters:
    """With other annotations, so that values are read as plain data."""
    names = parameters.names
    return Parameters(names, dict.fromkeys(names, Readable), Readable, Readable, unnamed=parameters.unnamed)


def _named(place: Place, parameters: Parameters) -> str:
    if isinstance(place, str):
        return _key(place)
    return parameters.names[place] if place < len(parameters.names) else f"argument {place + 1}"


def _inside(place: str, one: object, other: object) -> Iterator[str]:
    """A line for each leaf that differs: of large values only the difference is worth reading."""
    match one, other:
        case dict(), dict() if all(isinstance(key, str) for key in (*one, *other)):
            for key in dict.fromkeys((*one, *other)):
                inner = f"{place}.{key}" if key.isidentifier() else f"{place}[{_short(key)}]"
                yield from _inside(inner, one.get(key, MISSING), other.get(key, MISSING))
        case list(), list() if len(one) == len(other):
            for index, (left, right) in enumerate(zip(one, other, strict=True)):
                yield from _inside(f"{place}[{index}]", left, right)
        case _ if type(one) is not type(other) or one != other:
            yield f"{place}: recorded {_or_nothing(one)}, asked {_or_nothing(other)}"
        case _:
            pass


def _key(name: str) -> str:
    """On one line, whatever is in it."""
    return name if name.isidentifier() else _short(name)


def _or_nothing(value: object) -> str:
    return "nothing" if value is MISSING else _short(value)
