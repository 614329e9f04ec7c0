"""Schedules in virtual time: years in seconds, with crashes anywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.schedules.clocks import ZONES, occurrences
from tests.schedules.flows import MIDNIGHT, Played, report
from yieldflow.core.times import instant
from yieldflow.schedules.plan import DELETE, RESUME, Backfill, Pause, Trigger, Update


def spelled(times):
    return [one.strftime("%Y-%m-%dT%H:%M:%SZ") for one in times]


@pytest.mark.parametrize("tz", ZONES)
def test_in_ten_years_each_occurrence_is_started_once_whatever_crashes(tz):
    line, since = "30 2 * 3,4,10,11 sun", datetime(ZONES[tz], 1, 1, tzinfo=UTC)
    until = since + timedelta(days=3_652)
    played = Played(report(), cron=line, tz=tz, since=since)
    while played.sim.now < until:
        played.advance("91d")
        played.sim.crash()
    expected = occurrences(line, tz, since + timedelta(milliseconds=1), played.sim.now)
    assert played.started == spelled(expected)
    assert set(played.sim.children.values()) == {"completed"}


def test_the_log_stays_short_and_the_run_id_the_same():
    played = Played(report(), every="1h").advance("20d")
    assert len(played.started) == 20 * 24
    assert len(played.sim.history) < 500
    assert played.sim.status == "running"


def test_a_crash_between_any_two_facts_changes_nothing():
    played = Played(report("90m"), cron="0 * * * *", overlap="buffer_one")
    for _ in range(60):
        played.advance("7m")
        played.sim.crash()
    assert played.started == Played(report("90m"), cron="0 * * * *", overlap="buffer_one").advance("7h").started


def test_limit_ends_it_after_so_many():
    played = Played(report(), every="1h", limit=3)
    assert played.sim.result == "over"
    assert played.started == ["2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z"]


def test_a_list_of_instants_ends_it_after_the_last():
    played = Played(report(), at=[MIDNIGHT + timedelta(days=2), MIDNIGHT + timedelta(days=1)])
    assert played.sim.result == "over"
    assert played.started == ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]


def test_jitter_begins_each_later_and_keeps_its_run_id():
    played = Played(report(), every="1h", jitter="30m").advance("12h")
    begun = {part.run_id: event.at for part, event in _starts(played)}
    late = [at - instant(datetime.fromisoformat(run_id.partition("@")[2])) for run_id, at in begun.items()]
    assert all(0 <= one <= 1_800_000 for one in late)
    assert len(set(late)) > 5


def test_what_was_missed_is_caught_up_with_as_far_as_catch_up_says():
    played = Played(report("1s"), every="10m", catch_up="35m", overlap="allow_all")
    played.sim._stage.now += 5 * 3_600_000  # everything was down
    played.advance("1s")
    assert played.started == [f"2026-01-01T04:{minute}:00Z" for minute in (30, 40, 50)] + ["2026-01-01T05:00:00Z"]
    assert played.state["missed"] == 26


def test_years_of_downtime_are_passed_over():
    played = Played(report(), every="1s", catch_up="10s", overlap="allow_all")
    played.sim._stage.now += 4 * 365 * 86_400_000
    played.advance("100ms")
    assert len(played.started) == 11


def test_a_paused_schedule_starts_nothing_and_makes_up_for_nothing():
    played = Played(report(), every="1h").advance("90m").tell(Pause("the bank is down")).advance("5h")
    assert played.state["paused"], played.state["reason"] == (True, "the bank is down")
    played.tell(RESUME).advance("1h")
    assert played.started == ["2026-01-01T01:00:00Z", "2026-01-01T07:00:00Z"]


def test_a_trigger_starts_it_at_once_also_in_a_pause():
    played = Played(report("2h"), every="1h").advance("90m").tell(Pause(None), Trigger(instant(MIDNIGHT) + 5_400_000))
    assert played.started == ["2026-01-01T01:00:00Z", "2026-01-01T01:30:00Z"]


def test_a_trigger_counts_as_running_for_what_is_due_next():
    played = Played(report("2h"), every="1h").advance("30m").tell(Trigger(instant(MIDNIGHT) + 1)).advance("1h")
    assert played.started == ["2026-01-01T00:00:00.001Z"]
    assert played.state["skipped"] == 1


def test_backfilled_occurrences_run_one_after_the_other():
    past = tuple(instant(MIDNIGHT) - hours * 3_600_000 for hours in (3, 2, 1))
    played = Played(report("10m"), every="1h").advance("1m").tell(Backfill(past)).advance("5m")
    assert played.started == ["2025-12-31T21:00:00Z"]
    played.advance("40m")
    assert played.started == ["2025-12-31T21:00:00Z", "2025-12-31T22:00:00Z", "2025-12-31T23:00:00Z"]


def test_a_backfill_of_what_was_started_starts_nothing_again():
    played = Played(report(), every="1h").advance("3h30m")
    before = list(played.started)
    played.tell(Backfill(tuple(instant(MIDNIGHT) + hours * 3_600_000 for hours in (1, 2, 3)))).advance("10m")
    assert played.started == before


def test_an_update_holds_from_now_on_and_takes_nothing_of_the_past():
    played = Played(report(), every="1d").advance("36h")
    changed = Played(report("2s"), every="1h", tz="Europe/Berlin")
    played.tell(Update(changed.sim.call.args[0])).advance("2h")
    assert played.started == ["2026-01-02T00:00:00Z", "2026-01-02T13:00:00Z", "2026-01-02T14:00:00Z"]


def test_an_update_does_not_lose_what_waits_for_its_jitter():
    played = Played(report(), every="1h", jitter="50m").advance("61m")
    assert played.started == []
    played.tell(Update(Played(report("2s"), every="1h", jitter="50m").sim.call.args[0])).advance("1h")
    assert played.started[0] == "2026-01-01T01:00:00Z"


def test_an_update_does_not_lose_what_was_due_before_it_while_everything_was_down():
    played = Played(report("1ms"), every="1h", catch_up="1d", overlap="allow_all").advance("10m")
    played.sim._stage.now += 3 * 3_600_000
    played.tell(Update(Played(report("2s"), every="1d").sim.call.args[0])).advance("1s")
    assert played.started == [f"2026-01-01T0{hour}:00:00Z" for hour in (1, 2, 3)]


def test_deleting_ends_it_and_what_it_has_started_goes_on():
    played = Played(report("2h"), every="1h").advance("70m").tell(DELETE)
    assert played.sim.result == "deleted"
    assert list(played.sim.children.values()) == ["completed"]


def _starts(played):
    return [(part.started, part.started) for part in played.sim._stage.parts.values() if part.started.parent]
