"""`explore`: what may happen, what is found, and how it is told."""

import sys
import time
from importlib import import_module
from types import ModuleType

import pytest

from yieldflow import Cancelled, FatalError, Flow, gather, hook, race, shield, sleep, step, workflow
from yieldflow.codec import JsonCodec
from yieldflow.errors import UsageError
from yieldflow.testing import Explored, Simulation, explore, outcomes, simulate, takes
from yieldflow.testing.elsewhere import Elsewhere


@step
def reserve(what: str) -> str: ...


@step
def release(reservation: str) -> None: ...


@step(timeout="10s")
def charge(cents: int) -> str: ...


@workflow
def trip(cents: int) -> Flow[str]:
    """What was under way when it is cancelled is forgotten."""
    done = []
    try:
        for what in ("hotel", "car"):
            done.append((yield reserve(what)))
        return (yield charge(cents))
    except (Exception, Cancelled):
        for reservation in done:
            yield shield(release(reservation))
        raise


@workflow
def careful_trip(cents: int) -> Flow[str]:
    done = []
    try:
        for what in ("hotel", "car"):
            done.append((yield shield(reserve(what))))
        return (yield charge(cents))
    except (Exception, Cancelled):
        for reservation in done:
            yield shield(release(reservation))
        raise


FAKES = {
    reserve: lambda what: what,
    release: outcomes(None),
    charge: outcomes("paid", FatalError("no money")),
}


def nothing_is_left(sim: Simulation[str]) -> None:
    if sim.status != "completed":
        left = {call.args for call in sim.effects(reserve)} - {call.args for call in sim.effects(release)}
        assert not left


def found(call, **options) -> str:
    with pytest.raises(AssertionError) as broken:
        explore(call, **options)
    return str(broken.value)


def test_a_booking_that_is_left_behind_is_found_and_told_as_a_test():
    assert (
        found(trip(5), steps=FAKES, at_end=nothing_is_left)
        == """trip(5) breaks when this happens (found after 8 schedules):

     0.0 s  cancel
     0.0 s  reserve 1 ends, unheard

AssertionError: assert not {('hotel',)}

as a test:

def test_trip_under_this_schedule():
    explore(trip(5), steps=..., at_end=..., schedule=[
        'cancel',
        'reserve 1 ends, unheard',
    ])"""
    )


def test_its_fixed_twin_holds():
    assert explore(careful_trip(5), steps=FAKES, at_end=nothing_is_left, examples=500).schedules == 500


def test_a_schedule_is_played_as_it_was_told():
    schedule = ["cancel", "reserve 1 ends, unheard"]
    assert "reserve 1 ends, unheard" in found(trip(5), steps=FAKES, at_end=nothing_is_left, schedule=schedule)
    assert explore(trip(5), steps=FAKES, at_end=nothing_is_left, schedule=["cancel"]) == Explored(1)


def test_a_schedule_that_does_not_fit_names_what_there_may():
    with pytest.raises(
        UsageError, match=r"'charge 1 ends' cannot happen there \(number 1 .*'reserve 1 ends', 'cancel'"
    ):
        explore(trip(5), steps=FAKES, schedule=["charge 1 ends"])


def test_small_workflows_are_tried_whole():
    @workflow
    def two() -> Flow[tuple[str, str]]:
        return (yield gather(reserve("a"), reserve("b")))

    assert explore(two(), steps=FAKES, cancel=False, faults=0, exhaustive=True) == Explored(2, all=True)
    assert "breaks" in found(trip(5), steps=FAKES, at_end=nothing_is_left, exhaustive=True)


def test_all_that_are_too_many_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(import_module("yieldflow.testing.explore"), "MOST_SCHEDULES", 3)
    with pytest.raises(UsageError, match="more than 3 schedules"):
        explore(careful_trip(5), steps=FAKES, exhaustive=True)


def test_a_condition_is_looked_at_after_each_event():
    def at_most_one(sim: Simulation[str]) -> bool:
        return len(sim.calls(reserve)) <= 1

    assert "at_most_one is False" in found(trip(5), steps=FAKES, always=at_most_one)


