"""`ls`: filters, pages, columns, and runs that nobody will move."""

from __future__ import annotations

import json
import re
import shlex
from contextlib import contextmanager

import pytest

from tests.cli.conftest import ROOT
from tests.cli.shop import asks, hello
from yieldflow import App
from yieldflow.stores.sqlite import SqliteStore
from yieldflow.testing.contracts.harness import FakeClock

SHOP = "tests.cli.shop"
COLUMNS = ["run", "status", "workflow", "started", "finished", "queue", "tags", "why"]
START = 1_700_000_000_000


@contextmanager
def at(shell, minutes):
    """An app whose store has that time."""
    app = App(shell.url)
    app.store = SqliteStore(shell.home / "shop.db", FakeClock(START + minutes * 60_000))
    yield app
    app.close()


@pytest.fixture
def listed(shell):
    """A shell with six runs, a minute apart: o0 to o4 wait for a hook, done is over."""
    for number in range(5):
        tags = {"team": "shop" if number % 2 else "café", "n": str(number)}
        with at(shell, number) as app:
            app.start(asks(f"o{number}"), run_id=f"o{number}", tags=tags)
            app.runtime.tend(f"o{number}")
    with at(shell, 5) as app:
        app.run(hello(), run_id="done")
    return shell


def names(result):
    assert result.exit_code == 0, result.stderr
    return [line.split("\t")[0] for line in result.stdout.splitlines()]


def test_the_columns_are_those_of_the_docs(listed):
    lines = [line.split("\t") for line in listed("ls").stdout.splitlines()]
    assert lines[0][:4] == ["done", "completed", f"{SHOP}:hello", "2023-11-14T22:18:20.000Z"]
    assert lines[0][5:] == ["yieldflow", ""]
    assert lines[1] == [
        *("o4", "running", f"{SHOP}:asks", "2023-11-14T22:17:20.000Z", "", "yieldflow"),
        '{"team": "café", "n": "4"}',
    ]
    assert {len(line) for line in lines} == {7}
    page = (ROOT / "docs" / "listing.md").read_text().partition("## Columns")[2].partition("## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == COLUMNS
    told = " ".join(listed("ls", "--help").stdout.split())
    assert ": " + ", ".join(COLUMNS[:-2]) + ", tags (JSON), and with --stuck why" in told


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("", "done o4 o3 o2 o1 o0"),
        ("--oldest-first", "o0 o1 o2 o3 o4 done"),
        ("--status running", "o4 o3 o2 o1 o0"),
        ("--status failed --status completed", "done"),
        (f"--workflow {SHOP}:hello", "done"),
        ("--tag team=shop", "o3 o1"),
        ("--tag team=shop --tag n=1", "o1"),
        ("--tag team=shop --tag n=2", ""),
        ("--since 2023-11-14T22:16:20", "done o4 o3"),
        ("--since 2023-11-14T23:16:20+01:00 --until 2023-11-14T22:18:20Z", "o4 o3"),
        ("--until 1d", "done o4 o3 o2 o1 o0"),
        ("--since '1h ago'", ""),
        ("--limit 2", "done o4"),
    ],
)
def test_filters_can_be_put_together(listed, options, found):
    assert names(listed("ls", *shlex.split(options))) == found.split()


def test_the_next_page_is_a_command_that_can_be_pasted(listed):
    command, found = ["ls", "--limit", "2", "--status", "running", "--tag", "team=café", "--oldest-first"], []
    for _ in range(3):
        result = listed(*command)
        found.append(names(result))
        if not result.stderr:
            break
        told, _, following = result.stderr.partition(": ")
        assert told == "there are more"
        command = shlex.split(following)[1:]
    assert found == [["o0", "o2"], ["o4"]]


def test_json_has_the_cursor_of_the_next_page(listed):
    first = json.loads(listed("ls", "--json", "--limit", "4").stdout)
    assert [run["run_id"] for run in first["runs"]] == ["done", "o4", "o3", "o2"]
    second = json.loads(listed("ls", "--json", "--cursor", first["cursor"]).stdout)
    assert [run["run_id"] for run in second["runs"]] == ["o1", "o0"]
    assert second["cursor"] is None
    assert second["runs"][0] == {
        "run_id": "o1",
        "status": "running",
        "workflow": f"{SHOP}:asks",
        "queue": "yieldflow",
        "started_at": "2023-11-14T22:14:20.000Z",
        "finished_at": None,
        "tags": {"team": "shop", "n": "1"},
        "parent": None,
        "blocked": None,
    }


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--tag", "team"], "--tag 'team' says nothing: write --tag NAME=VALUE"),
        (["--tag", "n=1", "--tag", "n=2"], "no run has two values of one tag"),
        (["--tag", "n=\n"], "use printable characters"),
        (["--since", "2023-13-01"], "is not a duration"),
        (["--since", "2023-13-01"], "nor is it a time such as 2026-01-31T12:00"),
        (["--since", "9999999999999 days"], "is not a duration"),
        (["--cursor", "x"], "'x' is no cursor: give back that of the page before"),
        (["--stuck", "--status", "failed"], "leave out --status"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(listed, options, sentence):
    result = listed("ls", *options)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_nothing_stuck_is_said(checkout):
    result = checkout("ls", "--stuck")
    assert result.stdout == ""
    assert result.stderr == f"no run is stuck, of 1 looked at in {checkout.url}\n"


def test_stuck_runs_come_with_the_reason_and_what_to_do(shell):
    with at(shell, 0) as app:
        for number in range(3):
            app.start(asks(f"o{number}"), run_id=f"o{number}")
    result = shell("ls", "--stuck", "--limit", "2")
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert [line[0] for line in lines] == ["o2", "o1"]
    assert all(", and nobody has rung for it since it was due" in line[7] for line in lines)
    assert f"2 runs stuck, of 2 looked at in {shell.url}\n" in result.stderr
    following = shlex.split(result.stderr.splitlines()[-1].partition(": ")[2])
    assert following[:3] == ["yieldflow", "ls", "--stuck"]
    assert names(shell(*following[1:])) == ["o0"]
    document = json.loads(shell("ls", "--stuck", "--json").stdout)
    assert [run["run_id"] for run in document["runs"]] == ["o2", "o1", "o0"]
    assert document["runs"][0]["advice"] == ["start a worker: yieldflow worker MODULE"]
    assert document["runs"][0]["why"].startswith("nobody has begun it yet")
