"""`yieldflow schedule`, on a store of its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from click.testing import CliRunner

from yieldflow import App
from yieldflow.cli.commands import yieldflow

TARGET = "tests.schedules.flows:report"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.chdir(tmp_path)
    env = {"YIELDFLOW_URL": f"sqlite:///{tmp_path}/runs.db", "YIELDFLOW_MODULES": "", "COLUMNS": "100", "NO_COLOR": "1"}

    def call(*words: str) -> Any:
        return CliRunner().invoke(yieldflow, ["schedule", *words], env=env)

    return call


@pytest.fixture
def hourly(shell: Callable[..., Any]) -> Callable[..., Any]:
    done = shell("add", TARGET, "--kw", 'takes="1ms"', "--cron", "0 * * * *", "--tz", "Europe/Berlin", "--id", "hourly")
    assert (done.exit_code, done.output) == (0, "hourly\n")
    return shell


def at_work(tmp_path: Path) -> None:
    """Whoever works on runs does what there is to do."""
    app = App(f"sqlite:///{tmp_path}/runs.db")
    for run in app.runs().runs:
        app.runtime.tend(run.run_id)
    app.close()


def test_what_was_added_is_listed_and_shown(hourly, tmp_path):
    at_work(tmp_path)
    listed = hourly("list").stdout.splitlines()
    assert listed[0].split() == ["SCHEDULE", "STANDS", "DUE", "NEXT", "(UTC)", "STARTS"]
    assert listed[1].startswith("hourly    active  0 * * * * Europe/Berlin  20")
    assert listed[1].endswith('tests.schedules.flows:report("1ms")')  # however long: in a pipe no line is broken
    shown = hourly("show", "hourly").stdout
    assert shown.startswith("hourly is active\n")
    assert 'tests.schedules.flows:report("1ms")' in shown
    assert "so far   nothing" in shown


def test_as_json_it_is_one_document(hourly, tmp_path):
    at_work(tmp_path)
    (listed,) = json.loads(hourly("list", "--json").stdout)
    assert listed == json.loads(hourly("show", "hourly", "--json").stdout)
    assert (listed["schedule_id"], listed["standing"], listed["overlap"]) == ("hourly", "active", "skip")
    assert len(listed["next"]) == 5


def test_it_is_paused_changed_triggered_filled_in_and_deleted(hourly, tmp_path):
    assert hourly("pause", "hourly", "--reason", "closed").exit_code == 0
    at_work(tmp_path)
    assert hourly("show", "hourly").stdout.startswith("hourly is paused: closed\n")
    assert hourly("resume", "hourly").exit_code == 0
    assert hourly("update", "hourly", "--every", "2h", "--overlap", "allow_all", "--end", "2099-01-01").exit_code == 0
    run_id = hourly("trigger", "hourly").stdout.strip()
    assert run_id.startswith("hourly@20")
    filled = hourly("backfill", "hourly", "--since", "2026-01-01", "--until", "2026-01-01T05:00").stdout.split()
    assert filled == [f"hourly@2026-01-01T{hour:02}:00:00Z" for hour in (0, 2, 4)]
    for _ in range(5):
        at_work(tmp_path)
    recent = {run["run_id"] for run in json.loads(hourly("show", "hourly", "--json").stdout)["recent"]}
    assert recent == {run_id, *filled}
    assert "every 2h" in hourly("list").stdout
    assert hourly("delete", "hourly").exit_code == 0
    for _ in range(3):
        at_work(tmp_path)
    assert "there are no schedules" in hourly("list").stderr
    assert "hourly    deleted" in hourly("list", "--ended").stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("show", "nobody"), 3, "there is no schedule 'nobody'"),
        (("pause", "nobody"), 3, "there is no schedule 'nobody'"),
        (("update", "hourly"), 2, "say what to change"),
        (("update", "hourly", "--cron", "soon"), 2, "is no cron line"),
        (("update", "hourly", "--overlap", "maybe"), 2, "'maybe' is not one of"),
        (("backfill", "hourly", "--since", "x", "--until", "1d"), 2, "--since: 'x' is not a duration"),
        (("backfill", "hourly", "--since", "20000d", "--until", "0s"), 2, "more than 1,000 occurrences"),
        (("add", TARGET), 2, "one of cron=, every= and at="),
        (("add", TARGET, "--every", "1h", "--id", "a@b"), 2, "cannot be the id"),
        (("add", TARGET, "--every", "1h", "--id", "hourly"), 2, "exists already"),
    ],
)
def test_wrong_usage_is_one_sentence_and_a_code(hourly, words, code, says):
    done = hourly(*words)
    assert done.exit_code == code, done.output
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_url_before_the_command_holds_for_it(shell, hourly, tmp_path):
    url = f"sqlite:///{tmp_path}/other.db"
    App(url).runs()
    for words in (["--url", url, "schedule", "list"], ["schedule", "--url", url, "list"]):
        done = CliRunner().invoke(yieldflow, words, env={"YIELDFLOW_URL": "memory:", "YIELDFLOW_MODULES": ""})
        assert (done.exit_code, done.stdout) == (0, "")
        assert "there are no schedules" in done.stderr


def test_one_that_cannot_be_read_hides_none_of_the_others(hourly, tmp_path):
    assert hourly("add", TARGET, "--every", "1h", "--id", "spoilt").exit_code == 0
    with closing(sqlite3.connect(tmp_path / "runs.db")) as db, db:
        db.execute("UPDATE event SET bytes = x'7b' WHERE run = (SELECT id FROM run WHERE run_id = 'spoilt')")
    listed = hourly("list")
    assert listed.exit_code == 0
    assert [line.split()[:2] for line in listed.stdout.splitlines()[1:]] == [
        ["hourly", "active"],
        ["spoilt", "blocked"],
    ]
    assert [one["standing"] for one in json.loads(hourly("list", "--json").stdout)] == ["active", "blocked"]


@pytest.mark.parametrize("words", [("--at", "2h"), ("--cron", "0 * * * *", "--start", "1d")])
def test_a_time_to_come_is_no_time_ago(shell, words):
    said = shell("add", TARGET, *words)
    assert (said.exit_code, "is no time such as 2026-01-31T12:00" in said.output) == (2, True)
    assert shell("list").exit_code == 4  # nothing was made


def test_a_zone_that_this_machine_does_not_know_is_shown_in_utc(hourly, tmp_path, monkeypatch):
    at_work(tmp_path)
    monkeypatch.setattr("yieldflow.schedules.occurrences.ZoneInfo", _knows_none)
    assert "+00:00" in hourly("show", "hourly").stdout


def _knows_none(name: str) -> ZoneInfo:
    raise ZoneInfoNotFoundError(name)
