"""How often the engine waits for its store: one worker that remembers what it tends and follows every hint."""

from collections import Counter

import pytest

from tests.engine.world import QUEUE, RUN, World
from yieldflow import Flow, continue_as_new, detach, gather, hook, race, send, sleep, step, workflow
from yieldflow.engine import control
from yieldflow.engine.requests import Execute, ExecuteLocal, Offer, Save

FEW, MANY = 3, 10


@step(retry=1)
def work(n: int) -> int:
    return n


@step(local=True)
def token(n: int) -> int:
    return n


@workflow
def in_a_row(n: int) -> Flow[int]:
    for number in range(n):
        yield work(number)
    return n


@workflow
def at_once(n: int) -> Flow[int]:
    yield gather(*[work(number) for number in range(n)])
    return n


@workflow
def local(n: int) -> Flow[int]:
    for number in range(n):
        yield token(number)
    return n


@workflow
def nothing() -> Flow[int]:
    yield gather()
    return 1


@workflow
def children(n: int) -> Flow[int]:
    for _ in range(n):
        yield nothing()
    return n


@workflow
def detached(n: int) -> Flow[int]:
    for _ in range(n):
        yield detach(nothing())
    return n


@workflow
def children_at_once(n: int) -> Flow[int]:
    yield gather(*[nothing() for _ in range(n)])
    return n


@workflow
def generations(n: int) -> Flow[int]:
    yield work(n)
    if n > 1:
        return (yield from continue_as_new(generations(n - 1)))
    return n


@workflow
def sends(n: int) -> Flow[int]:
    for number in range(n):
        yield send("other", "answer", number)
    return n


@workflow
def waits() -> Flow[int]:
    while True:
        yield hook("answer", int)


@workflow
def patient() -> Flow[int]:
    return (yield hook("never", int))


@workflow
def impatient() -> Flow[int]:
    index, _ = yield race(patient(), sleep("5s"))
    return index


def asks_the_store(call):
    return not isinstance(call, Execute | ExecuteLocal | Offer)


def follow(world, worker):
    """Tend all runs that somebody was hinted at; how many calls each took, by run."""
    trips: Counter[str] = Counter()
    while world.hints:
        run_id, _ = world.hints.pop(0)
        flight = worker.tend(run_id)
        flight.to_end()
        trips[run_id] += sum(map(asks_the_store, flight.calls))
    return trips


def trips(call, world=None):
    world = World() if world is None else world
    world.start(call)
    world.hints = [(RUN, QUEUE)]
    return follow(world, world.worker("w1", slice_=60_000))


def one_more(program):
    return (trips(program(MANY)).total() - trips(program(FEW)).total()) / (MANY - FEW)


@pytest.mark.parametrize("n", [FEW, MANY])
def test_sequential_steps_cost_two_trips_and_one_each(n):
    assert trips(in_a_row(n)) == {RUN: n + 2}


@pytest.mark.parametrize("n", [FEW, MANY])
def test_parallel_steps_cost_one_trip_and_two_each(n):
    world = World()
    world.start(at_once(n))
    flight = world.worker("w1", slice_=60_000).tend()
    flight.to_end()
    assert sum(map(asks_the_store, flight.calls)) == 2 * n + 1


@pytest.mark.parametrize("n", [FEW, MANY])
def test_local_steps_cost_two_trips_and_one_each(n):
    assert trips(local(n)) == {RUN: n + 2}


def test_a_child_costs_its_parent_five_trips_and_itself_five():
    """The parent: start it, wait for its end, set the alarm, be told (a read), go on. The child: a read, its one
    commit, the report, a read for the hint, and to be rid of its alarm.
    """
    few, many = trips(children(FEW)), trips(children(MANY))
    assert many[RUN] - few[RUN] == 5 * (MANY - FEW)
    assert many["run~1.1"] == 5


def test_children_side_by_side_cost_as_many():
    assert one_more(children_at_once) == 5 + 5


def test_a_detached_run_costs_two_trips_more_than_its_own():
    few, many = trips(detached(FEW)), trips(detached(MANY))
    assert many[RUN] - few[RUN] == 2 * (MANY - FEW)
    assert many["run~1.1"] == 2


def test_a_generation_costs_four_trips_more_than_its_work():
    """Its start and the end of the alarm before it; a read, and the commit that issues the first step."""
    assert one_more(generations) == 1 + 4


def test_a_send_costs_three_trips():
    """Its delivery, a read for the hint, and its answer, which carries what comes next."""
    few, many = (trips(sends(n), listening()) for n in (FEW, MANY))
    assert many[RUN] - few[RUN] == 3 * (MANY - FEW)


def listening():
    world = World()
    world.start(waits(), "other")
    world.worker("w0").tend("other").to_end()
    return world


def test_letting_go_of_a_child_costs_seven_trips():
    world = World()
    world.start(impatient())
    world.hints = [(RUN, QUEUE)]
    worker = world.worker("w1")
    follow(world, worker)
    world.clock.at += 5_000
    flight = worker.tend()
    flight.to_end()
    # a read, the timer with the decision, whose child it is, its cancelling, a read for the hint, waiting, the alarm
    assert sum(map(asks_the_store, flight.calls)) == 7
    rest = follow(world, worker)
    assert rest == {RUN: 2, "run~1.1.1": 5}


@pytest.mark.parametrize(("verb", "cost"), [(control.pause, 5), (control.terminate, 3)])
def test_an_operator_waits_a_few_trips(verb, cost):
    world = World()
    world.start(waits())
    world.worker("w1").tend().to_end()
    asked = world.worker("operator").ask(lambda t: verb(t, None))
    asked.to_end()
    assert sum(map(asks_the_store, asked.calls)) == cost


def test_a_look_at_a_run_that_waits_is_one_trip_and_two_for_who_has_to_replay_it():
    world = World()
    world.start(waits())
    worker = world.worker("w1")
    worker.tend().to_end()
    for looking, cost in ((worker, 1), (world.worker("w2"), 2), (worker, 1)):
        flight = looking.tend()
        flight.to_end()
        assert sum(map(asks_the_store, flight.calls)) == cost


def test_a_payload_that_is_read_at_once_is_two_trips_for_who_remembers_the_run():
    world = World()
    world.start(waits())
    worker = world.worker("w1")
    worker.tend().to_end()
    world.send("answer", 1)
    flight = worker.tend()
    flight.to_end()
    assert [call for call in map(type, flight.calls) if call is Save] == [Save]
    assert len(flight.calls) == 2
