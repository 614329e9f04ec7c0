"""What is said of a schedule, and what may be asked of it, when not all is as it should be."""

from __future__ import annotations

import sys
import zoneinfo
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier, Thread

import pytest
from attrs import evolve

from tests.features.moments import eventually
from tests.schedules.flows import report
from yieldflow import App, Flow, workflow
from yieldflow.codec import JsonCodec
from yieldflow.errors import UnreadableLog, UsageError
from yieldflow.schedules import verbs
from yieldflow.schedules.asking import Asked, target_of
from yieldflow.schedules.declaring import DECLARED, Declared
from yieldflow.stores.memory import MemoryStore

DAY = timedelta(days=1)


@pytest.fixture
def app():
    app = App("memory:")
    yield app
    app.close()


@workflow
def family() -> Flow[None]:
    for _ in range(3):
        yield report("1ms")


# --- when it is due next ----------------------------------------------------------------------------------------------


def test_it_is_shown_to_be_due_no_more_often_than_its_limit_leaves(app):
    schedule = app.schedule(report(), every="1h", limit=2)
    app.runtime.tend("report")
    assert len(schedule.show().next) == 2


def test_what_is_paused_is_not_shown_to_be_due(app):
    schedule = app.schedule(report(), every="1h")
    schedule.pause()
    app.runtime.tend("report")
    assert (schedule.show().standing, schedule.show().next) == ("paused", ())


@pytest.fixture
def no_zones(monkeypatch):
    """As on a machine that has no database of time zones."""
    for name in ("tzdata", *(name for name in sys.modules if name.startswith("tzdata."))):
        monkeypatch.setitem(sys.modules, name, None)
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


def test_where_the_zone_is_not_known_it_goes_on_and_is_shown_with_what_others_have_found(app, request):
    app.schedule(report(), cron="30 7 * * *", tz="Europe/Berlin", schedule_id="known")
    app.runtime.tend("known")
    found = app.schedules.get("known").show().next
    app.schedule(report(), cron="30 7 * * *", tz="Europe/Berlin", schedule_id="new")
    request.getfixturevalue("no_zones")
    app.runtime.tend("new")
    assert [(one.show().standing, one.show().next) for one in app.schedules.list()] == [
        ("active", found[:1]),
        ("active", ()),
    ]
    with pytest.raises(UsageError, match=r"is no time zone; .* pip install tzdata"):
        app.schedules.get("known").backfill(datetime.now(UTC) - DAY, datetime.now(UTC))


# --- what it has started ----------------------------------------------------------------------------------------------


def test_former_logs_hide_nothing_that_it_has_started(app, monkeypatch):
    monkeypatch.setattr(verbs, "LISTED", 3)
    schedule = app.schedule(report("1ms"), every="1d")
    run_id = schedule.trigger()
    with app.worker(threads=1):
        for hours in range(2, 9):
            schedule.update(every=f"{hours}h")
            eventually(lambda at=hours: app.store.newest("report") == f"report~{at}")
    assert [run.run_id for run in schedule.show().recent] == [run_id]


def test_children_of_what_it_has_started_are_not_shown_as_started_by_it(app, monkeypatch):
    monkeypatch.setattr(verbs, "LISTED", 2)
    schedule = app.schedule(family(), every="1d")
    run_id = schedule.trigger()
    with app.worker(threads=2):
        app_run = eventually(lambda: schedule.show().recent and app.get(run_id))
        app_run.result(timeout=20)
    assert [run.run_id for run in schedule.show().recent] == [run_id]


# --- a log that cannot be read ----------------------------------------------------------------------------------------


class Damaged(MemoryStore):
    """Where the first event of one run is not what it was."""

    damaged = ""

    def read(self, run_id, *asked, **options):
        log = super().read(run_id, *asked, **options)
        damaged = run_id == self.damaged and log is not None and log.events
        return evolve(log, events=(b'{"secret": "4111"}', *log.events[1:])) if damaged else log


