"""Rates and room, in memory that does not grow; and how much of a history is replayed for a stranger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web import shop
from tests.web.conftest import opened
from yieldflow.errors import UsageError
from yieldflow.inspection import kinds
from yieldflow.inspection.kinds import Kind, Kinds
from yieldflow.web import Bounds, Rate
from yieldflow.web.bounds import Buckets, Room, network


def test_a_bucket_lets_a_burst_through_and_then_so_many_a_second():
    buckets = Buckets(Rate(burst=2, per_second=0.5))
    assert [buckets.take("a", 0.0) for _ in range(3)] == [0.0, 0.0, 2.0]
    assert buckets.take("b", 0.0) == 0.0
    assert buckets.take("a", 1.0) == 1.0  # who knocks too early has not to wait longer for it
    assert buckets.take("a", 2.0) == 0.0
    assert buckets.take("a", 1.0) > 0.0  # a clock that goes back gives nothing


def test_looking_at_a_bucket_takes_nothing_of_it():
    buckets = Buckets(Rate(burst=1, per_second=0.5))
    assert [buckets.wait("a", 0.0) for _ in range(3)] == [0.0] * 3
    assert len(buckets._levels) == 0
    assert buckets.take("a", 0.0) == 0.0
    assert [buckets.wait("a", 0.0), buckets.wait("a", 1.0), buckets.wait("a", 2.0)] == [2.0, 1.0, 0.0]
    assert buckets.take("a", 2.0) == 0.0


@given(times=st.lists(st.floats(0, 100), max_size=60))
def test_no_more_is_let_through_than_burst_and_rate_allow(times):
    buckets = Buckets(Rate(burst=3, per_second=0.5))
    through = sum(buckets.take("a", at) == 0.0 for at in sorted(times))
    assert through <= 3 + 0.5 * max(times, default=0) + 1e-6


def test_counts_of_strangers_take_bounded_memory():
    buckets = Buckets(Rate(burst=1, per_second=1), most=100)
    for number in range(1_000):
        buckets.take(str(number), 0.0)
    assert len(buckets._levels) == 100
    assert buckets.take("999", 0.0) > 0.0  # those that were used last are remembered


def test_addresses_of_one_customer_count_as_one():
    assert network("2001:db8::1") == network("2001:db8::ffff:2")
    assert network("2001:db8::1") != network("2001:db8:0:1::1")
    assert network("::ffff:10.0.0.1") == network("10.0.0.1") == "10.0.0.1"
    assert len(network("x" * 10_000)) == 100


def test_room_is_given_back():
    room = Room(10)
    assert room.take(8)
    assert not room.take(3)
    room.give(8)
    assert room.take(10)


@pytest.mark.parametrize("wrong", [{"body": 0}, {"patience": -1}, {"threads": 0}, {"waits": 0}])
def test_bounds_that_let_nothing_through_are_refused(wrong):
    with pytest.raises(UsageError):
        Bounds(**wrong)


def test_the_type_of_a_hook_is_found_once_and_remembered(lite, monkeypatch):
    opened(lite, shop.approval(), "a")
    known = Kinds()
    assert known.of(lite, "a", "approval") == Kind(bool)
    monkeypatch.setattr(kinds, "LONGEST", 0)  # from now on nothing is found
    assert known.of(lite, "a", "approval") == Kind(bool)


def test_a_hook_that_is_open_and_not_asked_yet_has_its_type_from_the_line_that_holds_it(lite):
    opened(lite, shop.later(), "a")
    assert Kinds().of(lite, "a", "late") == Kind(int)
    assert Kinds().of(lite, "a", "nobody") is None


def test_a_long_history_is_not_replayed_for_a_stranger(lite, monkeypatch):
    opened(lite, shop.approval(), "a")
    monkeypatch.setattr(kinds, "LONGEST", 2)
    assert Kinds().of(lite, "a", "approval") is None


def test_an_unknown_type_is_not_looked_for_again_at_once(lite, monkeypatch):
    opened(lite, shop.approval(), "a")
    known = Kinds()
    with monkeypatch.context() as nothing_is_found:
        nothing_is_found.setattr(kinds, "LONGEST", 0)
        assert known.of(lite, "a", "approval") is None
    assert known.of(lite, "a", "approval") is None
    monkeypatch.setattr(kinds, "_AGAIN", 0.0)
    assert Kinds().of(lite, "a", "approval") == Kind(bool)
