"""Local variables as short texts: bounded, masked, and without running a line of a user's code."""

import dataclasses
import enum
from collections import Counter, OrderedDict, defaultdict
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import PosixPath
from types import ModuleType
from typing import NamedTuple
from uuid import UUID

import pydantic
import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from yieldflow import gather, hook, sleep, step
from yieldflow.core.asks import Hook
from yieldflow.core.combinators import Task
from yieldflow.inspection.variables import MASKED, OPEN, PLAIN, Variable, Veil, text, variables, veiled


@frozen
class Order:
    id: str
    cents: int
    api_key: str = "sk-1"


@dataclasses.dataclass(slots=True)
class Line:
    sku: str
    count: int


class Color(enum.Enum):
    RED = 1


class Card(pydantic.BaseModel):
    holder: str
    password: str


class Point(NamedTuple):
    x: int
    y: int


ran = []


def explode(*_, **__):
    ran.append(1)
    return NotImplemented


class Hostile:
    """Notes whatever is asked of it."""

    __repr__ = __str__ = __getattribute__ = __eq__ = __len__ = __iter__ = __bool__ = __hash__ = explode


class Meta(type):
    def __getattribute__(cls, name):
        ran.append(name)
        return type.__getattribute__(cls, name)

    def __eq__(cls, other):
        ran.append("==")
        return type.__eq__(cls, other)

    def __hash__(cls):
        ran.append("hash")
        return type.__hash__(cls)

    def __instancecheck__(cls, instance):
        ran.append("isinstance")
        return type.__instancecheck__(cls, instance)


class OfMeta(metaclass=Meta):
    pass


class Loud(dict):
    items = keys = __iter__ = __len__ = __getitem__ = explode


class Zone(tzinfo):
    utcoffset = explode


@step
def pack(order: str) -> str:
    return order


CYCLE = [1]
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1, "1"),
        (10**400, "<int of 1,329 bits>"),
        ("x" * 100, repr("x" * 60) + "…"),
        (b"ab", "b'ab'"),
        ((1,), "(1,)"),
        (set(), "set()"),
        (list(range(9)), "[0, 1, 2, 3, 4, 5, … 3 more]"),
        ({"a": {"b": {"c": {"d": 1}}}}, "{'a': {'b': {'c': …}}}"),
        (CYCLE, "[1, [1, [1, …]]]"),
        (Order("o", 5), f"Order(id='o', cents=5, api_key={MASKED})"),
        (Line("a", 2), "Line(sku='a', count=2)"),
        (Point(1, 2), "Point(x=1, y=2)"),
        (Color.RED, "Color.RED"),
        (Card(holder="Ann", password="x"), f"Card(holder='Ann', password={MASKED})"),
        (Counter("aab"), "Counter({'a': 2, 'b': 1})"),
        (OrderedDict(token=1), f"OrderedDict({{'token': {MASKED}}})"),
        (OSError("no", 1), "OSError('no', 1)"),
        (datetime(2026, 1, 31, tzinfo=UTC), "2026-01-31 00:00:00+00:00"),
        (timedelta(hours=1), "1:00:00"),
        (UUID(int=3), "00000000-0000-0000-0000-000000000003"),
        (range(3), "range(0, 3)"),
        (Order, "<class Order>"),
        (len, "<builtin_function_or_method len>"),
        (pack, "<step pack>"),
        (pack("o"), "pack('o')"),
        (gather(pack("o"), sleep("1d")), "gather(pack('o'), sleep('1d'))"),
        (hook("go"), "hook('go')"),
        (Hook("go", "the token", "https://the token"), "hook('go')"),
        (Task((2, 1)), "task(2.1)"),
    ],
)
def test_a_value_is_shown_as_its_source_would_say_it(value, shown):
    assert text(value, PLAIN) == shown


def test_no_code_of_a_user_is_run():
    values = [Hostile(), OfMeta, OfMeta(), Loud(a=1), datetime(2026, 1, 1, tzinfo=Zone())]
    ran.clear()
    shown = [text([value, (value,)], veil) for value in values for veil in (PLAIN, OPEN)]
    assert ran == []
    assert shown[0] == "[Hostile(), (Hostile(),)]"


nested = st.recursive(
    st.none() | st.integers() | st.text() | st.binary() | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=50,
)


@given(nested)
def test_whatever_the_value_its_text_is_bounded(value):
    assert len(text(value, PLAIN)) <= PLAIN.longest
    assert len(text(value, OPEN)) <= OPEN.longest