def test_a_log_that_cannot_be_read_is_said_without_what_is_in_it(app):
    app.store = Damaged()
    for name in ("bad", "good"):
        app.schedule(report(), every="1h", schedule_id=name)
    app.store.damaged = "bad"
    bad, good = app.schedules.list()
    assert good.show().standing == "active"
    again = partial(app.schedule, report(), every="1h", schedule_id="bad")
    for ask in (bad.show, bad.pause, partial(bad.update, every="2h"), partial(app.schedules.get, "bad"), again):
        with pytest.raises(UnreadableLog, match="'bad'") as caught:
            ask()
        assert "4111" not in str(caught.value)


def test_a_log_that_cannot_be_read_keeps_no_worker_from_its_work(monkeypatch):
    monkeypatch.setitem(DECLARED, "bad", Declared(_plan(), "tests"))
    app = App("memory:", modules=["tests.schedules.flows"])
    app.store = Damaged()
    with app.worker():
        assert app.schedules.get("bad").show().standing == "active"
    app.store.damaged = "bad"
    with app.worker():
        assert app.start(report("1ms")).result(timeout=20) == "1ms"
    app.close()


def _plan():
    return Asked(every="1h").plan(target_of(report(), JsonCodec()))


# --- what is asked of it ----------------------------------------------------------------------------------------------


class Together(MemoryStore):
    """Where two that tell the schedule something have both read before either of them writes."""

    telling: Barrier | None = None

    def commit(self, commits):
        if self.telling is not None:
            self.telling.wait()
        return super().commit(commits)


def test_of_two_updates_at_once_both_hold(app):
    app.store = Together()
    schedule = app.schedule(report(), every="1h")
    app.runtime.tend("report")
    app.store.telling = Barrier(2, timeout=10)
    threads = [Thread(target=schedule.update, kwargs=one) for one in ({"overlap": "allow_all"}, {"catch_up": "5h"})]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    app.store.telling = None
    for _ in range(4):
        plan = schedule.show().plan
        assert (plan.overlap, plan.catch_up) == ("allow_all", 18_000_000)
        app.runtime.tend(app.store.newest("report"))


@pytest.mark.parametrize("reason", ["x" * 1_001, "\x1b[2J", 5])
def test_a_reason_that_cannot_be_shown_is_refused(app, reason):
    schedule = app.schedule(report(), every="1h")
    with pytest.raises(UsageError, match="cannot be a reason"):
        schedule.pause(reason)
    assert len(app.get("report").history()) == 1


def test_a_trigger_with_a_key_is_started_once(app):
    schedule = app.schedule(report("1ms"), every="1d")
    run_ids = {schedule.trigger(key="mail 7") for _ in range(3)} | {schedule.trigger(key="mail 8")}
    assert len(run_ids) == 2
    with app.worker(threads=1):
        for run_id in run_ids:
            eventually(lambda at=run_id: any(run.run_id == at for run in app.runs(status="completed").runs))
        run_ids.add(schedule.trigger(key="mail 7"))
        eventually(lambda: schedule.show().state.by_hand == 2)
    assert {run.run_id for run in schedule.show().recent} == run_ids
    with pytest.raises(UsageError, match="cannot be a key"):
        schedule.trigger(key="")


def test_no_more_than_a_thousand_wait_that_were_asked_for_by_hand(app):
    schedule = app.schedule(report("1h"), every="1m")
    until = datetime(2026, 1, 2, tzinfo=UTC)
    assert len(schedule.backfill(until - timedelta(minutes=600), until)) == 600
    for _ in range(2):
        with pytest.raises(UsageError, match=r"(600|599) that were asked for still wait"):
            schedule.backfill(until - timedelta(minutes=1_200), until - timedelta(minutes=700))
        app.runtime.tend("report")
    assert len(schedule.backfill(until - timedelta(minutes=900), until - timedelta(minutes=600))) == 300
