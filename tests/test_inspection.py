"""What `inspect` says of a run: sentences from logs as literals, lines from programs that wait."""

import pytest

from yieldflow import App, Flow, Retry, gather, hook, race, sleep, step, workflow
from yieldflow.authoring.registry import Registry
from yieldflow.core.asks import WorkflowDefinition
from yieldflow.core.commands import CallStep, Receive, Sleep, StepOptions
from yieldflow.core.events import (
    AttemptFailed,
    CancelRequested,
    CommandIssued,
    CommandResolved,
    HookReceived,
    RunFinished,
    RunStarted,
)
from yieldflow.core.outcome import Err, Failure, Ok, Taken
from yieldflow.core.times import After
from yieldflow.core.values import KnownShape
from yieldflow.errors import UnknownRun, UsageError
from yieldflow.handle import Handle
from yieldflow.inspection.situations import because, situations
from yieldflow.inspection.timeline import Timeline
from yieldflow.inspection.words import told
from yieldflow.ports import Claimed, Free

DAY = 86_400_000
STARTED = RunStarted(0, "r", "shop:checkout", b"[[],{}]", b"0" * 16)
CHARGE = CallStep("shop:charge", b"[[],{}]", StepOptions(attempts=5))
TIMEOUT = Failure(("shop:CardTimeout",), "no answer\nwithin 5 s")


def fed(*events):
    timeline = Timeline()
    for event in (STARTED, *events):
        timeline.add(event)
    return timeline


def why(timeline, now, *claims, gone=lambda _: False):
    return because(situations(timeline, claims, now, gone=gone))


def claim(path, since, until, worker="vm:boot:1:42:7", attempt=1):
    return Claimed(Free(path, "gpu", 2, attempt, 10_000), "token", worker, since, until)


@pytest.mark.parametrize(
    ("events", "now", "sentence"),
    [
        (
            [CommandIssued(0, (1,), CHARGE), AttemptFailed(5, (1,), 1, TIMEOUT, 12_005)],
            5,
            "step charge, attempt 2 of 5, retry in 12 s: CardTimeout: no answer within 5 s",
        ),
        (
            [CommandIssued(0, (1,), Receive("approval"))],
            2 * DAY,
            "hook approval, open since 2 days, nobody has answered",
        ),
        (
            [CommandIssued(0, (1,), Receive("approval", After(DAY)))],
            DAY - 30_000,
            "hook approval, open since 23 h 59 min, nobody has answered, times out in 30 s",
        ),
        (
            [CommandIssued(0, (1,), Sleep(After(3 * DAY)))],
            DAY,
            "sleeping until 1970-01-04 00:00:00 UTC (in 2 days)",
        ),
        (
            [CommandIssued(0, (n,), CallStep("ml:train", b"[[],{}]", StepOptions(queue="gpu"))) for n in (1, 2, 3)],
            0,
            "3 steps wait for a worker of queue gpu",
        ),
    ],
)
def test_why_is_one_sentence(events, now, sentence):
    assert why(fed(*events), now) == sentence


def test_who_runs_a_step_is_named_and_who_was_lost_too():
    timeline = fed(CommandIssued(0, (1,), CHARGE))
    held = claim((1,), 1_000, 11_000)
    assert why(timeline, 4_000, held) == "running charge on worker vm:42 since 3 s"
    assert why(timeline, 13_000, held) == "step charge was cut off: its worker vm:42 is silent since 2 s"
    assert why(timeline, 4_000, held, gone=lambda _: True) == "step charge was cut off: its worker vm:42 is gone"


def test_a_lost_worker_uses_up_no_attempt():
    lost = Failure(("yieldflow.errors:WorkerLost",), "…")
    timeline = fed(CommandIssued(0, (1,), CHARGE), AttemptFailed(5, (1,), 1, lost, 5, "lost"))
    assert timeline.items[(1,)].tries == 1
    assert why(timeline, 6) == "step charge waits for a worker of queue yieldflow, again: its worker was lost"


