"""The census: what it counts, and that it goes on where it was killed."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from census import TILES, census, only_largest
from census_source import Facts, Package, Tile

from yieldflow import App
from yieldflow.core.commands import CallStep
from yieldflow.core.events import CommandIssued, CommandResolved
from yieldflow.core.path import show

ROOT = Path(__file__).parents[2]
MODULE = '"""A module."""\n\n\ndef double(x):\n    return [2 * one for one in range(len(x))]\n'
BODIES = 1 + 7 + 6 * 3 + 1 + 1  # survey, a list for each package, chunks of two files of six, loose modules, publish


@pytest.fixture
def source(tmp_path):
    """Six packages of six files, two loose modules, and somebody else's."""
    root = tmp_path / "source"
    for package in "abcdef":
        (root / package).mkdir(parents=True)
        for number in range(6):
            (root / package / f"m{number}.py").write_text(MODULE * (number + 1))
    (root / "a" / "m1.py").write_text("print 'Python 2'\n")
    (root / "b" / "m2.py").write_bytes(b"# coding: klingon\nx = 1\n")
    (root / "c" / "m3.py").write_bytes(b"x = '\xff'\n\n\n")
    (root / "one.py").write_text("async def f():\n    if f:\n        pass\n    elif g:\n        pass\n")
    (root / "two.py").write_text("")
    (root / "site-packages" / "other").mkdir(parents=True)
    (root / "site-packages" / "other" / "x.py").write_text(MODULE)
    return root


def call(source, out, **options):
    return census(str(source), out=str(out), chunk=2, pause="20ms", patience="50ms", **options)


def test_a_census_counts_what_is_there(source, tmp_path):
    said = App("memory:").run(call(source, tmp_path))
    found = json.loads((tmp_path / "census.json").read_text())
    functions = 6 * 21 - 2 - 3 - 4 + 1  # a file m<n> has n + 1 of them; three cannot be read, one is loose
    lines = 5 * (6 * 21 - 2 - 3 - 4) + 1 + 2 + 3 + 5
    assert found["total"] | {"longest": 0} == {
        "files": 38,
        "unreadable": 3,
        "lines": lines,
        "functions": functions,
        "coroutines": 1,
        "classes": 0,
        "comprehensions": functions - 1,
        "documented": 33,  # only modules are
        "definitions": functions + 35,
        "deepest": 2,
        "longest": 0,
        "calls": {"len": functions - 1, "range": functions - 1},
    }
    assert found["total"]["longest"][0] == {"lines": 5, "name": "f", "file": "one.py"}
    assert list(found["packages"]) == [*"abcdef", "loose modules"]
    assert [package["unreadable"] for package in found["packages"].values()] == [1, 1, 1, 0, 0, 0, 0]
    for what in ("files", "lines", "functions", "documented", "definitions"):
        assert sum(package[what] for package in found["packages"].values()) == found["total"][what]
    assert said.startswith(f"source: {lines} lines in 38 files of 7 packages, {functions} functions")


def test_no_is_an_answer(source, tmp_path):
    run = App("memory:").start(call(source, tmp_path))
    run.send("publish", False)
    assert run.result(timeout=60).startswith("Not published. source: ")
    assert not (tmp_path / "census.json").exists()
    assert not (tmp_path / "census.svg").exists()


def test_the_size_of_chunks_changes_nothing_but_the_steps(source, tmp_path):
    written = []
    for chunk in (1, 100):
        App("memory:").run(census(str(source), out=str(tmp_path), chunk=chunk, pause=0, patience=0))
        written.append([(tmp_path / name).read_bytes() for name in ("census.json", "census.svg")])
    assert written[0] == written[1]


def test_only_the_largest_files_are_drawn_when_there_are_very_many():
    few = [Package("a", Facts(), (Tile("a/x.py", 9, 0), Tile("a/y.py", 1, 0))), Package("b", Facts(), ())]
    assert list(only_largest(few)) == few
    many = Package("c", Facts(), tuple(Tile(f"c/{lines}.py", lines, 0) for lines in range(TILES, 0, -1)))
    kept = only_largest([*few, many])
    assert [package.name for package in kept] == ["a", "b", "c"]
    assert [tile.file for tile in (*kept[0].tiles, *kept[1].tiles)] == ["a/x.py"]
    assert kept[2].tiles == many.tiles[:-1]


def test_nothing_at_all_can_be_counted(tmp_path):
    assert "0 lines in 0 files" in App("memory:").run(call(tmp_path, tmp_path))
    ET.parse(tmp_path / "census.svg")


# --- killed ------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from itertools import count
from yieldflow import App
from census import census
source, out, journal, store, last = sys.argv[1:]
begun = count(1)
def watch(event, args):
    if event == "open" and str(args[0]) == journal and next(begun) == int(last):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
app = App(store)
print(app.run(census(source, out=out, chunk=2, pause="20ms", patience="50ms", journal=journal), run_id="census"))
app.close()
"""
NEVER = 0


def in_a_process(source, place, last):
    """Run the census; the process kills itself when body number *last* begins."""
    place.mkdir(exist_ok=True)
    arguments = [str(source), str(place), str(place / "journal"), f"sqlite:///{place}/run.db", str(last)]
    return subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'examples'}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def journal(place):
    file = place / "journal"
    return file.read_text().split() if file.exists() else []


def history(place):
    app = App(f"sqlite:///{place}/run.db")
    try:
        return app.get("census").history()
    finally:
        app.close()


def finished_steps(place):
    events = history(place)
    steps = {event.path for event in events if isinstance(event, CommandIssued) and isinstance(event.command, CallStep)}
    resolved = [event.path for event in events if isinstance(event, CommandResolved) and event.path in steps]
    return [show(path) for path in resolved]


@pytest.fixture
def undisturbed(source, tmp_path):
    place = tmp_path / "undisturbed"
    done = in_a_process(source, place, NEVER)
    assert done.returncode == 0, done.stderr
    assert sorted(journal(place)) == sorted(finished_steps(place))
    assert len(journal(place)) == BODIES
    return done.stdout, (place / "census.json").read_bytes(), (place / "census.svg").read_bytes()


def test_a_killed_census_goes_on_and_runs_no_finished_step_again(source, tmp_path, undisturbed):
    for last in (1, 5, 17, BODIES):
        place = tmp_path / f"killed-{last}"
        assert in_a_process(source, place, last).returncode == -signal.SIGKILL
        before, finished = journal(place), set(finished_steps(place))
        assert finished <= set(before), "a body that has ended has written its line"
        assert len(before) < last

        done = in_a_process(source, place, NEVER)
        assert done.returncode == 0, done.stderr
        begun = Counter(journal(place))
        assert {path for path, times in begun.items() if times > 1} == set(before) - finished
        assert sorted(begun) == sorted(finished_steps(place)), "each step has one outcome, and its body was run"
        assert undisturbed == (done.stdout, (place / "census.json").read_bytes(), (place / "census.svg").read_bytes())


def test_a_census_that_has_ended_is_not_made_again(source, tmp_path):
    place = tmp_path / "twice"
    first, second = (in_a_process(source, place, NEVER) for _ in range(2))
    assert first.stdout == second.stdout != ""
    assert len(journal(place)) == BODIES
