"""Ruling 33 in the engine: who reserves a token, whatever goes wrong on the way."""

import pytest

from tests.engine.faults import FAULTS, play
from tests.engine.lines import words
from tests.engine.world import RUN, Flight, World
from yieldflow import Flow, HookTokenTaken, hook, open_hook, race, step, workflow
from yieldflow.core.answers import token_hash
from yieldflow.core.commands import OpenHook
from yieldflow.core.events import CommandIssued, CommandResolved
from yieldflow.core.outcome import Err, Ok
from yieldflow.core.questions import hook_token
from yieldflow.engine import control
from yieldflow.engine.requests import Save
from yieldflow.ports import Commit, Head

TOKEN = "order-42"


@step(retry=1)
def work(n: int) -> int:
    return n


@workflow
def wants(n: int) -> Flow[str]:
    """Whoever has it waits for ever."""
    try:
        mine = yield from open_hook("answer", int, token=TOKEN)
    except HookTokenTaken:
        yield work(n)
        return "taken"
    yield mine
    return "answered"


@workflow
def contested() -> Flow[str]:
    _, first = yield race(wants(1), wants(4))
    return first


@workflow
def alone() -> Flow[str]:
    mine = yield from open_hook("answer", int, token=TOKEN)
    yield work(1)
    return mine.token


def reservations(world: World) -> list[object]:
    """How each came out, of all runs."""
    asked = {
        (run_id, event.path)
        for run_id in world.runs
        for event in world.events(run_id)
        if isinstance(event, CommandIssued) and isinstance(event.command, OpenHook)
    }
    return [
        event.outcome
        for run_id in world.runs
        for event in world.events(run_id)
        if isinstance(event, CommandResolved) and (run_id, event.path) in asked
    ]


def reach_the_reservation(tending: Flight) -> None:
    tending.until(Save)  # that it wants the token
    tending.perform()
    tending.until(Save)


def test_33_one_of_two_has_it_whatever_fails_at_whatever_call():
    quiet = play(contested())
    assert quiet.ending == Ok(b'"taken"')
    for at in range(quiet.calls):
        for fault in FAULTS:
            story = play(contested(), {at: fault}, watched=at % 3 == 0)
            where = f"{fault.__name__} at call {at}"
            assert story.ending == quiet.ending, where
            kinds = sorted(type(outcome).__name__ for outcome in reservations(story.world))
            assert kinds == ["Err", "Ok"], where
            assert story.world.store.resolve(token_hash(TOKEN)) is None, where


def test_33_it_is_had_at_once_and_costs_one_commit_more():
    story = play(alone())
    assert story.ending == Ok(b'"order-42"')
    assert [one for one in story.requests if one is Save] == [Save] * 4  # ask, reserve, go on, report and end


def test_33_a_reply_that_is_lost_leaves_the_token_to_who_has_reserved_it():
    world = World()
    world.start(wants(1))
    tending = world.worker("w1").tend()
    reach_the_reservation(tending)
    tending.lose_reply(applied=True)
    assert tending.to_end().state == "waiting"
    assert [type(outcome) for outcome in reservations(world)] == [Ok]
    assert world.store.resolve(token_hash(TOKEN)) == (RUN, "answer")


def test_33_a_paused_run_reserves_nothing():
    world = World()
    world.start(wants(1))
    tending = world.worker("w1").tend()
    reach_the_reservation(tending)
    world.worker("operator").ask(lambda t: control.pause(t, None)).to_end()
    tending.perform()
    tending.to_end()
    assert reservations(world) == []
    assert world.store.resolve(token_hash(TOKEN)) is None
    world.worker("operator").ask(lambda t: control.resume(t)).to_end()
    world.worker("w2").tend().to_end()
    assert [type(outcome) for outcome in reservations(world)] == [Ok]


@pytest.mark.parametrize("applied", [True, False])
def test_33_what_is_taken_is_said_once(applied: bool):
    world = World()
    world.start(wants(1))
    world.worker("w1").tend().to_end()
    world.start(wants(2), run_id="other")
    tending = world.worker("w2").tend("other")
    reach_the_reservation(tending)
    tending.perform()  # it is refused
    tending.until(Save)
    tending.lose_reply(applied=applied)
    tending.to_end()
    world.worker("w2").tend("other").to_end()
    assert [type(outcome) for outcome in reservations(world)] == [Ok, Err]
    assert world.store.resolve(token_hash(TOKEN)) == (RUN, "answer")
    assert words(world)


@workflow
def asked() -> Flow[int]:
    return (yield hook("answer", int))


def test_33_a_link_that_another_run_has_blocks_and_does_not_spin():
    """No workflow can take it; a store that was mended by hand, or written by other code, may say so."""
    world = World()
    world.start(asked())
    taken = token_hash(hook_token(world.fold(RUN), "answer"))
    world.start(wants(2), run_id="other")
    head = world.read("other").head
    world.store.commit([Commit("other", "by hand", Head(head), hooks={taken: "h"})])
    tended = world.worker("w1").tend().to_end()
    assert (tended.state, "belongs to another run" in tended.reason) == ("blocked", True)
    assert len([commit for _, commit, _ in world.saved if commit.run_id == RUN and commit.hooks]) <= 2
    world.worker("operator").ask(lambda t: control.terminate(t, None), "other").to_end()
    world.worker("w2").tend().to_end()
    assert world.store.resolve(taken) == (RUN, "answer")
    assert words(world)[-1] == "issued 1"
