"""What must hold of one run after every single action, whoever did it. Across runs: `relations.py`."""

from __future__ import annotations

from typing import Any

from attrs import define, evolve, field

from tests.engine.world import RUN, World
from yieldflow.core.agenda import wakes_at
from yieldflow.core.commands import CallStep, Receive, Recorded, StartChild, is_work
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
from yieldflow.core.interpreter import Execution
from yieldflow.core.nodes import Branch
from yieldflow.core.outcome import Cancelled
from yieldflow.core.path import Path
from yieldflow.core.run import Run
from yieldflow.core.times import Millis
from yieldflow.engine.live import Cache
from yieldflow.ports import HINT_AFTER, LONGEST_PUT_OFF, NEVER, Claimed, Mark

SLACK: Millis = 50  # clocks of workers differ by a few milliseconds
SCRATCH = 8  # at every so manieth length of a log it is replayed from scratch
CHANGED = "sim:deployed"  # its code asks what the whole known log holds, so it is always replayed from scratch


def _has_entry(command: Recorded) -> bool:
    """Of the table; whoever looks next puts it back. A child brings somebody to look when it ends."""
    return is_work(command) and not (isinstance(command, StartChild) and not command.detached)


def signature(execution: Execution) -> tuple[Any, ...]:
    """All that a next step may depend on."""
    run = execution.run
    return (
        (
            run.length,
            run.time,
            run.work,
            repr(run.open),
            repr(run.unread),
            sorted(run.hooks),
            run.cancelled,
            run.paused,
            repr(run.data),
            run.ended,
        ),
        execution.decide(),
        sorted(execution.leaves),
        [(branch.path, branch.asked, {**branch.questions}, branch.held) for branch in execution.waiting()],
        None if execution.tree is None else repr(execution.tree.result),
    )


