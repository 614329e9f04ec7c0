"""What a tender asked for, one line a call, as the walks write it down."""

from __future__ import annotations

from typing import assert_never

from tests.engine.world import RUN, Flight, World
from yieldflow.codec.packing import unpack
from yieldflow.core.events import (
    AttemptFailed,
    CancelRequested,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    Event,
    HookReceived,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
)
from yieldflow.core.outcome import Cancelled, Err, Expired, Ok, Taken
from yieldflow.core.path import show
from yieldflow.core.times import Millis
from yieldflow.engine.requests import (
    Execute,
    ExecuteLocal,
    Inspect,
    Newest,
    Offer,
    Read,
    Release,
    Request,
    Save,
    Take,
)
from yieldflow.ports import Commit, Head, Holding, Open


def lines(flight: Flight) -> list[str]:
    """All that a tender has asked for."""
    return [line(request, flight.world.clock.at) for request in flight.calls]


def words(world: World, run_id: str = RUN) -> list[str]:
    """The log of a run."""
    return [event_word(event) for event in world.events(run_id)]


def line(request: Request, now: Millis) -> str:
    match request:
        case Read():
            return "read"
        case Save(commit):
            return commit_line(commit, now)
        case Take():
            return "take"
        case Inspect():
            return "inspect"
        case Release(path=path):
            return f"release {show(path)}"
        case Execute(claim=claim):
            return f"body {show(claim.path)}"
        case ExecuteLocal(path=path):
            return f"local {show(path)}"
        case Newest(chain):
            return f"newest {chain}"
        case Offer(queue=queue, count=count):
            return f"offer {queue} x{count}"
        case _:
            assert_never(request)


def commit_line(commit: Commit, now: Millis) -> str:
    """`Head(2) [resolved 1, issued 2] -1 +2 claim 2 alarm 10000 done`: what is left out was not asked for."""
    parts = [_condition(commit), f"[{', '.join(map(event_word, map(unpack, commit.events)))}]"]
    parts += [f"revoke {show(revoke.path)}" for revoke in commit.revoke]
    parts += [f"-{show(path)}" for path in sorted(commit.drop)]
    parts += [f"+{show(work.path)}" for work in commit.put]
    parts += [f"claim {show(claim.path)}" for claim in commit.claim]
    parts += [] if commit.alarm is None or commit.done else [f"alarm {commit.alarm - now}"]
    parts += ["blocked"] if commit.summary is not None and commit.summary.note is not None else []
    return " ".join(parts + ["done"] * commit.done)


def _condition(commit: Commit) -> str:
    match commit.on:
        case Head(None):
            return "Head(None)"
        case Head(mark):
            return f"Head({mark.length})"
        case Holding(path):
            return f"Holding({show(path)})"
        case Open():
            return "Open"
        case _:
            assert_never(commit.on)


def event_word(event: Event) -> str:
    match event:
        case RunStarted():
            return "started"
        case CommandIssued(path=path):
            return f"issued {show(path)}"
        case CommandResolved(path=path, outcome=outcome):
            return f"{_WORDS[type(outcome)]} {show(path)}"
        case AttemptFailed(path=path, reason=reason):
            return f"{reason} {show(path)}"
        case CommandAbandoned(path=path):
            return f"abandoned {show(path)}"
        case HookReceived(name=name):
            return f"received {name}"
        case CancelRequested():
            return "cancel"
        case RunPaused():
            return "paused"
        case RunResumed():
            return "resumed"
        case RunFinished(outcome=outcome):
            return f"finished {type(outcome).__name__}"
        case _:
            assert_never(event)


_WORDS: dict[type, str] = {
    Ok: "resolved",
    Err: "failed",
    Expired: "expired",
    Taken: "taken",
    Cancelled: "cancelled",
}
