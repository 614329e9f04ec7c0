"""What the schedules of other engines got wrong, each played against ours."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.features.moments import eventually
from tests.schedules.flows import Played, report
from yieldflow import App


def test_skip_does_skip_while_the_former_one_sleeps():
    """Elsewhere: three starts while the first was suspended for an hour, for what runs was never noted."""
    played = Played(report("1h"), every="20m", overlap="skip").advance("70m")
    assert played.started == ["2026-01-01T00:20:00Z"]
    assert played.state["skipped"] == 2


def test_skip_does_not_skip_for_ever_once_the_first_run_has_ended():
    """Elsewhere: what ran was noted and never cleared, so a schedule started one run in its life."""
    played = Played(report("10m"), every="20m", overlap="skip").advance("70m")
    assert len(played.started) == 3
    assert played.state["skipped"] == 0


def test_a_run_that_was_terminated_or_pruned_does_not_stop_its_schedule():
    app = App("memory:")
    schedule = app.schedule(report("1h"), every="1s", overlap="skip", schedule_id="often")
    with app.worker():
        first = eventually(lambda: schedule.show().recent)[0].run_id
        app.terminate(first)
        app.prune("0s", workflow=report.definition.name)
        eventually(lambda: [run for run in schedule.show().recent if run.run_id != first])
    app.close()


def test_cancel_other_cancels():
    """Elsewhere: it imports a module that does not exist."""
    played = Played(report("1h"), every="30m", overlap="cancel_other")
    for _ in range(65):
        played.advance("1m")
    assert list(played.sim.children.values()) == ["cancelled", "running"]


def test_the_zone_holds_for_all_runs_not_for_the_first_alone():
    """Elsewhere: nine o'clock in New York the first time, nine o'clock in UTC ever after."""
    since = datetime(2026, 1, 5, tzinfo=UTC)
    played = Played(report(), cron="0 9 * * *", tz="America/New_York", since=since).advance("100d")
    winter, summer = played.started[:60], played.started[70:]
    assert {run_id[11:] for run_id in winter} == {"14:00:00Z"}
    assert {run_id[11:] for run_id in summer} == {"13:00:00Z"}


def test_a_scheduled_run_starts_with_the_arguments_it_was_given():
    """Elsewhere: every scheduled run failed with a TypeError."""
    played = Played(report("2s"), every="1h").advance("2h1m")
    assert list(played.sim.children.values()) == ["completed", "completed"]


def test_how_many_runs_there_were_and_how_they_ended_is_known():
    """Elsewhere: the count of successful runs is never raised."""
    app = App("memory:")
    schedule = app.schedule(report("1ms"), every="1s", limit=2, schedule_id="often")
    with app.worker():
        assert app.get("often").result(timeout=20) == "over"
        eventually(lambda: [run.status for run in schedule.show().recent] == ["completed"] * 2)
    assert schedule.show().state.started == 2
    app.close()


def test_a_pause_and_its_reason_are_in_the_history():
    """Elsewhere: events of schedules are defined, and none is ever written."""
    app = App("memory:")
    schedule = app.schedule(report(), every="1h")
    schedule.pause("the bank is down")
    assert b"the bank is down" in app.get("report").history()[-1].payload
    app.close()
