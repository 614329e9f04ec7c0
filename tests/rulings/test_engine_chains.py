"""Rulings 12 and 41: a run id names a chain. What goes from one generation to the next, and who sees to it."""

from tests.engine.lines import words
from tests.engine.world import QUEUE, RUN, World, until_quiet
from yieldflow import Flow, continue_as_new, gather, get_data, hook, set_data, spawn, step, workflow
from yieldflow.authoring.registry import Registry
from yieldflow.core.chain import chain_of
from yieldflow.core.events import Next
from yieldflow.core.outcome import Cancelled, ContinuedAs, Ok
from yieldflow.engine.outside import delivery
from yieldflow.engine.reaching import deliver
from yieldflow.engine.requests import Offer, Save
from yieldflow.ports import Conflict, Done, Head, Refused

NEXT = "run~2"


@step(retry=1)
def work(n: int) -> int:
    return n


@workflow
def going_on(n: int = 1) -> Flow[int]:
    yield work(n)
    if n == 1:
        yield set_data("seen", n)
        return (yield from continue_as_new(going_on(2)))
    return (yield get_data("seen", int)) + (yield hook("answer", int))


@workflow
def round_and_round() -> Flow[int]:
    yield hook("answer", int)
    return (yield from continue_as_new())


@workflow
def untidy(n: int = 1) -> Flow[int]:
    if n == 2:
        return 2
    yield spawn(patient())
    yield work(1)
    return (yield from continue_as_new(untidy(2)))


@workflow
def patient() -> Flow[int]:
    return (yield hook("never", int))


@workflow
def parent() -> Flow[int]:
    return (yield going_on())


def astray() -> Flow[None]:
    yield from continue_as_new()


@workflow
def in_a_branch() -> Flow[None]:
    yield gather(astray(), work(1))


def continued(call, *, started=False):
    """A run that has just ended as continued; *started*: and its next generation has begun."""
    world = World()
    world.start(call)
    flight = world.worker("w1").tend()
    while world.outcome() is None:
        flight.perform()
    if started:
        flight.to_end()
    else:
        flight.kill()
    world.hints.clear()
    return world


# --- continue_as_new -------------------------------------------------------------------------------------------------


def test_12_the_next_generation_is_a_function_of_the_log():
    """Two who meet the end without a successor start the same."""
    world = continued(going_on())
    world.clock.at += 700
    first, second = (world.worker(name).tend() for name in ("w2", "w3"))
    for flight in (first, second):
        while not (isinstance(flight.request, Save) and flight.request.commit.run_id == NEXT):
            flight.perform()
    assert first.request.commit.events == second.request.commit.events
    first.to_end()
    second.to_end()
    replies = [reply for _, commit, reply in world.saved if commit.run_id == NEXT and commit.on == Head(None)]
    assert [type(reply) for reply in replies] == [Done, Conflict]
    assert world.runs == [RUN, NEXT]


def test_12_a_generation_without_a_successor_rings_until_it_has_one():
    world = continued(going_on())
    assert world.outcome() == ContinuedAs(NEXT, going_on.definition.name, b"[[2],{}]")
    assert world.read().alarm == world.clock.at + 2_000
    assert world.runs == [RUN]
    world.clock.at += 2_000
    assert world.ring() == 1
    world.worker("w2").tend().to_end()
    assert world.runs == [RUN, NEXT]
    assert world.read().alarm is None
    assert world.read(NEXT).alarm is not None


def test_12_what_is_not_read_yet_and_what_was_set_goes_along():
    world = World()
    world.start(going_on())
    world.send("other", 1)
    world.send("answer", 41)
    worker = world.worker("w1")
    worker.tend().to_end()
    started = world.events(NEXT)[0]
    assert dict(started.inbox) == {"other": (b"1",), "answer": (b"41",)}
    assert dict(started.data) == {"seen": b"1"}
    assert started.cause == Next(RUN)
    assert started.token_seed == world.events()[0].seed
    worker.tend(NEXT).to_end()
    assert world.outcome(NEXT) == Ok(b"42")


