"""What a simulated run met, told by its logs and by what was committed: how often each thing went as it rarely goes."""

from __future__ import annotations

from collections import Counter

from tests.engine.invariants import Watch
from tests.engine.relations import Relations
from tests.engine.world import World
from yieldflow.codec.packing import unpack
from yieldflow.core.agenda import DEADLINE
from yieldflow.core.chain import chain_of
from yieldflow.core.commands import MarkPatch, StartChild
from yieldflow.core.events import (
    AttemptFailed,
    CancelRequested,
    CommandIssued,
    CommandResolved,
    Event,
    ForkOf,
    RetryOf,
    RunFinished,
    RunPaused,
    RunResumed,
    is_fact,
)
from yieldflow.core.outcome import Cancelled, ContinuedAs, Err
from yieldflow.core.run import Run, fold
from yieldflow.ports import Commit, Conflict, Done, Head, Holding, Reply


def counted(world: World, relations: Relations) -> Counter[str]:
    met = Counter(runs=1, generations=len(world.runs))
    for watch in relations.watches.values():
        _run(met, watch)
        met["terminated with children"] += watch.terminated and bool(relations.children_of(watch))
    for _, commit, reply in world.saved:
        _commit(met, commit, reply)
        met["marks that former code overtook"] += isinstance(reply, Conflict) and _overtaken(commit, relations)
    met["runs with refusals"] += any(not isinstance(reply, Done) for _, _, reply in world.saved)
    return met


def _run(met: Counter[str], watch: Watch) -> None:
    run, started = watch.run, watch.run.started
    assert started is not None
    lost = [event for event in watch.events[watch.copied :] if isinstance(event, AttemptFailed)]
    met["losses"] += sum(event.reason == "lost" for event in lost)
    met["runs with losses"] += any(event.reason == "lost" for event in lost)
    met["nested"] += any(len(path) > 3 for path in watch.paths)
    met["ended"] += run.ended is not None
    met["terminated"] += watch.terminated
    met["payloads that nobody took"] += run.ended is not None and len(run.unread)
    met["marks of patched"] += len(_marks(watch))
    assert watch.last is not None
    met["points that former code had passed"] += [*watch.last._leaves._patched.values()].count(False)
    _copy(met, watch)
    _events(met, watch)


def _copy(met: Counter[str], watch: Watch) -> None:
    """Retries are counted as they begin."""
    assert watch.run.started is not None
    match watch.run.started.cause:
        case ForkOf(run_id=run_id):
            copied = fold(watch.events[: watch.copied])
            met["forks"] += 1
            met["forks of later generations"] += chain_of(run_id)[1] > 1
            met["forks with open work"] += copied.work > 0
            met["forks with open hooks"] += bool(copied.hooks)
        case RetryOf():
            met["retries of later generations"] += chain_of(watch.run_id)[1] > 2
        case _:
            pass


def _events(met: Counter[str], watch: Watch) -> None:
    run, cancelled = Run(), 0
    for number, event in enumerate(watch.events, 1):
        if number > watch.copied:
            met["facts while paused"] += run.paused and is_fact(event)
            _event(met, run, event)
        if isinstance(event, CancelRequested):
            met["cancelled before the first decision"] += number == 2
            cancelled += 1
        run.add(event)
    met["cancelled more than once"] += cancelled > 1


def _event(met: Counter[str], run: Run, event: Event) -> None:
    """*run*: before it."""
    match event:
        case AttemptFailed(reason="timeout"):
            met["timeouts"] += 1
        case CommandResolved(path=path, outcome=outcome):
            child = isinstance(run.open[path].issued.command, StartChild)
            met["failures"] += isinstance(outcome, Err)
            met["children that ended cancelled"] += child and isinstance(outcome, Cancelled)
        case RunPaused():
            met["pauses"] += 1
        case RunResumed():
            met["resumed"] += 1
        case CancelRequested(key=key):
            met["deadlines"] += key == DEADLINE
            met["deadlines with open children"] += key == DEADLINE and bool(run.children)
            met["cancelled while paused"] += run.paused
        case RunFinished(outcome=ContinuedAs(cancel=cancel)):
            met["cancellations handed to the next generation"] += cancel is not None
        case _:
            pass


def _commit(met: Counter[str], commit: Commit, reply: Reply) -> None:
    facts = [isinstance(unpack(data), AttemptFailed | CommandResolved) for data in commit.events[:1]]
    done = isinstance(reply, Done)
    child = isinstance(commit.on, Holding) and commit.on.token.startswith("child:")
    met["commits refused"] += not done
    met["late reports"] += isinstance(commit.on, Holding) and not done and not child
    met["reports of children refused"] += child and not done
    met["revocations refused"] += bool(commit.revoke) and not done
    met["revoked of processes known to be gone"] += done and any(one.gone for one in commit.revoke)
    met["speculations"] += isinstance(commit.on, Head) and any(facts)
    met["speculations refused"] += isinstance(commit.on, Head) and any(facts) and not done
    met["blocked by the code of another deploy"] += done and commit.summary is not None and bool(commit.summary.note)


def _overtaken(commit: Commit, relations: Relations) -> bool:
    """It would have marked a point that other code had passed by then."""
    watch = relations.watches.get(commit.run_id)
    events = [unpack(data) for data in commit.events if b"patch" in data]
    marks = {one.command for one in events if isinstance(one, CommandIssued) and isinstance(one.command, MarkPatch)}
    return watch is not None and bool(marks - _marks(watch))


def _marks(watch: Watch) -> set[MarkPatch]:
    commands = [event.command for event in watch.events if isinstance(event, CommandIssued)]
    return {command for command in commands if isinstance(command, MarkPatch)}
