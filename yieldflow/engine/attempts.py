"""What came of a piece of work: the fact that it is, the work that is left, and the commit that reports it.

No request is made here, and nothing is read but the arguments.
"""

from __future__ import annotations

from attrs import evolve

from yieldflow.codec.packing import pack
from yieldflow.core.asks import StepDefinition
from yieldflow.core.commands import CallStep, StepOptions
from yieldflow.core.events import AttemptFailed, CommandResolved, Reason
from yieldflow.core.outcome import Err, Failure, Ok
from yieldflow.core.record import record
from yieldflow.core.retry import TIMEOUT, Retry, class_name, next_try, spread
from yieldflow.core.times import End, Millis
from yieldflow.engine.requests import Returned, Threw
from yieldflow.errors import StepTimeout, WorkerLost
from yieldflow.ports import Claimed, Commit, Free, Holding, Mark


def reported(
    run_id: str, claim: Claimed, call: CallStep, step: StepDefinition, body: Returned | Threw, at: Millis
) -> Attempt:
    """The fact that a body's end is: an answer, a try that will be tried again, or the last failure."""
    match body:
        case Returned(value, started_at):
            work = claim.work
            event = CommandResolved(at, claim.path, Ok(value), work.attempt, claim.worker, started_at)
            return Attempt(event, claim.work)
        case Threw(failure, started_at, wait, details):
            retry_at = _retry_at(run_id, claim.work, _policy(call.options, step), failure, wait, at)
            reason: Reason = "timeout" if failure.names[:1] == (TIMEOUT,) else "raised"
            spoken = claim if details is None else evolve(claim, work=evolve(claim.work, details=details))
            return _failed(spoken, failure, retry_at, at, reason, started_at)


def revoked(run_id: str, claim: Claimed, call: CallStep, step: StepDefinition | None, at: Millis) -> Attempt:
    """The fact that a claim whose lease is over is: an attempt out of time, or a lost worker."""
    if claim.deadline is not None and claim.until >= claim.deadline and claim.deadline <= at:
        failure = _failure(StepTimeout, f"{call.name} took longer than its timeout on attempt {claim.work.attempt}")
        retry_at = _retry_at(run_id, claim.work, _policy(call.options, step), failure, None, at)
        return _failed(claim, failure, retry_at, at, "timeout", claim.since)
    failure = _failure(WorkerLost, f"worker {claim.worker} was lost during attempt {claim.work.attempt} of {call.name}")
    again = claim.work.losses + 1 < call.options.lost
    return _failed(claim, failure, at if again else None, at, "lost", claim.since)


@record
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
    failed = AttemptFailed(
        at, claim.path, number, failure, retry_at, reason, claim.work.details, worker=claim.worker, started_at=since
    )
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
