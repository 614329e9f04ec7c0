"""Redis rebuilt from every prefix of its write stream, which is what a failover or a lost end of the file leaves: runs
go on from there, by alarms alone or with the hints of that moment, under workers that know nothing and under one that
knows too much. No history is invented, no outcome is written twice, and a client that repeats itself ends with exactly
one.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from pathlib import Path

from attrs import define, field

from tests.deep.redis_prefixes_checks import (
    Logs,
    expect_a_commit_is_a_unit,
    expect_each_delivery_once,
    expect_grown,
    expect_no_body_twice,
    expect_programs_to_agree,
    expect_right_ends,
)
from tests.deep.redis_prefixes_flows import WITNESS, WORKLOADS, Workload
from tests.deep.redis_prefixes_stream import Stream, streaming
from tests.deep.rounds import Figures
from yieldflow import App
from yieldflow.codec.packing import unpack
from yieldflow.core.agenda import wakes_at
from yieldflow.core.run import Run, fold
from yieldflow.engine.planning import open_work
from yieldflow.heart import Heart
from yieldflow.ports import HINT_AFTER, NO_EVENTS, Mark
from yieldflow.rq.inbox import Inbox
from yieldflow.runtime import Runtime

LEASE = 60  # milliseconds: who died holding work is not waited for longer
SECONDS = 30.0  # for the runs of a workload to end, from whatever prefix
RUNS = 2
SLICES = (1, 1_000, 1_000)  # milliseconds that a hint keeps a worker
PATIENT = 0.02  # so often alarms are waited for that are two seconds off
MOST_LOST = 8  # units behind which a replica is
VARIANTS = ("no hints", "old hints", "alive", "remembered")


@define(eq=False)
class Stage:
    """A server, a client's app, and two workers who take turns."""

    stream: Stream
    workload: Workload
    chance: random.Random
    counts: Counter[str]
    app: App = field(init=False)
    workers: list[Runtime] = field(init=False)
    turns: Iterator[Runtime] = field(init=False)
    patient: bool = field(default=False, init=False)  # alarms are waited for, be it seconds

    def __attrs_post_init__(self) -> None:
        self.app = App(self.stream.server.url, lease=f"{LEASE}ms")
        self.workers = [self.worker() for _ in range(2)]
        self.workers[1].heart = self.workers[0].heart
        self.turns = self.any_turns()

    def worker(self) -> Runtime:
        runtime = self.app.serving((self.app.queue,))
        runtime.heart = Heart(self.app.store, lambda run_id: None)
        return runtime

    # --- a first time, whose stream is the material --------------------------------------------------------------

    def record(self, threads: int) -> list[bytes]:
        """Several workers and a client at once."""
        stop = threading.Event()
        working = [threading.Thread(target=self._work, args=(stop, seed), daemon=True) for seed in range(threads)]
        for thread in working:
            thread.start()
        acts, end = list(self.workload.acts), time.monotonic() + SECONDS
        try:
            while acts or not self.all_ended():
                assert time.monotonic() < end, self.told()
                acts = [act for act in acts if self.chance.random() < 0.5 or not act(self.app)]
                time.sleep(self.chance.uniform(0, 0.004))
        finally:
            stop.set()
            for thread in working:
                thread.join(5)
        return self.stream.units()

    def _work(self, stop: threading.Event, seed: int) -> None:
        chance, runtime = random.Random(seed), self.worker()
        while not stop.is_set():
            runs = [run] if (run := self.hint()) else [due.run_id for due in self.app.store.due(1)]
            for run_id in runs:
                runtime.tend(run_id, slice_=chance.choice((1, 5, 1_000)))
            stop.wait(0 if runs else 0.002)

    def hint(self) -> str | None:
        found = Inbox(self.stream.client, [self.app.queue], [f"rq:queue:{self.app.queue}"], self.app.hints).take(1)
        return found[0].run_id if found else None

    # --- going on --------------------------------------------------------------------------------------------------

    def any_turns(self) -> Iterator[Runtime]:
        while True:
            yield self.chance.choice(self.workers)

    def remember_another_history(self, prefix: Sequence[bytes]) -> None:
        """The first worker goes on for a while, then the server fails over to *prefix* again and the second goes on
        from there: what the first has in memory is of a history that is gone, and may be as long as the one there is.
        """
        first = self.workers[0]
        runs = list(self.raw())
        for run_id in runs:
            asked = iter([False] * self.chance.randrange(1, 6))
            first.tend(run_id, stopping=partial(next, asked, True))
        remembered = {run_id: live.head for run_id, live in first.cache._kept.items()}
        self.stream.rebuild(prefix)
        WITNESS.bodies.clear()
        for run_id, head in remembered.items():
            self._catch_up(run_id, head)
        heads = {run_id: (self._head(run_id), head) for run_id, head in remembered.items()}
        self.counts["executions of a history that is gone"] += sum(now != was for now, was in heads.values())
        alike = sum(now != was and now.length == was.length for now, was in heads.values())
        self.counts["executions of a history that is gone and as long"] += alike
        self.turns = repeat(first)

    def _catch_up(self, run_id: str, head: Mark) -> None:
        """The second worker makes it as long as it was."""
        self.workers[1].tend(run_id, stopping=lambda: self._head(run_id).length >= head.length)

    def _head(self, run_id: str) -> Mark:
        log = self.app.store.read(run_id, NO_EVENTS)
        return Mark(0, "") if log is None else log.head

    def go_on(self) -> None:
        """By hints and alarms, until there are none."""
        end = time.monotonic() + SECONDS
        early: set[str] = set()
        while time.monotonic() < end:
            run_id = self.hint()
            runs = [run_id] if run_id else [due.run_id for due in self.app.store.due(10)]
            if not runs and (self.patient or not (runs := self._rung_early(early))):
                if not self._wait():
                    return
                early = set()
            for run in runs:
                next(self.turns).tend(run, slice_=self.chance.choice(SLICES))
        raise AssertionError(self.told())

    def _rung_early(self, early: set[str]) -> list[str]:
        """A hint may come at any time: alarms that are two seconds off need not be waited for."""
        alarms = self.stream.client.zrange("yieldflow:alarms", 0, -1)
        runs = [run for alarm in alarms if (run := alarm.decode()) not in early]
        early.update(runs)
        return runs

    def _wait(self) -> bool:
        alarm, now = self.app.store.next_alarm()
        if alarm is None:
            return False
        assert alarm - now <= HINT_AFTER + 100, f"{self.told()}: nothing happens for {alarm - now} ms"
        self.counts["waits of a second or more"] += alarm - now > 1_000
        time.sleep(max(0, alarm - now) / 1_000)
        return True

    def repeat_client(self) -> None:
        """Whoever does not know what has come of its calls makes them again, all of them."""
        end = time.monotonic() + SECONDS
        while not all([act(self.app) for act in self.workload.acts]):  # noqa: C419 - each, whatever the others say
            assert time.monotonic() < end, self.told()
            self.go_on()
        self.go_on()

    @contextmanager
    def failover_in_a_body(self) -> Iterator[list[Logs]]:
        """In the middle of a body the server becomes a replica that lacks the last units; what it has is the answer.
        The second worker may have gone on with the run before the body ends.
        """
        left, lost, other = self.chance.randrange(6), self.chance.randrange(MOST_LOST), self.chance.random() < 0.5
        after: list[Logs] = []
        broken: list[Exception] = []

        def fail_over() -> None:
            run_id = WITNESS.bodies[-1][0]
            units, head = self.stream.units(), self._head(run_id)
            self.stream.rebuild(units[: len(units) - lost])
            after.append(self.expect_whole())
            WITNESS.bodies.clear()
            if other:
                self._catch_up(run_id, head)

        def meanwhile() -> None:
            nonlocal left
            left -= 1
            if left == -1:
                try:
                    fail_over()
                except Exception as error:
                    broken.append(error)  # for the engine it is the body's

        WITNESS.meanwhile = meanwhile
        try:
            yield after
        finally:
            WITNESS.meanwhile = lambda: None
        if broken:
            raise broken[0]

    # --- what is there ---------------------------------------------------------------------------------------------

    def raw(self) -> dict[str, list[bytes]]:
        client = self.stream.client
        keys = sorted(client.scan_iter("yieldflow:log:*", count=1_000))
        return {key.decode().removeprefix("yieldflow:log:"): client.lrange(key, 0, -1) for key in keys}

    def logs(self) -> Logs:
        found = self.raw().items()
        return {run: tuple(unpack(item.partition(b" ")[2]) for item in items) for run, items in found}

    def expect_whole(self) -> Logs:
        """Every log folds, its work table is what the fold says, and who is owed something has an alarm."""
        logs = self.logs()
        for run_id, events in logs.items():
            run = fold(events)
            open_paths = {work.path for work in open_work(run)} if run.ended is None else set()
            table = {entry.path for entry in self.app.store.work(run_id)}
            assert table == open_paths, f"{run_id}: {table} are in the table, {open_paths} in the log"
            if run.ended is None and (waits := self._waits_without_alarm(run_id, run)):
                raise AssertionError(f"{run_id} {waits}, and has no alarm")
        return logs

    def _waits_without_alarm(self, run_id: str, run: Run) -> str:
        if self.stream.client.zscore("yieldflow:alarms", run_id) is not None:
            return ""
        _, now = self.app.store.next_alarm()
        owed = wakes_at(run, now) is not None  # the fold keeps what was waited for until somebody looks
        return "has timers" if owed else "has work" if run.work > len(run.children) else ""

    def all_ended(self) -> bool:
        ended = {run.run_id for run in self.app.runs(limit=1_000).runs if run.finished_at is not None}
        newest = {chain: self.app.store.newest(chain) for chain in self.workload.ends}
        return all(run_id in ended for run_id in newest.values()) and not self.app.store.next_alarm()[0]

    def told(self) -> str:
        runs = [(run.run_id, run.status, run.note) for run in self.app.runs(limit=1_000).runs]
        alarms = self.stream.client.zrange("yieldflow:alarms", 0, -1, withscores=True)
        return f"{runs}, alarms {alarms}"

    def close(self) -> None:
        for worker in self.workers:
            worker.cache.clear()
        self.app.close()


