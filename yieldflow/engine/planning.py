"""From facts and decisions to the one commit that writes them: a function of the fold and of what happened.

No request is made here, and nothing is read but the arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import assert_never

from attrs import evolve, field, frozen

from yieldflow.codec.packing import pack
from yieldflow.core.agenda import wakes_at
from yieldflow.core.answers import token_hash
from yieldflow.core.chain import child
from yieldflow.core.commands import CallStep, OpenHook, Receive, Recorded, Send, Sleep, StartChild, Work, is_work
from yieldflow.core.events import (
    Abandon,
    CancelRequested,
    CommandResolved,
    Decision,
    Event,
    Finish,
    Issue,
    RunStarted,
    Take,
    stamped,
)
from yieldflow.core.outcome import Cancelled, ContinuedAs, Ending, Err, Ok
from yieldflow.core.path import Path
from yieldflow.core.questions import hook_token
from yieldflow.core.run import Pending, Run, waits_for_its_end
from yieldflow.core.times import Millis, ends_at
from yieldflow.engine.attempts import Attempt
from yieldflow.ports import HINT_AFTER, NEVER, Claim, Commit, Free, Head, Mark, Revoke, Status, Summary

MOST_EVENTS = 5_000
MOST_BYTES = 8 << 20

# --- open work ------------------------------------------------------------------------------------------------------


def work_of(path: Path, command: Work, position: int, started: RunStarted, pending: Pending | None = None) -> Free:
    """The entry of an issued step, or of a debt to another run; *pending* says how far it came."""
    match command:
        case CallStep():
            return _step(path, command, position, started, pending)
        case StartChild(detached=detached):
            accepts = None if detached else child_token(child_id(started, path, command))
            return Free(path, started.queue, position, attempt=1, lease=started.limits.lease, accepts=accepts)
        case Send():
            return Free(path, started.queue, position, attempt=1, lease=started.limits.lease)
        case _:
            assert_never(command)


def awaited(work: Free) -> Free:
    """The entry of a child that runs: nobody may claim it, and its end is reported under the child's token."""
    return evolve(work, not_before=NEVER)


def child_id(started: RunStarted, path: Path, command: StartChild) -> str:
    return command.options.run_id or child(started.run_id, path)


def child_token(run_id: str) -> str:
    """Under this a child run reports its end to its parent."""
    return f"child:{run_id}"


def open_work(run: Run) -> tuple[Free, ...]:
    """All work of a run by its log: what a lost table is put back from. A child that runs is started once more, which
    finds it running.
    """
    started = run.started
    assert started is not None
    return tuple(
        work_of(path, pending.issued.command, pending.position, started, pending)
        for path, pending in run.open.items()
        if is_work(pending.issued.command)
    )


def _step(path: Path, call: CallStep, position: int, started: RunStarted, pending: Pending | None) -> Free:
    limits = started.limits
    own = started.queue if limits.step_queue is None else limits.step_queue
    return Free(
        path,
        call.options.queue or own,
        position,
        attempt=1 if pending is None else pending.attempt,
        lease=call.options.lease or limits.lease,
        not_before=0 if pending is None or pending.wakes_at is None else pending.wakes_at,
        timeout=call.options.timeout,
        losses=0 if pending is None else pending.losses,
        details=None if pending is None else pending.heartbeat,
    )


# --- the commit ----------------------------------------------------------------------------------------------------


@frozen
class Conclusion:
    """Facts that a tender may state on the head of a run, and what they do to its open work."""

    attempts: tuple[Attempt, ...] = ()
    revoke: tuple[Revoke, ...] = ()
    freed: tuple[Free, ...] = ()  # debts whose payers were lost: to be paid by somebody else
    others: tuple[CommandResolved | CancelRequested, ...] = ()  # of timers, of local steps, of the run's own time
    facts: tuple[Event, ...] = field(init=False)

    @facts.default
    def _all(self) -> tuple[Event, ...]:
        return (*(attempt.event for attempt in self.attempts), *self.others)


@frozen
class Author:
    """Whoever commits: its commit id, which of the new work it claims, what is to be listed if the run goes on."""

    commit: str
    worker: str
    claims: Callable[[Sequence[Free]], tuple[Claim, ...]]
    mended: Summary | None


def conclude(
    run: Run, head: Mark, conclusion: Conclusion, decisions: Sequence[Decision], at: Millis, by: Author
) -> tuple[Commit, tuple[Event, ...]]:
    """The commit on *head*, and the events of the decisions in it. *run* has been fed the facts, but not those."""
    started = run.started
    assert started is not None
    facts = conclusion.facts
    events, packed = _stamp(facts, decisions, at)
    decided = decisions[: len(events)]
    ending = next((decision.outcome for decision in decided if isinstance(decision, Finish)), None)
    abandoned = [decision.path for decision in decided if isinstance(decision, Abandon)]
    issued = _issued(decided, head.length + len(facts) + 1)
    put = (
        *_again(conclusion, abandoned),
        *(work_of(path, command, position, started) for position, path, command in issued),
        *_to_cancel(run, started, abandoned),
    )
    done = Commit(
        started.run_id,
        by.commit,
        Head(head),
        events=packed,
        revoke=conclusion.revoke,
        drop=(*(one.work.path for one in conclusion.attempts if one.again is None), *_dropped(run, abandoned)),
        put=put,
        claim=by.claims(put),
        alarm=looks(run, decided, at) if ending is None else _owed(run, ending, at),
        entries=0 if ending is not None else work_after(run, decided),
        summary=by.mended if ending is None else summary(started, ending, at),
        hooks=_hooks(started, run, decided),
        payloads=len(run.unread) - sum(isinstance(decision, Take) for decision in decided),
        worker=by.worker,
        done=ending is not None,
    )
    return done, events


