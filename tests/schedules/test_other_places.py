"""Schedules of an app whose code has a registry of its own, and of `app.aio`."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from tests.schedules.flows import report
from yieldflow import App
from yieldflow.authoring.registry import Registry
from yieldflow.errors import RunEnded, UnknownRun
from yieldflow.schedules import AsyncSchedule, Schedule, Schedules, UnknownSchedule
from yieldflow.schedules.aio import AsyncSchedules


@pytest.fixture(params=["memory:", "redis"])
def url(request):
    return request.getfixturevalue("redis_url") if request.param == "redis" else request.param


def test_an_app_with_a_registry_of_its_own_has_schedules(url):
    code = Registry()
    code.add_workflow(report.definition)
    app = App(url, registry=code)
    with app.worker(threads=2):
        schedule = app.schedule(report("0s"), every="1s", limit=2)
        assert app.get(schedule.schedule_id).result(timeout=20) == "over"
        started = schedule.show().recent
        assert app.results([app.get(run.run_id) for run in started], timeout=20) == ["0s", "0s"]
    app.close()


async def result(app, run_id):
    """Of a run that somebody was asked to start."""
    for _ in range(500):
        with suppress(UnknownRun):
            return await (await app.aio.get(run_id)).result(timeout=10)
        await asyncio.sleep(0.02)
    raise AssertionError(run_id)


async def every_verb(app):
    made = await app.aio.schedule(report("0s"), cron="0 7 * * *", schedule_id="daily")
    assert isinstance(made, AsyncSchedule)
    assert [one.schedule_id for one in await app.aio.schedules.list()] == ["daily"]
    await made.pause("holidays")
    await made.update(overlap="allow_all", tz="Europe/Berlin")
    assert await result(app, await made.trigger()) == "0s"
    filled = await made.backfill(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))
    assert filled == ("daily@2026-01-01T06:00:00Z", "daily@2026-01-02T06:00:00Z")
    shown = await made.show()
    assert (shown.standing, shown.plan.overlap, shown.state.reason) == ("paused", "allow_all", "holidays")
    await made.resume()
    assert [await result(app, run_id) for run_id in filled] == ["0s", "0s"]
    await made.delete()
    assert await result(app, "daily") == "deleted"
    assert await app.aio.schedules.list() == ()
    assert [one.schedule_id for one in await app.aio.schedules.list(ended=True)] == ["daily"]
    with pytest.raises(RunEnded):
        await (await app.aio.schedules.get("daily")).trigger()
    with pytest.raises(UnknownSchedule):
        await app.aio.schedules.get("nightly")


def test_every_verb_of_a_schedule_is_a_coroutine_of_aio(url):
    app = App(url)
    with app.worker(threads=2):
        asyncio.run(asyncio.wait_for(every_verb(app), timeout=30))
    app.close()


@pytest.mark.parametrize(("plain", "later"), [(Schedule, AsyncSchedule), (Schedules, AsyncSchedules)])
def test_aio_leaves_no_verb_out(plain, later):
    within = {"put", "expect", "history", "standing", "add", "of_modules"}  # for the package itself
    verbs = {name for name, value in vars(plain).items() if callable(value) and not name.startswith("_")} - within
    assert verbs == {name for name, value in vars(later).items() if callable(value) and not name.startswith("_")}
    assert all(asyncio.iscoroutinefunction(vars(later)[name]) for name in verbs)
