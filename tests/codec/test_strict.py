"""A reader of events refuses exactly what the annotations of the event do not allow."""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs
import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.codec.soundness import hints, is_sound
from tests.codec.test_packing import EVENTS, TEXT
from yieldflow.codec import pack, unpack
from yieldflow.core.commands import Receive
from yieldflow.core.events import HookReceived
from yieldflow.core.times import LATEST
from yieldflow.errors import Undecodable

Tree = dict[str, Any]
Forge = Callable[[Any], Any]  # a value -> the event with this value in one of its fields

WORDS = st.sampled_from(["raised", "timeout", "lost", "cancel", "abandon"])
NUMBERS = st.sampled_from([0, 1, -1, LATEST, LATEST + 1, -LATEST, -LATEST - 1, 2**63]) | st.integers(-9, 9)
PLAIN = st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False, allow_infinity=False) | TEXT | WORDS
STRANGERS = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(TEXT, PLAIN, max_size=3)

KEYS = {"run_id": "run", "change_id": "id", "millis": "for", "instant": "until"}
BESIDE = {"outcome", "end"}  # their fields stand among those of the event or the command
WRITTEN_AS_TEXT = {"path", "origin"}
SIMPLE = {str, int, float, bool, NoneType}
FILES = sorted((Path(__file__).parents[1] / "golden").glob("*.jsonl"))
GOLDEN = [line for file in FILES for line in file.read_bytes().splitlines()]  # of every kind


def spots(value: Any, tree: Tree) -> Iterator[tuple[Tree, str, bool, Forge]]:
    """Where each simple field of *value* is in *tree*, whether it must be there, and how to put another into it."""
    for field in attrs.fields(type(value)):
        inner, key = getattr(value, field.name), key_of(value, field.name)
        if attrs.has(type(inner)):
            below = tree if is_beside(value, field.name) else tree.get(key)
            for there, name, needed, forge in spots(inner, below) if below is not None else ():
                yield there, name, needed, put(value, field.name, forge)
        elif field.name not in WRITTEN_AS_TEXT and (convert := conversion(hints(type(value))[field.name])):
            yield tree, key, field.default is attrs.NOTHING, put(value, field.name, convert)


def put(value: Any, name: str, forge: Forge) -> Forge:
    return lambda one: attrs.evolve(value, **{name: forge(one)})


def is_beside(value: Any, name: str) -> bool:
    return name in BESIDE or (type(value) is Receive and name == "timeout")


def key_of(value: Any, name: str) -> str:
    return "hook" if type(value) is HookReceived and name == "name" else KEYS.get(name, name)


def conversion(hint: Any) -> Forge | None:
    """What a reader has to make of the JSON; None: more than is tried here."""
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if any(get_origin(member) is tuple for member in members):
        return tuple
    simple = all(member in SIMPLE or get_origin(member) is Literal for member in members)
    return (lambda one: one) if simple or hint == abc.Mapping[str, str] else None


def forged(forge: Forge, value: Any) -> Any:
    """None: the class itself does not take the value, or its annotation does not."""
    try:
        event = forge(value)
    except (AttributeError, TypeError, ValueError):
        return None
    return event if is_sound(event) else None


def read(tree: Any) -> Any:
    try:
        return unpack(orjson.dumps(tree))
    except Undecodable:
        return None


def chosen(data: st.DataObject, event: Any) -> tuple[Tree, Tree, str, bool, Forge]:
    tree = orjson.loads(pack(event))
    found = list(spots(event, tree))
    return tree, *found[data.draw(st.integers(0, len(found) - 1))]


@given(EVENTS, STRANGERS, st.data())
@settings(max_examples=300)
def test_another_value_is_taken_where_the_annotation_allows_it_and_nowhere_else(event, stranger, data):
    tree, there, key, _, forge = chosen(data, event)
    there[key] = stranger
    assert read(tree) == forged(forge, stranger)


@given(EVENTS, st.data())
def test_a_field_may_be_left_out_where_it_has_a_default_and_nowhere_else(event, data):
    tree, there, key, needed, _ = chosen(data, event)
    assume(key != "for" and key != "until")  # a receive without them has no timeout
    there.pop(key, None)
    assert (read(tree) is None) == needed


@given(EVENTS, STRANGERS, st.data())
@settings(max_examples=300)
def test_whatever_is_bent_what_is_understood_is_sound(event, stranger, data):
    tree = orjson.loads(pack(event))
    there, key = data.draw(st.sampled_from(list(places(tree))))
    there[key] = stranger
    understood = read(tree)
    assert understood is None or is_sound(understood)


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, inner in inside:
        yield tree, key
        yield from places(inner)


LEAST_AND_MOST = [-LATEST - 1, -LATEST, LATEST, LATEST + 1]


@pytest.mark.parametrize(
    "stranger",
    [None, True, 1.0, *LEAST_AND_MOST, "x", "", [], ["x"], [1], [1, None], ["x", 1], ["x", None], {}, {"a": 1}],
    ids=repr,
)
def test_every_field_of_every_golden_line_is_looked_at(stranger):
    for line in GOLDEN:
        event, tree = unpack(line), orjson.loads(line)
        for there, key, _, forge in spots(event, tree):
            before = dict(there)
            there[key] = stranger
            assert read(tree) == forged(forge, stranger), (key, line)
            there.clear()
            there.update(before)


def test_options_that_look_equal_are_not_taken_for_each_other():
    """1, 1.0 and true are one key in Python, and options are remembered."""
    line = (
        b'{"e":"issued","at":1,"path":"1","command":{"do":"step","name":"a","arguments":[[],{}],"options":{"lost":%s}}}'
    )
    assert unpack(line % b"1").command.options.lost == 1
    for stranger in (b"1.0", b"true"):
        with pytest.raises(Undecodable):
            unpack(line % stranger)


def test_causes_of_causes_have_an_end():
    failure = b'{"names":[],"message":""}'
    for _ in range(199):
        failure = b'{"names":[],"message":"","cause":%s}' % failure
    line = b'{"e":"resolved","at":1,"path":"1","is":"error","failure":%s}'
    assert pack(unpack(line % failure)) == line % failure
    with pytest.raises(Undecodable, match="causes"):
        unpack(line % (b'{"names":[],"message":"","cause":%s}' % failure))
