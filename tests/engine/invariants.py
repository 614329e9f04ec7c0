"""What must hold after every single action, whoever did it."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from tests.engine.world import RUN, World
from yieldflow.core.agenda import wakes_at
from yieldflow.core.commands import CallStep, Receive
from yieldflow.core.events import AttemptFailed, Event
from yieldflow.core.interpreter import Execution
from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.engine.live import Cache
from yieldflow.ports import HINT_AFTER, LONGEST_PUT_OFF, Claimed, Mark

SLACK: Millis = 50  # clocks of workers differ by a few milliseconds


def signature(execution: Execution) -> tuple[Any, ...]:
    """All that a next step may depend on."""
    run = execution.run
    return (
        (
            run.length,
            run.time,
            run.steps,
            repr(run.open),
            repr(run.unread),
            sorted(run.hooks),
            run.cancelled,
            run.ended,
        ),
        execution.decide(),
        sorted(execution.leaves),
        [(branch.path, branch.asked, branch.questions, branch.held) for branch in execution.waiting()],
        None if execution.tree is None else repr(execution.tree.result),
    )


@define(eq=False)
class Watch:
    world: World
    known: dict[Mark, tuple[Any, ...]] = field(factory=dict)  # head -> what a replay says there
    last: Execution | None = None
    head: Mark | None = None
    paths: set[Path] = field(factory=set)
    looked: dict[int, Mark] = field(factory=dict)
    claims: dict[Path, Claimed] = field(factory=dict)  # as they stood before the last action

    def look(self, caches: list[Cache]) -> None:
        self._replay()
        for cache in caches:
            for live in cache._kept.values():
                if self.looked.get(id(live)) != live.head:
                    self.looked[id(live)] = live.head
                    assert signature(live.execution) == self.known[live.head], "a cached execution is no replay"
        self._owed()
        self.claims = dict(self.world.store._runs[RUN].claimed)

    def _replay(self) -> None:
        """The strict fold accepts the log, which also means at most one outcome a path; a replay can go on."""
        log = self.world.read()
        if log.head != self.head:
            events = self.world.events()
            for event in events[0 if self.head is None else self.head.length :]:
                self._is_no_murder(event)
            self.last, self.head = self.world.replay(), log.head
            self.paths |= self.last.run.issued
            self.known[log.head] = signature(self.last)

    def _is_no_murder(self, event: Event) -> None:
        """Only who is over time by the store's clock, or is dead, is said to be lost."""
        if isinstance(event, AttemptFailed) and event.reason in ("lost", "timeout"):
            claim = self.claims[event.path]
            assert claim.until <= self.world.clock.at or claim.worker in self.world.dead, f"{claim.worker} lives"

    def _owed(self) -> None:
        """Whoever is owed something has an alarm."""
        assert self.last is not None
        run, log, now = self.last.run, self.world.read(), self.world.clock.at
        if run.ended is not None:
            assert (log.alarm, log.entries) == (None, 0)
            return
        stored = self.world.store._runs[RUN]
        needs = [max(entry.not_before, now) for entry in stored.free.values()]
        needs += [claim.until for claim in stored.claimed.values()]
        needs += [] if (timer := wakes_at(run, now)) is None else [timer]
        needs += [now] if self.known[log.head][1] else []
        lost = log.entries < run.steps  # of the table: whoever looks next puts them back
        extra = {*stored.free, *stored.claimed} - {*run.open}
        assert not extra, f"there is work for what is not open: {extra}"
        assert log.alarm is not None or not (needs or lost), f"nobody will look: {run.open}"
        if needs:
            put_off = min(HINT_AFTER << min(stored.rings, 20), LONGEST_PUT_OFF)
            assert log.alarm <= max(min(needs), now + put_off) + SLACK, "somebody will look too late"

    def has_ended(self) -> None:
        """Or it waits for the outside, and nobody but the outside owes it anything. Every prefix replays."""
        assert self.last is not None
        run = self.last.run
        if run.ended is None:
            waits = [pending.issued.command for pending in run.open.values()]
            assert waits
            assert all(isinstance(command, Receive) and command.timeout is None for command in waits), waits
            assert not any(isinstance(command, CallStep) for command in waits)
            assert self.world.read().summary.status == "running"
        self._prefixes()

    def _prefixes(self) -> None:
        execution = Execution(self.last.workflow, self.last.codec, self.last.loaded)
        for length, event in enumerate(self.world.events(), 1):
            execution.feed([event])
            for mark in [mark for mark in self.known if mark.length == length]:
                assert signature(execution) == self.known[mark], f"the prefix of {length} events replays otherwise"
