"""Commits whose replies were lost: whether they were applied is seen later, and is told once then.

Digests of events are kept and no payloads, for two minutes, and of so many bytes: what is not seen by then is not told.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from threading import Lock

from attrs import define, evolve, field, frozen

from yieldflow.ports import Commit

KEPT = 120.0  # seconds: longer than anybody tries again, or than a run is left alone
MOST = 16 << 20  # bytes
_DIGEST, _COMMIT = 100, 2_000  # bytes that one takes in memory, about


@frozen
class _Doubt:
    """*commit*: without its events."""

    commit: Commit
    digests: frozenset[bytes]

    @property
    def size(self) -> int:
        tags = {} if self.commit.summary is None else self.commit.summary.tags
        return _COMMIT + _DIGEST * len(self.digests) + sum(len(name) + len(value) for name, value in tags.items())


@define(eq=False)
class _Run:
    """*told*: events since."""

    since: float
    commits: dict[str, _Doubt] = field(factory=dict)
    told: set[bytes] = field(factory=set)
    size: int = 0


@define(eq=False)
class Doubts:
    """*clock*: in seconds. Safe to share between threads."""

    clock: Callable[[], float] = time.monotonic
    size: int = field(default=0, init=False)  # in bytes, about
    _runs: OrderedDict[str, _Run] = field(factory=OrderedDict, init=False)  # by when they were last put in doubt
    _lock: Lock = field(factory=Lock, init=False)

    def __bool__(self) -> bool:
        return bool(self._runs)

    def __contains__(self, run_id: str) -> bool:
        run = self._runs.get(run_id)
        return run is not None and bool(run.commits)

    def add(self, commits: Iterable[Commit]) -> None:
        """Whether these were applied is not known."""
        for commit in commits:
            if commit.events:
                light = Commit(
                    commit.run_id, commit.commit, commit.on, summary=commit.summary, payloads=commit.payloads,
                    done=commit.done,
                )  # fmt: skip
                self._add(_Doubt(light, frozenset(map(_digest, commit.events))))

    def answered(self, commit: Commit) -> bool:
        """Whether it was in doubt; it is no more."""
        with self._lock:
            run = self._runs.get(commit.run_id)
            return run is not None and self._take(run, commit.commit)

    def over(self, commit: Commit) -> None:
        """It was applied, so no other one was, or will be, on the same condition, or that says the same."""
        with self._lock:
            if (run := self._live(commit.run_id)) is None:
                return
            digests = frozenset(map(_digest, commit.events))
            for name, doubt in [*run.commits.items()]:
                if doubt.commit.on == commit.on or doubt.digests & digests:
                    self._take(run, name)

    def untold(self, run_id: str, packed: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Those events of an applied commit that were not told yet: what was in doubt may be sent again, alone or with
        others. No two events of a log that are told of are alike.
        """
        with self._lock:
            run = self._live(run_id)
            return packed if run is None else self._tell(run, {_digest(data): data for data in packed})

    def shown(self, run_id: str, events: Iterable[bytes], whole: Callable[[], Iterable[bytes]]) -> list[Commit]:
        """Those that a part of the log shows to be applied, with their events that were not told yet. *whole* reads
        all of it, for one that is there in part. Raises what that does.
        """
        with self._lock:
            run = self._live(run_id)
            mine = () if run is None else tuple(run.commits.values())
        wanted = frozenset[bytes]().union(*(doubt.digests for doubt in mine))
        found = _among(wanted, events) if wanted else {}
        if any(_is_part(doubt, found) for doubt in mine):
            found = _among(wanted, whole())
        return self._settled(run_id, mine, found) if found else []

    def forget(self, run_id: str) -> None:
        with self._lock:
            self._drop(run_id)

    # --- under the lock -----------------------------------------------------------------------------------------------

    def _settled(self, run_id: str, mine: Iterable[_Doubt], found: Mapping[bytes, bytes]) -> list[Commit]:
        """What is there in part only was sent again with others, and never applied itself."""
        applied: list[Commit] = []
        with self._lock:
            if (run := self._live(run_id)) is None:
                return applied
            for doubt in mine:
                seen = {digest: data for digest, data in found.items() if digest in doubt.digests}
                whole = len(seen) == len(doubt.digests)
                if seen and self._take(run, doubt.commit.commit) and whole:
                    applied.append(evolve(doubt.commit, events=self._tell(run, seen)))
        return applied

    def _add(self, doubt: _Doubt) -> None:
        run_id, now = doubt.commit.run_id, self.clock()
        with self._lock:
            run = self._live(run_id) or _Run(now)
            run.since = now
            self._runs[run_id] = run
            self._runs.move_to_end(run_id)
            self._take(run, doubt.commit.commit)
            run.commits[doubt.commit.commit] = doubt
            self._grow(run, doubt.size)

    def _live(self, run_id: str) -> _Run | None:
        while self._runs and next(iter(self._runs.values())).since < self.clock() - KEPT:
            self._drop(next(iter(self._runs)))
        return self._runs.get(run_id)

    def _take(self, run: _Run, commit: str) -> bool:
        if (doubt := run.commits.pop(commit, None)) is None:
            return False
        self._grow(run, -doubt.size)
        return True

    def _tell(self, run: _Run, packed: Mapping[bytes, bytes]) -> tuple[bytes, ...]:
        new = {digest: data for digest, data in packed.items() if digest not in run.told}
        run.told.update(new)
        self._grow(run, _DIGEST * len(new))
        return tuple(new.values())

    def _grow(self, run: _Run, by: int) -> None:
        run.size += by
        self.size += by
        while self.size > MOST:
            self._drop(next(iter(self._runs)))

    def _drop(self, run_id: str) -> None:
        if (run := self._runs.pop(run_id, None)) is not None:
            self.size -= run.size


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def _among(wanted: frozenset[bytes], events: Iterable[bytes]) -> dict[bytes, bytes]:
    """In the order of the log."""
    return {digest: data for data in events if (digest := _digest(data)) in wanted}


def _is_part(doubt: _Doubt, found: Mapping[bytes, bytes]) -> bool:
    return not doubt.digests.isdisjoint(found) and not doubt.digests <= found.keys()
