"""What a person is told of a program that changed under its run: the line, both commands, where they differ, why."""

from dataclasses import dataclass
from typing import Any

import pytest
from attrs import evolve

from tests.core.harness import CODEC, Life, begun, definition
from yieldflow import detach, gather, hook, open_hook, patched, send, set_data, sleep, step, workflow
from yieldflow.authoring.loaded import loaded
from yieldflow.codec import SealedCodec
from yieldflow.core.interpreter import Execution
from yieldflow.errors import FatalError, NonDeterminism


@dataclass
class Order:
    id: str
    cents: int
    lines: list[str]


@dataclass
class Card:
    number: str


@dataclass
class Transfer:
    number: str


def pay(how: Card | Transfer) -> None: ...
def charge(order: str, cents: int, /, *more: int, currency: str = "EUR") -> int: ...
def note(**given: int) -> None: ...
def ship(order: Order, fast: bool = False) -> str: ...
def book(order: Order, fast: bool = False) -> str: ...


@workflow(name="other.module:charge")
def charged(order: str):
    yield sleep("1s")


class Backwards:
    def encode(self, data: bytes) -> bytes:
        return data[::-1]

    decode = encode


def told(recorded: Any, asked: Any, codec: Any = CODEC, **versions: Any) -> NonDeterminism:
    """What is raised where *recorded()* is in the log, and *asked()* is asked."""

    def before():
        yield recorded()
        yield sleep("1d")

    def after():
        yield asked()
        yield sleep("1d")

    life = Life(before, codec).start(version=versions.get("run"))
    life.commit()
    changed = Execution(evolve(definition(after), version=versions.get("code")), codec, loaded)
    with pytest.raises(NonDeterminism) as caught:
        changed.feed(life.log)
    changed.close()
    return caught.value


ORDER = Order("o-1", 500, ["ale", "bun"])

DIFFERENCES = {  # recorded, asked, what is told of both, where they differ
    "an argument": (
        lambda: step(charge, "o", 500),
        lambda: step(charge, "o", 600),
        "charge('o', 500)",
        "charge('o', 600)",
        ("cents: recorded 500, asked 600",),
    ),
    "one of *more": (
        lambda: step(charge, "o", 500, 1, 2),
        lambda: step(charge, "o", 500, 1, 3),
        "charge('o', 500, 1, 2)",
        "charge('o', 500, 1, 3)",
        ("argument 4: recorded 2, asked 3",),
    ),
    "one less of *more": (
        lambda: step(charge, "o", 500, 1),
        lambda: step(charge, "o", 500),
        "charge('o', 500, 1)",
        "charge('o', 500)",
        ("argument 3: recorded 1, asked nothing",),
    ),
    "a keyword": (
        lambda: step(charge, "o", 500),
        lambda: step(charge, "o", 500, currency="USD"),
        "charge('o', 500)",
        "charge('o', 500, currency='USD')",
        ("currency: recorded nothing, asked 'USD'",),
    ),
    "inside of a value": (
        lambda: step(ship, ORDER),
        lambda: step(ship, Order("o-1", 600, ["ale", "cod"])),
        "ship({'id': 'o-1', 'cents': 500,…)",
        "ship({'id': 'o-1', 'cents': 600,…)",
        ("order.cents: recorded 500, asked 600", "order.lines[1]: recorded 'bun', asked 'cod'"),
    ),
    "a list that grew": (
        lambda: step(ship, ORDER),
        lambda: step(ship, Order("o-1", 500, [])),
        "ship({'id': 'o-1', 'cents': 500,…)",
        "ship({'id': 'o-1', 'cents': 500,…)",
        ("order.lines: recorded ['ale', 'bun'], asked []",),
    ),
    "inside of one of two classes": (
        lambda: step(pay, Card("1")),
        lambda: step(pay, Card("2")),
        "pay({'Card': {'number': '1'}})",
        "pay({'Card': {'number': '2'}})",
        ("how.Card.number: recorded '1', asked '2'",),
    ),
    "the other of two classes": (
        lambda: step(pay, Card("1")),
        lambda: step(pay, Transfer("1")),
        "pay({'Card': {'number': '1'}})",
        "pay({'Transfer': {'number': '1'…)",
        (
            "how.Card: recorded {'number': '1'}, asked nothing",
            "how.Transfer: recorded nothing, asked {'number': '1'}",
        ),
    ),
    "a payload": (
        lambda: send("r", "go", {"n": 1}),
        lambda: send("r", "go", {"n": 2}),
        "send('r', 'go', {'n': 1})",
        "send('r', 'go', {'n': 2})",
        ("value.n: recorded 1, asked 2",),
    ),
    "run data": (
        lambda: set_data("seen", 1),
        lambda: set_data("seen", 2),
        "set_data('seen', 1)",
        "set_data('seen', 2)",
        ("value: recorded 1, asked 2",),
    ),
    "a sleep": (lambda: sleep("1h"), lambda: sleep(5400.25), "sleep('1h')", "sleep('1h30m250ms')", ()),
    "no sleep": (lambda: sleep("1h"), lambda: sleep(0), "sleep('1h')", "sleep('0s')", ()),
    "a hook": (lambda: hook("a"), lambda: open_hook("a"), "hook('a')", "open_hook('a')", ()),
    "a mark": (lambda: patched("new"), lambda: sleep("1s"), "patched('new')", "sleep('1s')", ()),
    "a child": (
        lambda: charged("o"),
        lambda: charged("p"),
        "charge('o')",
        "charge('p')",
        ("order: recorded 'o', asked 'p'",),
    ),
    "a detached child": (
        lambda: detach(charged("o")),
        lambda: detach(charged("p")),
        "detach(charge('o'))",
        "detach(charge('p'))",
        ("order: recorded 'o', asked 'p'",),
    ),
}


