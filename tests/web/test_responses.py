"""What whoever delivers to a hook is told: what it was opened with, or what the workflow says of this delivery."""

from __future__ import annotations

import threading
import time
from collections import Counter
from urllib.parse import quote

import pytest

from tests.web.conftest import opened, served, wait_until
from yieldflow import App, Flow, continue_as_new, hook, open_hook, set_data, step, workflow
from yieldflow.core.commands import Respond
from yieldflow.core.events import CommandIssued, HookReceived
from yieldflow.errors import StoreUnreachable
from yieldflow.ports import TAIL_EVENTS, Mark
from yieldflow.stores.memory import MemoryStore
from yieldflow.web import Bounds
from yieldflow.web import responses as module
from yieldflow.web.desk import Desk
from yieldflow.web.responses import Responses, _Read


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


@workflow
def passing(number: int) -> Flow[None]:
    passed = yield from open_hook("passed", int, token="passed", respond_within="10s", response="static")
    if number == 1:
        yield hook("go")
        yield continue_as_new(passing(2))
    got = yield from passed
    yield passed.respond({"got": got})
    yield hook("go")


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


@workflow
def wordy(count: int, early: str = "early") -> Flow[None]:
    yield open_hook("early", response=early)
    for number in range(count):
        yield set_data("number", number)
    late = yield from open_hook("late", response="late")
    yield late


@workflow
def brief() -> Flow[None]:
    early = yield from open_hook("early", respond_within="10s", response="of another run")
    yield early


@pytest.fixture
def reads(monkeypatch):
    """How often a store was read, by run."""
    counted = Counter()
    read = MemoryStore.read

    def counting(self, run_id, *given, **named):
        counted[run_id] += 1
        return read(self, run_id, *given, **named)

    monkeypatch.setattr(MemoryStore, "read", counting)
    return counted


@pytest.fixture
def small():
    made = App("memory:")
    yield made
    made.close()


def responses(app):
    return Responses(Desk(app, Bounds()))


def test_a_long_log_is_looked_at_piece_by_piece(small, reads, monkeypatch):
    monkeypatch.setattr(module, "LONGEST", TAIL_EVENTS)
    small.start(wordy(2 * TAIL_EVENTS), run_id="r")
    small.runtime.tend("r")
    known, told = responses(small), []
    for _ in range(3):
        reads.clear()
        told.append((known.of("r", "early").response, known.of("r", "late").response, reads["r"]))
    early, late = (small.codec.encode(text, str) for text in ("early", "late"))
    assert [one[:2] for one in told] == [(early, None), (early, late), (early, late)]
    assert max(one[2] for one in told) <= 2 * 2  # twice, of a run of one generation


def test_responses_that_are_remembered_take_bounded_memory(small, monkeypatch):
    monkeypatch.setattr(module, "_MOST", 3 * 250)
    known = responses(small)
    for number in range(10):
        small.start(brief(), run_id=f"r{number}")
        small.runtime.tend(f"r{number}")
        assert known.of(f"r{number}", "early").within == 10_000
    assert [*known._known] == ["r7", "r8", "r9"]


def test_a_run_of_the_same_name_answers_for_itself(small, monkeypatch):
    monkeypatch.setattr(module, "LONGEST", TAIL_EVENTS)
    small.start(wordy(2 * TAIL_EVENTS), run_id="r")
    small.runtime.tend("r")
    known = responses(small)
    assert known.of("r", "early").response == small.codec.encode("early", str)
    small.terminate("r")
    small.prune(older_than="0s")
    small.start(wordy(2 * TAIL_EVENTS, "of another run"), run_id="r")
    small.runtime.tend("r")
    assert known.of("r", "early").response == small.codec.encode("of another run", str)


def test_nobody_waits_for_a_word_of_a_run_that_was_deleted(small):
    token = opened(small, calculator("20s"), "r")["double"]
    position = small.resume_hook(token, 13, key="k")
    known = responses(small)
    place = known.place("r", "k", position)
    small.runtime.tend("r")
    value, read = known.given(place, _Read(Mark(position, "")))
    assert (value, read.to.length >= position) == (None, True)
    small.terminate("r")
    small.prune(older_than="0s")
    assert known.given(place, read) == (None, None)
    opened(small, calculator("20s"), "r")
    assert known.given(place, read) == (None, None)


def test_a_key_of_long_ago_costs_no_look_at_each_generation(small, reads):
    small.start(in_turns(1), run_id="r")
    small.runtime.tend("r")
    for number in range(1, 8):
        small.send("r", "asked", number, key=f"k{number}")
        for _ in range(3):
            small.runtime.tend(small.store.newest("r"))
    assert small.store.newest("r") == "r~8"
    known = responses(small)
    reads.clear()
    position = small.resume_hook("turns", 1, key="k1")
    reads.clear()
    assert known.place("r", "k1", position) is None
    assert set(reads) <= {"r~7", "r~8"}


def test_what_was_not_taken_before_its_run_began_anew_has_the_static_response(small):
    """Its place is in the log of the generation that got it, and nobody says a word of it there."""
    small.start(passing(1), run_id="r")
    small.runtime.tend("r")
    position = small.resume_hook("passed", 5, key="k")
    small.send("r", "go", None)
    for run_id in ("r", "r~2", "r~2"):
        small.runtime.tend(run_id)
    known = responses(small)
    said = [event for event in small.get("r").history() if isinstance(event, CommandIssued)]
    assert any(isinstance(event.command, Respond) for event in said)
    assert known.given(known.place("r", "k", position), _Read(Mark(position, "")))[0] is None


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
