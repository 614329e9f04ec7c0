"""Types as fields of a form: which there are, and what becomes of texts."""

import enum
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NamedTuple, NotRequired, Optional, TypedDict
from uuid import UUID

import attrs
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yieldflow.codec import JsonCodec, SealedCodec
from yieldflow.errors import Undecodable
from yieldflow.web.fields import fields_of

CODEC = SealedCodec(JsonCodec())


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


@dataclass
class Data:
    ok: bool
    size: Size = Size.SMALL
    made: int = field(default=0, init=False)


@attrs.frozen
class Attrs:
    ok: bool
    cents: Decimal
    inner: Data | None = None


class Typed(TypedDict):
    ok: bool
    comment: NotRequired[str]


class Named(NamedTuple):
    ok: bool
    comment: str = ""


class Model(pydantic.BaseModel):
    ok: bool
    comment: str = ""


def read(kind, pairs):
    tree = fields_of(kind, CODEC).read(pairs)
    return CODEC.decode(CODEC.encode(tree, Any), kind)


@pytest.mark.parametrize("kind", [Data, Attrs, Typed, Named, Model, bool, Literal["a", "b"], Size])
def test_the_first_choice_is_the_decision(kind):
    assert fields_of(kind, CODEC).decision is not None


@pytest.mark.parametrize("kind", [Any, str, int, dict[str, int], bool | None, list[bool]])
def test_where_there_is_no_choice_there_is_no_decision(kind):
    assert fields_of(kind, CODEC).decision is None


@pytest.mark.parametrize("kind", [Typed, Named, Model])
def test_fields_that_may_be_left_out_have_their_defaults(kind):
    assert read(kind, [("ok", "true"), ("comment", "")]) == read(kind, [("ok", "TRUE")])


def test_each_text_is_read_by_the_type_of_its_field():
    assert read(Data, [("ok", "off"), ("size", "2"), ("made", "7")]) == Data(ok=False, size=Size.LARGE)
    given = [("ok", "1"), ("cents", "4.50"), ("inner", '{"ok": true}')]
    assert read(Attrs, given) == Attrs(ok=True, cents=Decimal("4.50"), inner=Data(ok=True))
    assert read(int, [("value", " 12 ")]) == 12
    assert read(float, [("value", "1")]) == 1.0
    assert read(str, [("value", "12")]) == "12"
    assert read(Optional[int], [("value", "")]) is None  # noqa: UP045 - the older spelling, too
    assert read(UUID, [("value", "00000000-0000-0000-0000-000000000001")]) == UUID(int=1)


KINDS = st.sampled_from(
    [Data, Attrs, Typed, Named, Model, bool, int, float, Size, Decimal, dict[str, int], Any, bool | None]
)


@given(kind=KINDS, pairs=st.lists(st.tuples(st.sampled_from(["ok", "value", "cents", "size"]) | st.text(), st.text())))
def test_whatever_is_written_fits_or_is_refused(kind, pairs):
    with suppress(Undecodable):  # and nothing else
        read(kind, pairs)


@given(number=st.integers(-(10**19), 10**19 - 1))
def test_whole_numbers_are_read_as_they_are(number):
    assert fields_of(int, CODEC).read([("value", str(number))]) == number
