"""Why a run waits, and what to do about it: sentences from what is known around a run, and from real stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attrs import evolve, frozen
from rq import Queue

from tests.servers import Server
from yieldflow import App, Flow, hook, sleep, step, workflow
from yieldflow.core.commands import CallStep, Receive, Sleep, StartChild, StepOptions
from yieldflow.core.events import CommandIssued, HookReceived, RunPaused, RunStarted
from yieldflow.core.times import After
from yieldflow.inspection import inspect
from yieldflow.inspection.around import LATE, OVERDUE, Around, Standing
from yieldflow.inspection.situations import advice, because, situations
from yieldflow.inspection.staff import Staff
from yieldflow.inspection.timeline import Timeline
from yieldflow.inspection.waiting import going, paused
from yieldflow.ports import Claimed, Free
from yieldflow.presence import Presence
from yieldflow.rq import Worker


@frozen
class Member:
    queues: tuple[str, ...]
    presence: Presence | None = None


def knows(*steps: str, workflows: tuple[str, ...] = (), whole: bool = True) -> Presence:
    return Presence(0, frozenset(workflows), frozenset(steps), whole=whole)


NOW = 100_000
TRAIN = CommandIssued(0, (1,), CallStep("ml:train", b"[[],{}]", StepOptions(queue="gpu")))
NEAR = Around(known=True, run_id="r", queue="default", workflow="shop:buys", alarm=NOW + 2_000)
GPU = Staff((Member(("gpu",)),))


def timeline(*events):
    found = Timeline()
    for event in (RunStarted(0, "r", "shop:buys", b"[[],{}]", b"0" * 16, queue="default"), *events):
        found.add(event)
    return found


def told(near, *events, claims=()):
    """(why, what to do, whether it is stuck)"""
    known = timeline(*events)
    stands = going(known, situations(known, claims, NOW, gone=lambda _: False, around=near), near, NOW)
    return stands.text, stands.advice, stands.stuck


WAITS = "step train waits for a worker of queue gpu"


@pytest.mark.parametrize(
    ("near", "rest", "todo", "stuck"),
    [
        (evolve(NEAR, staff=Staff(())), ", and no worker serves it", "yieldflow worker MODULE --queue gpu", True),
        (
            evolve(NEAR, staff=Staff((Member(("default",)), Member(("gpu",), knows("ml:other"))))),
            ", and no worker that serves it knows ml:train",
            "with the module that defines ml:train",
            True,
        ),
        (evolve(NEAR, staff=GPU), "; should its hint be lost, it is rung for in 2 s", None, False),
        (evolve(NEAR, staff=GPU, rings=3), "; rung 3 times without an answer, the next time in 2 s", None, False),
        (
            evolve(NEAR, staff=GPU, alarm=NOW - LATE - 1_000),
            ", and nobody has rung for it since it was due 6 s ago",
            "yieldflow alarms",
            False,
        ),
        (
            evolve(NEAR, staff=GPU, alarm=NOW - OVERDUE - 1_000),
            ", and nobody has rung for it since it was due 1 min 1 s ago",
            "yieldflow alarms",
            True,
        ),
        (evolve(NEAR, staff=GPU, alarm=None), ", and it has no alarm, so nobody will be told", "doctor --repair", True),
        (NEAR, "", "if no worker runs, start one", False),  # of an embedded store nobody knows who works
        (
            evolve(NEAR, alarm=NOW - OVERDUE - 1_000),
            ", and nobody has rung for it since it was due 1 min 1 s ago",
            "start a worker: yieldflow worker MODULE",
            True,
        ),
        (Around(), "", None, False),
    ],
)
def test_a_step_that_nobody_has_begun_says_who_is_missing(near, rest, todo, stuck):
    why, todos, is_stuck = told(near, TRAIN)
    assert why == WAITS + rest
    assert is_stuck is stuck
    assert [todo in one for one in todos] == ([] if todo is None else [True])


@pytest.mark.parametrize("presence", [None, knows("ml:train"), knows(whole=False)])
def test_a_worker_that_may_know_the_step_is_enough(presence):
    why, _, stuck = told(evolve(NEAR, staff=Staff((Member(("gpu",), knows()), Member(("gpu",), presence)))), TRAIN)
    assert "it is rung for" in why
    assert not stuck


def test_several_steps_say_once_what_is_missing():
    events = [evolve(TRAIN, path=(number,)) for number in (1, 2, 3)]
    why, todos, _ = told(evolve(NEAR, staff=Staff(())), *events)
    assert why == "3 steps wait for a worker of queue gpu, and no worker serves it"
    assert len(todos) == 1


def test_a_run_that_nobody_has_begun_needs_a_worker_that_knows_its_workflow():
    begun = "nobody has begun it yet, it was started 1 min 40 s ago: it waits for a worker of queue default"
    assert told(evolve(NEAR, staff=GPU))[0] == f"{begun}, and no worker serves it"
    other = Staff((Member(("default",), knows(workflows=("shop:other",))),))
    assert told(evolve(NEAR, staff=other))[0] == f"{begun}, and no worker that serves it knows shop:buys"


def test_an_answer_that_nobody_has_told_the_program_is_no_open_hook():
    waits, answer = CommandIssued(0, (1,), Receive("approval")), HookReceived(NOW - 3_000, "approval", b"true", "k")
    assert told(NEAR, waits)[:2] == (
        "hook approval, open since 1 min 40 s, nobody has answered",
        ("answer it: yieldflow send r approval JSON",),
    )
    assert told(evolve(NEAR, staff=GPU), waits, answer)[0] == (
        "hook approval was answered 3 s ago, and nobody has gone on yet: "
        "a worker of queue default has to, and no worker serves it"
    )


def test_a_sleep_that_is_over_waits_for_whoever_rings():
    slept = CommandIssued(0, (1,), Sleep(After(NOW - 30_000)))
    assert told(evolve(NEAR, alarm=NOW - 30_000), slept)[0] == (
        "sleep ended 30 s ago, and nobody has gone on yet: "
        "a worker of queue default has to, and nobody has rung for it since it was due 30 s ago"
    )


def test_a_worker_that_does_not_renew_its_claim_is_named_with_the_end_of_its_lease():
    work = Free((1,), "gpu", 2, 1, 10_000)
    held = Claimed(work, "t", "vm:boot:1:42:7", NOW - 30_000, NOW + 9_000)
    assert told(NEAR, TRAIN, claims=[held])[0] == "running train on worker vm:42 since 30 s"
    silent = evolve(held, until=NOW + 2_000)
    assert told(NEAR, TRAIN, claims=[silent])[0] == (
        "running train on worker vm:42 since 30 s; its worker is silent since 8 s, and is given up in 2 s"
    )
    over = evolve(held, until=NOW - 1_000)
    assert told(evolve(NEAR, staff=GPU), TRAIN, claims=[over])[0] == (
        "step train was cut off: its worker vm:42 is silent since 1 s, and no worker serves it"
    )
    at_its_timeout = evolve(silent, deadline=silent.until)
    assert "silent" not in told(NEAR, TRAIN, claims=[at_its_timeout])[0]


def test_who_paused_a_run_and_why_is_said():
    assert paused([RunPaused(NOW - 60_000, "ann", "the bank is down")], NOW, "r") == Standing(
        "paused since 1 min by ann: the bank is down", ("yieldflow resume r",)
    )
    assert paused([RunPaused(NOW - 60_000)], NOW, "r").text == "paused since 1 min"


@pytest.mark.parametrize(
    ("stands", "why", "stuck"),
    [
        (
            Standing("hook ok, open since 1 s", status="running"),
            "running since 1 min 40 s → hook ok, open since 1 s",
            False,
        ),
        (
            Standing("", status=None),
            "r~1.1 is not there, and nobody has started it yet: a worker of queue default",
            True,
        ),
        (Standing("has ended failed, …", ("do",), stuck=True, status="failed"), "r~1.1 has ended failed, …", True),
        (Standing("blocked: changed", ("do",), stuck=True, status="blocked"), "→ blocked: changed", False),
    ],
)
def test_a_child_is_asked_why_it_waits(stands, why, stuck):
    """A run whose child is stuck is not stuck itself, unless nobody else could be."""
    child = CommandIssued(0, (1,), StartChild("shop:pack", b"[[],{}]"))
    near = evolve(NEAR, staff=Staff(()), children={(1,): stands})
    found = told(near, child)
    assert why in found[0]
    assert found[2] is stuck


# --- real stores ------------------------------------------------------------------------------------------------------


@step(queue="gpu")
def train() -> int:
    return 1


@workflow
def trains() -> Flow[int]:
    return (yield from train())


@workflow
def asks() -> Flow[bool]:
    return (yield from hook("approval", bool))


@workflow
def nests(depth: int) -> Flow[object]:
    return (yield from (nests(depth - 1) if depth else asks()))


@workflow
def naps() -> Flow[None]:
    yield from sleep("1h")


@pytest.fixture
def app(server: Server) -> Iterator[App]:
    app = App(server.url)
    yield app
    app.close()


def tended(app: App, call, run_id: str):
    handle = app.start(call, run_id=run_id)
    app.runtime.tend(run_id)
    return handle


def test_rq_is_asked_who_serves_a_queue(app: App):
    tended(app, trains(), "r")
    seen = inspect(app, "r")
    assert seen.why == f"{WAITS}, and no worker serves it"
    assert seen.advice == ("start a worker: yieldflow worker MODULE --queue gpu",)
    worker = Worker([Queue("gpu", connection=app.client)], connection=app.client)
    worker.register_birth()
    assert inspect(app, "r").why.startswith(f"{WAITS}; should its hint be lost, it is rung for in ")
    worker.register_death()
    assert inspect(app, "r").why == f"{WAITS}, and no worker serves it"


def test_a_chain_of_children_is_followed_to_its_end(app: App):
    tended(app, nests(3), "r")
    for _ in range(4):
        for run in app.runs(status="running").runs:
            app.runtime.tend(run.run_id)
    seen = inspect(app, "r")
    chain = [part.split(",")[0] for part in seen.why.split(" → ")]
    assert chain == ["child nests"] * 3 + ["child asks", "hook approval"]
    (todo,) = seen.advice
    waiting = todo.split()[-3]
    app.send(waiting, "approval", True)
    assert app.get(waiting).history()[-1].name == "approval"


def test_a_chain_has_an_end_even_if_it_had_none(app: App, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("yieldflow.inspection.waiting.DEEPEST", 2)
    tended(app, nests(3), "r")
    for _ in range(4):
        for run in app.runs(status="running").runs:
            app.runtime.tend(run.run_id)
    assert inspect(app, "r").why.count(" → ") == 2


def test_a_payload_that_does_not_fit_is_no_answer_that_somebody_has_to_tell(app: App):
    run = tended(app, asks(), "r")
    run.send("approval", "maybe")
    app.runtime.tend("r")
    seen = inspect(app, "r")
    assert seen.why == "hook approval, open since 0 s, 1 payload does not fit and was skipped"
    assert seen.advice == ("answer it: yieldflow send r approval JSON",)
    assert [one.doing for one in seen.situations] == ["hook"]


def test_of_the_past_nothing_is_said_about_the_present(app: App):
    tended(app, naps(), "r")
    tended(app, trains(), "t")
    app.pause("t", "too early")
    assert inspect(app, "t").why.startswith("paused since 0 s: too early")
    assert inspect(app, "t", 2).why == WAITS
    assert inspect(app, "t", 2).advice == ()


def test_all_that_is_to_be_done_is_said_once():
    known = timeline(TRAIN, evolve(TRAIN, path=(2,)))
    found = situations(known, (), NOW, around=evolve(NEAR, staff=Staff(())))
    assert because(found).startswith("2 steps wait")
    assert advice(found) == ("start a worker: yieldflow worker MODULE --queue gpu",)


def test_of_very_many_hooks_the_first_are_named_and_the_others_counted():
    why, todos, _ = told(NEAR, *(CommandIssued(0, (at,), Receive(f"h{at}")) for at in range(1, 1_001)))
    assert why == "hooks h1, h2, h3, h4, h5, h6, h7, h8, h9, h10 and 990 more are open"
    assert todos == (*(f"answer it: yieldflow send r h{at} JSON" for at in range(1, 11)), "… and 990 more of these")
