"""What whoever delivers to a hook is told: what it was opened with, or what the workflow says of this delivery."""

from __future__ import annotations

import threading
import time
from urllib.parse import quote

import pytest

from tests.web.conftest import opened, served, wait_until
from yieldflow import Flow, continue_as_new, open_hook, step, workflow
from yieldflow.core.events import HookReceived
from yieldflow.errors import StoreUnreachable
from yieldflow.web.responses import Responses


@workflow
def static() -> Flow[object]:
    paid = yield from open_hook("paid", int, token="order 42/ä", response={"challenge": [1, "ä"]})
    return (yield from paid)


@step
def doubled(number: int) -> int:
    return 2 * number


@workflow
def calculator(within: str) -> Flow[int]:
    asked = yield from open_hook("double", int, respond_within=within, response="no time")
    served = 0
    while (number := (yield from asked)) >= 0:
        if number != 13:
            yield asked.respond({"doubled": (yield from doubled(number))})
        served += 1
    return served


@workflow
def last_words() -> Flow[str]:
    asked = yield from open_hook("asked", respond_within="10s")
    yield asked
    yield asked.respond("good bye")
    return "gone"


@workflow
def in_turns(number: int) -> Flow[str]:
    asked = yield from open_hook("asked", int, token="turns", respond_within="10s", response=f"static {number}")
    got = yield from asked
    yield asked.respond(f"{got} in round {number}")
    yield continue_as_new(in_turns(number + 1))
    return ""


def test_a_hook_answers_with_what_it_was_opened_with(app, client):
    opened(app, static(), "r")
    got = client.post(f"/hooks/{quote('order 42/ä', safe='')}", 7)
    assert (got.status, got.json) == (200, {"challenge": [1, "ä"]})
    app.runtime.tend("r")
    assert app.get("r").result(timeout=10) == 7
    assert client.post(f"/hooks/{quote('order 42/ä', safe='')}", 7).status == 404


def test_the_caller_waits_for_what_the_workflow_says(app, client):
    token = opened(app, calculator("20s"), "r")["double"]
    with app.worker(threads=2):
        told = [client.post(f"/hooks/{token}", number) for number in (1, 2, 3)]
    assert [(got.status, got.json) for got in told] == [(200, {"doubled": 2 * number}) for number in (1, 2, 3)]


def test_each_of_many_callers_at_once_is_told_of_its_own_delivery(app, client):
    token = opened(app, calculator("20s"), "r")["double"]
    told = {}

    def call(number):
        told[number] = client.post(f"/hooks/{token}", number).json

    callers = [threading.Thread(target=call, args=(number,)) for number in range(20, 28)]
    with app.worker(threads=2):
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(30)
    assert told == {number: {"doubled": 2 * number} for number in range(20, 28)}


def test_past_the_time_the_static_response_is_given_and_nothing_is_lost(app, client):
    token = opened(app, calculator("300ms"), "r")["double"]
    began = time.monotonic()
    got = client.post(f"/hooks/{token}", 13)
    assert (got.status, got.json) == (200, "no time")
    assert 0.3 <= time.monotonic() - began < 10
    assert len([event for event in app.get("r").history() if isinstance(event, HookReceived)]) == 1


def test_the_same_delivery_again_is_told_the_same(app, client):
    token = opened(app, calculator("20s"), "r")["double"]
    with app.worker(threads=2):
        told = [client.post(f"/hooks/{token}", 4, Idempotency_Key="k") for _ in range(3)]
    assert [got.json for got in told] == [{"doubled": 8}] * 3
    assert len([event for event in app.get("r").history() if isinstance(event, HookReceived)]) == 1


def test_what_a_run_says_last_is_heard_after_its_end(app, client):
    token = opened(app, last_words(), "r")["asked"]
    with app.worker(threads=2):
        got = client.post(f"/hooks/{token}", None)
        assert (got.status, got.json) == (200, "good bye")
        assert app.get("r").result(timeout=10) == "gone"


def test_each_generation_answers_its_own(app, client):
    opened(app, in_turns(1), "r")
    with app.worker(threads=2):
        told = []
        for number in (1, 2, 3):
            wait_until(lambda number=number: app.store.newest("r") == ("r" if number == 1 else f"r~{number}"))
            told.append(client.post("/hooks/turns", number).json)
    assert told == ["1 in round 1", "2 in round 2", "3 in round 3"]


def test_who_fills_in_the_page_is_thanked(app, client):
    opened(app, static(), "r")
    got = client.form(f"/hooks/{quote('order 42/ä', safe='')}", {"value": "3", "yieldflow-once": "x"})
    assert (got.status, "Thank you" in got.text) == (200, True)


def test_a_store_that_goes_away_meanwhile_does_not_make_the_caller_send_it_again(lite, monkeypatch):
    token = opened(lite, calculator("5s"), "r")["double"]

    def gone(*_):
        raise StoreUnreachable("sqlite:", "gone")

    monkeypatch.setattr(Responses, "given", gone)
    with served(lite) as client:
        got = client.post(f"/hooks/{token}", 1)
    assert (got.status, got.json) == (200, "no time")


@pytest.mark.parametrize("wrong", ["0s", "61s", -1, "soon"])
def test_how_long_one_waits_is_bounded(wrong):
    with pytest.raises(ValueError, match=r"respond_within|duration"):
        open_hook("h", respond_within=wrong)


@pytest.mark.parametrize("wrong", ["", "x" * 201, "a\nb", 7])
def test_a_token_is_printable_and_short(wrong):
    with pytest.raises(ValueError, match="cannot be the token of a hook"):
        open_hook("h", token=wrong)
