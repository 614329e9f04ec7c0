"""Values go out as JSON and come back as they were, or are refused with their place."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import attrs
import orjson
import pytest
from cattrs.preconf.orjson import make_converter
from hypothesis import example, given
from hypothesis import strategies as st
from typing_extensions import TypeAliasType

from tests.values import (
    CODEC,
    NAIVE,
    Color,
    DatedPage,
    Line,
    Model,
    Money,
    Movie,
    Order,
    Page,
    PartialRefund,
    Point,
    Refund,
    Right,
    T,
    UserId,
    identical,
    money_converter,
    there_and_back,
)
from yieldflow.codec import JsonCodec
from yieldflow.core.values import Arguments, Parameters
from yieldflow.errors import Undecodable, Unencodable

# --- properties ------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ZONES = st.none() | st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
LEAVES = {
    str: TEXT,
    bool: st.booleans(),
    int: st.integers() | st.integers(-(2**70), 2**70),
    float: st.floats(allow_nan=False),
    bytes: st.binary(max_size=8),
    date: st.dates(),
    datetime: st.datetimes(timezones=ZONES),
    time: st.times(timezones=ZONES),
    timedelta: st.timedeltas(),
    Decimal: st.decimals(allow_nan=False),
    UUID: st.uuids(),
    Path: TEXT.filter(lambda text: "\0" not in text).map(Path),
    None: st.none(),
    Color: st.sampled_from(Color),
    Right: st.sampled_from([Right(0), Right.READ, Right.READ | Right.WRITE]),
    Line: st.builds(Line, st.integers(), st.lists(TEXT, max_size=2), st.none() | TEXT),
    Refund: st.builds(Refund, TEXT),
    Point: st.builds(Point, st.integers(), st.floats(allow_nan=False)),
    Literal[1, True, "1"]: st.sampled_from([1, True, "1"]),
}
UNTYPED_LEAVES = [
    strategy
    for cls, strategy in LEAVES.items()
    if cls not in {Color, Right, Line, Refund, Point, Literal[1, True, "1"]}
]


@st.composite
def annotated(draw, depth=2):
    """(annotation, strategy of its values)"""
    if not depth or draw(st.booleans()):
        return draw(st.sampled_from(list(LEAVES.items())))
    cls, values = draw(annotated(depth - 1))
    other, others = draw(annotated(depth - 1))
    keys = draw(st.sampled_from([str, int, datetime, Color, UUID]))
    return draw(
        st.sampled_from(
            [
                (list[cls], st.lists(values, max_size=3)),
                (tuple[cls, ...], st.lists(values, max_size=3).map(tuple)),
                (tuple[cls, other], st.tuples(values, others)),
                (set[keys], st.sets(LEAVES[keys], max_size=3)),
                (frozenset[keys], st.frozensets(LEAVES[keys], max_size=3)),
                (dict[keys, cls], st.dictionaries(LEAVES[keys], values, max_size=3)),
                (cls | other if cls is not other and (cls, other) != (None, None) else cls, values),
                (cls | None if cls is not None else cls, values | st.none()),
                (Page[cls], st.lists(values, max_size=2).map(Page)),
            ]
        )
    )


HASHABLE = st.recursive(st.one_of(UNTYPED_LEAVES), lambda inner: st.lists(inner, max_size=2).map(tuple), max_leaves=4)
UNTYPED = st.recursive(
    st.one_of(UNTYPED_LEAVES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from(["$", "v", "dict", "tuple"]) | TEXT, inner, max_size=3),
        st.dictionaries(HASHABLE, inner, max_size=3),
        st.frozensets(HASHABLE, max_size=3),
        st.sets(HASHABLE, max_size=3),
    ),
    max_leaves=8,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.just("$"), inner, max_size=3),
    max_leaves=8,
)


@given(annotated().flatmap(lambda pair: st.tuples(st.just(pair[0]), pair[1])))
def test_annotated_values_come_back_as_they_were(case):
    annotation, value = case
    assert identical(there_and_back(value, annotation), value)


@given(UNTYPED)
@example({"$": "tuple", "v": [1]})
@example({"$": {"$": 1}})
@example({(1, "$"): {1.0: {True}}})
def test_values_without_an_annotation_come_back_as_they_were(value):
    assert identical(there_and_back(value, Any), value)


@given(UNTYPED, annotated())
def test_any_value_under_any_annotation_is_refused_or_in_normal_form(value, pair):
    try:
        data = CODEC.encode(value, pair[0])
    except Unencodable:
        return
    there_and_back(CODEC.decode(data, pair[0]), pair[0])


@given(JSON | st.binary(), annotated() | st.just((Any, None)))
@example({"$": "dict", "v": {"ab": 1}}, (Any, None))
@example({"$": "dict", "v": [[[], 1]]}, (Any, None))
@example({"$": "timedelta", "v": [10**18, 0, 0]}, (Any, None))
@example({"$": [], "v": 1}, (Any, None))
@example({"$": "int", "v": 1}, (int, None))
def test_foreign_json_is_refused_or_read_into_a_normal_form(tree, pair):
    data = tree if isinstance(tree, bytes) else orjson.dumps(tree)
    try:
        value = CODEC.decode(data, pair[0])
    except Undecodable:
        return
    there_and_back(value, pair[0])


@given(UNTYPED)
def test_same_does_not_see_the_order_of_keys(value):
    def turned(inner):
        if isinstance(inner, dict):
            return {key: turned(item) for key, item in reversed(inner.items())}
        return [turned(item) for item in inner] if isinstance(inner, list) else inner

    assert CODEC.same(CODEC.encode(value, Any), CODEC.encode(turned(value), Any))


# --- by annotation ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (Order("a", [Line(1, ["x"], "s")], Order("b", [])), Order),
        (Page([Order("a", [])]), Page[Order]),
        (DatedPage([date(2026, 1, 2)], more=True), DatedPage),
        ([Point(1), Point(2, 0.5)], list[Point]),
        ({"title": "Up"}, Movie),
        ({"title": "Up", "year": 2009}, Movie),
        (Model(at=datetime(2026, 1, 2, tzinfo=UTC), rates={"$": math.inf}), Model),
        ({Color.RED: 1, Color.PAIR: 2}, dict[Color, int]),
        ({(1, 2): "a"}, dict[tuple[int, int], str]),
        ({1: "a", "b": "c"}, dict[int | str, str]),
        (UserId("u"), UserId),
        (5, Annotated[int, []]),
        ((), tuple[()]),
        ([1, [2]], list),
        ((1, [2]), tuple),
        ({"a": {1}}, dict[str, Any]),
        ({"a": 1}, dict[TypeVar("Key", bound=str), int]),
    ],
)
def test_each_kind_of_annotation_travels(value, annotation):
    assert there_and_back(value, annotation) == value


@pytest.mark.parametrize(
    "value",
    [Refund("r"), PartialRefund("r", 5), "r", 5, 5.0, True, None, [1], ["a"], NAIVE, date(2026, 1, 2)],
)
def test_a_union_keeps_its_members_apart(value):
    union = Refund | PartialRefund | str | int | float | bool | None | list[int] | list[str] | datetime | date
    assert identical(there_and_back(value, union), value)


def test_members_of_one_name_are_kept_apart_by_their_modules():
    other = attrs.make_class("Refund", {"id": attrs.field(type=str)})
    other.__module__ = "elsewhere"
    assert there_and_back(other("a"), Refund | other) == other("a")
    assert there_and_back(Refund("a"), Refund | other) == Refund("a")


def test_a_union_with_any_value_is_any_value():
    assert there_and_back((1, 2), Any | None) == (1, 2)


def test_aliases_mean_what_they_name():
    Tree = TypeAliasType("Tree", list[Any] | int)
    Pair = TypeAliasType("Pair", tuple[T, T], type_params=(T,))
    assert there_and_back([[1]], Tree) == [[1]]
    assert there_and_back((1, 2), Pair[int]) == (1, 2)
    with pytest.raises(Unencodable):
        CODEC.encode((1, "x"), Pair[int])
    assert there_and_back(Page([(1, 2)]), Page) == Page([(1, 2)]), "an unbound type variable is any value"


def test_an_optional_class_needs_no_tag():
    assert CODEC.encode(Refund("r"), Refund | None) == b'{"id":"r"}'


def test_a_union_that_grows_reads_what_it_wrote_before():
    assert CODEC.decode(CODEC.encode(Refund("r"), Refund | None), Line | Refund | None) == Refund("r")


def test_the_order_of_a_unions_members_does_not_matter():
    one, other = JsonCodec(), JsonCodec()
    for value in (Refund("r"), [1], "x"):
        assert one.encode(value, Refund | list[int] | str) == other.encode(value, str | list[int] | Refund)


def test_a_class_may_get_fields_with_defaults_and_lose_others():
    assert CODEC.decode(b'{"price":5,"gone":1}', Line) == Line(5)


def test_abstract_annotations_have_one_normal_form():
    assert there_and_back((1, 2), Sequence[int]) == [1, 2]
    assert there_and_back({"a": 1}, Mapping[str, int]) == {"a": 1}


def test_whole_numbers_become_floats_where_float_is_annotated():
    assert identical(there_and_back([1, 2.5], list[float]), [1.0, 2.5])
    with pytest.raises(Unencodable, match="no float has this value"):
        CODEC.encode(2**53 + 1, float)


def test_values_sent_without_a_type_are_read_with_one():
    when = datetime(2026, 1, 2, tzinfo=UTC)
    assert CODEC.decode(CODEC.encode({"at": when, "s": {1}}, Any), dict[str, datetime | set[int]]) == {
        "at": when,
        "s": {1},
    }
    assert CODEC.decode(CODEC.encode((1, 2), Any), tuple[int, ...]) == (1, 2)


@pytest.mark.parametrize("data", [b'{"$":"set","v":[1]}', b'{ "$" : "set", "v" : [1] }', b'{"\\u0024":"set","v":[1]}'])
def test_a_tag_is_seen_however_it_is_spelled(data):
    assert CODEC.decode(data, Any) == {1}


def test_a_converter_teaches_a_class():
    assert there_and_back([Money(5)], list[Money], JsonCodec(converter=money_converter())) == [Money(5)]
    with pytest.raises(Unencodable, match="give the codec a converter"):
        CODEC.encode(Money(5), Money)


def test_hooks_that_are_registered_for_a_class_win():
    converter = money_converter()
    converter.register_unstructure_hook(datetime, datetime.timestamp)
    converter.register_structure_hook(datetime, lambda seconds, _: datetime.fromtimestamp(seconds, UTC))
    codec, when = JsonCodec(converter=converter), datetime(1970, 1, 1, tzinfo=UTC)
    assert codec.encode([when], list[datetime]) == b"[0.0]"
    assert there_and_back(when, datetime | None, codec) == when
    assert there_and_back(Line(1), Line, codec) == Line(1)


def test_a_converter_for_json_of_cattrs_itself_can_be_given():
    codec = JsonCodec(converter=make_converter())
    for value in (datetime(2026, 1, 2, tzinfo=UTC), b"\xff", {1}, Path("a"), Color.RED, Line(1)):
        assert identical(there_and_back(value, type(value), codec), value)


def test_decode_gives_a_fresh_object_each_time():
    data = CODEC.encode({"a": [1]}, Any)
    CODEC.decode(data, Any)["a"].append(2)
    assert CODEC.decode(data, Any) == {"a": [1]}
    assert CODEC.decode(b"{}", dict) is not CODEC.decode(b"{}", dict)


# --- traps ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("annotation", [float, Any, object, float | None, int | float])
def test_nan_and_infinity_do_not_become_null(annotation):
    for value in (math.nan, math.inf, -math.inf, -0.0):
        assert identical(there_and_back(value, annotation), value)


@pytest.mark.parametrize("annotation", [int, Any])
def test_whole_numbers_have_no_limit(annotation):
    for value in (2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**5000):
        assert there_and_back(value, annotation) == value


def test_sets_are_in_the_order_of_their_encoded_members():
    assert CODEC.encode({"b", "a", "c"}, set[str]) == b'["a","b","c"]'
    assert CODEC.encode({10, 9}, Any) == b'{"$":"set","v":[10,9]}'


def test_the_order_of_a_dict_is_kept():
    assert CODEC.encode({"b": 1, "a": 2}, Any) == b'{"b":1,"a":2}'
    assert list(there_and_back({"b": 1, "a": 2}, dict[str, int])) == ["b", "a"]


@pytest.mark.parametrize(
    ("one", "other"), [(b"1", b"1.0"), (b"1", b"true"), (b"[1,2]", b"[2,1]"), (b'{"a":1}', b'{"a":1.0}')]
)
def test_same_is_strict_about_types_and_order(one, other):
    assert not CODEC.same(one, other)


def test_same_does_not_see_the_order_of_other_keys():
    one, other = (CODEC.encode(value, dict[int, str]) for value in ({1: "a", 2: "b"}, {2: "b", 1: "a"}))
    assert one != other
    assert CODEC.same(one, other)


def test_aware_and_naive_datetimes_stay_apart():
    aware, naive = datetime(2026, 1, 2, tzinfo=UTC), NAIVE
    assert there_and_back([aware, naive], list[datetime])[1].tzinfo is None
    assert there_and_back([aware, naive], Any)[0].tzinfo is UTC


def test_values_that_are_one_key_in_python_stay_apart_in_literals():
    assert identical(CODEC.decode(b"[1,true]", list[Literal[1, True]]), [1, True])


# --- arguments ------------------------------------------------------------------------------------------

PARAMETERS = Parameters(("order", "count"), {"order": Order, "count": int, "note": str}, rest=float, others=set[int])


def test_arguments_travel_by_their_annotations():
    arguments = Arguments((Order("a", []), 2, 1, 2.5), {"note": "n", "more": {1}})
    data = CODEC.encode_arguments(arguments, PARAMETERS)
    assert data == b'[[{"id":"a","lines":[],"parent":null},2,1.0,2.5],{"note":"n","more":[1]}]'
    assert CODEC.decode_arguments(data, PARAMETERS) == arguments


def test_refused_arguments_are_named():
    for arguments, place in [
        (Arguments((Order("a", [Line("x")]),)), "order.lines[0].price"),
        (Arguments((Order("a", []), 1, "x")), "args[2]"),
        (Arguments((), {"note": 1}), "note"),
    ]:
        with pytest.raises(Unencodable) as caught:
            CODEC.encode_arguments(arguments, PARAMETERS)
        assert caught.value.path == place
    with pytest.raises(Undecodable) as caught:
        CODEC.decode_arguments(b'[[],{"count":"x"}]', PARAMETERS)
    assert caught.value.path == "count"


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"[[],[]]", b"[[],{},1]", b"null", b"[" * 2000])
def test_what_is_no_arguments_is_refused(data):
    with pytest.raises(Undecodable):
        CODEC.decode_arguments(data, PARAMETERS)