def test_a_value_as_large_as_memory_takes_no_time():
    huge = [list(range(1_000_000))] * 1_000_000
    assert text(huge, PLAIN).startswith("[[0, 1, 2, 3, 4, 5, … 999,994 more], [0, 1")


@pytest.mark.parametrize("name", ["password", "apiKey", "API_KEY", "stripe_secret", "authToken", "key", "PIN", "cvv2"])
def test_names_of_secrets_keep_their_values(name):
    (shown,) = variables({name: "hunter2"}, PLAIN)
    assert shown == Variable(name, MASKED)
    (shown,) = variables({name: "hunter2"}, OPEN)
    assert "hunter2" in shown.text


@pytest.mark.parametrize("name", ["monkey", "turkeys", "author", "spin", "keyboard", "tokenize"])
def test_names_that_only_look_a_little_like_it_do_not(name):
    assert variables({name: 1}, PLAIN) == (Variable(name, "1"),)


def test_a_mask_hides_what_it_names_at_any_depth_also_with_payloads():
    veil = Veil(masks=("card*",), secrets=False)
    (shown,) = variables({"order": {"Card_number": 1, "id": 2, "key": 3}}, veil)
    assert shown.text == f"{{'Card_number': {MASKED}, 'id': 2, 'key': 3}}"


def test_a_token_of_a_hook_is_found_in_any_text_before_it_is_cut():
    token = "T" * 43
    veil = Veil(tokens=(token,))
    assert text(f"{'x' * 40}{token}", veil).startswith(repr("x" * 40 + MASKED))
    assert "TT" not in text({"link": f"https://shop/hooks/{token}", "x": [token]}, veil)


def test_of_very_many_variables_the_first_are_shown():
    shown = variables({f"v{n}": n for n in range(30)} | {"__x": 1, ".0": 2}, PLAIN)
    assert (len(shown), shown[-1]) == (21, Variable("…", "and 10 more"))


def test_a_token_is_found_however_many_of_them_stand_before_it():
    token = "T" * 20 + "x" * 180
    assert "T" not in text(token * 30, Veil(tokens=(token,)))
    assert text(f"{token * 30} and more", Veil(tokens=(token,), longest_text=400)) == repr(MASKED * 30 + " and more")


def test_a_derived_token_is_masked_whosever_it_is_unless_tokens_are_asked_for():
    token = "PeQ3R2EeZfG9apVnXb9-pwZFTQTCQ7IsIoumyzO86z4"
    values = [token, f"/hooks/{token}", [token], {token: 1}, token.encode(), PosixPath(f"/tmp/{token}")]
    assert not [one for one in values if token[:20] in text(one, PLAIN)]
    assert text(token, Veil(hooks=True)) == repr(token)


@pytest.mark.parametrize("value", [b"id=order-42-of-ann", bytearray("id=order-42-of-ann", "ascii")])
def test_bytes_with_a_token_in_them_are_not_shown(value):
    assert text(value, Veil(tokens=("order-42-of-ann",))) == MASKED
    assert "order-42" in text(value, PLAIN)


def test_a_range_of_any_size_is_shown():
    assert text(range(0, -5, -1), PLAIN) == "range(0, -5, -1)"
    assert text(range(10**5000), PLAIN) == "range(0, <int of 16,610 bits>)"


def test_a_module_that_loads_what_it_is_asked_for_is_asked_for_nothing():
    lazy = ModuleType("lazy")
    lazy.__getattr__ = explode
    ran.clear()
    assert text(lazy, PLAIN) == "<module lazy>"
    assert ran == []


class Key:
    hashed = 0

    def __hash__(self):
        Key.hashed += 1
        return 1


def test_of_a_kind_of_dict_nothing_is_copied():
    value = defaultdict(int, {Key(): 1})
    Key.hashed = 0
    assert text(value, PLAIN) == "defaultdict({Key(): 1})"
    assert Key.hashed == 0


def test_attributes_that_no_source_could_name_are_left_out():
    value = Key()
    value.__dict__.update({1: "one", "two": 2})
    assert text(value, PLAIN) == "Key(two=2)"


def test_a_token_is_masked_in_an_address_too():
    veil = veiled(PLAIN, ["order 42/of ann"])
    assert text("https://shop/hooks/order%2042%2Fof%20ann", veil) == repr(f"https://shop/hooks/{MASKED}")


def test_half_of_a_token_at_the_end_of_what_is_read_is_not_shown():
    token, random = "order of " + "x" * 191, "aB3" * 50_000
    for length in range(109_800, 110_100, 50):  # what is read of such a text ends between them
        assert "order" not in text(f"{random[:length]} {token} and more", Veil(tokens=(token,)))
