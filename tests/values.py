"""Classes of many kinds, and what it means that a value came back as it was."""

import enum
import math
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Generic, NamedTuple, NewType, NotRequired, TypedDict, TypeVar

import pydantic
from attrs import field, frozen
from cattrs import Converter

from yieldflow.codec import JsonCodec

CODEC = JsonCodec()
NAIVE = datetime(2026, 1, 2)  # noqa: DTZ001 - that is the point
T = TypeVar("T")
UserId = NewType("UserId", str)


class Color(enum.Enum):
    RED = 1
    BLUE = "blue"
    PAIR = (1, 2)


class Right(enum.IntFlag):
    READ = 1
    WRITE = 2


@frozen
class Line:
    price: int
    names: list[str] = field(factory=list)
    _secret: str | None = None


@dataclass
class Order:
    id: str
    lines: list[Line]
    parent: "Order | None" = None


@frozen
class Refund:
    id: str


@frozen
class PartialRefund(Refund):
    cents: int


@frozen
class Page(Generic[T]):
    items: list[T]


@frozen
class DatedPage(Page[date]):
    more: bool


class Point(NamedTuple):
    x: int
    y: float = 0.0


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Model(pydantic.BaseModel):
    model_config = {"strict": True}
    at: datetime
    rates: dict[str, float]


class Money:
    def __init__(self, cents):
        self.cents = cents

    def __eq__(self, other):
        return isinstance(other, Money) and other.cents == self.cents

    __hash__ = None


def money_converter():
    converter = Converter()
    converter.register_unstructure_hook(Money, lambda money: money.cents)
    converter.register_structure_hook(Money, lambda cents, _: Money(cents))
    return converter


def there_and_back(value, annotation, codec=CODEC):
    data = codec.encode(value, annotation)
    back = codec.decode(data, annotation)
    assert codec.encode(back, annotation) == data
    return back


def identical(one, other):
    """Equal, and of the same classes all the way down; NaN is itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return math.copysign(1, one) == math.copysign(1, other) and (one == other or (one != one and other != other))
    if isinstance(one, dict):
        return len(one) == len(other) and all(map(identical, one.items(), other.items()))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(identical, one, other))
    if isinstance(one, datetime | time):
        return one == other and one.tzinfo == other.tzinfo
    return one == other
