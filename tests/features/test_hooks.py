"""Hooks: what is sent to a run from outside and from other runs, and what is answered when nothing comes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.features.moments import SOON, eventually, fold_of, until_it_waits
from tests.features.shop import GO, Receipt, add, listening, listening_on
from yieldflow import (
    App,
    Flow,
    TimedOut,
    detach,
    gather,
    hook,
    open_hook,
    race,
    run_info,
    send,
    set_data,
    sleep,
    workflow,
)
from yieldflow.errors import BadPayload, UnknownToken

AMOUNT = hook("amount", int)
PAID = hook("paid", Receipt)


@workflow
def summed() -> Flow[list[object]]:
    first = yield AMOUNT
    return [first, (yield from AMOUNT), (yield hook("anything"))]


def test_payloads_come_one_by_one_in_the_order_of_the_log(app: App):
    handle = app.start(summed())
    for n in (1, 2):
        handle.send(AMOUNT, n)
    handle.send("anything", {"a": [None, 1.5]})
    assert handle.result(timeout=SOON) == [1, 2, {"a": [None, 1.5]}]


@workflow
def late_reader() -> Flow[str]:
    yield GO
    return repr([(yield PAID), (yield from PAID)])


def test_what_comes_early_is_kept_and_typed(app: App):
    handle = app.start(late_reader())
    handle.send(PAID, Receipt("o", 1))
    handle.send("paid", {"order": "p", "cents": 2})  # by name it is not checked here, but there
    handle.send(GO, "on")
    assert handle.result(timeout=SOON) == repr([Receipt("o", 1), Receipt("p", 2)])


def test_what_does_not_fit_is_refused_by_who_knows_the_type_and_skipped_by_the_run(app: App):
    handle = app.start(summed())
    with pytest.raises(BadPayload, match="amount"):
        handle.send(AMOUNT, "five")
    handle.send("amount", "five")
    for n in (1, 2):
        handle.send(AMOUNT, n)
    handle.send("anything", None)
    assert handle.result(timeout=SOON) == [1, 2, None]
    assert [p.payload for p in fold_of(handle).unread.values()] == [b'"five"']


@workflow
def patient() -> Flow[list[object]]:
    told = [(yield hook("h", timeout="1ms", default="nobody"))]
    told.append((yield hook("h", timeout=datetime(2020, 1, 1, tzinfo=UTC), default=None)))
    try:
        yield AMOUNT.options(timeout=0.001)
    except TimedOut as error:
        told.append(isinstance(error, TimeoutError))
    told.append((yield hook("last", int, timeout="1h")))
    return told


def test_past_its_time_a_hook_answers_the_default_or_raises_timed_out(app: App):
    handle = app.start(patient())
    until_it_waits(handle, "last")
    handle.send("last", 5)
    assert handle.result(timeout=SOON) == ["nobody", None, True, 5]


@workflow
def opens() -> Flow[list[object]]:
    mine = yield from open_hook("mine", int)
    again = yield from open_hook("mine", int)  # the name is the hook
    yield set_data("link", [mine.name, mine.token, mine.url])
    one = yield mine
    two = yield from mine.receive()
    late = yield from again.receive(timeout="1ms", default=0)
    return [one, two, late, mine == again]


def test_an_open_hook_has_a_token_that_who_has_it_may_answer(app: App):
    app.base_url = "https://shop.example/"
    handle = app.start(opens())
    name, token, url = handle.data("link", timeout=SOON)
    assert name == "mine"
    assert len(token) == 43
    assert url == f"https://shop.example/hooks/{token}"
    position = app.resume_hook(token, 1, key="once")
    assert app.resume_hook(token, 1, key="once") == position
    app.resume_hook(token, 2)
    assert handle.result(timeout=SOON) == [1, 2, 0, True]
    with pytest.raises(UnknownToken):
        app.resume_hook("no such token", 3)


def test_the_open_hooks_of_a_run_are_listed_with_their_tokens(app: App):
    handle = app.start(opens())
    _, token, _ = handle.data("link", timeout=SOON)
    (found,) = app.hooks(handle.run_id)
    assert (found.name, found.token) == ("mine", token)
    handle.cancel()


def test_without_a_base_url_a_hook_has_no_url(app: App):
    handle = app.start(opens())
    assert handle.data("link", timeout=SOON)[2] is None
    handle.cancel()


@workflow
def two_readers() -> Flow[list[object]]:
    def reader(name: str) -> Flow[list[object]]:
        return [name, (yield AMOUNT)]

    return list((yield from gather(reader("first"), reader("second"))))


def test_waiters_are_served_in_the_order_of_asking(app: App):
    handle = app.start(two_readers())
    until_it_waits(handle, "amount", 2)
    handle.send(AMOUNT, 1)
    handle.send(AMOUNT, 2)
    assert handle.result(timeout=SOON) == [["first", 1], ["second", 2]]


@workflow
def gave_up() -> Flow[list[object]]:
    lost = yield from race(AMOUNT, GO)
    return [list(lost), (yield AMOUNT)]


def test_who_lost_a_race_takes_no_payload(app: App):
    handle = app.start(gave_up())
    until_it_waits(handle, "amount")
    handle.send(GO, "on")
    handle.send(AMOUNT, 7)
    assert handle.result(timeout=SOON) == [[1, "on"], 7]


def test_a_delivery_with_a_key_counts_once(app: App):
    handle = app.start(listening_on("h", 2))
    first = handle.send("h", 1, key="k")
    assert handle.send("h", "whatever", key="k") == first
    assert handle.send("h", 2, key="another") != first
    assert handle.result(timeout=SOON) == [1, 2]


# --- from run to run ------------------------------------------------------------------------------------------


@workflow
def sends(to: str) -> Flow[list[object]]:
    positions = [(yield send(to, AMOUNT, 1)), (yield from send(to, "amount", 2)), (yield send(to, "anything", "x"))]
    yield add(1, 1)
    return positions


def test_a_run_sends_to_another_one_and_is_answered_the_position(app: App):
    other = app.start(summed())
    positions = app.start(sends(other.run_id)).result(timeout=SOON)
    assert other.result(timeout=SOON) == [1, 2, "x"]
    log = other.history()
    assert [log[position - 1].payload for position in positions] == [b"1", b"2", b'"x"']
    assert len([event for event in log if hasattr(event, "payload")]) == 3


@workflow
def sends_to(to: str, payload: object) -> Flow[str]:
    try:
        yield send(to, "go", payload)
    except Exception as error:
        return type(error).__name__
    return "delivered"


def test_what_cannot_be_delivered_is_raised_at_the_yield(app: App):
    assert app.start(sends_to("nobody", 1)).result(timeout=SOON) == "UnknownRun"
    ended = app.start(listening())
    assert app.start(sends_to(ended.run_id, "x")).result(timeout=SOON) == "delivered"
    assert ended.result(timeout=SOON) == "x"
    assert app.start(sends_to(ended.run_id, "x")).result(timeout=SOON) == "RunEnded"


def test_a_typed_hook_is_checked_where_it_is_sent(app: App):
    @workflow
    def sends_nonsense() -> Flow[str]:
        try:
            yield send("whoever", AMOUNT, "five")  # type: ignore[arg-type] - what is wrong here is the test
        except Exception as error:
            return type(error).__name__
        return "delivered"

    handle = app.start(sends_nonsense())
    eventually(lambda: handle.status() != "running")
    assert handle.status() == "blocked"  # a value that its annotation refuses is the code's fault


@workflow
def talks_to_itself() -> Flow[str]:
    own = (yield from run_info()).run_id
    yield send(own, GO, "hello me")
    return (yield from GO)


def test_a_run_may_send_to_itself(app: App):
    assert app.start(talks_to_itself()).result(timeout=SOON) == "hello me"


@workflow
def ping(rounds: int) -> Flow[list[object]]:
    own = (yield from run_info()).run_id
    other = yield from detach(pong(own, rounds))
    heard = []
    for n in range(rounds):
        yield send(other, "ping", n)
        heard.append((yield hook("pong")))
    return heard


@workflow
def pong(to: str, rounds: int) -> Flow[None]:
    for _ in range(rounds):
        yield send(to, "pong", (yield hook("ping", int)) * 10)
    yield sleep(0)


def test_two_runs_talk_to_each_other(app: App):
    assert app.start(ping(4)).result(timeout=SOON) == [0, 10, 20, 30]
