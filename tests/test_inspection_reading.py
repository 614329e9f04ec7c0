"""How a log is read in pieces, while others write it, damage it, or put another one in its place."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from yieldflow import App, Flow, hook, set_data, workflow
from yieldflow.inspection.reading import ending, history, read_on, whole
from yieldflow.ports import Mark

LONG = 1_200  # events: more than one reading answers


@workflow
def counts(number: int) -> Flow[int]:
    for at in range(number):
        yield set_data("at", at)
    yield hook("go")
    return number


class Moving:
    """A store in which, before the reading with the number *at*, another run has taken the id of this one."""

    def __init__(self, app: App, at: int, number: int) -> None:
        self.app, self.at, self.number, self.readings = app, at, number, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.app.store, name)

    def read(self, *given: Any, **more: Any) -> Any:
        self.readings += 1
        if self.readings == self.at:
            replaced(self.app, self.number)
        return self.app.store.read(*given, **more)


def begun(app: App, number: int) -> None:
    app.start(counts(number), run_id="r")
    app.runtime.tend("r")


def replaced(app: App, number: int) -> None:
    if app.get("r").status() == "running":
        app.terminate("r")
    app.store.delete("r")
    app.runtime.cache.clear()
    begun(app, number)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = App(f"sqlite:///{tmp_path}/r.db")
    yield app
    app.close()


@pytest.mark.parametrize("number", [3, LONG + 100])
@pytest.mark.parametrize("at", [1, 2])
def test_a_run_that_another_replaces_between_two_readings_is_read_as_that_one(app: App, number: int, at: int):
    begun(app, LONG)
    log, packed = whole(Moving(app, at, number), "r")
    assert packed == whole(app.store, "r")[1]
    assert log.head.length == len(packed)
    assert len(packed) in range(number, number + 10)


@pytest.mark.parametrize("number", [3, LONG + 100])
def test_what_came_since_is_none_of_a_run_that_has_replaced_it(app: App, number: int):
    begun(app, 2 * LONG)
    known = history(app.store, "r")
    short = evolve(known, events=known.events[:3], log=evolve(known.log, head=Mark(3, "")))
    found = read_on(Moving(app, 2, number), short)
    assert found.events == history(app.store, "r").events
    assert len(found.events) in range(number, number + 10)


def test_the_end_of_a_run_that_is_replaced_while_it_is_asked_is_not_there_yet(app: App):
    begun(app, 20)
    app.terminate("r")
    assert ending(app.store, "r") is not None
    assert ending(Moving(app, 2, 3), "r") is None


def test_an_event_that_came_since_and_cannot_be_read_is_a_problem_of_the_history(app: App, tmp_path: Path):
    begun(app, 3)
    known = history(app.store, "r")
    app.send("r", "other", 1)
    with closing(sqlite3.connect(tmp_path / "r.db")) as store, store:
        store.execute("update event set bytes = ? where position = ?", (b'{"x":1}', known.length + 1))
    found = read_on(app.store, known)
    assert (found.events, found.problem) == (known.events, history(app.store, "r").problem)
    assert found.problem is not None
