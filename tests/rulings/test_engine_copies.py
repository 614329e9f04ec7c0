"""Rulings 11 and 12: runs that begin with a part of another one's log, retries and forks."""

import pytest

from tests.engine.lines import words
from tests.engine.world import RUN, World, until_quiet
from yieldflow import Flow, Retry, continue_as_new, gather, hook, send, step, workflow
from yieldflow.core.events import Next, RetryOf
from yieldflow.core.outcome import Err, Ok
from yieldflow.engine import control
from yieldflow.engine.requests import Execute, ExecuteLocal, Save
from yieldflow.engine.surgery import forked
from yieldflow.errors import NotFailed
from yieldflow.ports import Refused

NEXT = "run~2"


@step(retry=1)
def work(n: int) -> int:
    return n


@step(retry=Retry(attempts=2, delay="1s", jitter=0.0))
def twice(n: int) -> int:
    return n


@workflow
def fragile() -> Flow[list[int]]:
    first = yield work(1)
    return [first, (yield twice(7)), (yield work(3))]


@workflow
def failing() -> Flow[int]:
    return (yield work(7))


@workflow
def side_by_side() -> Flow[list[int]]:
    answers = yield gather(twice(7), hook("answer", int))
    return list(answers)


@workflow
def kid() -> Flow[int]:
    return (yield work(1))


@workflow
def parent() -> Flow[int]:
    return (yield kid())


def refuses_seven():
    """Until it is told that seven is fine."""
    refused = [True]
    world = World(lambda request: ValueError("no") if refused[0] and request.call.arguments == b"[[7],{}]" else 1)
    return world, refused


# --- retry ----------------------------------------------------------------------------------------------------------


def test_12_a_retry_goes_on_before_the_failure_with_attempts_counted_anew():
    world, refused = refuses_seven()
    world.start(fragile())
    worker = world.worker("w1")
    worker.tend().to_end()
    until_quiet(world, worker)
    assert isinstance(world.outcome(), Err)
    assert [attempt for path, attempt, _ in world.bodies if path == (2,)] == [1, 2]
    refused[0] = False
    world.worker("operator").ask(control.retry).to_end()
    assert words(world, NEXT) == ["started", "issued 1", "resolved 1", "issued 2", "raised 2"]
    until_quiet(world, worker)
    assert world.outcome(NEXT) == Ok(b"[1,1,1]")
    assert [(path, attempt) for path, attempt, _ in world.bodies[3:]] == [((2,), 1), ((3,), 1)]
    assert world.read().summary.status == "failed"


def test_12_a_retried_run_has_all_its_attempts_again_and_its_idempotency_keys():
    world, _ = refuses_seven()
    world.start(fragile())
    worker = world.worker("w1")
    worker.tend().to_end()
    until_quiet(world, worker)
    world.worker("operator").ask(control.retry).to_end()
    flight = worker.tend(NEXT)
    assert flight.until(Execute).keys == RUN
    flight.to_end()
    until_quiet(world, worker)
    assert [attempt for path, attempt, _ in world.bodies if path == (2,)] == [1, 2, 1, 2]
    world.worker("operator").ask(control.retry).to_end()
    assert world.events("run~3")[0].cause == RetryOf(RUN, 6)


def test_12_a_retry_goes_on_also_where_its_cut_lies_in_a_pause():
    """The failure was reported while the run was paused, and told when it went on."""
    world, refused = refuses_seven()
    world.start(failing())
    slow = world.worker("w1").tend()
    slow.until(Execute)
    operator = world.worker("operator")
    operator.ask(lambda t: control.pause(t, None)).to_end()
    slow.to_end()
    operator.ask(control.resume).to_end()
    until_quiet(world, world.worker("w2"))
    assert words(world) == ["started", "issued 1", "paused", "failed 1", "resumed", "finished Err"]
    refused[0] = False
    operator.ask(control.retry).to_end()
    assert words(world, NEXT) == ["started", "issued 1", "paused", "resumed"]
    assert world.read(NEXT).summary.status == "running"
    until_quiet(world, world.worker("w2"))
    assert world.outcome(NEXT) == Ok(b"1")


def test_12_a_payload_that_came_after_the_cut_comes_along_in_a_retry():
    world, refused = refuses_seven()
    world.start(side_by_side())
    slow = world.worker("w1").tend()
    slow.until(Execute)
    slow.perform()
    slow.to_end()
    world.clock.at += 1_000
    last = world.worker("w2").tend()
    last.until(Execute)
    last.perform()
    last.lose_reply(applied=False)  # the speculation: the failure is then reported alone, and decided after that
    last.until(Save)
    last.perform()
    world.send("answer", 5, key="late")
    last.to_end()
    assert words(world)[-4:] == ["failed 1.1", "received answer", "abandoned 1.2", "finished Err"]
    refused[0] = False
    world.worker("operator").ask(control.retry).to_end()
    assert world.send("answer", 5, key="late", run_id=NEXT) == Refused("twice", world.clock.at, position=5)
    until_quiet(world, world.worker("w3"))
    assert world.outcome(NEXT) == Ok(b"[1,5]")


@pytest.mark.parametrize("state", ["runs", "completed", "cancelled"])
def test_12_only_a_failure_is_retried(state):
    world = World()
    world.start(fragile())
    if state == "cancelled":
        world.cancel()
    if state != "runs":
        world.worker("w1").tend().to_end()
    asked = world.worker("operator").ask(control.retry)
    assert isinstance(asked.to_end(), NotFailed)
    assert world.runs == [RUN]


