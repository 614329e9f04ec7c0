"""Append on the head what can be concluded about a run: its decisions, what the clock has decided, repairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence

from attrs import evolve

from yieldflow.codec.packing import pack
from yieldflow.core.agenda import NOTHING as NO_ANSWER
from yieldflow.core.agenda import due, wakes_at
from yieldflow.core.answers import token_hash
from yieldflow.core.chain import issuer
from yieldflow.core.commands import CallStep, OpenHook
from yieldflow.core.events import CommandResolved, Decision, Event
from yieldflow.core.failures import from_exception
from yieldflow.core.outcome import Err, Ok
from yieldflow.core.path import Path
from yieldflow.core.questions import hook_token
from yieldflow.core.run import Run
from yieldflow.core.times import Millis
from yieldflow.engine.attempts import Attempt, revoked
from yieldflow.engine.live import Live
from yieldflow.engine.planning import NOTHING, Conclusion, Plan, open_work, plan
from yieldflow.engine.reading import advance, look, save
from yieldflow.engine.requests import ExecuteLocal, Inspect, Offer, Returned, Threw, Unfit
from yieldflow.engine.state import HELP, Asking, Tending
from yieldflow.errors import BrokenProgram, HookClash, HookTokenTaken
from yieldflow.ports import HINT_AFTER, Claim, Commit, Conflict, Done, Entry, Free, Head, Log, Refused, Reply, Revoke

MOST_FACTS = 1_000  # in one commit: an execution is fed none that it does not carry


def append_what_is_concluded(t: Tending, live: Live) -> Asking[bool]:
    """Whether there was anything to append. Raises `CodeError` and `ImpossibleEvent`."""
    run = live.execution.run
    if t.table is not None and t.table[0] == live.head and t.table[1] < run.work:
        yield from _repair(t, live)
        return True
    decisions = () if live.head is t.decided else live.execution.decide()
    if decisions:
        yield from _decide(t, live, decisions)
        return True
    if run.local and not run.paused and not t.time_is_up() and (yield from _in_this_turn(t, live)):
        return True
    conclusion = _overdue(t, run)
    if conclusion is not NOTHING:
        yield from speculate(t, live, conclusion)
        return True
    return False


def speculate(t: Tending, live: Live, conclusion: Conclusion) -> Asking[bool]:
    """Facts and the decisions they cause, in one commit; whether it was applied.

    The only time that an execution is fed what is not in the log: unless it is applied, it is not fed again.
    Raises `CodeError` and `ImpossibleEvent`, and has then appended nothing.
    """
    live.execution.feed(conclusion.facts)
    decisions = live.execution.decide()
    reply = yield from _commit(t, live, conclusion, decisions)
    if isinstance(reply, Done):
        return True
    t.drop()
    t.tools.cache.refused(t.run_id)
    if isinstance(reply, Refused) and reply.reason == "taken":
        raise HookClash
    return False


def _decide(t: Tending, live: Live, decisions: Sequence[Decision]) -> Asking[None]:
    """An execution that was fed only the log may be fed what came between: a conflict never rebuilds it."""
    match (yield from _commit(t, live, NOTHING, decisions)):
        case Done():
            pass
        case Conflict(head, _, tail, gap) if head is not None and not gap:
            yield from advance(t, live, tail, head)
            t.settled = False
        case Refused("taken"):
            raise HookClash
        case _:  # the reply was lost, or the run is another or gone
            yield from look(t)


def _in_this_turn(t: Tending, live: Live) -> Asking[bool]:
    """What a tender does itself, the first of it. Whether it did."""
    path, command = next(iter(live.execution.run.local.items()))
    if isinstance(command, OpenHook):
        yield from _reserve(t, live, path, command)
        return True
    return (yield from _run_local(t, live, path, command))


def _reserve(t: Tending, live: Live, path: Path, hook: OpenHook) -> Asking[None]:
    """A token of one's own: one commit says that it was free, and that it is this hook's; else another one that it is
    another's.
    """
    assert hook.token is not None
    run, free = live.execution.run, CommandResolved(t.me.now(), path, Ok(NO_ANSWER))
    token = hook_token(run, hook.name) if run.stays_behind(hook.name, run.open[path].position) else hook.token
    reply = yield from _state(t, live, free, {token_hash(token): hook.name})
    if isinstance(reply, Refused) and reply.reason == "taken":
        failure = from_exception(HookTokenTaken(hook.name), t.tools.codec)
        reply = yield from _state(t, live, CommandResolved(t.me.now(), path, Err(failure)), {})
    if not isinstance(reply, Done):
        yield from look(t)


def _state(t: Tending, live: Live, fact: Event, hooks: Mapping[str, str]) -> Asking[Reply | None]:
    """A fact on the head, which the execution is fed once it is in the log."""
    run, events = live.execution.run, (pack(fact),)
    alarm = t.me.now() + HINT_AFTER  # what the program makes of it comes next
    unread = len(run.unread)
    reply = yield from save(
        Commit(
            t.run_id,
            t.me.fresh(),
            Head(live.head),
            events=events,
            alarm=alarm,
            entries=run.work,
            hooks=hooks,
            payloads=unread,
        )
    )
    if isinstance(reply, Done):
        live.feed((fact,), reply.head, len(events[0]))
        t.settled, t.table, t.decided = False, (reply.head, reply.entries), None
    return reply


def _run_local(t: Tending, live: Live, path: Path, call: CallStep) -> Asking[bool]:
    """Run a local step in this turn; its answer and what the program makes of it are one commit. Until that is in the
    log it may be run again, here or elsewhere; never once it is.
    """
    if t.me.inline == "never":
        return False  # whoever takes the hint does
    run = live.execution.run
    step = t.step(path, call.name)
    assert run.started is not None
    if step is None:  # a decorated one that the program no longer asks is found by the comparison
        return False
    keys = issuer(t.run_id, run.started.anew, run.open[path].position)
    body: Returned | Threw | Unfit = yield ExecuteLocal(t.run_id, path, call, step, run.started.tags, keys)
    if isinstance(body, Unfit):
        raise BrokenProgram(f"step {call.name}", body.reason)
    outcome = Ok(body.value) if isinstance(body, Returned) else Err(body.failure)
    fact = CommandResolved(t.me.now(), path, outcome, 1, t.me.name, body.started_at)
    yield from speculate(t, live, Conclusion(others=(fact,)))
    return True


def _overdue(t: Tending, run: Run) -> Conclusion:
    """What the clock has decided: claims that are over, waits that are over."""
    if t.log is None or not t.log.claimed:
        over = due(run, t.me.now())[:MOST_FACTS] if run.timers else ()
        return Conclusion(others=over) if over else NOTHING
    return _revoked(t, run, t.log, t.me.now())


def _revoked(t: Tending, run: Run, log: Log, now: Millis) -> Conclusion:
    over: list[tuple[Revoke, Attempt]] = []
    freed: list[tuple[Revoke, Free]] = []
    for claim in log.claimed[:MOST_FACTS]:
        if claim.token in t.tokens:
            continue  # ours: its body may still begin, and report
        gone = t.me.gone(claim.worker)
        pending = run.open.get(claim.path)
        if (gone or claim.until <= log.now) and pending is not None:  # by the clock of the store, which will check
            revoke, call = Revoke(claim.path, claim.token, gone), pending.issued.command
            if not isinstance(call, CallStep):
                freed.append((revoke, claim.work))
            elif claim.work.attempt == pending.attempt:  # else it is gone: the log was read on since
                over.append((revoke, revoked(t.run_id, claim, call, t.step(claim.path, call.name), now)))
    t.log = evolve(log, claimed=())  # each is tried once a reading
    others = due(run, now)[:MOST_FACTS]
    if not (over or freed or others):
        return NOTHING
    return Conclusion(
        attempts=tuple(attempt for _, attempt in over),
        revoke=tuple(revoke for revoke, _ in (*over, *freed)),
        freed=tuple(work for _, work in freed),
        others=others,
    )


def _commit(t: Tending, live: Live, conclusion: Conclusion, decisions: Sequence[Decision]) -> Asking[Reply | None]:
    """On the head; *live* has been fed the facts, and is fed the decisions once they are in the log."""
    run, now = live.execution.run, t.me.now()
    planned = plan(run, live.head.length, conclusion, decisions, now)
    commit = planned.commit(live.head, t.me.fresh(), t.me.name, _claims(t, planned), t.mended(run))
    reply = yield from save(commit)
    if isinstance(reply, Done):
        live.feed(planned.events, reply.head, sum(map(len, planned.packed)))
        t.settled, t.table = True, (reply.head, reply.entries)
        t.decided = reply.head if len(planned.events) == len(decisions) else None
        if t.log is not None and commit.summary is not None:
            t.log = evolve(t.log, summary=commit.summary)
        if reply.claimed:
            _keep(t, commit, reply, run)
        if len(commit.put) > len(reply.claimed):
            yield from _offer_the_rest(t, commit.put, reply.claimed, now)
    return reply


def _claims(t: Tending, planned: Plan) -> tuple[Claim, ...]:
    """The first new work that may begin here rides in the commit that creates it."""
    if not planned.put or t.mine or t.time_is_up():
        return ()
    first = next((work for work in planned.put if work.not_before <= planned.at and t.me.serves(work.queue)), None)
    if first is None or not (t.me.inline == "always" or t.may_run(lambda: planned.work, planned.wakes)):
        return ()
    return (t.claim(first.path),)


def _keep(t: Tending, commit: Commit, reply: Done, run: Run) -> None:
    for claim in commit.claim:
        if claim.path in reply.claimed:
            command = run.open[claim.path].issued.command
            work = next(free for free in commit.put if free.path == claim.path)
            t.mine.append((work.claimed(claim.token, commit.worker, reply.now), command))


def _offer_the_rest(t: Tending, put: Iterable[Free], claimed: Container[Path], now: Millis) -> Asking[None]:
    """New work that is left to others."""
    left = Counter([work.queue for work in put if work.path not in claimed and work.not_before <= now])
    t.left += left
    for queue, count in left.items():
        yield Offer(t.run_id, queue, min(count, HELP))


def _repair(t: Tending, live: Live) -> Asking[None]:
    """Put back a work table that was lost, from the fold."""
    entries: tuple[Entry, ...] = yield Inspect(t.run_id)
    known = {entry.path for entry in entries}
    run, now = live.execution.run, t.me.now()
    missing = tuple(work for work in open_work(run) if work.path not in known)
    soon = now + HINT_AFTER  # there may be facts that are not decided yet
    alarm = min(wakes_at(run, now) or soon, soon)
    commit = Commit(
        t.run_id, t.me.fresh(), Head(live.head), put=missing, alarm=alarm, entries=run.work, payloads=len(run.unread)
    )
    yield from save(commit)
    yield from look(t)
