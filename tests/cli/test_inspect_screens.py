"""What `inspect` shows in a real terminal, compared with the golden screens of tests/screens/.

`python -m tests.cli.screens` writes them anew.
"""

import difflib
import json
import os
import re
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.cli import screens
from tests.cli.schema import problems

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "inspect.schema.json").read_text(encoding="utf-8"))
INSPECT = [sys.executable, "-m", "yieldflow", "inspect"]
ANEW = "if it is as it should be: python -m tests.cli.screens"


@pytest.fixture(scope="module")
def shown():
    with TemporaryDirectory() as folder:
        yield screens.screens(Path(folder))


@pytest.fixture(scope="module")
def stage():
    with TemporaryDirectory() as folder:
        yield screens.prepared(Path(folder))


@pytest.mark.parametrize("columns", screens.WIDTHS)
@pytest.mark.parametrize("name", screens.SHOWN)
def test_a_terminal_shows_what_the_golden_screen_does(shown, name, columns):
    golden = screens.golden(name, columns).read_text(encoding="utf-8")
    changed = list(difflib.unified_diff(golden.splitlines(), shown[name, columns].splitlines(), lineterm="", n=1))
    assert not changed, "\n".join([*changed, ANEW])


@pytest.mark.parametrize("columns", screens.WIDTHS)
def test_no_line_is_wider_than_the_terminal(shown, columns):
    assert not [
        line
        for (_, width), text in shown.items()
        if width == columns
        for line in text.splitlines()
        if len(line) > columns
    ]


def test_every_golden_screen_is_one_that_is_drawn():
    expected = {screens.golden(name, columns) for name in screens.SHOWN for columns in screens.WIDTHS}
    assert set(screens.SCREENS.glob("*")) == expected


def test_the_page_shows_the_golden_screens():
    text = screens.PAGE.read_text(encoding="utf-8")
    assert text.count("$ yieldflow inspect") >= 4
    assert screens.paged(text) == text, ANEW


@pytest.mark.parametrize("options", [["--json"], ["--json", "--payloads", "--tokens", "--events"]])
def test_json_is_as_its_schema_says(stage, options):
    for name, text in stage.each([*screens.SHOWN], *options).items():
        assert problems(json.loads(text), SCHEMA, SCHEMA) == [], name


def test_a_terminal_has_colours_and_a_pipe_has_none(stage):
    in_terminal = screens.typed(stage.home, [*INSPECT, "sleep", "-m", "flows.py"], 80)
    assert b"\x1b[1;36mrunning" in in_terminal
    assert b"\x1b" not in stage.shell("inspect", "sleep", "-m", "flows.py").stdout


def test_the_arrow_keys_walk_through_the_history_forward_and_back(stage):
    keys = [
        (b"event 10 of 10", b"\x1b[D\x1b[D"),
        (b"event 8 of 10", b"\x1b[C"),
        (b"event 9 of 10", b"\x1b[H"),
        (b"event 1 of 10", b"\x1b[6~"),
        (b"event 10 of 10", b"g"),
        (b"event 1 of 10", b"n"),
        (b"event 2 of 10", b"q"),
    ]
    text = plain(screens.typed(stage.home, [*INSPECT, "completed", "-m", "flows.py", "--step"], 80, keys))
    assert "step_completed 2 pack" not in text  # position 4 was passed by
    assert "nobody has begun it yet" in text
    assert "hook_received unknown" in text


def test_a_walk_may_begin_anywhere_and_of_a_file_too(stage):
    keys = [(b"event 3 of 6", b"q")]
    shown = screens.typed(stage.home, [*INSPECT, "hook.jsonl", "-m", "flows.py", "--step", "--at", "3"], 80, keys)
    assert "step_started 2 pack" in plain(shown)


def plain(raw):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw.decode())


def test_following_shows_a_run_until_it_has_ended(stage):
    stage.shell("start", "flows.py:asks", '"o-20"', "--run-id", "followed")
    tended = ("result", "followed", "-m", "flows.py", "--timeout", "0.5")
    stage.shell(*tended)

    def answered():
        stage.shell("send", "followed", "approval", "true")
        stage.shell(*tended)

    keys = [(b"nobody has answered", b" ")]
    words = [*INSPECT, "followed", "-m", "flows.py", "--follow"]
    text = plain(screens.typed(stage.home, words, 80, keys, then=answered))
    last = text.rpartition("followed  flows:asks")[2]
    assert "4  hook approval" in last
    assert "completed after" in last


def test_ctrl_c_ends_following_with_130(stage):
    process = stage.following("sleep")
    while b"sleep_started" not in process.stdout.readline():
        assert process.poll() is None
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err.strip()) == (130, b"")