@define(eq=False)
class Watch:
    world: World
    run_id: str = RUN
    events: list[Event] = field(factory=list)
    known: dict[Mark, tuple[Any, ...]] = field(factory=dict)  # head -> what a replay says there
    last: Execution | None = None
    head: Mark | None = None
    copied: int = 0  # of its first events: they were another run's
    paused: bool = False
    state: Any = None  # of the alarm and the table, as they were last looked at
    looked: dict[int, Mark] = field(factory=dict)
    claims: dict[Path, Claimed] = field(factory=dict)  # as they stood before the last action

    @property
    def run(self) -> Run:
        assert self.last is not None
        return self.last.run

    @property
    def waiting(self) -> tuple[Branch, ...]:
        assert self.last is not None
        return self.last.waiting()

    @property
    def paths(self) -> set[Path]:
        return self.run.issued

    def look(self, caches: list[Cache]) -> list[Event]:
        """Answers what is new in its log."""
        new = self._replay()
        for cache in caches:
            live = cache._kept.get(self.run_id)
            if live is not None and self.looked.get(id(live)) != live.head:
                self.looked[id(live)] = live.head
                if live.head.commit in self.world.lost:
                    continue  # of a history that was lost: nobody feeds it again
                assert signature(live.execution) == self.known[live.head], "a cached execution is no replay"
        stored = self.world.store._runs[self.run_id]
        state = (stored.alarm, stored.rings, (*stored.free.values(), *stored.claimed.values()))
        if not new and state == self.state:
            return new  # what was enough a moment ago is enough as time goes by
        self.state = state
        self._pauses(new, stored)
        self._owed(stored)
        self.claims = dict(stored.claimed)
        return new

    def _replay(self) -> list[Event]:
        """The strict fold accepts the log, which also means at most one outcome a path; a replay can go on."""
        stored = self.world.store._runs[self.run_id]
        if stored.head == self.head:
            return []
        new = list(self.world.events(self.run_id)[len(self.events) :])
        if not self.events and isinstance(new[0].cause, ForkOf | RetryOf):
            self.copied = new[0].cause.position
        for number, event in enumerate(new, len(self.events) + 1):
            if number > self.copied:
                self._is_no_murder(event)
        self.events += new
        self.last, self.head = self._advanced(new, stored.head), stored.head
        self.known[stored.head] = signature(self.last)
        return new

    def _advanced(self, new: list[Event], head: Mark) -> Execution:
        """Fed with what is new, which must be the same as a replay from scratch."""
        if self.last is None or self.changed:
            return self.world.replay(self.run_id)
        self.last.feed(new)
        if head.length % SCRATCH == 0:
            assert signature(self.last) == signature(self.world.replay(self.run_id)), "a replay comes out otherwise"
        return self.last

    @property
    def changed(self) -> bool:
        return self.world.read(self.run_id).summary.workflow == CHANGED

    def copy(self) -> Watch:
        """As things stand; without an execution, which can only go forwards."""
        return evolve(self, events=[*self.events], known={**self.known}, last=None, looked={}, claims={**self.claims})

    def _is_no_murder(self, event: Event) -> None:
        """Only who is over time by the store's clock, or is dead, is said to be lost."""
        if isinstance(event, AttemptFailed) and event.reason in ("lost", "timeout"):
            claim = self.claims[event.path]
            assert claim.until <= self.world.clock.at or claim.worker in self.world.dead, f"{claim.worker} lives"

    def _pauses(self, new: list[Event], stored: Any) -> None:
        """While it is paused nobody is given work, and nothing is decided."""
        for event in new:
            forced = isinstance(event, RunFinished) and isinstance(event.outcome, Cancelled) and event.outcome.forced
            assert is_fact(event) or forced or not self.paused, f"a paused run decided {event}"
            assert not (self.paused and self._is_local(event)), "a paused run went on with a local step"
            self.paused = isinstance(event, RunPaused) or (
                self.paused and not isinstance(event, RunResumed | CancelRequested)
            )
        if self.paused and self.run.ended is None:
            given = {claim.token for claim in stored.claimed.values()} - {c.token for c in self.claims.values()}
            assert not given, "work of a paused run was given away"

    def _is_local(self, event: Event) -> bool:
        """The outcome of a step that is run in a turn, which only somebody who knew of the pause can have written."""
        path = event.path if isinstance(event, CommandResolved) else None
        issued = [one.command for one in self.events if isinstance(one, CommandIssued) and one.path == path]
        return any(isinstance(command, CallStep) and command.options.local for command in issued)

    def _owed(self, stored: Any) -> None:
        """Whoever is owed something has an alarm."""
        run, now = self.run, self.world.clock.at
        if run.ended is not None:
            assert not stored.free, "work of a run that has ended"
            assert not stored.claimed, "work of a run that has ended"
            return  # what it owes to others is seen by `Relations`
        free = [] if run.paused else [entry for entry in stored.free.values() if entry.not_before < NEVER]
        needs = [max(entry.not_before, now) for entry in free]
        needs += [claim.until for claim in stored.claimed.values()]
        needs += [] if (timer := wakes_at(run, now)) is None else [timer]
        needs += [now] if self.known[stored.head][1] else []
        needs += [now + run.started.limits.lease] if run.local and not run.paused else []
        missing = {*run.open} - {*stored.free, *stored.claimed}
        lost = any(_has_entry(run.open[path].issued.command) for path in missing) and not run.paused
        extra = {*stored.free, *stored.claimed} - {*run.open}
        assert not extra, f"there is work for what is not open: {extra}"
        assert stored.alarm is not None or not (needs or lost), f"nobody will look: {run.open}"
        if needs:
            self.rings_in_time(stored, min(needs))

    def rings_in_time(self, stored: Any, need: Millis) -> None:
        rings = max(stored.rings, self.world.rings.get(self.run_id, 0))  # who blocks it keeps the alarm it has read
        put_off = min(HINT_AFTER << min(rings, 20), LONGEST_PUT_OFF)
        assert stored.alarm is not None, "nobody will look"
        latest = max(need, self.world.clock.at + put_off) + SLACK + self.world.back
        assert stored.alarm <= latest, "somebody will look too late"

    @property
    def terminated(self) -> bool:
        outcome = self.run.outcome
        return isinstance(outcome, Cancelled) and outcome.forced

    def has_ended(self) -> None:
        """Or it waits for the outside, and nobody but the outside owes it anything. Every prefix replays."""
        run = self.run
        if run.ended is None:
            waits = [pending.issued.command for pending in run.open.values()]
            assert waits
            for command in waits:
                outside = isinstance(command, Receive) and command.timeout is None
                assert outside or (isinstance(command, StartChild) and not command.detached), waits
            assert self.world.read(self.run_id).summary.status == "running"
        if not self.changed:
            self._prefixes()

    def _prefixes(self) -> None:
        execution = self.world.fresh_execution(self.run_id)
        execution.feed(self.events[: self.copied])
        for length, event in enumerate(self.events, 1):
            if length > self.copied:
                execution.feed([event])
            for mark in [mark for mark in self.known if mark.length == length and length >= self.copied]:
                assert signature(execution) == self.known[mark], f"the prefix of {length} events replays otherwise"
