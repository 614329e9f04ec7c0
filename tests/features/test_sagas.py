"""`compensations`: what was done is undone, in reverse, whatever comes between."""

import pytest

from yieldflow import (
    Cancelled,
    Compensations,
    FatalError,
    Flow,
    Retry,
    RunCancelled,
    UndoFailed,
    compensations,
    gather,
    sleep,
    step,
    timeout,
    workflow,
)
from yieldflow.testing import Simulation, explore, outcomes, simulate, takes


@step
def book(what: str) -> str: ...


@step(retry=Retry(attempts=2, delay="1s", jitter=0))
def unbook(booking: str) -> None: ...


@step(retry=1)
def pay(cents: int) -> str: ...


@workflow
def trip(*places: str) -> Flow[str]:
    saga = compensations()
    try:
        for place in places:
            yield from saga.do(book(place), undo=unbook)
        return (yield from pay(5))
    except (Exception, Cancelled):
        yield from saga.undo()
        raise


def fakes(**others):
    by_name = {"book": book, "unbook": unbook, "pay": pay}
    return {book: lambda what: f"the {what}", unbook: outcomes(None), pay: outcomes(FatalError("no money"))} | {
        by_name[name]: fake for name, fake in others.items()
    }


def undone(sim: Simulation[str]) -> list[str]:
    return [call.args[0] for call in sim.effects(unbook)]


def test_what_was_done_is_undone_in_reverse_after_a_failure():
    sim = simulate(trip("flight", "hotel"), steps=fakes())
    with pytest.raises(FatalError, match="no money"):
        _ = sim.result
    assert undone(sim) == ["the hotel", "the flight"]


def test_a_success_undoes_nothing():
    sim = simulate(trip("flight"), steps=fakes(pay=outcomes("paid")))
    assert sim.result == "paid"
    assert undone(sim) == []


def test_a_cancellation_waits_for_what_is_under_way_and_undoes_it():
    sim = simulate(trip("flight", "hotel"), steps=fakes(book=takes("1h", "the place")))
    sim.advance("90m").cancel()
    with pytest.raises(RunCancelled):
        _ = sim.result
    assert undone(sim) == ["the place", "the place"]
    assert sim.calls(pay) == []


def test_nothing_more_is_done_after_a_cancellation():
    sim = simulate(trip("flight", "hotel", "car"), steps=fakes(book=takes("1h", "the place")))
    sim.advance("30m").cancel()
    with pytest.raises(RunCancelled):
        _ = sim.result
    assert len(sim.calls(book)) == 1
    assert undone(sim) == ["the place"]


def test_a_second_cancellation_does_not_cut_the_undos_off():
    sim = simulate(trip("flight", "hotel"), steps=fakes(unbook=takes("1h")))
    sim.advance("30m").cancel("again", again=True)
    assert sim.run().status == "failed"
    assert undone(sim) == ["the hotel", "the flight"]


def test_an_undo_that_fails_does_not_stop_the_others_and_is_told():
    def unbooks(booking: str) -> None:
        if booking == "the hotel":
            raise ConnectionError("closed")

    sim = simulate(trip("flight", "hotel", "car"), steps=fakes(unbook=unbooks))
    with pytest.raises(UndoFailed) as failed:
        _ = sim.result
    assert failed.value.left == ("unbook('the hotel') raises ConnectionError: closed",)
    assert str(failed.value) == (
        "1 of 3 undos failed, put right by hand what is left:\n  unbook('the hotel') raises ConnectionError: closed"
    )
    assert str(failed.value.__cause__) == "no money"
    assert undone(sim) == ["the car", "the flight"]


def test_an_undo_that_fails_makes_a_cancelled_run_a_failed_one_even_if_it_is_cancelled_again():
    sim = simulate(trip("flight"), steps=fakes(book=takes("1h", "it"), unbook=takes("1h", KeyError("gone"))))
    sim.cancel("enough").advance("90m")
    sim.cancel("again", again=True).run()
    assert isinstance(sim.error, UndoFailed)
    assert [call.attempt for call in sim.calls(unbook)] == [1, 2]  # by the retry policy of the step


def test_it_is_filled_by_helpers_branches_and_by_hand():
    def room(saga: Compensations, place: str) -> Flow[str]:
        saga.add(unbook(f"everything in {place}"))
        return (yield from saga.do(book(place), undo=sleeps_first))

    def sleeps_first(booking: str) -> Flow[None]:
        yield sleep("1h")
        yield unbook(booking)

    @workflow
    def rooms() -> Flow[None]:
        saga = compensations()
        try:
            yield from gather(room(saga, "paris"), timeout(room(saga, "rome"), "30m"))
        except (Exception, Cancelled):
            yield from saga.undo()
            yield from saga.undo()  # nothing is left
            raise

    sim = simulate(rooms(), steps=fakes(book=takes("1h", "it")))
    assert sim.run().status == "failed"  # the time-out came first, and waited for its booking
    assert undone(sim) == ["it", "it", "everything in rome", "everything in paris"]


@pytest.mark.parametrize("wrong", ["unbook", lambda: None, None])
def test_what_cannot_be_asked_is_refused_at_once(wrong):
    with pytest.raises(TypeError, match="an undo is a call such as"):
        compensations().add(wrong)


def test_nothing_is_left_behind_whatever_happens():
    def nothing_is_left(sim: Simulation[str]) -> None:
        if sim.status != "completed":
            assert [call.outcome for call in reversed(sim.effects(book))] == undone(sim)

    explore(trip("a", "b", "c"), steps=fakes(pay=outcomes("paid", FatalError("no"))), at_end=nothing_is_left)
