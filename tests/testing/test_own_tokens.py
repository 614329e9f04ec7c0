"""Tokens of one's own on the stage: one hook has one, until its run ends."""

from __future__ import annotations

from yieldflow import Flow, HookTokenTaken, gather, open_hook, race, sleep, workflow
from yieldflow.testing import explore, simulate

PAID = open_hook("paid", int, token="order-42")


@workflow
def waits() -> Flow[int]:
    paid = yield from PAID
    return (yield from paid)


@workflow
def one_after_the_other() -> Flow[list[int]]:
    return [(yield from waits()), (yield from waits())]


@workflow
def both() -> Flow[list[str]]:
    ends = yield from gather(waits(), waits(), return_exceptions=True)
    return [type(end).__name__ for end in ends]


@workflow
def let_go() -> Flow[str]:
    yield race(sleep("1h"), PAID)
    paid = yield from PAID
    return paid.token


def test_it_is_had_and_free_again_at_the_end():
    s = simulate(one_after_the_other())
    for number in (1, 2):
        child = next(run_id for run_id, status in s.children.items() if status == "running")
        s.send("paid", number, run_id=child)
    assert s.result == [1, 2]


def test_the_second_child_is_told_at_its_line():
    s = simulate(both())
    child = next(run_id for run_id, status in s.children.items() if status == "running")
    s.send("paid", 1, run_id=child)
    assert sorted(s.result) == sorted(["int", HookTokenTaken.__name__])


def test_what_was_let_go_is_had_by_the_same_hook():
    assert simulate(let_go()).result == "order-42"


def test_every_schedule_of_a_token_is_explored():
    found = explore(let_go(), at_end=lambda s: s.status != "failed", examples=60)
    assert found.schedules > 0
