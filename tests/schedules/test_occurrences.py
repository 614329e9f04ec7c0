"""When a schedule is due, over ten years and in five zones, worked out in two ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.schedules.clocks import ZONES, occurrences
from yieldflow.core.times import instant, moment
from yieldflow.errors import UsageError
from yieldflow.schedules.occurrences import At, Cron, Every, Times, between, check, jittered, named, next_after

DAILY = ("30 2 * * *", "0,30 1-3 * 3,4,10,11 sun", "5 4 1-7,15 */2 1")
HOURLY = 3_600_000


def due(line, tz, since, until):
    return [moment(at) for at in between(Times(Cron(line), tz), instant(since), instant(until))]


@pytest.mark.parametrize("line", DAILY)
@pytest.mark.parametrize("tz", ZONES)
def test_in_ten_years_a_cron_line_is_due_as_the_clock_on_the_wall_says_each_time_once(tz, line):
    since = datetime(ZONES[tz], 1, 1, tzinfo=UTC)
    until = since.replace(year=since.year + 10)
    found = due(line, tz, since, until)
    assert found == occurrences(line, tz, since, until)
    assert len(set(found)) == len(found) > 0


@pytest.mark.parametrize(
    ("tz", "day"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 25, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 5, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 10, 4, tzinfo=UTC)),
        ("America/Havana", datetime(2026, 3, 8, tzinfo=UTC)),
        ("America/Havana", datetime(2026, 11, 1, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2011, 12, 30, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("line", ["*/7 * * * *", "0 * * * *", "59 23,0,1,2 * * *"])
def test_around_a_clock_change_nothing_is_lost_and_nothing_comes_twice(tz, day, line):
    since = day - timedelta(days=2)
    until = since + timedelta(days=4)
    assert due(line, tz, since, until) == occurrences(line, tz, since, until)


def test_a_time_that_clocks_skip_is_due_at_the_first_instant_after_the_gap():
    since, until = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC)
    assert due("30 2 * * *", "Europe/Berlin", since, until) == [datetime(2026, 3, 29, 1, tzinfo=UTC)]


def test_several_skipped_times_and_the_one_at_the_end_of_the_gap_are_one_occurrence():
    since, until = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 3, 29, 1, 15, tzinfo=UTC)
    found = due("*/15 * * * *", "Europe/Berlin", since, until)
    assert [one.strftime("%H:%M") for one in found] == ["00:00", "00:15", "00:30", "00:45", "01:00"]


def test_a_day_that_a_zone_skips_as_a_whole_is_made_up_for_at_the_beginning_of_the_next():
    since, until = datetime(2011, 12, 29, 10, tzinfo=UTC), datetime(2011, 12, 31, tzinfo=UTC)
    found = due("0 12 * * *", "Pacific/Apia", since, until)
    assert found == [
        datetime(2011, 12, 29, 22, tzinfo=UTC),
        datetime(2011, 12, 30, 10, tzinfo=UTC),
        datetime(2011, 12, 30, 22, tzinfo=UTC),
    ]


def test_a_time_that_clocks_repeat_is_due_once_the_first_time():
    since, until = datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC)
    assert due("30 2 * * *", "Europe/Berlin", since, until) == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]


def test_in_the_hour_that_comes_again_nothing_of_the_first_time_is_next():
    again = datetime(2026, 10, 25, 1, 5, tzinfo=UTC)  # 02:05 for the second time
    assert next_after(Times(Cron("*/15 * * * *"), "Europe/Berlin"), instant(again)) == instant(
        datetime(2026, 10, 25, 2, tzinfo=UTC)
    )


FIELDS = st.tuples(
    st.sampled_from(["*", "*/7", "0", "30", "1,59", "5-20/3"]),
    st.sampled_from(["*", "*/3", "2", "0,23", "1-3"]),
    st.sampled_from(["*", "1", "28-31", "*/10"]),
    st.sampled_from(["*", "3", "10,11", "*/2"]),
    st.sampled_from(["*", "0", "7", "mon-fri", "sun"]),
)


@settings(max_examples=60, deadline=None)
@given(
    FIELDS.map(" ".join),
    st.sampled_from(sorted(ZONES)),
    st.integers(1_577_836_800_000, 1_890_000_000_000).map(moment),  # 2020 to 2029
)
def test_any_line_from_any_instant_is_next_due_when_the_long_way_says(line, tz, at):
    until = at + timedelta(days=9)
    expected = [one for one in occurrences(line, tz, at, until) if one > at]
    found = next_after(Times(Cron(line), tz), instant(at))
    assert expected[:1] == ([] if found is None or moment(found) >= until else [moment(found)])


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1_000, 10 * HOURLY), st.none() | st.integers(-(10**12), 2 * 10**12), st.integers(-(10**12), 2 * 10**12)
)
def test_an_interval_is_counted_from_its_start_whatever_clocks_do(span, start, at):
    found = next_after(Times(Every(span), "Europe/Berlin", start), at)
    assert found > at
    assert (found - (start or 0)) % span == 0
    assert found - span <= at or found == start


def test_a_list_is_due_at_its_instants_and_then_no_more():
    times = Times(At((1_000, 5_000)))
    assert [next_after(times, at) for at in (0, 1_000, 4_999, 5_000)] == [1_000, 5_000, 5_000, None]


def test_start_is_the_first_instant_that_may_be_one_and_end_the_first_that_may_not():
    times = Times(Every(1_000), start=5_000, end=7_000)
    assert list(between(times, 0, 10_000)) == [5_000, 6_000]


def test_run_ids_are_in_utc_so_that_a_repeated_hour_has_two_names():
    assert named("n", instant(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))) == "n@2026-10-25T00:30:00Z"
    assert named("n", instant(datetime(2026, 10, 25, 1, 30, tzinfo=UTC))) == "n@2026-10-25T01:30:00Z"
    assert named("n", 1_500) == "n@1970-01-01T00:00:01.500Z"


@given(st.integers(0, 10**7))
def test_jitter_is_the_same_for_an_occurrence_whoever_asks_and_never_longer_than_said(jitter):
    assert 0 <= jittered("nightly@x", jitter) == jittered("nightly@x", jitter) <= jitter


def test_jitter_is_another_one_for_each_occurrence():
    assert len({jittered(f"nightly@{number}", 60_000) for number in range(100)}) > 90


@pytest.mark.parametrize(
    "line",
    [
        *("", "* * *", "61 * * * *", "* * * * * *", "R * * * *", "H * * * *", "0 0 L * *", "0 0 * * mon#1", "soon", 5),
        ",".join(["1"] * 1_000) + " * * * *",
    ],
)
def test_what_is_no_line_of_five_plain_fields_is_said_in_one_sentence(line):
    with pytest.raises(UsageError, match="is no cron line: write minute, hour"):
        check(Times(Cron(line)))


@pytest.mark.parametrize("tz", ["Berlin", "", "../etc/passwd", "Europe/", None, "a" * 300])
def test_what_is_no_zone_is_said_in_one_sentence(tz):
    with pytest.raises(UsageError, match="is no time zone; use an IANA name"):
        check(Times(Cron("0 0 * * *"), tz))


@pytest.mark.parametrize(
    "times", [Times(Cron("0 0 30 2 *")), Times(At(())), Times(Every(1_000), start=5_000, end=5_000)]
)
def test_what_is_never_due_is_refused(times):
    with pytest.raises(UsageError, match="is never due"):
        check(times)


BEGIN, END = instant(datetime(1, 1, 1, tzinfo=UTC)), instant(datetime(9999, 12, 31, 23, 59, tzinfo=UTC))


@pytest.mark.parametrize("tz", ["UTC", *ZONES, "Asia/Tokyo", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_first_and_the_last_instants_that_there_are_are_no_accident(tz):
    times = Times(Cron("* * * * *"), tz)
    for at in (BEGIN, BEGIN - 1, -(10**17)):
        assert BEGIN <= next_after(times, at) <= BEGIN + 3 * 86_400_000
    for at in (END - 86_400_000, END, END + 60_000, 10**17):
        found = next_after(times, at)
        assert found is None or found > at
    check(Times(Cron("* * * * *"), tz, start=BEGIN))
    with pytest.raises(UsageError, match="is never due"):
        check(Times(Cron("* * * * *"), tz, start=END + 59_999))
