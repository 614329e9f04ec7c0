"""What is done with schedules from outside, on each store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from tests.features.moments import eventually
from tests.schedules.flows import report, stubborn
from yieldflow import App, Flow, scheduled, sleep, workflow
from yieldflow.errors import BadDefinition, InsideWorkflow, RunEnded, RunExists, UsageError
from yieldflow.schedules import ScheduleExists, UnknownSchedule, verbs
from yieldflow.schedules.declaring import DECLARED
from yieldflow.stores.memory import MemoryStore

HOUR = timedelta(hours=1)


@pytest.fixture(params=["memory", "sqlite", "redis"])
def app(request, tmp_path):
    url = {"memory": "memory:", "sqlite": f"sqlite:///{tmp_path}/runs.db"}.get(request.param)
    app = App(url or request.getfixturevalue("redis_url"))
    with app.worker(threads=2):
        yield app
    app.close()


def active(schedule):
    """When it has looked ahead."""
    eventually(lambda: schedule.show().state.next)
    return schedule


def ended(app, run_id):
    return eventually(lambda: any(run.run_id == run_id for run in app.runs(status="completed").runs))


def test_the_same_schedule_again_is_the_one_that_is_there_and_another_is_refused(app):
    one = app.schedule(report(), every="1h", schedule_id="hourly")
    assert app.schedule(report(), every="1h", schedule_id="hourly") == one
    with pytest.raises(ScheduleExists, match="'hourly' exists already, and says otherwise"):
        app.schedule(report(), every="2h", schedule_id="hourly")
    app.start(report(), run_id="taken")
    with pytest.raises(RunExists):
        app.schedule(report(), every="1h", schedule_id="taken")


def test_it_is_shown_with_when_it_is_due_next(app):
    schedule = active(app.schedule(report(), cron="30 7 * * *", tz="Asia/Kathmandu"))
    shown = schedule.show()
    assert (shown.schedule_id, shown.standing, shown.recent) == ("report", "active", ())
    assert [f"{one:%H:%M}" for one in shown.next] == ["01:45"] * 5
    assert app.schedules.get("report") == schedule
    assert app.schedules.list() == (schedule,)


class Counting(MemoryStore):
    calls: ClassVar[list[str]] = []

    def find(self, *asked):
        self.calls.append("find")
        return super().find(*asked)

    def read(self, *asked, **options):
        self.calls.append("read")
        return super().read(*asked, **options)


def test_a_schedule_that_was_changed_often_costs_no_more_to_list_and_to_show(monkeypatch):
    monkeypatch.setattr(verbs, "LISTED", 2)
    app = App("memory:")
    app.store = Counting()
    with app.worker(threads=1):
        schedule = active(app.schedule(report(), every="1h", schedule_id="changing"))
        for hours in range(2, 7):
            schedule.update(every=f"{hours}h")
            eventually(lambda at=hours: app.store.newest("changing") == f"changing~{at}")
        eventually(lambda: schedule.show().state.next)
    app.store.calls.clear()
    assert app.schedules.list() == app.schedules.list(ended=True) == (schedule,)
    assert app.store.calls == ["find"] * 4
    app.store.calls.clear()
    assert schedule.show().standing == "active"
    assert app.store.calls == ["read", "find"]
    app.close()


def test_an_occurrence_is_a_run_of_its_own_with_the_arguments_and_tags_of_the_call(app):
    call = report("1ms").options(tags={"team": "shop"})
    schedule = app.schedule(call, every="1s", limit=1, schedule_id="once")
    assert app.get("once").result(timeout=20) == "over"
    (run,) = eventually(lambda: schedule.show().recent)
    assert app.get(run.run_id).result(timeout=20) == "1ms"
    assert run.tags == {"schedule": "once", "team": "shop"}
    assert run.run_id.startswith("once@20")
    assert schedule.show().standing == "over"
    with pytest.raises(RunEnded):
        schedule.pause()


def test_trigger_pause_update_and_resume(app):
    schedule = active(app.schedule(report("1ms"), every="1d", schedule_id="daily"))
    schedule.pause("the bank is down")
    eventually(lambda: schedule.show().standing == "paused")
    assert ended(app, schedule.trigger())
    assert schedule.show().state.reason == "the bank is down"
    schedule.update(every="2d")
    schedule.update(report("2ms"), overlap="allow_all")
    schedule.resume()
    eventually(lambda: schedule.show().standing == "active")
    plan = schedule.show().plan
    assert (plan.times.rule.span, plan.overlap, plan.target.args) == (2 * 86_400_000, "allow_all", ["2ms"])
    run_id = schedule.trigger()
    assert ended(app, run_id)
    assert app.get(run_id).result(timeout=20) == "2ms"


def test_a_backfill_starts_what_was_due_each_once(app):
    schedule = active(app.schedule(report("1ms"), every="1h", overlap="allow_all", schedule_id="hourly"))
    until = datetime(2026, 1, 2, tzinfo=UTC)
    run_ids = schedule.backfill(until - 3 * HOUR, until)
    assert run_ids == tuple(f"hourly@2026-01-01T{hour}:00:00Z" for hour in (21, 22, 23))
    assert schedule.backfill(until - 2 * HOUR, until) == run_ids[1:]
    for run_id in run_ids:
        assert ended(app, run_id)
    eventually(lambda: schedule.show().state.by_hand == 5)
    assert {run.run_id for run in schedule.show().recent} == set(run_ids)


def test_a_backfill_leaves_to_come_what_is_still_to_come(app):
    schedule = active(app.schedule(report("1ms"), every="1h", schedule_id="hourly"))
    assert schedule.backfill(datetime.now(UTC) + HOUR, datetime.now(UTC) + 9 * HOUR) == ()


def test_a_deleted_schedule_is_gone_and_its_id_may_be_used_again(app):
    schedule = active(app.schedule(report(), every="1h", schedule_id="hourly"))
    schedule.delete()
    eventually(lambda: schedule.show().standing == "deleted")
    assert app.schedules.list() == ()
    assert app.schedules.list(ended=True) == (schedule,)
    again = active(app.schedule(report(), every="2h", schedule_id="hourly"))
    assert again.show().plan.times.rule.span == 7_200_000


def test_terminate_other_ends_the_former_one_without_its_clean_up(app):
    schedule = app.schedule(stubborn("1h", "1h"), every="1s", limit=2, overlap="terminate_other", schedule_id="often")
    assert app.get("often").result(timeout=20) == "over"
    second, first = schedule.show().recent
    assert (app.get(first.run_id).status(), app.get(second.run_id).status()) == ("cancelled", "running")


def test_cancel_other_has_the_former_one_clean_up(app):
    schedule = app.schedule(stubborn("1h", "10ms"), every="1s", limit=2, overlap="cancel_other", schedule_id="often")
    assert app.get("often").result(timeout=20) == "over"
    second, first = schedule.show().recent
    assert (app.get(first.run_id).status(), app.get(second.run_id).status()) == ("cancelled", "running")
    assert first.run_id < second.run_id


def test_a_payload_that_is_no_order_changes_nothing(app):
    schedule = active(app.schedule(report("1ms"), every="1h", schedule_id="hourly"))
    for payload in ({}, {"plan": "another"}, {"verb": "end"}, None, 5):
        app.send("hourly", "orders", payload)
    assert schedule.show().plan.times.rule.span == 3_600_000
    assert ended(app, schedule.trigger())
    assert schedule.show().standing == "active"


# --- those that belong to the code ----------------------------------------------------------------------------------


@pytest.fixture
def declared():
    before = dict(DECLARED)
    DECLARED.clear()
    yield DECLARED
    DECLARED.clear()
    DECLARED.update(before)


@workflow
def tidied() -> Flow[None]:
    yield sleep("1ms")


def test_a_declared_schedule_is_put_in_place_and_changed_when_the_code_has_changed(declared):
    app = App("memory:")
    scheduled(cron="0 7 * * *", tz="Europe/Berlin")(tidied)
    (schedule,) = app.schedules.declare()
    assert app.schedules.declare() == (schedule,)
    declared.clear()
    scheduled(cron="0 8 * * *", tz="Europe/Berlin")(tidied)
    with app.worker():
        app.schedules.declare()
        eventually(lambda: schedule.show().plan.times.rule.line == "0 8 * * *")
        assert len(app.get("tidied").history(1)) > 1


def test_a_worker_of_an_app_with_modules_puts_them_in_place(declared):
    scheduled(every="1h", schedule_id="by-worker")(tidied)
    app = App("memory:", modules=["tests.schedules.flows"])
    with app.worker():
        assert app.schedules.get("by-worker").show().plan.times.rule.span == 3_600_000
    app.close()


def test_a_worker_does_not_put_in_place_what_another_package_declares(declared, tmp_path):
    scheduled(every="1h", schedule_id="of-tests")(tidied)
    (tmp_path / "elsewhere.py").write_text("")
    for modules in ([], [str(tmp_path / "elsewhere.py")]):
        app = App("memory:", modules=modules)
        with app.worker():
            assert app.schedules.list() == ()
        app.close()


def test_what_cannot_be_declared_is_said_at_the_decorator(declared):
    with pytest.raises(BadDefinition, match="stands above @workflow"):
        scheduled(every="1h")(lambda: None)
    with pytest.raises(BadDefinition, match="starts a workflow without arguments"):
        scheduled(every="1h")(stubborn)
    scheduled(every="1h", schedule_id="x")(tidied)
    with pytest.raises(BadDefinition, match="'x' is declared twice"):
        scheduled(every="1h", schedule_id="x")(report)
    with pytest.raises(UsageError, match="is no cron line"):
        scheduled(cron="soon")(tidied)


# --- wrong usage ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "one of cron=, every= and at=, not nothing"),
        ({"cron": "0 0 * * *", "every": "1h"}, "not cron= and every="),
        ({"every": "soon"}, "every='soon' is not a duration"),
        ({"every": "10ms"}, "one second is the shortest"),
        ({"at": [datetime(2026, 1, 1)]}, "must be an aware datetime"),  # noqa: DTZ001 - that is the point
        ({"at": "2026-01-01"}, "must be a list of aware datetimes"),
        ({"at": []}, "is never due"),
        ({"every": "1h", "tz": "Mars/Base"}, "is no time zone"),
        ({"every": "1h", "overlap": "sometimes"}, "is no policy; there are skip, buffer_one"),
        ({"every": "1h", "catch_up": "1s"}, "give 10s or more"),
        ({"every": "1h", "jitter": "x"}, "jitter='x' is not a duration"),
        ({"every": "1h", "limit": 0}, "must be a whole number from 1"),
        ({"every": "1h", "start": "now"}, "must be an aware datetime"),
        ({"every": "1h", "schedule_id": "a@b"}, "cannot be the id of a schedule"),
        ({"every": "1h", "schedule_id": "x" * 161}, "cannot be the id of a schedule"),
    ],
)
def test_what_cannot_be_meant_is_said_in_one_sentence_and_nothing_is_started(options, says):
    app = App("memory:")
    with pytest.raises(UsageError) as refused:
        app.schedule(report(), **options)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert app.runs().runs == ()


def test_what_is_no_call_or_names_its_run_is_refused():
    app = App("memory:")
    with pytest.raises(UsageError, match="takes the call of a workflow"):
        app.schedule(report, every="1h")
    with pytest.raises(UsageError, match="has no run_id="):
        app.schedule(report().options(run_id="x"), every="1h")


def test_an_unknown_schedule_is_said_and_a_run_is_none():
    app = App("memory:")
    app.start(report(), run_id="run")
    for name in ("nobody", "run"):
        with pytest.raises(UnknownSchedule, match="there is no schedule"):
            app.schedules.get(name)


def test_a_workflow_cannot_make_or_change_schedules():
    app = App("memory:")
    schedule = app.schedule(report(), every="1h")
    caught = []

    @workflow
    def confused() -> Flow[None]:
        for ask in (schedule.trigger, lambda: app.schedule(report(), every="1h", schedule_id="y")):
            try:
                ask()
            except InsideWorkflow as error:
                caught.append(error)
        yield sleep("1ms")

    app.run(confused())
    assert len(caught) >= 2


def test_more_than_a_thousand_in_one_backfill_are_refused():
    schedule = App("memory:").schedule(report(), every="1m")
    with pytest.raises(UsageError, match="more than 1,000 occurrences"):
        schedule.backfill(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
