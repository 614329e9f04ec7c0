"""From facts and decisions to the one commit that writes them: a function of the fold and of what happened.

No request is made here, and nothing is read but the arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from attrs import define, evolve, field

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
from yieldflow.core.record import record
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


@record
class Conclusion:
    """Facts that a tender may state on the head of a run, and what they do to its open work."""

    attempts: tuple[Attempt, ...] = ()
    revoke: tuple[Revoke, ...] = ()
    freed: tuple[Free, ...] = ()  # debts whose payers were lost: to be paid by somebody else
    others: tuple[CommandResolved | CancelRequested, ...] = ()  # of timers, of local steps, of the run's own time

    @property
    def facts(self) -> tuple[Event, ...]:
        return (*[attempt.event for attempt in self.attempts], *self.others)


NOTHING = Conclusion()


@define
class Plan:
    """What facts and decisions come to, taken together: the commit that writes them, but for who makes it."""

    run: Run
    at: Millis
    packed: list[bytes]  # all events
    work: int  # entries of the work table after it
    unread: int  # payloads that are left
    events: list[Event] = field(factory=list)  # of the decisions in it
    put: list[Free] = field(factory=list)
    drop: list[Path] = field(factory=list)
    revoke: tuple[Revoke, ...] = ()
    hooks: dict[str, str] = field(factory=dict)
    ending: Ending | None = None
    _ends: list[Millis] = field(factory=list)  # of the waits that are only now decided
    _closing: set[Path] = field(factory=set)  # waits that are over with it
    _abandoned: list[Path] = field(factory=list)
    _local: bool = False

    def commit(self, head: Mark, commit: str, worker: str, claim: tuple[Claim, ...], mended: Summary | None) -> Commit:
        """*mended*: what is to be listed, if the run goes on."""
        started, ending = self._started, self.ending
        if ending is not None:
            owed = self.at + HINT_AFTER if owes(started, ending, children=False) else None
        return Commit(
            started.run_id,
            commit,
            Head(head),
            events=tuple(self.packed),
            revoke=self.revoke,
            drop=tuple(self.drop),
            put=tuple(self.put),
            claim=claim,
            alarm=self.looks() if ending is None else owed,
            entries=self.work if ending is None else 0,
            summary=mended if ending is None else summary(started, ending, self.at),
            hooks=self.hooks,
            payloads=self.unread,
            worker=worker,
            done=ending is not None,
        )

    def wakes(self) -> Millis | None:
        """When the clock owes this run something after it."""
        return _earliest(wakes_at(self.run, self.at, self._closing), *self._ends)

    def looks(self) -> Millis | None:
        """When to look at this run again after it."""
        return _looks(self.run, self.wakes(), self.at, local=self._local)

    def add(self, decision: Decision, position: int) -> None:
        """*position*: of its event in the log."""
        match decision:
            case Issue(path, command):
                self._issue(path, command, position)
            case Take(path):
                self._closing.add(path)
                self.unread -= 1
            case Abandon(path):
                self._abandon(path)
            case Finish(outcome):
                self.ending = outcome
            case _:
                assert_never(decision)

    def conclude(self, conclusion: Conclusion) -> None:
        """What its facts do to the open work, once all decisions are known."""
        again = [*[attempt.again for attempt in conclusion.attempts], *conclusion.freed]
        self.put[:0] = [work for work in again if work is not None and work.path not in self._abandoned]
        self.drop[:0] = [one.work.path for one in conclusion.attempts if one.again is None]
        self.revoke = conclusion.revoke

    def _issue(self, path: Path, command: Recorded, position: int) -> None:
        if is_work(command):
            self.put.append(work_of(path, command, position, self._started))
            self.work += 1
            return
        match command:
            case CallStep():
                self._local = True
            case Sleep(end):
                self._ends.append(ends_at(end, self.at))
            case Receive(hook, timeout):
                self._open(hook)
                self._ends += [] if timeout is None else [ends_at(timeout, self.at)]
            case OpenHook(name, None):
                self._open(name)
            case OpenHook():
                self._local = True
            case _:
                pass

    def _open(self, hook: str) -> None:
        if hook not in self.run.hooks:
            self.hooks[token_hash(hook_token(self.run, hook))] = hook

    def _abandon(self, path: Path) -> None:
        """A child that is no longer wanted: somebody has to tell it, and its end is waited for."""
        self._closing.add(path)
        self._abandoned.append(path)
        pending = self.run.open[path]
        command = pending.issued.command
        if waits_for_its_end(command):
            assert isinstance(command, StartChild)
            self.put.append(work_of(path, command, pending.position, self._started, pending))
        else:
            self.drop.append(path)
            self.work -= is_work(command)

    @property
    def _started(self) -> RunStarted:
        assert self.run.started is not None
        return self.run.started


def plan(run: Run, length: int, conclusion: Conclusion, decisions: Sequence[Decision], at: Millis) -> Plan:
    """To be committed on a head of *length*. *run* has been fed the facts, but not the decisions: as many of those as
    one commit may carry beside all facts are in it, the others come with the next one.
    """
    packed = [pack(fact) for fact in conclusion.facts]
    planned = Plan(run, at, packed, run.work, len(run.unread))
    size = sum(map(len, packed))
    for decision in decisions:
        event = stamped(decision, at)
        data = pack(event)
        size += len(data)
        if packed and (size > MOST_BYTES or len(packed) >= MOST_EVENTS):
            break
        packed.append(data)
        planned.events.append(event)
        planned.add(decision, length + len(packed))
    if conclusion is not NOTHING:
        planned.conclude(conclusion)
    return planned


def owes(started: RunStarted, ending: Ending, children: bool) -> bool:
    """Whether a run that has ended still has something to tell another one."""
    if isinstance(ending, ContinuedAs):
        return True
    return children or (started.parent is not None and not started.parent.detached)


def looks(run: Run, at: Millis) -> Millis | None:
    """When to look at a run again: as the clock owes it, and if a step is to be run in a turn, when whoever runs it has
    had the time of a lease for that.
    """
    return _looks(run, wakes_at(run, at), at, local=False)


def _looks(run: Run, wakes: Millis | None, at: Millis, *, local: bool) -> Millis | None:
    if run.paused or not (local or run.local):
        return wakes
    assert run.started is not None
    return _earliest(wakes, at + run.started.limits.lease)


def _earliest(*ends: Millis | None) -> Millis | None:
    return min((end for end in ends if end is not None), default=None)


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