def test_events_are_told_in_known_words():
    log = [
        STARTED,
        CommandIssued(0, (1,), CHARGE),
        AttemptFailed(5, (1,), 1, TIMEOUT, 2_005),
        CommandResolved(2_100, (1,), Ok(b"7"), 2, "w", 2_050),
        CommandIssued(2_100, (2,), Receive("approval")),
        HookReceived(2_200, "approval", b"true", "k"),
        CommandResolved(2_200, (2,), Taken(6)),
        CommandIssued(2_200, (3,), CHARGE),
        CommandResolved(2_300, (3,), Err(TIMEOUT), 1),
        CancelRequested(2_400, "cancel", "enough"),
        RunFinished(2_500, Ok(b"null")),
    ]
    timeline, words = Timeline(), []
    for event in log:
        timeline.add(event)
        words.append(told(event, timeline))
    assert [(word.position, word.what) for word in words] == [
        (1, "run_started"),
        (2, "step_started"),
        (3, "step_retrying"),
        (4, "step_completed"),
        (5, "wait_created"),
        (6, "hook_received"),
        (7, "wait_completed"),
        (8, "step_started"),
        (9, "step_failed"),
        (10, "cancel_requested"),
        (11, "run_completed"),
    ]
    assert words[2].rest == "attempt 1, again in 2.0 s: CardTimeout: no answer within 5 s"
    assert (timeline.completed, timeline.steps) == (2, 2)
    assert timeline.items[(2,)].answer == b"true"


# --- with a program ---------------------------------------------------------------------------------------------


@step(retry=Retry(attempts=5, delay="1h"))
def flaky(number: int) -> int:
    raise OSError(f"no {number}")


@workflow
def ships(number: int) -> Flow[int]:
    ok = yield from hook("approval", bool)
    return number + ok


def inner(number: int) -> Flow[int]:
    got = yield from flaky(number)
    return got


@workflow
def branchy() -> Flow[object]:
    return (yield from gather(inner(1), race(sleep("1d"), hook("go")), sleep("2d")))


@pytest.fixture
def app():
    app = App("memory:")
    yield app
    app.close()


def tended(app, call):
    handle = app.start(call, run_id="r")
    app.runtime.tend("r")
    return handle


def arrow(waiting):
    line = waiting.lines[-1]
    return dict(line.source)[line.line].strip()


def test_each_branch_shows_its_own_line_and_what_it_lacks(app):
    seen = tended(app, branchy()).inspect()
    root, branch = seen.branches
    assert (root.path, root.waits_for) == ((), "gather of 3, 3 still open")
    assert root.open == ((1, 2, 1), (1, 2, 2), (1, 3))
    assert arrow(root) == 'return (yield from gather(inner(1), race(sleep("1d"), hook("go")), sleep("2d")))'
    assert (branch.path, branch.waits_for, branch.open) == ((1, 1), "step flaky", ((1, 1, 1),))
    assert arrow(branch) == "got = yield from flaky(number)"
    assert [line.function for line in branch.lines] == ["inner"]


def test_any_moment_of_the_past_can_be_looked_at(app):
    handle = tended(app, ships(1))
    app.send("r", "approval", True)
    app.runtime.tend("r")
    length = len(handle.history())
    past = handle.inspect(at=2)
    assert (past.status, past.position, past.length) == ("running", 2, length)
    assert past.why.startswith("hook approval, open since 0 s, nobody has answered")
    assert arrow(past.branches[0]) == 'ok = yield from hook("approval", bool)'
    assert past.claims == ()
    assert handle.inspect().status == "completed"
    assert handle.inspect().why.startswith("completed after")
    assert all(handle.inspect(at=n).position == n for n in range(1, length + 1))


def test_a_position_that_is_not_there_is_wrong_usage(app):
    handle = tended(app, ships(1))
    for position in (-1, 0, 3):
        with pytest.raises(UsageError, match="positions 1 to 2"):
            handle.inspect(at=position)
    with pytest.raises(UnknownRun):
        Handle("nobody", app, None).inspect()


def test_a_blocked_run_shows_why_and_as_much_as_can_be_seen(app):
    handle = tended(app, ships(1))
    deployed = ships.definition

    def other(number):
        yield sleep("1h")

    app.registry = Registry()
    app.registry.add_workflow(WorkflowDefinition(deployed.name, other, KnownShape(deployed.parameters, int)))
    seen = handle.inspect()
    assert "has changed under a running run" in seen.code
    assert [item.name for item in seen.items] == ["approval"]


def test_without_the_code_there_is_all_but_the_lines(app):
    tended(app, ships(1))
    app.registry = type(app.registry)()
    seen = app.get("r").inspect()
    assert seen.branches == ()
    assert "is not at hand" in seen.code
    assert seen.why.startswith("hook approval, open since")
    assert [hook.name for hook in seen.hooks] == ["approval"]


def test_payloads_that_nobody_has_received_are_shown(app):
    handle = tended(app, ships(1))
    position = app.send("r", "later", {"a": 1})
    assert {at: event.name for at, event in handle.inspect().unread.items()} == {position: "later"}


def test_looking_changes_nothing(app):
    handle = tended(app, branchy())
    before = app.store.read("r")
    handle.inspect()
    handle.inspect(at=1)
    after = app.store.read("r")
    assert (before.head, before.alarm, before.summary) == (after.head, after.alarm, after.summary)
