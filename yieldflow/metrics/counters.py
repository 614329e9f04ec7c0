"""`Metrics`: what this process has done, counted: runs, attempts of steps, commits, round trips to the store.

It counts what its own commits have put into logs, so the sum over all workers is what the logs say: no replay counts.
How the store stands is another matter: `yieldflow.metrics.gauges`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import assert_never

from attrs import define, field

from yieldflow.core.times import Millis
from yieldflow.engine.requests import Body, Execute, ExecuteLocal
from yieldflow.metrics.exposition import Family, Kind, Sample, exposed
from yieldflow.observing.told import AttemptEnded, Births, Leave, RunBegan, RunEnded, Told, WaitEnded
from yieldflow.ports import Commit, Conflict, Done, Open, Refused, Reply

MOST = 1_000  # label sets of one name; what comes later is counted as "other"
_OTHER = "other"
_REPLIES = {Done: ("done",), Conflict: ("conflict",), Refused: ("refused",)}
STEP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0)
RUN_SECONDS = (0.1, 1.0, 10.0, 60.0, 600.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0, 2_592_000.0)


@define(eq=False)
class _Counter:
    says: str
    labels: tuple[str, ...]
    kind: Kind = "counter"
    counts: dict[tuple[str, ...], float] = field(factory=dict)

    def add(self, key: tuple[str, ...], number: float = 1) -> None:
        if key not in self.counts and len(self.counts) >= MOST:
            key = (_OTHER,) * len(key)
        self.counts[key] = self.counts.get(key, 0) + number

    def family(self, name: str) -> Family:
        samples = [
            Sample(count, dict(zip(self.labels, key, strict=True))) for key, count in sorted(self.counts.items())
        ]
        return Family(name, self.kind, self.says, tuple(samples))


@define(eq=False)
class _Histogram:
    says: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...]
    counts: dict[tuple[str, ...], list[int]] = field(factory=dict)  # in each bucket; the last one is beyond all bounds
    sums: dict[tuple[str, ...], float] = field(factory=dict)

    def add(self, key: tuple[str, ...], seconds: float) -> None:
        if key not in self.counts and len(self.counts) >= MOST:
            key = (_OTHER,) * len(key)
        if key not in self.counts:
            self.counts[key], self.sums[key] = [0] * (len(self.bounds) + 1), 0.0
        self.counts[key][bisect_left(self.bounds, seconds)] += 1
        self.sums[key] += seconds

    def family(self, name: str) -> Family:
        samples: list[Sample] = []
        for key, counts in sorted(self.counts.items()):
            labels, total = dict(zip(self.labels, key, strict=True)), 0
            for bound, count in zip((*map(str, self.bounds), "+Inf"), counts, strict=True):
                total += count
                samples.append(Sample(total, {**labels, "le": bound}, "_bucket"))
            samples += [Sample(self.sums[key], labels, "_sum"), Sample(total, labels, "_count")]
        return Family(name, "histogram", self.says, tuple(samples))


class Metrics:
    """An observer that counts: `App(url, observe=[metrics])`; `metrics.text()` is what Prometheus reads.

    `yieldflow worker --metrics PORT` has one of its own, and serves it.

    >>> Metrics().text().splitlines()[0]
    '# HELP yieldflow_runs_started_total Runs and generations of runs that were started by this process.'
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._runs_started = _Counter("Runs and generations of runs that were started by this process.", ("workflow",))
        self._runs_ended = _Counter("Generations of runs that have ended, by how.", ("workflow", "outcome"))
        self._runs = _Histogram("How long generations of runs took.", ("workflow",), RUN_SECONDS)
        says = "Attempts of steps that have ended: done, retried, failed (for good), lost (with their worker)."
        self._attempts = _Counter(says, ("step", "outcome"))
        self._steps = _Histogram("How long attempts of steps took.", ("step",), STEP_SECONDS)
        self._payloads = _Counter("Payloads that were delivered to hooks by this process.", ())
        says = "Commits by what became of them; what a store refuses or answers with a conflict is tried anew."
        self._commits = _Counter(says, ("reply",))
        self._trips = _Counter("Calls of the store.", ("call",))
        self._seconds = _Counter("Seconds spent in calls of the store.", ("call",))
        self._unanswered = _Counter("Calls of the store that it did not answer.", ("call",))
        self._running = _Counter("Bodies of steps that run now.", (), "gauge", {(): 0})

    def text(self) -> str:
        return exposed(self.families())

    def families(self) -> tuple[Family, ...]:
        named: dict[str, _Counter | _Histogram] = {
            "yieldflow_runs_started_total": self._runs_started,
            "yieldflow_runs_ended_total": self._runs_ended,
            "yieldflow_run_duration_seconds": self._runs,
            "yieldflow_step_attempts_total": self._attempts,
            "yieldflow_step_duration_seconds": self._steps,
            "yieldflow_payloads_delivered_total": self._payloads,
            "yieldflow_commits_total": self._commits,
            "yieldflow_round_trips_total": self._trips,
            "yieldflow_round_trip_seconds_total": self._seconds,
            "yieldflow_round_trips_failed_total": self._unanswered,
            "yieldflow_bodies_running": self._running,
        }
        with self._lock:
            return tuple(one.family(name) for name, one in named.items())

    # --- as an observer ---------------------------------------------------------------------------------------------

    @property
    def follows(self) -> bool:
        return False

    def carried(self) -> Mapping[str, str]:
        return {}

    def begins(self, request: Execute | ExecuteLocal, births: Births, now: Millis) -> Leave:  # noqa: ARG002 - an observer's
        with self._lock:
            self._running.add(())
        return self._left

    def _left(self, _: Body | None) -> None:
        with self._lock:
            self._running.add((), -1)

    def committed(self, commit: Commit, reply: Reply, told: Sequence[Told], births: Births) -> None:  # noqa: ARG002 - an observer's
        with self._lock:
            self._commits.add(_REPLIES[type(reply)])
            if isinstance(reply, Done) and commit.payloads and isinstance(commit.on, Open):
                self._payloads.add((), commit.payloads)
            for one in told:
                self._count(one)

    def called(self, call: str, seconds: float, answered: bool) -> None:
        with self._lock:
            self._trips.add((call,))
            self._seconds.add((call,), seconds)
            if not answered:
                self._unanswered.add((call,))

    def _count(self, told: Told) -> None:
        match told:
            case AttemptEnded():
                self._attempts.add((told.step, told.came))
                self._steps.add((told.step,), max(0, told.at - told.since) / 1_000)
            case RunBegan(summary):
                self._runs_started.add((summary.workflow,))
            case RunEnded(summary, at):
                self._runs_ended.add((summary.workflow, summary.status))
                self._runs.add((summary.workflow,), max(0, at - summary.started_at) / 1_000)
            case WaitEnded():
                pass
            case _:
                assert_never(told)

    def place(self, run_id: str) -> Mapping[str, str]:  # noqa: ARG002 - an observer's
        return {}

    def flush(self) -> None:
        """It is read where it is."""
