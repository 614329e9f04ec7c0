"""From facts and decisions to the one commit that writes them: a function of the fold and of what happened.

No request is made here, and nothing is read but the arguments.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from yieldflow.codec.packing import pack
from yieldflow.core.agenda import wakes_at
from yieldflow.core.answers import hook_token, token_hash
from yieldflow.core.asks import StepDefinition
from yieldflow.core.commands import CallStep, OpenHook, Receive, Sleep, StepOptions
from yieldflow.core.events import (
    Abandon,
    AttemptFailed,
    CommandResolved,
    Decision,
    Event,
    Finish,
    Issue,
    Reason,
    RunStarted,
    Take,
    stamped,
)
from yieldflow.core.outcome import Cancelled, ContinuedAs, Ending, Err, Failure, Ok
from yieldflow.core.path import Path
from yieldflow.core.retry import Retry, class_name, next_try, spread
from yieldflow.core.run import Pending, Run
from yieldflow.core.times import End, Millis, ends_at
from yieldflow.engine.requests import Returned, Threw
from yieldflow.errors import StepTimeout, WorkerLost
from yieldflow.ports import Claimed, Commit, Free, Head, Holding, Mark, Revoke, Status, Summary

MOST_EVENTS = 5_000
MOST_BYTES = 8 << 20

# --- what came of an attempt --------------------------------------------------------------------------------------


def reported(
    run_id: str, claim: Claimed, call: CallStep, step: StepDefinition, body: Returned | Threw, at: Millis
) -> Attempt:
    """The fact that a body's end is: an answer, a try that will be tried again, or the last failure."""
    match body:
        case Returned(value, started_at):
            work = claim.work
            event = CommandResolved(at, claim.path, Ok(value), work.attempt, claim.worker, started_at)
            return Attempt(event, claim.work)
        case Threw(failure, started_at, wait):
            retry_at = _retry_at(run_id, claim.work, _policy(call.options, step), failure, wait, at)
            return _failed(claim, failure, retry_at, at, "raised", started_at)


def revoked(run_id: str, claim: Claimed, call: CallStep, step: StepDefinition | None, at: Millis) -> Attempt:
    """The fact that a claim whose lease is over is: an attempt out of time, or a lost worker."""
    if claim.deadline is not None and claim.until >= claim.deadline and claim.deadline <= at:
        failure = _failure(StepTimeout, f"{call.name} took longer than its timeout on attempt {claim.work.attempt}")
        retry_at = _retry_at(run_id, claim.work, _policy(call.options, step), failure, None, at)
        return _failed(claim, failure, retry_at, at, "timeout", claim.since)
    failure = _failure(WorkerLost, f"worker {claim.worker} was lost during attempt {claim.work.attempt} of {call.name}")
    again = claim.work.losses + 1 < call.options.lost
    return _failed(claim, failure, at if again else None, at, "lost", claim.since)


@frozen
class Attempt:
    """The end of one attempt, and the work it was."""

    event: CommandResolved | AttemptFailed
    work: Free

    @property
    def again(self) -> Free | None:
        """The work of the next attempt, if there is one."""
        if not isinstance(self.event, AttemptFailed):
            return None
        losses = self.work.losses + (self.event.reason == "lost")
        return evolve(self.work, attempt=self.work.attempt + 1, losses=losses, not_before=self.event.retry_at)


def _failed(
    claim: Claimed, failure: Failure, retry_at: Millis | None, at: Millis, reason: Reason, since: Millis
) -> Attempt:
    number = claim.work.attempt
    if retry_at is None:
        return Attempt(CommandResolved(at, claim.path, Err(failure), number, claim.worker, since), claim.work)
    failed = AttemptFailed(at, claim.path, number, failure, retry_at, reason, worker=claim.worker, started_at=since)
    return Attempt(failed, claim.work)


def _retry_at(run_id: str, work: Free, retry: Retry, failure: Failure, wait: End | None, at: Millis) -> Millis | None:
    return next_try(retry, failure, work.attempt - work.losses, wait, spread(run_id, work.path, work.attempt), at)


def _policy(options: StepOptions, step: StepDefinition | None) -> Retry:
    """The call's own policy, else today's decorator; how often is as recorded."""
    retry = options.retry or (step.retry if step is not None else Retry())
    return evolve(retry, attempts=options.attempts)


def _failure(cls: type[Exception], message: str) -> Failure:
    names = tuple(class_name(ancestor) for ancestor in cls.__mro__ if ancestor is not object)
    return Failure(names, message)


# --- open work ------------------------------------------------------------------------------------------------------


def work_of(path: Path, call: CallStep, position: int, started: RunStarted, pending: Pending | None = None) -> Free:
    """The entry of an issued step; *pending* says how far it came."""
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
    )


