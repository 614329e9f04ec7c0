"""The fold is strict: what no yieldflow would write is refused, each with its reason."""

import pytest

from tests.core.harness import begun
from tests.rulings.steps import Declined, a_charge
from yieldflow import gather, hook, open_hook, sleep
from yieldflow.core.commands import Sleep
from yieldflow.core.events import (
    AttemptFailed,
    CancelRequested,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    HookReceived,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
)
from yieldflow.core.outcome import Err, Expired, Failure, Ok, Taken
from yieldflow.core.run import Run, fold
from yieldflow.core.times import After
from yieldflow.errors import ImpossibleEvent

LOST = Failure(("builtins:Exception",), "lost")
STARTED = RunStarted(1, "run", "shop:checkout", b"[[],{}]", b"seed")


def program():
    yield open_hook("h")
    yield gather(a_charge(), sleep("1h"), hook("h"), hook("g", timeout="1h"))


def log():
    """Paths: 1 an open hook; 2.1 a step, 2.2 a sleep, 2.3 and 2.4 receives; payloads of x at position 7, of h at 8."""
    life = begun(program)
    life.send("x")
    life.send("h")
    return life


IMPOSSIBLE = {
    "a run starts once, at first": [STARTED],
    "that path was issued before": [CommandIssued(1, (1,), Sleep(After(1))), CommandIssued(1, (2, 1), Sleep(After(1)))],
    "that path is not open": [
        CommandResolved(1, (1,), Ok(b"1")),
        CommandResolved(1, (3,), Ok(b"1")),
        CommandAbandoned(1, (3,)),
        AttemptFailed(1, (3,), 1, LOST, 1),
    ],
    "there is no such payload": [
        CommandResolved(1, (2, 3), Taken(2)),
        CommandResolved(1, (2, 3), Taken(7)),
        CommandResolved(1, (2, 4), Taken(8)),
        CommandResolved(1, (2, 1), Taken(8)),
    ],
    "no time-out": [CommandResolved(1, (2, 3), Expired()), CommandResolved(1, (2, 2), Expired())],
    "nobody may answer that": [CommandResolved(1, (2, 3), Ok(b"1"))],
    "that cannot fail": [CommandResolved(1, (2, 2), Err(LOST)), CommandResolved(1, (2, 4), Err(LOST))],
    "only steps have attempts": [AttemptFailed(1, (2, 2), 1, LOST, 1)],
    "attempt 1 was expected": [AttemptFailed(1, (2, 1), 2, LOST, 1), AttemptFailed(1, (2, 1), 0, LOST, 1)],
    "a delivery counts once": [HookReceived(1, "g", b"1", "key-6")],
    "it is not paused": [RunResumed(1)],
    "commands are open": [RunFinished(1, Ok(b"1"))],
}


@pytest.mark.parametrize(("reason", "event"), [(why, event) for why, events in IMPOSSIBLE.items() for event in events])
def test_an_impossible_event_is_refused(reason, event):
    life = log()
    assert [life.run.open[path].position for path in ((2, 1), (2, 4))] == [3, 6]
    with pytest.raises(ImpossibleEvent, match=reason) as caught:
        fold([*life.log, event])
    assert repr(event) in str(caught.value)


@pytest.mark.parametrize(
    "event",
    [CommandIssued(1, (1,), Sleep(After(5))), HookReceived(1, "h", b"1", "k"), RunFinished(1, Ok(b"1")), RunPaused(1)],
)
def test_a_run_starts_before_anything_else(event):
    with pytest.raises(ImpossibleEvent, match="a run starts once, at first"):
        fold([event])


def test_nothing_follows_the_end():
    ended = [STARTED, RunFinished(1, Ok(b"1"))]
    for event in (CancelRequested(1, "k"), HookReceived(1, "h", b"1", "k"), RunFinished(1, Ok(b"1")), RunPaused(1)):
        with pytest.raises(ImpossibleEvent, match="the run has ended"):
            fold([*ended, event])


def test_pauses_alternate_and_a_cancellation_resumes():
    with pytest.raises(ImpossibleEvent, match="it is paused already"):
        fold([STARTED, RunPaused(1), RunPaused(1)])
    assert fold([STARTED, RunPaused(1)]).paused
    assert not fold([STARTED, RunPaused(1), RunResumed(1)]).paused
    assert not fold([STARTED, RunPaused(1), CancelRequested(1, "k")]).paused
    with pytest.raises(ImpossibleEvent, match="a delivery counts once"):
        fold([STARTED, CancelRequested(1, "k"), CancelRequested(1, "k")])


def test_a_delivery_and_a_cancellation_may_have_the_same_key():
    assert fold([STARTED, CancelRequested(1, "k"), HookReceived(1, "h", b"1", "k")]).cancelled is not None


def test_the_fold_counts_attempts_losses_and_open_steps():
    life = begun(program)
    assert life.run.work == 1
    pending = life.run.open[(2, 1)]
    life.try_in_vain("2.1", Declined("no"))
    life.append(AttemptFailed(life.now, (2, 1), 2, LOST, life.now + 7, "lost"))
    assert (pending.attempt, pending.failed, pending.losses, pending.wakes_at) == (3, 2, 1, life.now + 7)
    life.answer("2.1", 1)
    assert life.run.work == 0
    assert set(life.run.hooks) == {"h", "g"}


def test_a_run_without_events_has_no_outcome():
    assert Run().outcome is None