@pytest.mark.parametrize("key", ["a\nline two", "a\u2028b", "a\x85b", "a b", "", "a: recorded 1, asked 2"])
def test_a_key_that_is_no_name_is_told_as_a_value_on_one_line(key):
    error = told(lambda: set_data("d", {key: {"x": 1}}), lambda: set_data("d", {key: {"x": 2}}))
    assert error.details == (f"value[{key!r}].x: recorded 1, asked 2",)
    error = told(lambda: step(note, **{key: 1}), lambda: step(note, **{key: 2}))
    assert (error.recorded, error.details) == (f"note({key!r}=1)", (f"{key!r}: recorded 1, asked 2",))
    assert str(error).splitlines() == str(error).split("\n")


@pytest.mark.parametrize(("recorded", "asked", "was", "now", "details"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_both_commands_are_told_as_they_are_written_with_what_differs(recorded, asked, was, now, details):
    error = told(recorded, asked)
    assert (error.recorded, error.asked, error.details) == (was, now, details)
    assert error.path == "1"


def test_the_whole_message():
    error = told(DIFFERENCES["an argument"][0], DIFFERENCES["an argument"][1], run="1", code="2")
    lines = str(error).splitlines()
    assert lines[:6] == [
        "workflow shop:checkout has changed under a running run:",
        "at path 1 its log holds another command than is asked",
        "  recorded: charge('o', 500)",
        "  asked:    charge('o', 600)",
        "            cents: recorded 500, asked 600",
        f"  at:       {__file__}:{lines[5].rpartition(':')[2].split(' ')[0]} in told.<locals>.after",
    ]
    assert lines[6:] == [
        "            yield asked()",
        "  version:  the run was started by version 1, this code is version 2",
        "  likely:   the code that makes the value was changed, or it comes from a",
        "            clock, chance, the environment or the order of a set",
        "  to do:    keep the former code for such runs, in the `else` of",
        '            `if (yield patched("…")):`; or revert the change; or go on in a',
        "            fork from before this point, app.fork(run_id, at=POSITION)",
        "Nothing is lost: a blocked run goes on after the next deploy that fits it.",
    ]


def test_versions_are_told_only_where_they_differ():
    one, other = DIFFERENCES["a sleep"][:2]
    assert "version" not in str(told(one, other, run="1", code="1"))
    assert "the run was started by no version, this code is version 2" in str(told(one, other, code="2"))


def test_a_long_list_of_differences_is_cut():
    one, other = (Order("o", 1, list(text)) for text in ("abcdef", "ghijkl"))
    error = told(lambda: step(ship, one), lambda: step(ship, other))
    assert len(error.details) == 6
    assert "order.lines[3]: recorded 'd'" in str(error)
    assert "order.lines[4]" not in str(error)
    assert "            … and 2 more" in str(error)


def test_another_name_with_the_same_arguments_may_be_a_rename():
    error = told(lambda: step(ship, ORDER), lambda: step(book, ORDER))
    assert error.change == "renamed"
    assert f'  to do:    also_known_as="{__name__}:ship" if it was renamed; else' in str(error)


def test_another_name_with_other_arguments_is_another_call():
    error = told(lambda: step(ship, ORDER), lambda: step(book, ORDER, fast=True))
    assert error.change == "renamed"
    assert "also_known_as" not in str(error)


def test_the_same_name_of_another_module_is_told_in_full():
    renamed = evolve(charged("o"), definition=evolve(charged.definition, name="new.module:charge"))
    error = told(lambda: charged("o"), lambda: renamed)
    assert (error.recorded, error.asked) == ("other.module:charge('o')", "new.module:charge('o')")


def test_what_was_recorded_and_does_not_fit_todays_annotations_is_said():
    def narrow(order: str, cents: int) -> int: ...

    narrow.__module__, narrow.__qualname__ = charge.__module__, charge.__qualname__
    error = told(lambda: step(charge, "o", 5), lambda: step(narrow, "o", 6))
    assert error.details == ("cents: recorded 5, asked 6",)
    narrow.__annotations__["order"] = int
    error = told(lambda: step(charge, "o", 5), lambda: step(narrow, 1, 6))
    assert error.details == (
        "what was recorded does not fit today's parameters: order cannot be read as int: it holds 'o'",
    )


@pytest.mark.parametrize("kind", ["an argument", "inside of a value", "a payload", "run data", "a child"])
def test_sealed_values_stay_sealed_but_for_the_names_of_the_arguments(kind):
    """The text is stored with the run, where a payload codec keeps values from being read."""
    recorded, asked, *_ = DIFFERENCES[kind]
    error = told(recorded, asked, SealedCodec(CODEC, Backwards()))
    assert "…)" in error.recorded
    assert "…)" in error.asked
    assert not any(secret in str(error) for secret in ("500", "600", "o-1", "'o'", "'p'", "'n'"))
    if kind in ("an argument", "inside of a value"):
        assert error.details in (("cents",), ("order",))


def test_a_program_that_raises_before_it_asks_is_told_with_the_error_and_its_line():
    def before():
        yield step(charge, "o", 5)
        yield step(charge, "o", 6)

    def after():
        yield step(charge, "o", 5)
        raise FatalError("no such name")
        yield

    life = begun(before)
    life.answer("1", 1)
    life.commit()
    with pytest.raises(NonDeterminism) as caught:
        life.replay(fn=after).decide()
    assert caught.value.asked == "it is no longer asked, for the program raises FatalError: no such name"
    assert caught.value.line == (__file__, after.__code__.co_firstlineno + 2)
    assert 'raise FatalError("no such name")' in str(caught.value)
    assert "the changed code fails where the former one went on" in str(caught.value)


def test_what_is_asked_instead_is_told():
    def before():
        yield gather(hook("go"))

    def after():
        yield sleep("1h")
        yield gather(hook("go"))

    with pytest.raises(NonDeterminism) as caught:
        begun(before).replay(fn=after).decide()
    assert (caught.value.path, caught.value.recorded) == ("1.1", "hook('go')")
    assert caught.value.asked == "it is no longer asked, but sleep('1h') at path 1"
    assert "something was added or moved before it" in str(caught.value)
