"""Two services work on one store, in threads of their own, in time that jumps, and die anywhere: each occurrence is
started once.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Thread
from typing import Any

import pytest

from tests.schedules.clocks import ZONES, occurrences
from tests.schedules.model import Model, plan_of, story
from yieldflow import App, Flow, Retry, step, workflow
from yieldflow.core.times import instant
from yieldflow.schedules import program
from yieldflow.stores.memory import MemoryStore
from yieldflow.stores.sqlite import SqliteStore

BODIES: Counter[str] = Counter()


@step(retry=Retry(lost=100))  # services die so often that five in a row are no fault of it
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


class Nobody:
    """Hears no hint: threads of a pool would work in the time of this machine, whatever the clock of the store says."""

    def offer(self, run_id: str, queue: str, count: int = 1) -> None: ...

    def offer_each(self, runs: Any) -> None: ...


class World:
    """Services on one store; *now* is its clock. *hints*: who hears those that they leave, else their own threads."""

    def __init__(self, opened: Any, start: datetime, seed: int, rate: float, hints: Any = None) -> None:
        self.hints = hints
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
                self.apps[number].runtime.clock.heard(self.now)
                self.apps[number].runtime.tend(run_id, hints=self.hints)
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


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", [memory, sqlite])
def test_ten_years_of_two_services_that_die_and_are_told_things_at_any_moment_start_what_is_due_once(
    kind, seed, tmp_path
):
    chance, tz = random.Random(seed), list(ZONES)[seed % len(ZONES)]
    since = datetime(ZONES[tz], 1, 1, tzinfo=UTC)
    end = instant(since.replace(year=since.year + (10 if kind is memory else 2)))
    world = World(kind(tmp_path), since, seed, 0.1, Nobody())
    outside = App("memory:")
    outside.store = world.stores[0]
    plan = partial(plan_of, chance, report, tz)
    model = Model("any", plan(), instant(since))
    schedule = outside.schedules.add("any", model.plan)
    for moment in story(model, chance, end, plan):
        world.until(moment.idle)
        world.now = moment.at
        outside.runtime.clock.heard(moment.at)
        for order in moment.orders:
            outside.send("any", program.ORDERS, order)
    shown = [run for page in _pages(outside) for run in page]
    assert sorted(run.run_id for run in shown) == sorted({*model.by_itself, *model.by_hand})
    state = schedule.show().state
    assert (state.started, state.by_hand, state.missed, state.skipped) == (
        len(model.by_itself),
        len(model.by_hand),
        0,
        0,
    )
    assert {run.status for run in shown} == {"completed"}
    assert world.deaths > 0


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
