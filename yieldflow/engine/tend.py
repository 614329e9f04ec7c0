"""`tend`: all that can be done now for one run. It is start, resume, retry and recovery.

Read, decide, commit, do. It is a generator: it yields requests and is sent their replies, so a driver may
stop it before or after any of them; whatever it held is then found again in the log and the work table.
An execution is fed events of the log only, but for the facts of a conclusion: refused, or reply unknown, it is
dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeAlias, TypeVar

from attrs import define, evolve, field

from yieldflow.authoring.registry import Registry
from yieldflow.core.agenda import due
from yieldflow.core.asks import StepDefinition
from yieldflow.core.commands import CallStep
from yieldflow.core.events import CommandIssued, Event
from yieldflow.core.interpreter import Execution
from yieldflow.core.path import Path
from yieldflow.core.run import Run
from yieldflow.core.times import Millis
from yieldflow.core.values import Codec
from yieldflow.engine.live import Cache, Live
from yieldflow.engine.planning import (
    Attempt,
    Conclusion,
    conclude,
    held,
    left_over,
    open_work,
    report,
    reported,
    revoked,
    wakes,
)
from yieldflow.engine.requests import (
    Execute,
    Inspect,
    Offer,
    Read,
    Release,
    Request,
    Save,
    Stopped,
    Take,
    Tended,
    Unfit,
    Worker,
)
from yieldflow.errors import CodeError, ImpossibleEvent, ReplyLost, Undecodable, UnknownWorkflow, UnreadableLog
from yieldflow.packing import unpack
from yieldflow.ports import (
    HINT_AFTER,
    Claim,
    Claimed,
    Commit,
    Conflict,
    Done,
    Free,
    Granted,
    Head,
    Log,
    Mark,
    Note,
    Reply,
    Revoke,
)

T = TypeVar("T")
Asking: TypeAlias = Generator[Request, Any, T]

HELP = 16  # hints for one commit: each wakes a worker, which then pumps until its time is up
NO_EVENTS = Mark(1 << 40, "")  # nothing comes after it


@define
class Tools:
    """What a tender works with in its process."""

    me: Worker
    cache: Cache
    registry: Registry
    codec: Codec
    loaded: Callable[[str], type | None]


def tend(run_id: str, tools: Tools) -> Asking[Tended]:
    """Do all that can be done now for a run, and say how it ended. Raises `StoreError` as the driver throws it in."""
    tending = Tending(run_id, tools, until=tools.me.now() + tools.me.slice)
    try:
        return (yield from tending.go())
    finally:
        tending.give_back()


@define
class Tending:
    run_id: str
    tools: Tools
    until: Millis
    log: Log | None = None  # as it was last read
    live: Live | None = None  # none for a run of another queue: its steps are carried out without the program
    holding: bool = False  # the execution is ours until we give it back
    cached: bool = False  # it lived before this tend
    foreign: bool = False  # the run is of another queue
    ours: int = 0  # free entries of our queues, as far as we know
    free: int = 0  # free entries of any queue
    settled: bool = False  # the alarm is what the agenda wants
    mine: list[tuple[Claimed, CallStep]] = field(factory=list)  # claims whose bodies have not begun
    tokens: set[str] = field(factory=set)

    def go(self) -> Asking[Tended]:
        while True:
            try:
                return (yield from self._tend())
            except (CodeError, ImpossibleEvent) as error:
                confirmed = not self.cached  # an old execution may only be out of date: replay from scratch first
                self._drop()
                if confirmed:
                    yield from self._return_mine()
                    return (yield from self._block(error))

    def give_back(self) -> None:
        """Hand the execution to the next tender."""
        if self.holding and self.live is not None:
            self.tools.cache.put(self.run_id, self.live)
        elif self.holding:
            self.tools.cache.drop(self.run_id)
        self.holding, self.live = False, None

    def _tend(self) -> Asking[Tended]:
        yield from self._look()
        while self.log is not None:
            live = self.live
            if live is None and not self.foreign:
                yield from self._look()
                continue
            if live is not None and live.execution.run.ended is not None:
                return Tended("ended", live.head)
            if live is not None and (yield from self._conclude(live)):
                continue
            if (work := (yield from self._next())) is not None:
                yield from self._perform(*work)
            elif (tended := (yield from self._leave(self.log))) is not None:
                return tended
        return Tended("unknown")

    # --- reading ----------------------------------------------------------------------------------------------

    def _look(self) -> Asking[None]:
        """Read what is new, and have an execution that was fed all of it."""
        self._hold_execution()
        log: Log | None = yield Read(self.run_id, None if self.live is None else self.live.head)
        self.log = log
        if log is None or log.gap:
            self._drop()
        if log is None:
            return
        self.foreign = log.summary.queue not in self.tools.me.queues
        if self.live is None and not self.foreign:
            self._hold_execution()
            self.live, self.cached = Live(self._replay(log), Mark(0, "")), False
        if self.live is not None:
            yield from self._advance(self.live, log.events, log.head)
        self._count(log)

    def _hold_execution(self) -> None:
        if not self.holding:
            self.live = self.tools.cache.take(self.run_id)
            self.holding, self.cached = True, self.live is not None

    def _replay(self, log: Log) -> Execution:
        name = log.summary.workflow
        workflow = self.tools.registry.workflow(name)
        if workflow is None:
            raise UnknownWorkflow(name)
        return Execution(workflow, self.tools.codec, self.tools.loaded)

    def _advance(self, live: Live, tail: tuple[bytes, ...], head: Mark) -> Asking[None]:
        """Feed the tail, and what was cut off it."""
        while True:
            length = live.head.length + len(tail)
            mark = head if length >= head.length else Mark(length, "")
            live.feed(_unpacked(tail), mark, sum(map(len, tail)))
            if mark is head:
                return
            log: Log | None = yield Read(self.run_id, mark)
            if log is None or log.gap or not log.events:
                raise UnreadableLog("it changed while it was read")
            tail, head = log.events, log.head

    def _count(self, log: Log) -> None:
        self.free = sum(log.free.values())
        self.ours = sum(log.free.get(queue, 0) for queue in self.tools.me.queues)
        self.settled = self.live is not None and _settled(log, self.live.execution.run, self.free)
        taken = {claim.token for claim, _ in self.mine}
        for claim in log.claimed:  # a reply was lost, the claim was not
            if claim.token in self.tokens and claim.token not in taken and self.live is not None:
                pending = self.live.execution.run.open.get(claim.path)
                if pending is not None and isinstance(pending.issued.command, CallStep):
                    self.mine.append((claim, pending.issued.command))

    # --- concluding -------------------------------------------------------------------------------------------

    def _conclude(self, live: Live) -> Asking[bool]:
        """Append what can be appended on the head; whether there was anything."""
        decisions = live.execution.decide()
        if decisions:
            yield from self._commit(live, Conclusion(decisions=decisions))
            return True
        conclusion = self._overdue(live.execution.run)
        if conclusion.facts:
            yield from self._speculate(live, conclusion)
            return True
        if self.log is not None and self.log.head == live.head and self.log.entries < live.execution.run.steps:
            yield from self._repair(live)
            return True
        return False

    def _overdue(self, run: Run) -> Conclusion:
        """What the clock has decided: claims that are over, waits that are over."""
        if self.log is None:
            return Conclusion()
        now = self.tools.me.now()
        over = []
        for claim in self.log.claimed:
            gone = claim.token not in self.tokens and self.tools.me.gone(claim.worker)
            pending = run.open.get(claim.path)
            if (gone or claim.until <= now) and pending is not None:
                call = pending.issued.command
                if isinstance(call, CallStep):
                    step = self._step(claim.path, call.name)
                    over.append((Revoke(claim.path, claim.token, gone), revoked(self.run_id, claim, call, step, now)))
        self.log = evolve(self.log, claimed=())  # each is tried once a reading
        return Conclusion(
            attempts=tuple(attempt for _, attempt in over),
            revoke=tuple(revoke for revoke, _ in over),
            timers=due(run, now),
        )

    def _speculate(self, live: Live, conclusion: Conclusion) -> Asking[bool]:
        """Facts and the decisions they cause in one commit; whether it was applied."""
        live.execution.feed(conclusion.facts)
        decisions = live.execution.decide()
        reply = yield from self._commit(live, evolve(conclusion, decisions=decisions))
        if isinstance(reply, Done):
            return True
        self._drop()
        self.tools.cache.refused(self.run_id)
        return False

    def _commit(self, live: Live, conclusion: Conclusion) -> Asking[Reply | None]:
        """Append on the head. Only an execution that was fed no facts ahead may be fed what came between."""
        run, now = live.execution.run, self.tools.me.now()
        commit, events = conclude(run, live.head, conclusion, now)
        claims = self._claims(commit.put, run, conclusion, now)
        ours, others = _by_queue(commit.put, claims, self.tools.me.queues, now)
        others_free = self.free + sum(ours.values()) + sum(others.values())
        commit = evolve(
            commit,
            commit=self.tools.me.fresh(),
            claim=claims,
            worker=self.tools.me.name,
            alarm=left_over(commit.alarm, others_free, now),
        )
        reply = yield from self._save(commit)
        match reply:
            case Done(head, at):
                live.feed(events[len(conclusion.facts) :], head, sum(map(len, commit.events)))
                self.free, self.ours = others_free, self.ours + sum(ours.values())
                self.settled = True
                self._hold(commit, reply.claimed, run, at)
                for queue, count in (ours + others).items():
                    yield Offer(self.run_id, queue, min(count, HELP))
            case Conflict(head, _, tail, gap) if not conclusion.facts:
                if gap or head is None:
                    self._drop()
                else:
                    yield from self._advance(live, tail, head)
                    self.settled = False
            case _:
                if not conclusion.facts:
                    yield from self._look()
        return reply

    def _claims(self, put: tuple[Free, ...], run: Run, conclusion: Conclusion, now: Millis) -> tuple[Claim, ...]:
        """The first new work that may begin here rides in the commit that creates it."""
        me = self.tools.me
        if self.mine or now >= self.until or me.stopping():
            return ()
        if me.inline == "alone" and not (
            len(put) == 1 and run.steps <= 1 and wakes(run, conclusion.decisions, now) is None
        ):
            return ()
        first = next((work for work in put if work.queue in me.queues and work.not_before <= now), None)
        if first is None:
            return ()
        return (self._claim(first.path),)

    def _claim(self, path: Path) -> Claim:
        token = self.tools.me.fresh()
        self.tokens.add(token)
        return Claim(path, token)

    def _hold(self, commit: Commit, claimed: Iterable[Path], run: Run, now: Millis) -> None:
        work = {free.path: free for free in commit.put}
        for claim in commit.claim:
            if claim.path in claimed:
                call = run.open[claim.path].issued.command
                assert isinstance(call, CallStep)
                self.mine.append((held(work[claim.path], claim.token, commit.worker, now), call))

    def _repair(self, live: Live) -> Asking[None]:
        """Put back a work table that was lost, from the fold."""
        known = {entry.path for entry in (yield Inspect(self.run_id))}
        missing = tuple(work for work in open_work(live.execution.run) if work.path not in known)
        run, now = live.execution.run, self.tools.me.now()
        alarm = left_over(wakes(run, (), now), len(missing), now)
        commit = Commit(
            self.run_id, self.tools.me.fresh(), Head(live.head), put=missing, alarm=alarm, payloads=len(run.unread)
        )
        yield from self._save(commit)
        yield from self._look()

    # --- work -----------------------------------------------------------------------------------------------------

    def _next(self) -> Asking[tuple[Claimed, CallStep] | None]:
        """A claim whose body may begin now."""
        me = self.tools.me
        over = me.now() >= self.until
        if me.stopping() or (over and not self.mine):
            yield from self._return_mine()
            if self.ours > 0 and self.log is not None:
                yield Offer(self.run_id, self.log.summary.queue, 1)
            return None
        if self.mine:
            return self.mine.pop(0)
        if self.ours > 0 and me.inline == "alone" and not self._alone(self.live) and self.log is not None:
            yield Offer(self.run_id, self.log.summary.queue, min(self.ours, HELP))
            self.ours = 0
        if self.ours <= 0:
            return None
        return (yield from self._take())

    def _take(self) -> Asking[tuple[Claimed, CallStep] | None]:
        token = self.tools.me.fresh()
        self.tokens.add(token)
        try:
            granted: Granted = yield Take(self.run_id, token)
        except ReplyLost:
            yield from self._look()
            return self.mine.pop(0) if self.mine else None
        if not granted.grants:
            self.ours = 0
            return None
        grant = granted.grants[0]
        self.ours, self.free = self.ours - 1, self.free - 1
        event = _unpacked((grant.event,))[0]
        assert isinstance(event, CommandIssued)
        assert isinstance(event.command, CallStep)
        if self.live is not None and self.live.head != grant.head:
            yield from self._look()  # a plain function is known only to a program that has asked for it
        return grant.claim, event.command

    def _perform(self, claim: Claimed, call: CallStep) -> Asking[None]:
        step = self._step(claim.path, call.name)
        if step is None:
            yield from self._refuse(claim)
            return
        known = None if self.live is None else self.live.head
        tags = {} if self.log is None else self.log.summary.tags
        self.give_back()  # others may tend while the body runs
        body = yield Execute(self.run_id, claim, call, step, tags)
        self.tokens.discard(claim.token)
        if isinstance(body, Stopped):
            return
        if isinstance(body, Unfit):
            yield from self._refuse(claim)
            return
        attempt = reported(self.run_id, claim, call, step, body, self.tools.me.now())
        if known is not None:
            self._hold_execution()
        if self.live is not None and self.live.head == known and self._may_speculate(self.live, claim.path):
            try:
                if (yield from self._speculate(self.live, Conclusion(attempts=(attempt,)))):
                    return
            except (CodeError, ImpossibleEvent):  # the fact comes first; a replay will say what is wrong
                self._drop()
        yield from self._report(claim, attempt)

    def _refuse(self, claim: Claimed) -> Asking[None]:
        """The code at hand cannot carry this out: leave it to another worker."""
        yield Release(self.run_id, claim.path, claim.token, self.tools.me.now() + HINT_AFTER)
        self.ours, self.settled = 0, False

    def _may_speculate(self, live: Live, path: Path) -> bool:
        run = live.execution.run
        return run.steps == 1 and path in run.open and self.tools.cache.may_speculate(self.run_id)

    def _report(self, claim: Claimed, attempt: Attempt) -> Asking[None]:
        """Append an outcome, fenced by its claim; what comes back is the log since we last looked."""
        live = self.live
        commit = report(self.run_id, self.tools.me.fresh(), claim, attempt, NO_EVENTS if live is None else live.head)
        reply = yield from self._save(commit)
        if reply is None:
            reply = yield from self._save(commit)  # applied before: then the claim is gone, and that is fine
        self.settled = False
        if self.foreign and self.log is not None:
            yield Offer(self.run_id, self.log.summary.queue, 1)
        elif live is not None and isinstance(reply, Done) and not reply.gap:
            yield from self._advance(live, reply.tail, reply.head)
        else:
            if live is not None and isinstance(reply, Done):
                self._drop()
            yield from self._look()

    def _step(self, path: Path, name: str) -> StepDefinition | None:
        """What to run: the function that the program has asked for, else a decorated one of that name."""
        asked = None if self.live is None else self.live.execution.step(path)
        return self.tools.registry.step(name) if asked is None else asked

    def _alone(self, live: Live | None) -> bool:
        """Nothing else is owed before a body ends."""
        if live is None:
            return True
        run = live.execution.run
        return run.steps <= 1 and wakes(run, (), self.tools.me.now()) is None

    # --- ending ---------------------------------------------------------------------------------------------------

    def _leave(self, log: Log) -> Asking[Tended | None]:
        """Nothing is left to do here: make sure that somebody looks again when there is. None: there may be more."""
        if self.live is None:
            return Tended("waiting", log.head, log.alarm)
        live, run, now = self.live, self.live.execution.run, self.tools.me.now()
        alarm = left_over(wakes(run, (), now), self.free, now)
        if not self.settled:
            commit = Commit(self.run_id, self.tools.me.fresh(), Head(live.head), alarm=alarm, payloads=len(run.unread))
            reply = yield from self._save(commit)
            if not isinstance(reply, Done):
                yield from self._look()
                return None
            self.settled = True
        stopped = self.ours > 0 or self.tools.me.stopping()
        return Tended("stopped" if stopped else "waiting", live.head, alarm)

    def _block(self, error: CodeError | ImpossibleEvent) -> Asking[Tended]:
        """The code at hand cannot go on. Nothing is written to the log; the reason is shown with the run."""
        log, reason = self.log, str(error)
        if log is None:
            return Tended("blocked", reason=reason)
        workflow = self.tools.registry.workflow(log.summary.workflow)
        note = Note(reason, log.head.length, None if workflow is None else workflow.version)
        if log.summary.note != note and not isinstance(error, UnreadableLog):
            summary = evolve(log.summary, status="blocked", note=note)
            alarm = self.tools.me.now() + HINT_AFTER
            yield from self._save(
                Commit(self.run_id, self.tools.me.fresh(), Head(log.head), summary=summary, alarm=alarm)
            )
        return Tended("blocked", log.head, reason=reason)

    def _return_mine(self) -> Asking[None]:
        """Give back what has not begun."""
        for claim, _ in self.mine:
            yield Release(self.run_id, claim.path, claim.token)
            self.ours, self.free, self.settled = self.ours + 1, self.free + 1, False
        self.mine.clear()

    def _save(self, commit: Commit) -> Asking[Reply | None]:
        """None: the reply was lost, and whether it was applied only the log can tell."""
        try:
            reply: Reply = yield Save(commit)
        except ReplyLost:
            return None
        return reply

    def _drop(self) -> None:
        """The execution is not to be fed again."""
        if self.live is not None:
            self.live.execution.close()
        if self.holding:
            self.tools.cache.drop(self.run_id)
        self.holding, self.live = False, None


def _unpacked(events: Iterable[bytes]) -> tuple[Event, ...]:
    """Raises `UnreadableLog`."""
    try:
        return tuple(map(unpack, events))
    except Undecodable as error:
        raise UnreadableLog(str(error)) from error


def _by_queue(
    put: Iterable[Free], claims: Iterable[Claim], own: tuple[str, ...], now: Millis
) -> tuple[Counter[str], Counter[str]]:
    """How much new work is left to others: of our queues, and of other ones."""
    claimed = {claim.path for claim in claims}
    left = [work.queue for work in put if work.path not in claimed and work.not_before <= now]
    return Counter(queue for queue in left if queue in own), Counter(queue for queue in left if queue not in own)


def _settled(log: Log, run: Run, free: int) -> bool:
    """Whether the alarm is what the agenda wants, so that no commit is owed for it."""
    ends = [wakes(run, (), log.now), *(claim.until for claim in log.claimed)]
    exact = min((end for end in ends if end is not None), default=None)
    if free == 0:
        return log.alarm == exact
    return log.alarm is not None and (exact is None or log.alarm <= exact)  # the rings put it off
