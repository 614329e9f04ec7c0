"""Two services work on one store, in threads of their own, in time that jumps, and die anywhere: each occurrence is
started once.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest

from tests.schedules.clocks import ZONES, occurrences
from yieldflow import App, Flow, step, workflow
from yieldflow.core.times import instant
from yieldflow.stores.memory import MemoryStore
from yieldflow.stores.sqlite import SqliteStore

BODIES: Counter[str] = Counter()


@step
def noted() -> None:
    BODIES["noted"] += 1


@workflow
def report() -> Flow[str]:
    yield noted()
    return "done"


class Died(BaseException):
    """The process is gone, before or after what it asked the store to write."""


class Mortal:
    """A store as one process sees it, which dies now and then."""

    def __init__(self, store: Any, chance: random.Random, rate: float) -> None:
        self.store, self.chance, self.rate = store, chance, rate

    def commit(self, commits: Any) -> Any:
        when = self.chance.random() / self.rate
        if when < 0.5:
            raise Died
        replies = self.store.commit(commits)
        if when < 1:
            raise Died
        return replies

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class World:
    """Services on one store; *now* is its clock."""

    def __init__(self, opened: Any, start: datetime, seed: int, rate: float) -> None:
        self.now, self.chance, self.rate, self.deaths = instant(start), random.Random(seed), rate, 0
        self.stores = [opened(lambda: self.now) for _ in range(2)]
        self.apps = [self.service(number) for number in range(2)]

    def service(self, number: int) -> App:
        app = App("memory:")
        app.store = Mortal(self.stores[number], random.Random(self.chance.random()), self.rate)
        return app

    def until(self, end: int) -> None:
        store = self.stores[0]
        while (alarm := store.next_alarm()[0]) is not None and alarm <= end:
            self.now = max(self.now, alarm)
            due = [run.run_id for run in store.due(100)]
            threads = [Thread(target=self.work, args=(number, list(due))) for number in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def work(self, number: int, due: list[str]) -> None:
        try:
            for run_id in due:
                self.apps[number].runtime.tend(run_id)
        except Died:
            self.deaths += 1
            self.apps[number] = self.service(number)


def memory(tmp_path):
    store = None

    def opened(clock):
        nonlocal store
        store = store or MemoryStore(clock=clock)
        return store

    return opened


def sqlite(tmp_path):
    return lambda clock: SqliteStore(tmp_path / "runs.db", clock=clock)


@pytest.mark.parametrize("tz", ZONES)
@pytest.mark.parametrize("kind", [memory, sqlite])
def test_ten_years_of_two_services_that_die_start_each_occurrence_once(kind, tz, tmp_path):
    years = 10 if kind is memory else 2
    line, since = "30 2 * 3,4,10,11 sun", datetime(ZONES[tz], 1, 1, tzinfo=UTC)
    end = since.replace(year=since.year + years)
    world = World(kind(tmp_path), since, len(tz), 0.2)
    outside = App("memory:")
    outside.store = world.stores[0]
    for _ in range(2):
        schedule = outside.schedule(
            report(), cron=line, tz=tz, overlap="buffer_all", catch_up="1d", schedule_id="weekly"
        )
    world.until(instant(end))
    expected = [f"weekly@{one:%Y-%m-%dT%H:%M:%SZ}" for one in occurrences(line, tz, since + timedelta(days=1), end)]
    shown = [run for page in _pages(outside) for run in page if run.run_id != "weekly"]
    assert sorted(run.run_id for run in shown) == expected
    assert {run.status for run in shown} == {"completed"}
    assert schedule.standing() == "active"
    assert world.deaths > 3 * years


def _pages(app):
    cursor = None
    while True:
        page = app.runs(workflow=report.definition.name, limit=500, cursor=cursor)
        yield page.runs
        if (cursor := page.cursor) is None:
            return


def test_two_services_on_redis_start_each_occurrence_once(redis_url):
    apps = [App(redis_url) for _ in range(2)]
    placed = [app.schedule(report(), every="1s", limit=3, overlap="buffer_all", schedule_id="often") for app in apps]
    assert placed[0].schedule_id == placed[1].schedule_id
    with apps[0].worker(threads=2), apps[1].worker(threads=2):
        assert apps[0].get("often").result(timeout=20) == "over"
        runs = apps[0].runs(workflow=report.definition.name).runs
        for run in runs:
            assert apps[1].get(run.run_id).result(timeout=20) == "done"
    assert len(runs) == 3
    for app in apps:
        app.close()
