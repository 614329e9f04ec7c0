"""What is told to a schedule, and when: nothing that was accepted is lost, and what was due before it is dealt with."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve

from tests.schedules.flows import MIDNIGHT, Played, report
from yieldflow.core.chain import chain_of
from yieldflow.core.times import instant
from yieldflow.errors import UsageError
from yieldflow.schedules import program
from yieldflow.schedules.plan import RESUME, Backfill, Pause, Plan, Trigger, Update

HOUR = 3_600_000
START = instant(MIDNIGHT)
AT_ONE = MIDNIGHT + timedelta(hours=1)


def plan_of(**options) -> Plan:
    return Played(report("2s"), **options).sim.call.args[0]


def down(played: Played, millis: int) -> Played:
    """Nobody works for so long."""
    played.sim._stage.now += millis
    return played


def logs(played: Played):
    return [part for run_id, part in played.sim._stage.parts.items() if chain_of(run_id)[0] == "daily"]


# --- the last occurrence ----------------------------------------------------------------------------------------------


def test_two_triggers_that_come_with_the_last_occurrence_are_both_started():
    played = down(Played(report(), at=[AT_ONE], overlap="allow_all").advance("1m"), HOUR)
    played.tell(Trigger(START + HOUR + 60_001), Trigger(START + HOUR + 60_002)).advance("1s")
    triggered = ["2026-01-01T01:01:00.001Z", "2026-01-01T01:01:00.002Z"]
    assert sorted(played.started) == ["2026-01-01T01:00:00Z", *triggered]
    assert played.sim.result == "over"


def test_an_update_that_comes_behind_a_trigger_with_the_last_occurrence_holds():
    played = down(Played(report(), at=[AT_ONE], overlap="allow_all").advance("1m"), HOUR)
    played.tell(Trigger(START + HOUR + 60_001), Update(plan_of(every="1h"))).advance("2h")
    assert played.sim.status == "running"
    assert played.started[-2:] == ["2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z"]


def test_a_pause_is_heard_before_all_is_caught_up_with():
    played = Played(report("1ms"), every="1h", catch_up="7d", overlap="allow_all").advance("10m")
    down(played, 48 * HOUR).tell(Trigger(START + 48 * HOUR), Pause("no more")).advance("1h")
    assert played.state["paused"]
    assert played.started == ["2026-01-03T00:00:00Z"]


# --- resume -----------------------------------------------------------------------------------------------------------


def test_to_resume_what_is_not_paused_leaves_out_nothing_that_waits_for_its_jitter():
    options = {"every": "1h", "jitter": "50m"}
    played = Played(report(), **options).advance("61m").tell(RESUME).advance("58m")
    assert played.started == Played(report(), **options).advance("119m").started != []


def test_to_resume_what_is_not_paused_leaves_out_nothing_that_was_due_while_all_was_down():
    played = Played(report(), every="1h", catch_up="1d", overlap="allow_all").advance("10m")
    down(played, 3 * HOUR).tell(RESUME).advance("1s")
    assert played.started == [f"2026-01-01T0{hour}:00:00Z" for hour in (1, 2, 3)]


def test_a_pause_holds_at_once_also_for_what_waits_for_its_jitter():
    played = Played(report(), every="1h", jitter="50m").advance("61m").tell(Pause("the bank is down")).advance("58m")
    assert played.started == []
    played.tell(RESUME).advance("2h")
    assert "2026-01-01T01:00:00Z" not in played.started
    assert "2026-01-01T02:00:00Z" in played.started


# --- update -----------------------------------------------------------------------------------------------------------


def test_an_update_to_a_finer_rule_starts_nothing_from_before_it_but_what_was_due():
    played = Played(report(), every="1h", jitter="50m", overlap="allow_all").advance("70m")
    assert played.started == []
    played.tell(Update(plan_of(every="1m", overlap="allow_all"))).advance("1s")
    assert played.started == ["2026-01-01T01:00:00Z"]
    played.advance("2m")
    assert played.started[1:] == ["2026-01-01T01:11:00Z", "2026-01-01T01:12:00Z"]


def test_what_was_due_before_an_update_is_started_as_it_was_planned_then():
    played = Played(report("1ms"), every="1h", jitter="50m").advance("61m")
    played.tell(Update(plan_of(every="1d"))).advance("1s")
    (child,) = [part for part in played.sim._stage.parts.values() if "daily@" in part.started.run_id]
    assert child.started.arguments == b'[["1ms"],{}]'


def test_two_updates_that_know_nothing_of_each_other_both_hold():
    played = Played(report(), every="1h").advance("1m")
    known = played.sim.call.args[0]
    one, other = evolve(known, overlap="allow_all"), evolve(known, times=plan_of(every="30m").times)
    played.tell(Update(one, ("overlap",)), Update(other, ("rule",))).advance("1s")
    plan = logs(played)[-1].started.arguments
    assert b'"overlap":"allow_all"' in plan
    assert b'"span":1800000' in plan


def test_what_an_update_has_to_catch_up_with_fills_no_log():
    played = Played(report("1ms"), every="1s", catch_up="1d", overlap="allow_all").advance("10s")
    down(played, 300_000).tell(Update(plan_of(every="1d"))).advance("1h")
    assert len(played.started) == 310
    assert len(logs(played)) > 4
    assert max(len(part.events) for part in logs(played)) < program.FRESH_AFTER + 50
    played.sim.crash()
    assert played.advance("24h").started[310:] == ["2026-01-02T00:00:00Z"]


def test_what_comes_while_an_update_catches_up_is_done_after_it():
    played = Played(report("1ms"), every="1s", catch_up="1d", overlap="allow_all").advance("10s")
    down(played, 300_000).tell(Update(plan_of(every="1d")), Update(plan_of(every="2h"))).advance("2h1s")
    assert len(played.started) == 311
    assert played.started[-1] == "2026-01-01T02:00:00Z"


def test_what_runs_when_all_were_allowed_is_known_to_the_plan_that_skips():
    played = Played(report("5h"), every="1h", overlap="allow_all").advance("2h30m")
    played.tell(Update(plan_of(every="1h", overlap="skip"))).advance("2h")
    assert played.started == ["2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"]
    assert played.state["skipped"] == 2


def test_what_waits_for_its_turn_is_started_when_all_are_allowed():
    played = Played(report("90m"), every="1h", overlap="buffer_all").advance("3h30m")
    assert played.started == [f"2026-01-01T0{hour}:00:00Z" for hour in (1, 2)]
    played.tell(Update(plan_of(every="1d", overlap="allow_all"))).advance("1h")
    assert played.started == [f"2026-01-01T0{hour}:00:00Z" for hour in (1, 2, 3)]
    assert (played.state["started"], played.state["waiting"]) == (3, ())


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_a_trigger_of_a_name_is_started_once_however_often_it_is_told():
    played = Played(report(), every="1d").advance("1m").tell(Trigger(START, "mail-7"), Trigger(START + 9, "mail-7"))
    assert played.started == ["mail-7"]


def test_a_backfill_and_what_is_due_are_each_started_once():
    past = tuple(START + hours * HOUR for hours in (-1, 1, 2))
    played = Played(report(), every="1h", overlap="buffer_all").advance("61m").tell(Backfill(past)).advance("3h")
    assert sorted(played.started) == ["2025-12-31T23:00:00Z", *(f"2026-01-01T0{hour}:00:00Z" for hour in (1, 2, 3, 4))]


# --- a worker that cannot look ahead ----------------------------------------------------------------------------------


def test_who_lacks_the_zone_leaves_it_to_others_and_the_schedule_goes_on():
    lacking = [True, True]

    def ahead(*given):
        if lacking:
            lacking.pop()
            raise UsageError("tz='Europe/Berlin' is no time zone")
        return program.ahead.fn(*given)

    played = Played(report(), every="1h", ahead=ahead).advance("2h1s")
    assert played.started == ["2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"]
    assert lacking == []
