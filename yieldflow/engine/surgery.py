"""A run made of another one's log: a failed one that is retried, one that is forked. Functions over logs.

Events are copied as they are; what is open at the cut is open in the new run. A payload that came after the cut of a
retry was acknowledged, and comes along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve, field

from yieldflow.codec.packing import pack
from yieldflow.core.agenda import DEADLINE
from yieldflow.core.chain import successor
from yieldflow.core.commands import CallStep, StartChild
from yieldflow.core.events import (
    CancelRequested,
    CommandIssued,
    CommandResolved,
    Event,
    ForkOf,
    HookReceived,
    RetryOf,
    RunFinished,
    RunResumed,
    RunStarted,
    fork_of,
)
from yieldflow.core.outcome import Err, Ok
from yieldflow.core.path import Path, show
from yieldflow.core.questions import hook_hashes
from yieldflow.core.record import record
from yieldflow.core.run import fold
from yieldflow.core.times import Millis
from yieldflow.engine.outside import opening
from yieldflow.engine.planning import open_work, summary
from yieldflow.errors import NotFailed, UsageError
from yieldflow.ports import Commit


@record
class Cut:
    """The first event of a new run, how many events of the other log it begins with, the first one's included, and the
    places of later ones that it keeps. *replaced*: other answers, by their places.
    """

    started: RunStarted
    length: int
    kept: tuple[int, ...] = ()
    replaced: Mapping[int, CommandResolved] = field(factory=dict)

    def events(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """Those that it begins with, of the other log's."""
        places = (*range(1, self.length), *self.kept)
        return self.started, *(self.replaced.get(place, events[place]) for place in places)


@record
class Answered:
    """What became of the call of a step or of a child: its answer is the event at *place*."""

    call: CallStep | StartChild
    place: int


def retried(events: Sequence[Event]) -> Cut:
    """The next generation of a failed run: it goes on before the failure that ended it. Raises `NotFailed`."""
    started, last = _ends(events)
    if not isinstance(last, RunFinished) or not isinstance(last.outcome, Err):
        raise NotFailed(started.run_id)
    length = _before_the_failure(events, last)
    origin = started.cause.run_id if isinstance(started.cause, RetryOf) else started.run_id
    cause = RetryOf(origin, length, _as_far_as(length, fork_of(started.cause)))
    kept = tuple(place for place in range(length, len(events)) if isinstance(events[place], HookReceived))  # were sent
    anew = (*_retried_before(started, length), length)
    again = evolve(started, run_id=successor(started.run_id), cause=cause, deadline=None, anew=anew)
    return Cut(again, length, kept)


def _as_far_as(length: int, fork: ForkOf | None) -> ForkOf | None:
    """What is copied of a fork ends no later than what is copied of it now: from there on its own seed holds."""
    return None if fork is None else evolve(fork, position=min(fork.position, length))


def answered(events: Sequence[Event]) -> dict[Path, Answered]:
    """The calls that have an answer, by their paths."""
    calls, found = dict[Path, CallStep | StartChild](), dict[Path, Answered]()
    for place, event in enumerate(events):
        match event:
            case CommandIssued(path=path, command=CallStep() | StartChild(detached=False) as call):
                calls[path] = call
            case CommandResolved(path=path) if path in calls:
                found[path] = Answered(calls[path], place)
            case _:
                pass
    return found


def forked(
    events: Sequence[Event], run_id: str, at: int | None, seed: bytes, answers: Mapping[Path, bytes] | None = None
) -> Cut:
    """A run of its own that shares the first *at* events, but for *answers*, which it has got instead of those at their
    paths. Default: all but the end, or up to the last of these answers. Raises `UsageError`.
    """
    started, last = _ends(events)
    whole = len(events) - isinstance(last, RunFinished)
    replaced = {} if answers is None else _replaced(events, answers, whole if at is None else at)
    length = max(replaced, default=whole - 1) + 1 if at is None else at
    if not 1 <= length <= len(events):
        raise UsageError(f"run {started.run_id!r} has {len(events):,} events; fork it at one from 1 to {whole:,}")
    length = min(length, whole)
    paths = tuple(sorted(event.path for event in replaced.values()))
    cause = ForkOf(started.run_id, length, started.seed, fork_of(started.cause), paths)
    fork = evolve(
        started,
        run_id=run_id,
        seed=seed,
        token_seed=None,
        tokens={},
        cause=cause,
        parent=None,
        deadline=None,
        anew=_retried_before(started, length),
    )
    return Cut(fork, length, replaced=replaced)


def _replaced(events: Sequence[Event], answers: Mapping[Path, bytes], length: int) -> dict[int, CommandResolved]:
    known, replaced = answered(events[: max(length, 0)]), dict[int, CommandResolved]()
    for path, value in answers.items():
        if path not in known:
            paths = ", ".join(map(show, sorted(known))) or "none"
            raise UsageError(
                f"there is no answer of a step or child run at path {show(path)} among the first {length:,} events, "
                f"so it cannot be replaced; there are answers at {paths}"
            )
        place = known[path].place
        replaced[place] = CommandResolved(events[place].at, path, Ok(value))
    return replaced


def begun(cut: Cut, events: Sequence[Event], packed: Sequence[bytes], commit: str, at: Millis) -> Commit:
    """The commit that starts it: the copied events, the work that is open then, the hooks. A retry goes on, also where
    its cut lies in a pause.
    """
    places, copies = (*range(1, cut.length), *cut.kept), cut.events(events)
    run = fold(copies)
    copied = [pack(cut.replaced[place]) if place in cut.replaced else packed[place] for place in places]
    if run.paused and isinstance(cut.started.cause, RetryOf):
        run.add(resumed := RunResumed(at))
        copied.append(pack(resumed))
    opened = opening(cut.started, commit, copied, at=at, hinted=False)
    listed = evolve(summary(cut.started, None, cut.started.at), status="paused" if run.paused else "running")
    keys = {
        f"{'hook' if isinstance(event, HookReceived) else 'cancel'}:{event.key}": position
        for position, event in enumerate(copies, 1)
        if isinstance(event, HookReceived | CancelRequested)
    }
    return evolve(
        opened, put=open_work(run), hooks=hook_hashes(run), keys=keys, payloads=len(run.unread), summary=listed
    )


def _retried_before(started: RunStarted, length: int) -> tuple[int, ...]:
    return tuple(position for position in started.anew if position < length)


def _ends(events: Sequence[Event]) -> tuple[RunStarted, Event]:
    started = events[0]
    assert isinstance(started, RunStarted)
    return started, events[-1]


def _before_the_failure(events: Sequence[Event], last: RunFinished) -> int:
    """How many events come before the one that ended the run: a command's failure, its time, or just its end."""
    for position in range(len(events) - 1, 0, -1):
        match events[position]:
            case CommandResolved(path=path, outcome=Err()) if path == last.origin:
                return position
            case CancelRequested(key=key) if last.origin is None and key == DEADLINE:
                return position
            case _:
                pass
    return len(events) - 1
