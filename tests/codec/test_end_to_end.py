"""Each type of value through a real step of a real run: into the workflow, into the body, back, and out, as it was."""

import enum
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest
from attrs import define

from tests.values import Color, Line, Model, Movie, Order, Page, Point, Refund, Right, identical
from yieldflow import App, Flow, RunFailed, step, workflow
from yieldflow.authoring.loaded import loaded
from yieldflow.core.interpreter import Execution

NOON = datetime(2026, 1, 2, 12, 30, 1, 5, tzinfo=timezone(timedelta(hours=2)))
ID = UUID("12345678-1234-5678-1234-567812345678")
CARD = {"$": "set", "v": [1]}  # a dict of a user that looks like a tag


class Size(enum.StrEnum):
    SMALL = "s"


TYPED = [
    (Line(5, ["a"], None), Line),
    (Order("a", [Line(1)], Order("b", [])), Order),
    ({"title": "Up", "year": 2009}, Movie),
    (Point(1, 2.5), Point),
    (Page([date(2026, 1, 2)]), Page[date]),
    (Color.PAIR, Color),
    (Size.SMALL, Size),
    (Right.READ | Right.WRITE, Right),
    ("a", Literal["a", 1]),
    (Refund("r"), Refund | Line | None),
    (None, Refund | None),
    (5, int | str),
    ({1: "one", 2: "two"}, dict[int, str]),
    ({Color.RED: (1, "x")}, Mapping[Color, tuple[int, str]]),
    ({date(2026, 1, 2)}, set[date]),
    (frozenset({1}), frozenset[int]),
    ([(1, b"x")], list[tuple[int, bytes]]),
    (Model(at=NOON, rates={"a": 1.5}), Model),
    (CARD, dict[str, Any]),
]
BUILT_IN = [
    *(None, True, 5, 2**80, 1.5, float("inf"), "ä", b"\x00\xff", NOON, NOON.astimezone(UTC), date(2026, 1, 2)),
    *(timedelta(days=-1, microseconds=5), Decimal("1.10"), ID, Path("a/b"), (1, (2,)), {1, 2}, frozenset({"a"})),
    *({1: "one", (1, 2): "pair"}, {"a": [CARD]}, [CARD, (CARD,)]),
]


@define
class Seen:
    """What the body and the workflow were given."""

    body: list[Any]
    flow: list[Any]


def travelled(value: Any, annotation: Any) -> tuple[Any, Seen]:
    seen = Seen([], [])

    def echo(value):
        seen.body.append(value)
        return value

    def carry(value):
        seen.flow.append(value)
        seen.flow.append((yield step(echo, value)))
        return seen.flow[-1]

    echo.__annotations__ = {"value": annotation, "return": annotation}
    carry.__annotations__ = {"value": annotation, "return": Flow[annotation]}
    carried = workflow(name="end to end")(carry)
    app = App("memory:")
    result = app.run(carried(value), run_id="r")
    again = Execution(carried.definition, app.codec, loaded)
    again.feed(app.get("r").history())
    assert again.decide() == ()
    app.close()
    return result, seen


@pytest.mark.parametrize(("value", "annotation"), [*TYPED, *((value, Any) for value in BUILT_IN)], ids=repr)
def test_a_value_is_everywhere_what_it_was(value, annotation):
    result, seen = travelled(value, annotation)
    assert len(seen.body) == 1
    assert len(seen.flow) == 4  # twice: the run, and its replay
    for one in (result, *seen.body, *seen.flow):
        assert identical(one, value)


@pytest.mark.parametrize("value", BUILT_IN, ids=repr)
def test_a_built_in_value_is_the_same_by_its_own_annotation(value):
    result, _ = travelled(value, type(value) if value is not None and not isinstance(value, Path) else Any)
    assert identical(result, value)


def test_each_gets_a_value_of_its_own():
    value = Order("a", [Line(1)])
    result, seen = travelled(value, Order)
    everything = [value, result, *seen.body, *seen.flow]
    assert len({id(one) for one in everything}) == len(everything)


# --- failures ------------------------------------------------------------------------------------------------


class PaymentDeclined(Exception):
    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


def fails(kind: str) -> None:
    match kind:
        case "built-in":
            raise ValueError("x")
        case "pair":
            raise KeyError("x", 5)
        case "custom":
            raise PaymentDeclined(code=5)


@workflow
def tries(kind: str) -> Flow[list[Any]]:
    try:
        yield step(fails).options(retry=1)(kind)
    except PaymentDeclined as error:
        return ["custom", error.args, error.code]
    except ValueError as error:
        return ["built-in", error.args, type(error).__name__]
    return []


@workflow
def lets_through(kind: str) -> Flow[None]:
    yield step(fails).options(retry=1)(kind)


def test_a_failure_is_the_exception_that_was_raised():
    app = App("memory:")
    assert app.run(tries("built-in")) == ["built-in", ("x",), "ValueError"]
    assert app.run(tries("custom")) == ["custom", ("code 5",), 5]
    for kind, expected in [
        ("built-in", ValueError("x")),
        ("pair", KeyError("x", 5)),
        ("custom", PaymentDeclined(code=5)),
    ]:
        with pytest.raises(RunFailed) as failed:
            app.run(lets_through(kind))
        cause = failed.value.__cause__
        assert (type(cause), cause.args, vars(cause)) == (type(expected), expected.args, vars(expected))
    app.close()


def test_parity_defect_14_values_and_errors_are_on_replay_what_they_were_at_first():
    """What another system was found to do: a tuple became a list on replay, `{1: …}` became `{"1": …}`,
    `ValueError("x")` became `Exception("x")`, and a dict of a user with the key of a tag crashed the decoder."""
    value = {"pair": (1, 2), "by_number": {1: "one"}, "looks_like_a_tag": {"$": "tuple", "v": "not a list"}}
    result, seen = travelled(value, Any)
    assert all(identical(one, value) for one in (result, *seen.body, *seen.flow))
    result, seen = travelled((1, {2: "two"}), tuple[int, dict[int, str]])
    assert all(identical(one, (1, {2: "two"})) for one in (result, *seen.body, *seen.flow))
    app = App("memory:")
    with pytest.raises(RunFailed) as failed:
        app.run(lets_through("built-in"))
    assert repr(failed.value.__cause__) == "ValueError('x')"
    app.close()
