"""JSON that somebody else has written, for an annotation that lists several members."""

from __future__ import annotations

from typing import Any

import attrs
import orjson
import pytest

from tests.values import CODEC
from yieldflow.errors import Undecodable


@attrs.frozen
class Approve:
    comment: str = ""


@attrs.frozen
class Reject:
    comment: str = ""


@attrs.frozen
class Ask:
    whom: str


@attrs.frozen
class Case:
    verdict: Approve | Reject


@attrs.frozen
class Note:
    text: str = ""


def sent(text: str, annotation: Any) -> object:
    """Without a type on its way in."""
    return CODEC.decode(CODEC.encode(orjson.loads(text), Any), annotation)


@pytest.mark.parametrize("text", ['{"$": "Reject", "v": {"comment": "no"}}', '{"v": {"comment": "no"}, "$": "Reject"}'])
def test_whoever_names_a_member_gets_it(text):
    assert sent(text, Approve | Reject) == Reject("no")


def test_what_only_one_member_takes_is_that_member():
    assert sent('{"whom": "Ann"}', Ask | int) == Ask("Ann")


def test_a_member_that_knows_all_fields_is_closer_than_one_that_ignores_some():
    assert sent('{"whom": "Ann"}', Approve | Ask) == Ask("Ann")
    assert sent('{"comment": "no"}', Note | Reject) == Reject("no")


@pytest.mark.parametrize("text", ['{"comment": "no"}', "{}", '{"comment": "no", "more": 1}'])
def test_what_fits_several_members_is_none_and_the_sentence_tells_how_to_say_which(text):
    says = 'be read as Approve | Ask | None | Reject: it fits Approve and Reject: say which, as {"$": "Approve", '
    with pytest.raises(Undecodable) as refused:
        sent(text, Reject | Approve | Ask | None)
    assert says in str(refused.value)


def test_what_is_unclear_inside_of_one_member_is_no_other_member_either():
    with pytest.raises(Undecodable, match=r"\.verdict cannot be read as Approve \| Reject: it fits Approve and Reject"):
        sent('{"verdict": {"comment": "no"}}', Case | Note)
    assert sent('{"verdict": {"$": "Reject", "v": {}}}', Case | Note) == Case(Reject())


def test_members_that_take_it_for_the_same_are_not_several():
    assert sent("[]", list[int] | list[str]) == []
    with pytest.raises(Undecodable, match="it fits list"):
        sent("[]", list[int] | set[int])


def test_an_object_that_only_looks_like_a_tag_is_data():
    looks = {"$": "Nobody", "v": 1}
    assert sent(orjson.dumps(looks).decode(), dict[str, str | int] | list[int]) == looks
