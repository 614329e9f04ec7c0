"""What happens when a schedule is due and the former occurrence still runs: each policy by its name."""

from __future__ import annotations

from itertools import pairwise

from tests.schedules.flows import Played, report, stubborn

HOURS = [f"2026-01-01T{hour:02}:00:00Z" for hour in range(24)]


def test_skip_leaves_out_what_is_due_while_the_former_one_runs_and_no_more():
    played = Played(report("90m"), every="1h", overlap="skip").advance("6h30m")
    assert played.started == [HOURS[1], HOURS[3], HOURS[5]]
    assert played.state["skipped"] == 3


def test_buffer_one_keeps_one_and_starts_it_when_the_former_one_has_ended():
    played = Played(report("150m"), every="1h", overlap="buffer_one").advance("6h30m")
    assert played.started == [HOURS[1], HOURS[2], HOURS[4]]
    assert played.state["skipped"] == 3


def test_buffer_all_loses_none_and_runs_one_at_a_time():
    played = Played(report("90m"), every="1h", overlap="buffer_all", limit=5)
    assert played.sim.result == "over"
    assert played.started == HOURS[1:6]
    spans = [(part.started.at, part.run.ended.at) for part in _parts(played) if part.run.ended is not None]
    assert all(begun >= ended for (_, ended), (begun, _) in pairwise(spans))


def test_what_waits_is_started_soon_after_the_former_one_has_ended():
    played = Played(report("90m"), every="1h", overlap="buffer_all").advance("3h")
    first, second = _parts(played)[:2]
    waited = first.run.ended.at - (first.started.at + 3_600_000)
    assert 0 <= second.started.at - first.run.ended.at <= waited / 10 + 1_000


def test_cancel_other_lets_the_former_one_clean_up_before_the_next_begins():
    played = Played(stubborn("90m", "5m"), every="1h", overlap="cancel_other")
    for _ in range(130):
        played.advance("1m")
    assert played.started == [HOURS[1], HOURS[2]]
    first, second = _parts(played)
    assert first.run.ended.at >= first.started.at + 65 * 60_000
    assert first.run.ended.at <= second.started.at
    assert list(played.sim.children.values()) == ["cancelled", "running"]


def test_cancel_other_starts_only_the_newest_of_those_that_came_during_the_clean_up():
    played = Played(stubborn("90m", "150m"), every="1h", overlap="cancel_other")
    for _ in range(60 * 5):
        played.advance("1m")
    assert played.started == [HOURS[1], HOURS[4]]
    assert played.state["skipped"] == 2


def test_terminate_other_asks_for_the_former_one_to_be_ended():
    played = Played(report("90m"), every="1h", overlap="terminate_other")
    played.sim.advance("2h")
    assert played.ended == [(f"daily@{HOURS[1]}", "terminate_other")]


def test_allow_all_starts_each_at_its_time():
    played = Played(report("150m"), every="1h", overlap="allow_all").advance("4h")
    assert played.started == HOURS[1:5]
    assert list(played.sim.children.values()) == ["completed", "running", "running", "running"]


def _parts(played):
    return [part for part in played.sim._stage.parts.values() if part.started.parent is not None]