def open_work(run: Run) -> tuple[Free, ...]:
    """All work of a run by its log: what a lost table is put back from."""
    started = run.started
    return (
        ()
        if started is None
        else tuple(
            work_of(path, pending.issued.command, pending.position, started, pending)
            for path, pending in run.open.items()
            if isinstance(pending.issued.command, CallStep)
        )
    )


# --- the commit ----------------------------------------------------------------------------------------------------


def report(run_id: str, commit: str, claim: Claimed, attempt: Attempt, after: Mark | None) -> Commit:
    """An outcome, fenced by its claim: whatever else happened to the run meanwhile."""
    again = attempt.again
    return Commit(
        run_id,
        commit,
        Holding(claim.path, claim.token),
        events=(pack(attempt.event),),
        after=after,
        drop=() if again is not None else (claim.path,),
        put=() if again is None else (again,),
        worker=claim.worker,
    )


@frozen
class Conclusion:
    """What a tender concludes about a run: facts it may state on the head, and the decisions they cause."""

    attempts: tuple[Attempt, ...] = ()
    revoke: tuple[Revoke, ...] = ()
    timers: tuple[CommandResolved, ...] = ()
    decisions: tuple[Decision, ...] = ()

    @property
    def facts(self) -> tuple[Event, ...]:
        return (*(attempt.event for attempt in self.attempts), *self.timers)


def conclude(run: Run, head: Mark, conclusion: Conclusion, at: Millis) -> tuple[Commit, tuple[Event, ...]]:
    """The commit on *head*, and all its events. *run* has been fed the facts, but not the decisions.

    Whoever commits adds its id and what it claims.
    """
    started = run.started
    assert started is not None
    events, packed = _stamp(conclusion, at)
    decided = conclusion.decisions[: len(events) - len(conclusion.facts)]
    issued = [(head.length + len(conclusion.facts) + number, decision) for number, decision in enumerate(decided, 1)]
    ending = next((decision.outcome for decision in decided if isinstance(decision, Finish)), None)
    abandoned = {decision.path for decision in decided if isinstance(decision, Abandon)}
    again = [attempt.again for attempt in conclusion.attempts]
    put = [work for work in again if work is not None and work.path not in abandoned]
    put += [
        work_of(decision.path, decision.command, position, started)
        for position, decision in issued
        if isinstance(decision, Issue) and isinstance(decision.command, CallStep)
    ]
    drop = [attempt.work.path for attempt in conclusion.attempts if attempt.again is None]
    commit = Commit(
        started.run_id,
        "",
        Head(head),
        events=packed,
        revoke=conclusion.revoke,
        drop=(*drop, *abandoned),
        put=tuple(put),
        alarm=wakes(run, decided, at),
        entries=0 if ending is not None else steps_after(run, decided),
        summary=None if ending is None else summary(started, ending, at),
        hooks=_hooks(started, run, decided),
        payloads=len(run.unread) - sum(isinstance(decision, Take) for decision in decided),
        done=ending is not None,
    )
    return commit, events


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


def summary(started: RunStarted, ending: Ending | None, at: Millis) -> Summary:
    return Summary(
        started.run_id,
        started.workflow,
        started.queue,
        status(ending),
        started.at,
        None if ending is None else at,
        dict(started.tags),
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


def _stamp(conclusion: Conclusion, at: Millis) -> tuple[tuple[Event, ...], tuple[bytes, ...]]:
    """All facts, and as many decisions as one commit may carry; those that do not fit come with the next one."""
    events: list[Event] = []
    packed: list[bytes] = []
    size = 0
    for event in (*conclusion.facts, *(stamped(decision, at) for decision in conclusion.decisions)):
        data = pack(event)
        size += len(data)
        if len(events) >= max(1, len(conclusion.facts)) and (size > MOST_BYTES or len(events) >= MOST_EVENTS):
            break
        events.append(event)
        packed.append(data)
    return tuple(events), tuple(packed)


def steps_after(run: Run, decided: Sequence[Decision]) -> int:
    """How many steps are open once *decided* is in the log."""
    steps = run.steps
    for decision in decided:
        match decision:
            case Issue(command=CallStep()):
                steps += 1
            case Abandon(path):
                steps -= isinstance(run.open[path].issued.command, CallStep)
            case _:
                pass
    return steps


def _hooks(started: RunStarted, run: Run, decided: Sequence[Decision]) -> dict[str, str]:
    found = {}
    for decision in decided:
        match decision:
            case Issue(command=OpenHook(name)) | Issue(command=Receive(hook=name)) if name not in run.hooks:
                found[token_hash(hook_token(started.seed, started.run_id, name))] = name
            case _:
                pass
    return found
