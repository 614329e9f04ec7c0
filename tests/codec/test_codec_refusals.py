"""What would not come back as it was is refused where it stands, going out and coming in."""

from dataclasses import InitVar, dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest
from attrs import field, frozen, validators
from cattrs import Converter

from tests.values import (
    CODEC,
    NAIVE,
    Color,
    Line,
    Model,
    Money,
    Movie,
    Order,
    Page,
    PartialRefund,
    Refund,
    Right,
    money_converter,
)
from yieldflow import sleep, step
from yieldflow.codec import JsonCodec
from yieldflow.core.values import Arguments, Parameters
from yieldflow.errors import Undecodable, Unencodable


@frozen
class Positive:
    n: int = field(validator=validators.gt(0))


# --- refusals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "annotation", "place", "kind"),
    [
        ("5", int, "value", "str"),
        (True, int, "value", "bool"),
        (1, bool, "value", "int"),
        (1.0, int, "value", "float"),
        ("abc", list[str], "value", "str"),
        ((1,), list[int], "value", "tuple"),
        (NAIVE, date, "value", "datetime"),
        (PartialRefund("r", 1), Refund, "value", "PartialRefund"),
        (Right.READ, int, "value", "Right"),
        (Order("a", [Line(1), Line("2")]), Order, "value.lines[1].price", "str"),
        (Page(["x"]), Page[int], "value.items[0]", "str"),
        ({"a": [1, object()]}, Any, "value['a'][1]", "object"),
        ({"k": {1: "x"}}, dict[str, dict[int, int]], "value['k'][1]", "str"),
        ((1, "x"), tuple[int, int], "value[1]", "str"),
        ((1, 2), tuple[int], "value", "tuple"),
        ({"title": 1}, Movie, "value['title']", "int"),
        ({"title": "Up", "more": 1}, Movie, "value", "dict"),
        ({}, Movie, "value", "dict"),
        ("c", Literal["a", "b"], "value", "str"),
        (Line(1), Any, "value", "Line"),
        (Color.RED, Any, "value", "Color"),
        (2, int.__add__, "value", "int"),
        (2, "Unknown", "value", "int"),
        (b"x", Refund | int, "value", "bytes"),
        (1, Right, "value", "int"),
        (1, Movie, "value", "int"),
        (1, Model, "value", "int"),
        (Model.model_construct(at="x", rates={}), Model, "value", "Model"),
        ({1, "x"}, set[int], "value{…}", "str"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(value, annotation, place, kind):
    with pytest.raises(Unencodable) as caught:
        CODEC.encode(value, annotation)
    assert (caught.value.path, caught.value.kind) == (place, kind)


@step
def charge(cents: int) -> int:
    return cents


def generator():
    yield


@pytest.mark.parametrize("command", [charge, charge(5), sleep(1), generator()])
@pytest.mark.parametrize(
    ("wrap", "annotation"), [(list, list[int]), (list, Any), (tuple, tuple[Line, ...]), (list, list[Any])]
)
def test_a_forgotten_yield_is_said(command, wrap, annotation):
    with pytest.raises(Unencodable, match=r"value\[0\].*was `yield` forgotten") as caught:
        CODEC.encode(wrap([command]), annotation)
    assert caught.value.reason == "a command is not a value; was `yield` forgotten?"


def test_a_converter_is_asked_only_for_values_of_its_classes():
    codec = JsonCodec(converter=money_converter())
    with pytest.raises(Unencodable, match="annotated as Money"):
        codec.encode(5, Money)
    for value, annotation in [("5", int), (Color.RED, str), ({1}, list[int])]:
        with pytest.raises(Unencodable):
            codec.encode(value, annotation)


def test_a_hook_in_one_direction_teaches_nothing():
    converter = Converter()
    converter.register_unstructure_hook(Money, lambda money: money.cents)
    with pytest.raises(Unencodable, match="give the codec a converter"):
        JsonCodec(converter=converter).encode(Money(5), Money)


def test_what_hooks_raise_and_what_they_cannot_mean_is_refused_with_its_place():
    codec = JsonCodec(converter=money_converter())
    for value, kind in [(Money(object()), "object"), (Money.__new__(Money), "Money")]:
        with pytest.raises(Unencodable) as caught:
            codec.encode([value], list[Money])
        assert (caught.value.path, caught.value.kind) == ("value[0]", kind)
    converter = money_converter()
    converter.register_structure_hook(Money, lambda cents, _: converter.structure(cents, Line))
    for data in (b"[5]", b'[{"price":null}]'):
        with pytest.raises(Undecodable) as caught:
            JsonCodec(converter=converter).decode(data, list[Money])
        assert caught.value.path == "value[0]"


def test_a_command_cannot_be_annotated_into_a_value():
    with pytest.raises(Unencodable, match="was `yield` forgotten"):
        CODEC.encode(sleep(1), type(sleep(1)))


def test_a_value_over_the_limit_is_refused_with_both_sizes():
    with pytest.raises(Unencodable, match="13 bytes of at most 12"):
        JsonCodec(limit=12).encode("x" * 11, str)
    assert JsonCodec(limit=12).encode("x" * 10, str)


def test_half_a_surrogate_pair_is_refused_with_its_place():
    for value, annotation in [({"a": "\ud800"}, Any), ({"\ud800": 1}, Any), ({"a": "\ud800"}, dict[str, str])]:
        with pytest.raises(Unencodable, match=r"value\[.*surrogate"):
            CODEC.encode(value, annotation)


def test_a_value_that_contains_itself_is_refused():
    value = []
    value.append(value)
    for encode in (lambda: CODEC.encode(value, Any), lambda: CODEC.encode_arguments(Arguments((value,)), Parameters())):
        with pytest.raises(Unencodable, match="contains itself"):
            encode()
    with pytest.raises(Undecodable):
        CODEC.same(b"[", b"{")


def test_deep_nesting_is_refused_and_no_recursion_error():
    value, depth = 1, 0
    for refused in (260, 400, 2000):
        while depth < refused:
            value, depth = [value], depth + 1
        with pytest.raises(Unencodable, match="too deep"):
            CODEC.encode(value, Any)
    for deep in (b"[" * 900 + b"]" * 900, b"[" * 9000, b'{"$":"tuple","v":[' * 400 + b"]}" * 400):
        with pytest.raises(Undecodable):
            CODEC.decode(deep, list[list[Any]])
    with pytest.raises(Undecodable):
        CODEC.decode(b'{"$":"tuple","v":[' * 500 + b"]}" * 500, Any)


@pytest.mark.parametrize(
    ("data", "annotation", "place"),
    [
        (b"", int, "value"),
        (b'"0xff"', int, "value"),
        (b'"nan"', float, "value"),
        (b"1.0", int, "value"),
        (b"true", int, "value"),
        (b"null", str, "value"),
        (b"[1]", Order, "value"),
        (b'{"id":"a","lines":[{"price":"x"}]}', Order, "value.lines[0].price"),
        (b'{"id":"a"}', Order, "value.lines"),
        (b'{"n":0}', Positive, "value"),
        (b'{"$":"os:system","v":1}', Any, "value"),
        (b'[{"$":"set","v":[[1]]}]', Any, "value[0]"),
        (b'{"at":"x","rates":{}}', Model, "value"),
        (b"1", Literal[True], "value"),
        (b"4", Color, "value"),
        (b"9.5", Refund | int, "value"),
        (b"[1]", dict[str, int], "value"),
        (b"2", int.__add__, "value"),
        (b"true", Decimal, "value"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(data, annotation, place):
    with pytest.raises(Undecodable) as caught:
        CODEC.decode(data, annotation)
    assert caught.value.path == place


def test_a_class_that_cannot_be_made_from_its_fields_is_refused_before_it_is_stored():
    @dataclass
    class Greedy:
        a: int
        b: InitVar[int]

    with pytest.raises(Unencodable, match="wants 'b'"):
        CODEC.encode(Greedy(1, 2), Greedy)


def test_an_annotation_that_cannot_be_resolved_is_refused():
    @frozen
    class Lost:
        a: "Nowhere"  # noqa: F821 - that is the point

    with pytest.raises(Unencodable, match="Nowhere"):
        CODEC.encode(Lost(1), Lost)
