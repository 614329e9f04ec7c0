"""What the simulation of families found, each in its smallest form; more of it stands with its ruling."""

from tests.engine.world import QUEUE, RUN, World
from yieldflow import Flow, continue_as_new, hook, step, workflow
from yieldflow.core.events import CommandIssued
from yieldflow.core.outcome import ContinuedAs
from yieldflow.engine.requests import Save, Take


@step(retry=1)
def work(n: int) -> int:
    return n


@step(queue="gpu", retry=1)
def render(n: int) -> int:
    return n


@workflow
def worked() -> Flow[int]:
    return (yield work(1))


@workflow
def rendered_and_asked() -> Flow[int]:
    yield render(1)
    yield hook("answer", int)
    return (yield from continue_as_new(worked()))


def lost_while_taking(world, meanwhile):
    """A tender whose claim was refused for what happened *meanwhile*, and who does not know of it yet."""
    taking = world.worker("both", QUEUE, "gpu").tend()
    taking.until(Take)
    meanwhile()
    taking.lose_reply(applied=False)
    while isinstance(taking.request, Save) and taking.request.commit.events:
        taking.perform()
    if taking.request is not None:
        taking.perform()  # it looks
    return taking


def test_what_is_learnt_in_a_lost_reply_is_decided_before_the_alarm_is_set():
    world = World()
    world.start(rendered_and_asked())
    world.worker("own").tend().to_end()
    gpu = world.worker("gpu", "gpu")
    taking = lost_while_taking(world, lambda: gpu.tend().to_end())
    taking.perform()
    assert world.read().alarm is not None or world.replay().decide() == ()
    assert [event.path for event in world.events() if isinstance(event, CommandIssued)] == [(1,), (2,)]


def test_the_alarm_of_a_run_that_owes_something_is_not_taken_back_by_who_comes_late():
    world = World()
    world.start(rendered_and_asked())
    world.send("answer", 1)
    own = world.worker("own")
    own.tend().to_end()

    def it_ends():
        world.worker("gpu", "gpu").tend().to_end()
        ending = own.tend()
        while world.outcome() is None:
            ending.perform()
        ending.kill()

    taking = lost_while_taking(world, it_ends)
    assert isinstance(world.outcome(), ContinuedAs)
    if taking.request is not None:
        taking.perform()
    assert world.read().alarm is not None or world.runs == [RUN, "run~2"]
