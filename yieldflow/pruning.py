"""Delete what has ended long ago: when somebody asks for it, or by and by for as long as it is to be kept (`Sweeper`).

Only what owes nothing to another run goes, and a run id only as a whole: its last generation says whether.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from itertools import islice

from attrs import define, evolve, field, frozen

from yieldflow.core.chain import chain_of, generation
from yieldflow.core.times import Millis
from yieldflow.ports import NO_EVENTS, Filter, Look, Status, Store, Summary

ENDED: tuple[Status, ...] = ("completed", "failed", "cancelled", "continued")
LISTED = 200  # runs in a call
A_TURN = 100  # runs that are deleted before others have their turn
LOOKS_A_TURN = 20
BETWEEN_TURNS: Millis = 200
BETWEEN_SWEEPS: Millis = 60_000


def prunable(store: Store, wanted: Filter, before: Millis) -> Iterator[str]:
    """Run ids of what fits and ended before *before*, generation by generation, in the order in which they may go. A
    page is looked at when the one before it was taken.
    """
    wanted, cursor, known = _ended(wanted, before), None, set[str]()
    while True:
        page = store.find(wanted, cursor)
        for run_id in tuple(_over(store, page.runs, before)):
            if run_id not in known:
                known.add(run_id)
                yield run_id
        if (cursor := page.cursor) is None:
            return


def prune(store: Store, wanted: Filter, before: Millis, among: Container[str] | None = None) -> list[str]:
    """Delete it; *among*: nothing but these, whatever may go meanwhile."""
    deleted = []
    for run_id in prunable(store, wanted, before):
        if among is None or run_id in among:
            store.delete(run_id)
            deleted.append(run_id)
    return deleted


@frozen
class Rule:
    """Runs that fit are kept for *span* after their end."""

    wanted: Filter
    span: Millis


def rules_of(workflow: str, kept: Mapping[str, Millis]) -> Iterator[Rule]:
    """*kept*: how long its runs are, after an end of each kind."""
    for span in dict.fromkeys(kept.values()):
        statuses = tuple(status for status in ENDED if kept.get(status) == span)
        yield Rule(Filter(status=statuses, workflow=workflow), span)


@define(eq=False)
class Sweeper:
    """Deletes what is kept no longer, some in each turn; one thread takes them. *asked* answers the rules, when a sweep
    begins.
    """

    asked: Callable[[], Sequence[Rule]]
    _rules: list[Rule] = field(factory=list, init=False)  # of this sweep, those that are left
    _cursor: str | None = field(default=None, init=False)
    _next: Millis = field(default=0, init=False)  # turn

    @property
    def is_under_way(self) -> bool:
        return bool(self._rules)

    def turn(self, store: Store, now: Millis) -> int:
        """How many were deleted; none before it is time. Raises `StoreError`, and goes on where it was."""
        if now < self._next:
            return 0
        if not self._rules:
            self._rules, self._cursor = list(self.asked()), None
        deleted, looks = 0, 0
        while self._rules and not deleted and looks < LOOKS_A_TURN:
            deleted, looks = self._delete(store, self._rules[0], now), looks + 1
        self._next = now + (BETWEEN_TURNS if self._rules else BETWEEN_SWEEPS)
        return deleted

    def _delete(self, store: Store, rule: Rule, now: Millis) -> int:
        before = now - rule.span
        page = store.find(_ended(rule.wanted, before), self._cursor)
        found = tuple(islice(_over(store, page.runs, before), A_TURN + 1))
        for run_id in found[:A_TURN]:
            store.delete(run_id)
        if len(found) <= A_TURN:  # else there are more on this page
            self._cursor = page.cursor
            if self._cursor is None:
                del self._rules[0]
        return len(found[:A_TURN])


def _ended(wanted: Filter, before: Millis) -> Filter:
    """Those that may have ended before: the longest ago first."""
    until = before if wanted.until is None else min(before, wanted.until)
    return evolve(wanted, status=wanted.status or ENDED, until=until + 1, limit=LISTED, oldest_first=True)


def _over(store: Store, summaries: Sequence[Summary], before: Millis) -> Iterator[str]:
    """The generations that go with these, in the order in which they may: who dies in the middle leaves no end that
    looks like another one.
    """
    ended = [one for one in summaries if one.finished_at is not None and one.finished_at <= before]
    logs = store.read_each([Look(summary.run_id, NO_EVENTS) for summary in ended])
    for summary, log in zip(ended, logs, strict=True):
        if log is None or log.alarm is not None:  # it owes something to another run
            continue
        chain, number = chain_of(summary.run_id)
        is_newest = summary.status in ("completed", "cancelled") or store.newest(chain) == summary.run_id
        if is_newest:
            yield from _earlier(store, chain, number)
            yield summary.run_id
            if number > 1:
                yield chain  # it remembers the whole chain, so it goes last
        elif number > 1 and summary.status == "continued":
            yield summary.run_id


def _earlier(store: Store, chain: str, number: int) -> Iterator[str]:
    """The generations before that one, but for the first."""
    names = iter([generation(chain, earlier) for earlier in range(2, number)])
    while some := tuple(islice(names, LISTED)):
        logs = store.read_each([Look(run_id, NO_EVENTS) for run_id in some])
        yield from (run_id for run_id, log in zip(some, logs, strict=True) if log is not None)
