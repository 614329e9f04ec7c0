"""Who serves the queues, judged: is there a worker for all that waits, and does it have the code? It only judges.

What stock workers know they do not say, so nothing is concluded of a queue that one of them serves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yieldflow.doctor.demand import Demand
from yieldflow.doctor.findings import Finding, error, ok, warning
from yieldflow.inspection.phrases import clipped, count
from yieldflow.presence import Failures, Member, Presence

_NOT_JSON = "DeserializationError"
_LONGEST = 200  # characters of a reason


def judged(demand: Demand, members: Sequence[Member]) -> Iterator[Finding]:
    """*members*: as `yieldflow.rq.fleet` has them."""
    for queue in demand.queues:
        serving = [member for member in members if queue in member.queues]
        if not serving:
            yield _unserved(queue, demand)
            continue
        told = [member.presence for member in serving if member.presence is not None]
        if len(told) == len(serving):
            yield from _workflows(queue, demand, told)
            yield from _steps(queue, demand, told)
    for member in members:
        stuck = 0 if member.presence is None else member.presence.stuck
        if stuck:
            says = f"{count(stuck, 'thread')} of worker {member.name} {'is' if stuck == 1 else 'are'} stuck in a body"
            yield warning("workers", says, "give its steps a timeout, and restart it")
    if members:
        queues = sorted({queue for member in members for queue in member.queues})
        yield ok("workers", f"{count(len(members), 'worker')} of {', '.join(queues)}")


def _unserved(queue: str, demand: Demand) -> Finding:
    runs, due = demand.runs[queue], demand.due[queue]
    advice = f"start one: yieldflow worker MODULE --queue {queue}"
    if due:
        waits = count(runs, "run") if runs else f"{count(due, 'step')} of other queues' runs"
        return error("workers", f"queue {queue} has work for {waits}, and no worker", advice)
    return warning("workers", f"queue {queue} has {count(runs, 'waiting run')}, and no worker", advice)


def _workflows(queue: str, demand: Demand, serving: Sequence[Presence]) -> Iterator[Finding]:
    for (place, name), runs in sorted(demand.workflows.items()):
        if place != queue:
            continue
        knowing = [one for one in serving if name in one.workflows or not one.whole]
        advice = f"give each worker of {queue} the module {name.partition(':')[0]}"
        if not knowing:
            yield error("code", f"no worker of queue {queue} knows workflow {name}, of {count(runs, 'run')}", advice)
        elif len(knowing) < len(serving):
            says = f"only {len(knowing)} of {len(serving)} workers of queue {queue} know workflow {name}"
            yield warning("code", says, advice)


def _steps(queue: str, demand: Demand, serving: Sequence[Presence]) -> Iterator[Finding]:
    for (place, name, workflow), number in sorted(demand.steps.items()):
        if place == queue and not any(_can_do(presence, name, workflow) for presence in serving):
            waits = f"{count(number, 'call')} of it {'waits' if number == 1 else 'wait'}"
            advice = f"give a worker of {queue} the module {name.partition(':')[0]}"
            yield error("code", f"no worker of queue {queue} knows step {name}, and {waits}", advice)


def _can_do(presence: Presence, step: str, workflow: str) -> bool:
    """A program has plain functions at hand that nobody registers."""
    return step in presence.steps or workflow in presence.workflows or not presence.whole


def failed(failures: Failures) -> Iterator[Finding]:
    """The jobs of one queue that RQ counts as failed."""
    queue, hints, others = failures.queue, failures.hints, failures.others
    if hints and _NOT_JSON in failures.reason:
        says = f"{count(hints, 'hint')} of queue {queue} failed: a stock worker serves it without -S json"
        yield error("failed jobs", says, f"start it as rq worker -S json {queue}; `rq requeue` or forget the old ones")
    elif hints:
        reason = clipped(failures.reason, _LONGEST) or "RQ does not say why"
        advice = "nothing is lost, alarms bring back the runs; see its worker's log"
        yield warning("failed jobs", f"{count(hints, 'hint')} of queue {queue} failed ({reason})", advice)
    if others:
        says = f"{count(others, 'job')} that {'is' if others == 1 else 'are'} not yieldflow's failed in queue {queue}"
        yield warning("failed jobs", says, "give other jobs a queue of their own")


def overdue(late: int, by: str, members: Sequence[Member] | None) -> Finding:
    """*members*: None where no server knows who works."""
    says = f"{count(late, 'alarm')} {'is' if late == 1 else 'are'} overdue, the first by {by}"
    if members is None:
        return warning("alarms", f"{says}: nobody works on this store", "run yieldflow worker MODULE")
    ringing = [member.name for member in members if member.presence is not None and member.presence.rings]
    if not ringing:
        advice = "run yieldflow alarms, or a yieldflow worker without --no-alarms"
        return error("alarms", f"{says}: no worker rings", advice)
    return error("alarms", f"{says}: {ringing[0]} should ring", "see its log; is its process stopped or overloaded?")