# --- a round ---------------------------------------------------------------------------------------------------------


def play(stage: Stage, prefix: Sequence[bytes], whole: dict[str, list[bytes]], variant: str) -> None:
    """From this prefix to the end of all runs."""
    for worker in stage.workers:
        worker.cache.clear()
    stage.turns = stage.any_turns()
    stage.patient = stage.chance.random() < PATIENT
    stage.stream.rebuild(prefix)
    there = stage.raw()
    expect_grown(there, whole)
    before = stage.expect_whole()
    if variant == "no hints":
        stage.stream.client.delete(f"rq:queue:{stage.app.queue}")
    WITNESS.bodies.clear()
    if variant == "alive":
        with stage.failover_in_a_body() as after:
            stage.go_on()
            if not after:
                stage.repeat_client()
        if after:
            before, there = after[0], {}
            stage.counts["failovers under a worker in a body"] += 1
    elif variant == "remembered":
        stage.remember_another_history(prefix)
    elif stage.chance.random() < 0.5:  # while runs are under way
        for act in stage.workload.acts:
            act(stage.app)
    stage.go_on()
    stage.repeat_client()
    expect_grown(there, stage.raw())
    logs = stage.expect_whole()
    assert stage.all_ended(), stage.told()
    expect_right_ends(stage.workload, logs)
    expect_each_delivery_once(logs)
    expect_programs_to_agree(stage.app, logs)
    expect_no_body_twice(before, logs, WITNESS.bodies)
    stage.counts["prefixes"] += 1
    stage.counts[f"prefixes, {variant}"] += 1
    stage.counts["runs that went on"] += len(before)
    stage.counts["bodies that ran after a rebuild"] += len(WITNESS.bodies)


def every_prefix(name: str, seed: int, *, runs: int = RUNS, ways: int = len(VARIANTS)) -> Figures:
    """*ways*: so many variants of each prefix, in turn."""
    figures, chance = Figures(), random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="yieldflow-") as folder, streaming(Path(folder)) as stream:
        stage = Stage(stream, WORKLOADS[name](runs), chance, figures.counts)
        try:
            units = stage.record(threads=1 + seed % 3)
            whole = stage.raw()
            expect_a_commit_is_a_unit(units)
            figures.counts["units written"] += len(units)
            time.sleep(2 * LEASE / 1_000)
            for length in range(len(units) + 1):
                for variant in [VARIANTS[(length + way) % len(VARIANTS)] for way in range(ways)]:
                    where = f"{name}, seed {seed}, {length} of {len(units)} units, {variant}"
                    try:
                        play(stage, units[:length], whole, variant)
                    except Exception as error:
                        raise AssertionError(f"{where}: {error}") from error
        finally:
            stage.close()
    return figures


def one_round(seed: int) -> Figures:
    """One workload, all of its prefixes, each in every way."""
    return every_prefix(list(WORKLOADS)[seed % len(WORKLOADS)], seed)