def test_12_an_operator_who_asks_again_after_a_lost_reply_retries_once():
    world, _ = refuses_seven()
    world.start(fragile())
    worker = world.worker("w1")
    worker.tend().to_end()
    until_quiet(world, worker)
    asked = world.worker("operator").ask(control.retry)
    asked.until(Save)
    asked.lose_reply(applied=True)
    assert asked.to_end() == NEXT
    assert world.runs == [RUN, NEXT]


@workflow
def told_twice() -> Flow[int]:
    """A send that is open while its sibling fails."""
    yield gather(send("other", "answer", 5), twice(7))
    return 1


@workflow
def listener() -> Flow[list[int]]:
    return [(yield hook("answer", int)), (yield hook("answer", int))]


@pytest.mark.parametrize("delivered", [True, False])
def test_12_a_payload_that_was_under_way_when_the_run_failed_counts_once_in_its_retry(delivered):
    world, refused = refuses_seven()
    world.start(listener(), "other")
    world.start(told_twice())
    sending = world.worker("w1").tend()
    while not (isinstance(sending.request, Save) and sending.request.commit.run_id == "other"):
        sending.perform()  # it holds the debt
    sending.kill(performed=delivered)
    failing = world.worker("w2")
    for _ in range(3):
        failing.tend().to_end()
        world.clock.at += 1_000
    assert isinstance(world.outcome(), Err)
    refused[0] = False
    world.worker("operator").ask(control.retry).to_end()
    assert "issued 1.1" in words(world, NEXT)
    assert "resolved 1.1" not in words(world, NEXT)
    until_quiet(world, world.worker("w3"))
    assert world.outcome(NEXT) == Ok(b"1")
    assert words(world, "other").count("received answer") == 1


@workflow
def fragile_and_long() -> Flow[int]:
    yield twice(7)
    return (yield from continue_as_new(one_that_is_tried_again()))


@workflow
def one_that_is_tried_again() -> Flow[int]:
    return (yield twice(7))


def test_12_a_generation_after_a_retry_counts_its_own_attempts():
    world, refused = refuses_seven()
    world.start(fragile_and_long())
    worker = world.worker("w1")
    until_quiet(world, worker)
    refused[0] = False
    world.worker("operator").ask(control.retry).to_end()
    worker.tend(NEXT).to_end()
    refused[0] = True
    assert world.events("run~3")[0].anew == ()
    assert isinstance(world.events("run~3")[0].cause, Next)
    until_quiet(world, worker)
    assert isinstance(world.outcome("run~3"), Err)


# --- forks ----------------------------------------------------------------------------------------------------------


@step(queue="gpu", retry=1)
def render(n: int) -> int:
    return n


@workflow
def rendered() -> Flow[int]:
    return (yield render(1))


def fork(world, name, at=None):
    def cut(events):
        return forked(events, name, at, b"fedcba9876543210")

    return world.worker("operator").ask(lambda t: control.fork(t, cut)).to_end()


def test_11_a_fork_of_a_paused_run_is_paused():
    world = World()
    world.start(rendered())
    world.worker("w1").tend().to_end()
    world.worker("operator").ask(lambda t: control.pause(t, None)).to_end()
    fork(world, "copy")
    assert world.read("copy").summary.status == "paused"
    world.worker("gpu", "gpu").tend("copy").to_end()
    assert world.bodies == []
    world.worker("operator").ask(control.resume, "copy").to_end()
    world.worker("gpu", "gpu").tend("copy").to_end()
    world.worker("w1").tend("copy").to_end()
    assert world.outcome("copy") == Ok(b"1")


def test_11_every_position_of_a_run_can_be_forked_and_comes_to_its_end():
    world, _ = refuses_seven()
    world.start(side_by_side())
    world.send("answer", 5)
    worker = world.worker("w1")
    until_quiet(world, worker)
    for at in range(1, world.read().head.length + 1):
        assert fork(world, f"copy-{at}", at) == f"copy-{at}"
        until_quiet(world, worker)
        assert isinstance(world.outcome(f"copy-{at}"), Err)
        assert world.events(f"copy-{at}")[1 : min(at, 7)] == world.events()[1 : min(at, 7)]


def test_11_a_fork_of_a_parent_has_children_of_its_own():
    world = World()
    world.start(parent())
    worker = world.worker("w1")
    worker.tend().to_end()
    fork(world, "copy")
    worker.tend("copy").to_end()
    assert {"run~1.1", "copy~1.1"} <= {*world.runs}
    assert world.events("copy~1.1")[0].seed != world.events("run~1.1")[0].seed


@workflow
def apologetic() -> Flow[int]:
    try:
        yield twice(7)
    except ValueError:
        yield send("other", "answer", 1)
        raise
    return (yield send("other", "answer", 2))


def test_12_what_a_retry_does_otherwise_is_not_taken_for_what_was_done_before():
    """The clean-up of the failed generation and the step after the retried one have the same path."""
    world, refused = refuses_seven()
    world.start(listener(), "other")
    world.start(apologetic())
    worker = world.worker("w1")
    worker.tend().to_end()
    until_quiet(world, worker)
    refused[0] = False
    world.worker("operator").ask(control.retry).to_end()
    until_quiet(world, worker)
    assert world.outcome("other") == Ok(b"[1,2]")


@step(local=True)
def token(n: int) -> int:
    return n


@workflow
def drawn() -> Flow[int]:
    yield twice(7)
    return (yield token(1))


def test_12_a_local_step_that_is_new_in_a_retry_has_a_key_of_its_own():
    """What the failed generation has done at this path, to clean up, is another command."""
    world, refused = refuses_seven()
    world.start(drawn())
    worker = world.worker("w1")
    worker.tend().to_end()
    until_quiet(world, worker)
    refused[0] = False
    world.worker("operator").ask(control.retry).to_end()
    assert worker.tend(NEXT).until(ExecuteLocal).keys == NEXT
