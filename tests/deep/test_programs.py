"""Random programs in bounded numbers, and that the comparison they rest on sees what the texts show."""

from __future__ import annotations

from collections import Counter, deque
from random import Random

import pytest
from attrs import fields

from tests.core.harness import close_all, state
from tests.core.programs import Body, Fail, Group, Nap, Spawned, Step
from tests.core.sameness import known
from tests.core.schedules import live
from tests.deep.drawing import program
from tests.deep.programs import ASKS, CAME_TO, Process, one_round
from tests.deep.rounds import Figures
from yieldflow.core.commands import OpenHook
from yieldflow.core.run import Run

LEAST = {"programs": 2_000, "crash points": 100_000, "batchings": 2_000, "programs fed in all batchings": 20}


ROUNDS = 5
FIGURES: dict[int, Figures] = {}  # of each seed


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_another_process_takes_over_after_every_event_of_every_program(seed):
    FIGURES[seed] = one_round(seed)


def test_the_programs_come_everywhere():
    if len(FIGURES) < ROUNDS:
        pytest.skip("not all rounds were played in this session")
    figures = Figures()
    for one in FIGURES.values():
        figures.add(one)
    counts = figures.counts
    assert {name: counts[name] for name, least in LEAST.items() if counts[name] < least} == {}
    assert {row for row in ASKS.values() if counts[f"programs with {row}"] < 500} == set()
    assert {row for row in CAME_TO.values() if counts[f"lives with {row}"] < 20} == set()
    assert counts["programs with combinators in combinators"] >= 2_000
    assert min(counts[f"lives that ended {kind}"] for kind in ("Ok", "Err", "Cancelled", "ContinuedAs")) >= 300
    assert figures.percentile("events in a log", 100) >= 40


def test_a_round_depends_on_nothing_but_its_seed():
    assert one_round(7, 40) == one_round(7, 40)


# --- what an execution knows, tampered with -----------------------------------------------------------------------


def more(value):
    """Something else of the same kind; None: there is nothing to change."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case dict() if len(value) > 1:
            return dict(reversed(value.items()))
        case dict() if value:
            return {}
        case set() if value:
            return value - {max(value)}
        case _:
            return None


def change(owner, name):
    changed = more(getattr(owner, name))
    if changed is not None:
        setattr(owner, name, changed)


def change_each(owners, name):
    for owner in owners:
        change(owner, name)


def forget(owner, name):
    kept = getattr(owner, name)
    if kept:
        kept.pop() if isinstance(kept, list | deque) else kept.popitem()


def pending(execution):
    return execution.run.open.values()


def tasks(execution):
    return () if execution.tree is None else execution.tree.tasks.values()


def let_waiters_go(execution):
    for task in tasks(execution):
        forget(task, "waiters")


def lose_a_payload(execution):
    for box in execution._leaves.mail.boxes.values():
        forget(box, "payloads")


def turn_waiters(execution):
    for box in execution._leaves.mail.boxes.values():
        box.waiters.reverse()


def ask_otherwise(execution):
    for leaf in execution.leaves.values():
        leaf.command = OpenHook("another")


TAMPERED = {
    **{f"run.{one.name}": lambda e, name=one.name: change(e.run, name) for one in fields(Run) if one.name != "timers"},
    **{
        f"pending.{name}": lambda e, name=name: change_each(pending(e), name)
        for name in ("position", "failed", "losses", "abandoned", "wakes_at")
    },
    "timers": lambda e: e.run.timers.clear(),
    "asked": lambda e: forget(e._ledger, "_asked"),
    "order of asking": lambda e: change(e._ledger, "_asked"),
    "taken": lambda e: forget(e._ledger, "_taken"),
    "let go": lambda e: forget(e._ledger, "_let_go"),
    "unasked": lambda e: forget(e._ledger, "_unasked"),
    "marks": lambda e: change(e._ledger, "marks"),
    "patched": lambda e: forget(e._leaves, "_patched"),
    "data": lambda e: forget(e._leaves, "data"),
    "kept": lambda e: forget(e, "_kept"),
    "a leaf": lambda e: forget(e._leaves, "waiting"),
    "closing": lambda e: change_each(e.leaves.values(), "closing"),
    "what leaves ask": ask_otherwise,
    "numbers": lambda e: change_each(e.waiting(), "asked"),
    "questions": lambda e: [branch.questions.update(now=99) for branch in e.waiting()],
    "held": lambda e: change_each(e.waiting(), "held"),
    "tasks of a branch": lambda e: [forget(branch, "tasks") for branch in e.waiting()],
    "failed tasks": lambda e: [forget(branch, "failed") for branch in e.waiting()],
    "heard": lambda e: change_each(tasks(e), "heard"),
    "cancelled": lambda e: change_each(tasks(e), "cancelled"),
    "waiters": let_waiters_go,
    "watching": lambda e: e.tree and e.tree._watching and e.tree._watching.popitem(),
    "payloads": lose_a_payload,
    "who waits first": turn_waiters,
    "rejected": lambda e: e._leaves.mail.rejected.append(99),
    "result": lambda e: e.tree and setattr(e.tree.root, "result", None),
    "decisions": lambda e: setattr(e, "_ending", None),
}
RARELY_DRAWN = [
    Body((Spawned(Body((Nap(1), Fail())), "leave"), Nap(5), Step("number", 1))),
    Body((Group("gather", (Step("number", 1, local=True), Step("number", 2, local=True))),)),
]
NOT_IN_A_WHOLE_LOG = {
    "unasked",  # of unchanged code: only while its events are fed
    "run.left",  # of forks
}
NO_NUMBERS = {"run.started", "run.ended", "run.cancelled"}  # events, which are never changed


def test_the_comparison_by_values_sees_all_that_the_texts_show():
    r, seen = Random(5), Counter()
    for body in [*(program(r) for _ in range(200)), *RARELY_DRAWN * 20]:
        schedule = r.randbytes(20)
        log = live(body, schedule).life.log
        length = r.randint(1, len(log))
        honest = replayed(body, log, length)
        texts, values = state(honest), known(honest)
        for name, tamper in TAMPERED.items():
            other = replayed(body, log, length)
            tamper(other)
            shows = state(other) != texts
            assert known(other) != values or not shows, f"{name} after {length} events of {body!r}, {schedule!r}"
            seen[name] += shows
            other.close()
        honest.close()
        close_all()
    assert {name for name in TAMPERED if seen[name] < 3} == NOT_IN_A_WHOLE_LOG | NO_NUMBERS


def replayed(body, log, length):
    execution = Process(body).execution
    execution.feed(log[:length])
    return execution