def test_12_the_next_generation_is_at_the_time_of_the_end_and_keeps_its_deadline():
    world = World()
    world.start(going_on(), timeout=60_000)
    world.clock.at += 100
    world.worker("w1").tend().to_end()
    ended, started = world.events()[-1], world.events(NEXT)[0]
    assert started.at == ended.at
    assert started.deadline == world.events()[0].deadline


def test_12_who_sends_to_a_run_that_was_continued_starts_its_next_generation():
    world = continued(going_on())
    sending = world.worker("client").ask(
        lambda t: deliver(
            t, RUN, lambda run_id, at: delivery(run_id, "c", "answer", b"4", key="k", by=None, inbox=9, at=at)
        )
    )
    assert isinstance(sending.to_end(), Done)
    assert words(world, NEXT) == ["started", "received answer"]
    assert [call.run_id for call in sending.calls if isinstance(call, Offer)] == [NEXT, NEXT]


def test_12_a_key_counts_once_in_the_whole_chain():
    world = World()
    world.start(round_and_round())
    worker = world.worker("w1")
    assert isinstance(world.send("answer", 1, key="k"), Done)
    worker.tend().to_end()
    assert world.send("answer", 1, key="k", run_id=NEXT) == Refused("twice", world.clock.at, position=0)
    worker.tend(NEXT).to_end()
    world.send("answer", 2, key="l", run_id=NEXT)
    worker.tend(NEXT).to_end()
    for key in "kl":
        assert world.send("answer", 3, key=key, run_id="run~3") == Refused("twice", world.clock.at, position=0)
    assert isinstance(world.send("answer", 3, key="m", run_id="run~3"), Done)


def test_12_the_parent_is_told_by_the_last_generation_only():
    world = World()
    world.start(parent())
    worker = world.worker("w1")
    worker.tend().to_end()
    worker.tend("run~1.1").to_end()
    assert isinstance(world.outcome("run~1.1"), ContinuedAs)
    assert "resolved 1" not in words(world)
    world.send("answer", 2, run_id="run~1.1~2")
    worker.tend("run~1.1~2").to_end()
    assert words(world)[-1] == "resolved 1"
    worker.tend().to_end()
    assert world.outcome() == Ok(b"3")


def test_12_tasks_and_children_end_before_the_run_goes_on():
    world = World()
    world.start(untidy())
    worker = world.worker("w1")
    worker.tend().to_end()
    worker.tend("run~1.1.1").to_end()
    until_quiet(world, worker)
    assert isinstance(world.outcome("run~1.1.1"), Cancelled)
    assert words(world)[-3:] == ["abandoned 1.1", "cancelled 1.1", "finished ContinuedAs"]
    assert world.outcome(NEXT) == Ok(b"2")


def test_12_only_the_workflow_itself_may_be_continued():
    world = World()
    world.start(in_a_branch())
    tended = world.worker("w1").tend().to_end()
    assert tended.state == "blocked"
    assert "ask it in the workflow itself" in tended.reason
    assert words(world) == ["started"]


def test_12_a_generation_that_no_code_can_tend_is_started_all_the_same():
    world = continued(going_on())
    world.clock.at += 2_000
    world.worker("without the code", registry=Registry()).tend().to_end()
    assert world.runs == [RUN, NEXT]


def test_12_ids_of_generations_and_of_children_tell_each_other_apart():
    assert chain_of("run") == ("run", 1)
    assert chain_of("run~12") == ("run", 12)
    assert chain_of("run~1.2.1") == ("run~1.2.1", 1)
    assert chain_of("run~1.2.1~3") == ("run~1.2.1", 3)
    assert QUEUE not in chain_of("run~2")


def test_25_a_cancel_between_the_end_of_a_program_and_its_next_generation_is_heard_there():
    world = World()
    world.start(round_and_round())
    worker = world.worker("w1")
    worker.tend().to_end()
    world.send("answer", 1)
    flight = worker.tend()
    while not (isinstance(flight.request, Save) and b"finished" in b"".join(flight.request.commit.events)):
        flight.perform()
    assert isinstance(world.cancel(), Done)
    flight.to_end()
    until_quiet(world, worker)
    assert world.outcome(NEXT) == Cancelled()
    assert words(world, NEXT)[:2] == ["started", "cancel"]