def test_the_order_of_ends_is_chosen():
    @workflow
    def first() -> Flow[int]:
        index, _ = yield race(reserve("a"), reserve("b"))
        return index

    assert "reserve 1.2 ends" in found(first(), steps=FAKES, cancel=False, at_end=lambda sim: sim.result == 0)


def test_time_runs_against_steps_but_not_against_what_takes_less():
    @workflow
    def patient() -> Flow[int]:
        index, _ = yield race(reserve("a"), sleep("1h"))
        return index

    def in_time(sim: Simulation[int]) -> bool:
        return sim.status != "completed" or sim.result == 0

    assert "time passes" in found(patient(), steps=FAKES, at_end=in_time)
    explore(patient(), steps={reserve: takes("59m", "a")}, at_end=in_time, faults=0, examples=300)
    found(patient(), steps={reserve: takes("61m", "a")}, at_end=in_time)


def test_a_payload_comes_at_any_moment_and_perhaps_twice():
    @workflow
    def asks() -> Flow[bool]:
        return (yield hook("approval", bool, timeout="1h", default=False))

    approves = [(hook("approval", bool), True)]
    assert "time passes" in found(asks(), sends=approves, at_end=lambda sim: sim.status == "cancelled" or sim.result)

    @workflow
    def counts() -> Flow[int]:
        yield hook("vote", bool)
        yield hook("vote", bool, timeout="1h", default=False)
        return 2

    votes = [("vote", True)]

    def once(sim: Simulation[int]) -> bool:
        return sum(type(event).__name__ == "HookReceived" for event in sim.history) < 2

    assert "vote receives True once more" in found(counts(), sends=votes, cancel=False, always=once)
    explore(counts(), sends=votes, cancel=False, again=False, always=once, examples=100)


def test_what_waits_for_ever_is_found():
    @workflow
    def asks() -> Flow[bool]:
        return (yield hook("approval", bool))

    assert "it waits for ever: " in found(asks(), cancel=False)
    explore(asks(), cancel=False, may_wait=True, examples=50)


def test_what_goes_on_for_ever_is_found():
    @workflow
    def polls() -> Flow[None]:
        while True:
            yield sleep("1h")

    assert "it goes on for ever" in found(polls(), cancel=False, examples=10)


def test_a_replay_that_differs_is_found():
    calls: list[int] = []

    def grows() -> int:
        calls.append(1)
        return len(calls)

    @workflow
    def remembers() -> Flow[str]:
        return (yield charge(grows()))

    told = found(remembers(), steps=FAKES)
    assert "NonDeterminism" in told
    assert "remembers" in told


def test_so_is_an_end_that_differs():
    @workflow
    def measures() -> Flow[float]:
        yield sleep("1h")
        return clock()

    def clock() -> float:
        return time.perf_counter()

    assert "a replay differs: " in found(measures(), cancel=False)


def test_a_lost_worker_may_have_done_its_work():
    @workflow
    def pays() -> Flow[str]:
        return (yield charge(5))

    told = found(pays(), steps={charge: outcomes("paid")}, at_end=lambda sim: len(sim.calls(charge)) < 2)
    assert "charge 1 is lost before it does anything" in told
    explore(pays(), steps={charge: outcomes("paid")}, at_end=lambda sim: len(sim.effects(charge)) < 2, examples=300)
    explore(pays(), steps={charge: outcomes("paid")}, at_end=lambda sim: len(sim.calls(charge)) < 2, faults=0)


def test_what_takes_too_long_may_have_done_its_work():
    @workflow
    def pays() -> Flow[str]:
        return (yield charge(5).options(retry=1))

    def told_if_paid(sim: Simulation[str]) -> bool:
        return sim.status == "completed" or not sim.effects(charge)

    once = {charge: outcomes("paid")}
    told = found(pays(), steps=once, at_end=told_if_paid, cancel=False)
    assert "charge 1 takes too long, but answers 'paid'\n" in told


