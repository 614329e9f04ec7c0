"""Ruling 42 through an app: starting the same again is the same start, on every embedded store."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from yieldflow import App, Flow, RunExists, step, workflow


@step(retry=1)
def pack(order: str, gift: bool) -> str:
    return f"{order} gift" if gift else order


@workflow
def shipped(order: str, gift: bool = False) -> Flow[str]:
    return (yield pack(order, gift))


@workflow
def billed(order: str, gift: bool = False) -> Flow[str]:
    return (yield pack(order, gift))


@pytest.fixture(params=["memory", "sqlite"])
def app(request, tmp_path: Path):
    app = App("memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/runs.db")
    yield app
    app.close()


def test_42_a_second_start_answers_the_run_that_is_there_also_after_its_end(app: App):
    first = app.start(shipped("a"), run_id="r")
    again = app.start(shipped("a"), run_id="r")
    assert again.run_id == first.run_id
    assert len(first.history()) == 1
    assert again.result(timeout=10) == "a"
    log = first.history()
    assert app.start(shipped("a"), run_id="r").result(timeout=0) == "a"
    assert app.run(shipped("a"), run_id="r") == "a"
    assert first.history() == log


def test_42_arguments_by_name_and_by_position_are_the_same_start(app: App):
    app.start(shipped("a", True), run_id="r")
    app.start(shipped(order="a", gift=True), run_id="r")
    app.start(shipped("a", gift=True), run_id="r")
    assert len(app.get("r").history()) == 1


@pytest.mark.parametrize(
    ("call", "said"),
    [(shipped("b"), "other arguments"), (shipped("a", True), "other arguments"), (billed("a"), "work")],
)
def test_42_something_else_under_the_same_id_is_refused_and_changes_nothing(app: App, call, said):
    handle = app.start(shipped("a"), run_id="r")
    with pytest.raises(RunExists, match=said):
        app.start(call, run_id="r")
    assert len(handle.history()) == 1
    assert handle.result(timeout=10) == "a"


def test_42_many_starts_at_once_are_one_run(app: App):
    with ThreadPoolExecutor(8) as threads:
        handles = list(threads.map(lambda _: app.start(shipped("a"), run_id="r"), range(16)))
    assert {handle.result(timeout=10) for handle in handles} == {"a"}
    assert len(app.get("r").history()) == 4