def owes(started: RunStarted, ending: Ending, children: bool) -> bool:
    """Whether a run that has ended still has something to tell another one."""
    if isinstance(ending, ContinuedAs):
        return True
    return children or (started.parent is not None and not started.parent.detached)


def _owed(run: Run, ending: Ending, at: Millis) -> Millis | None:
    assert run.started is not None
    return at + HINT_AFTER if owes(run.started, ending, children=False) else None


def _again(conclusion: Conclusion, abandoned: Sequence[Path]) -> Iterator[Free]:
    """What was tried in vain, and debts whose payers were lost."""
    for work in (*(attempt.again for attempt in conclusion.attempts), *conclusion.freed):
        if work is not None and work.path not in abandoned:
            yield work


def _issued(decided: Sequence[Decision], first: int) -> Iterator[tuple[int, Path, Work]]:
    """The new work, with the positions in the log; *first* is that of the first decision."""
    for position, decision in enumerate(decided, first):
        if isinstance(decision, Issue) and is_work(decision.command):
            yield position, decision.path, decision.command


def _dropped(run: Run, abandoned: Sequence[Path]) -> list[Path]:
    return [path for path in abandoned if not waits_for_its_end(run.open[path].issued.command)]


def _to_cancel(run: Run, started: RunStarted, abandoned: Sequence[Path]) -> Iterator[Free]:
    """Children that are no longer wanted: somebody has to tell them, and their end is waited for."""
    for path in abandoned:
        pending = run.open[path]
        if isinstance(pending.issued.command, StartChild) and waits_for_its_end(pending.issued.command):
            yield work_of(path, pending.issued.command, pending.position, started, pending)


def wakes(run: Run, decided: Sequence[Decision], at: Millis) -> Millis | None:
    """When the clock owes this run something, the waits that are only now decided included."""
    closing = {decision.path for decision in decided if isinstance(decision, Abandon | Take)}
    ends = [wakes_at(run, at, closing)]
    for decision in decided:
        match decision:
            case Issue(command=Sleep(end)) | Issue(command=Receive(timeout=end)) if end is not None:
                ends.append(ends_at(end, at))
            case _:
                pass
    return min((end for end in ends if end is not None), default=None)


def looks(run: Run, decided: Sequence[Decision], at: Millis) -> Millis | None:
    """When to look at this run again: as the clock owes it, and if a step is to be run in a turn, when whoever runs it
    has had the time of a lease for that.
    """
    local = bool(run.local) or any(isinstance(one, Issue) and is_local(one.command) for one in decided)
    lease = HINT_AFTER if run.started is None else run.started.limits.lease
    ends = (wakes(run, decided, at), at + lease if local and not run.paused else None)
    return min((end for end in ends if end is not None), default=None)


def is_local(command: Recorded) -> bool:
    return isinstance(command, CallStep) and command.options.local


def summary(started: RunStarted, ending: Ending | None, at: Millis) -> Summary:
    return Summary(
        started.run_id,
        started.workflow,
        started.queue,
        status(ending),
        started.at,
        None if ending is None else at,
        dict(started.tags),
        parent=None if started.parent is None else started.parent.run_id,
        anew=started.anew,
    )


def status(ending: Ending | None) -> Status:
    match ending:
        case None:
            return "running"
        case Ok():
            return "completed"
        case Err():
            return "failed"
        case Cancelled():
            return "cancelled"
        case ContinuedAs():
            return "continued"


def _stamp(
    facts: Sequence[Event], decisions: Sequence[Decision], at: Millis
) -> tuple[tuple[Event, ...], tuple[bytes, ...]]:
    """Events of as many decisions as one commit may carry beside all facts, and all events as bytes; those that do not
    fit come with the next one.
    """
    packed = [pack(fact) for fact in facts]
    size = sum(map(len, packed))
    events: list[Event] = []
    for decision in decisions:
        event = stamped(decision, at)
        data = pack(event)
        size += len(data)
        if packed and (size > MOST_BYTES or len(packed) >= MOST_EVENTS):
            break
        events.append(event)
        packed.append(data)
    return tuple(events), tuple(packed)


def work_after(run: Run, decided: Sequence[Decision]) -> int:
    """How many entries the table of open work has once *decided* is in the log."""
    work = run.work
    for decision in decided:
        match decision:
            case Issue(command=command):
                work += is_work(command)
            case Abandon(path):
                command = run.open[path].issued.command
                work -= is_work(command) and not waits_for_its_end(command)
            case _:
                pass
    return work


def _hooks(started: RunStarted, run: Run, decided: Sequence[Decision]) -> dict[str, str]:
    found = {}
    for decision in decided:
        match decision:
            case Issue(command=OpenHook(name)) | Issue(command=Receive(hook=name)) if name not in run.hooks:
                found[token_hash(hook_token(started, name))] = name
            case _:
                pass
    return found