def test_fakes_that_keep_a_state_are_made_anew():
    def fakes():
        seen = []
        return {charge: lambda cents: seen.append(cents) or f"payment {len(seen)}"}

    @workflow
    def pays() -> Flow[str]:
        return (yield charge(5))

    def first(sim: Simulation[str]) -> bool:
        return sim.result == "payment 1"

    explore(pays(), steps=fakes, at_end=first, faults=0, cancel=False, examples=50)
    found(pays(), steps=fakes(), at_end=first, faults=0, cancel=False, examples=50)


def test_one_schedule_in_eight_is_replayed_and_crashes_come_on_top():
    starts: list[int] = []

    @workflow
    def pays() -> Flow[str]:
        starts.append(1)
        return (yield charge(5))

    explore(pays(), steps=FAKES, crash=False, examples=400)
    replayed = len(starts) - 400
    assert 30 < replayed < 80
    explore(pays(), steps=FAKES, examples=400)
    assert replayed < len(starts) - replayed - 800 < 200


def test_what_is_no_call_is_refused():
    with pytest.raises(UsageError, match=r"explore\(\) takes the call of a workflow"):
        explore(trip)


def test_what_breaks_only_once_is_told_too():
    @workflow
    def begins() -> Flow[None]:
        if not begun:
            begun.append(True)
            yield reserve("a")
        yield reserve("b")

    begun: list[bool] = []
    told = found(begins(), steps=FAKES)
    assert "begins() has broken once: " in told
    assert "keeps a state outside of the run" in told


# --- replays elsewhere ------------------------------------------------------------------------------------------------

CITIES = ("paris", "rome", "oslo", "bern", "wien", "riga", "kiel")
limit = 3


@workflow
def visits(some: bool) -> Flow[None]:
    for city in set(CITIES) if some else CITIES[:limit]:
        yield reserve(city)


def test_a_set_is_in_another_order_elsewhere():
    told = found(visits(True), steps=FAKES)
    assert "a replay differs: " in told
    assert "test_explore.py:" in told  # where it asks something else
    assert "that is in another interpreter" in told
    assert "schedule=[])" in told
    assert "that is in another interpreter" in found(visits(True), steps=FAKES, schedule=[])
    assert "that is in another interpreter" in found(visits(True), steps=FAKES, cancel=False, exhaustive=True, faults=0)


def test_elsewhere_nothing_is_patched(monkeypatch: pytest.MonkeyPatch):
    explore(visits(False), steps=FAKES, examples=50)
    monkeypatch.setattr(sys.modules[__name__], "limit", 2)
    assert "elsewhere=False does without" in found(visits(False), steps=FAKES, examples=50)
    explored = explore(visits(False), steps=FAKES, examples=50, elsewhere=False)
    assert explored.only_here == "elsewhere=False"


def test_why_nothing_was_replayed_elsewhere_is_told(monkeypatch: pytest.MonkeyPatch):
    @workflow
    def inside() -> Flow[None]:
        yield reserve("a")

    assert explore(inside(), steps=FAKES, examples=1).only_here == (
        "inside is defined inside a function: nobody else can import it"
    )
    codec = JsonCodec()
    assert explore(careful_trip(5), steps=FAKES, examples=1, codec=codec).only_here == (
        "they do not know the codec that was given"
    )
    known = explore(careful_trip(5), steps=FAKES, examples=1)
    assert known.only_here is None
    code = "from yieldflow import sleep, workflow\n@workflow\ndef nap(): yield sleep('1d')\n"
    monkeypatch.setitem(sys.modules, "made_here", made := ModuleType("made_here"))
    exec(code, vars(made))
    assert "importing made_here raises ModuleNotFoundError" in f"{explore(made.nap(), examples=1).only_here}"


def test_an_interpreter_that_takes_too_long_is_ended_and_another_one_begins(monkeypatch: pytest.MonkeyPatch):
    there = Elsewhere()
    history = simulate(visits(False), steps=FAKES).run().history
    with monkeypatch.context() as impatient:
        impatient.setattr("yieldflow.testing.elsewhere.LONGEST", 0.01)
        there.replay(visits.definition, history)
    assert there.why_not(visits.definition) == "the interpreter ended, or took longer than 0.01 s"
    there.replay(trip.definition, simulate(trip(5), steps=FAKES).run().history)
    assert there.why_not(trip.definition) is None
    there.close()
