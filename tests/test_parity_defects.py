"""What was found broken in the engines that users come from, each played against ours, as an author would meet it."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from tests.features.moments import SOON
from yieldflow import (
    App,
    BadDefinition,
    Cancelled,
    Flow,
    Retry,
    RetryableError,
    RunCancelled,
    RunFailed,
    StepFailed,
    TimedOut,
    continue_as_new,
    current_step,
    gather,
    hook,
    now,
    set_data,
    sleep,
    step,
    workflow,
)
from yieldflow.core.commands import OpenHook, Receive
from yieldflow.core.events import CancelRequested, CommandIssued, CommandResolved
from yieldflow.errors import RunEnded
from yieldflow.settings import settings

RAN: Counter[str] = Counter()
GO = hook("go", str)


@pytest.fixture(autouse=True)
def nothing_ran():
    RAN.clear()


@pytest.fixture(params=["memory", "sqlite"])
def app(request, tmp_path: Path):
    app = App("memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/runs.db", lease="2s")
    yield app
    app.close()


@step
def counted(what: str) -> int:
    RAN[what] += 1
    return RAN[what]


# --- 1 --------------------------------------------------------------------------------------------------------


def test_defect_01_bare_decorators_define_a_workflow_and_a_step(app: App):
    @step
    def bare() -> str:
        return "bare"

    @step()
    def called() -> str:
        return "called"

    @workflow
    def bare_workflow() -> Flow[list[str]]:
        return [(yield bare()), (yield called())]

    @workflow()
    def called_workflow() -> Flow[list[str]]:
        return [(yield called()), (yield bare())]

    assert app.run(bare_workflow()) == ["bare", "called"]
    assert app.run(called_workflow()) == ["called", "bare"]


# --- 2 --------------------------------------------------------------------------------------------------------


@workflow
def child(what: str) -> Flow[int]:
    return (yield from counted(what))


@workflow
def the_same_twice() -> Flow[list[int]]:
    steps = [(yield counted("step")), (yield counted("step"))]
    children = [(yield child("child")), (yield child("child"))]
    return [*steps, *children, *(yield gather(counted("at once"), counted("at once")))]


def test_defect_02_the_same_step_or_child_with_the_same_arguments_runs_twice(app: App):
    first, second, third, fourth, *at_once = app.run(the_same_twice())
    assert (first, second, third, fourth, sorted(at_once)) == (1, 2, 1, 2, [1, 2])
    assert RAN == {"step": 2, "child": 2, "at once": 2}


# --- 3 --------------------------------------------------------------------------------------------------------


@step(retry=Retry(attempts=3, delay="1ms"))
def third_time() -> str:
    if current_step().attempt < 3:
        raise ConnectionError("not yet")
    return "at last"


@workflow
def catches_everything() -> Flow[list[object]]:
    caught = []
    began = yield from now()
    for ask in (sleep("60ms"), third_time(), hook("go", str)):
        try:
            caught.append((yield ask))
        except Exception as error:
            caught.append(type(error).__name__)
    return [*caught, (yield from now()) - began >= timedelta(milliseconds=60)]


def test_defect_03_except_exception_swallows_no_suspension(app: App):
    handle = app.start(catches_everything())
    with pytest.raises(TimedOut):
        handle.result(timeout=0.3)  # it waits for its hook, and has not "completed"
    handle.send(GO, "sent")
    assert handle.result(timeout=SOON) == [None, "at last", "sent", True]


# --- 4 and 5 --------------------------------------------------------------------------------------------------


@workflow
def sleeps_and_retries() -> Flow[list[object]]:
    yield sleep("80ms")
    return [(yield counted("after the sleep")), (yield third_time())]


def test_defect_04_a_local_sleep_ends_and_what_is_after_it_runs_once(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/runs.db"
    first = App(url)
    handle = first.start(sleeps_and_retries(), run_id="r")
    with pytest.raises(TimedOut):
        handle.result(timeout=0.02)
    first.close()
    second = App(url)  # it is taken up by another process, as it were
    assert second.run(sleeps_and_retries(), run_id="r") == [1, "at last"]
    slept = [e for e in second.get("r").history() if isinstance(e, CommandIssued) and e.path == (1,)]
    assert len(slept) == 1
    second.close()


def test_defect_05_a_local_retry_runs_again_without_anybodys_help(app: App):
    assert app.run(sleeps_and_retries())[1] == "at last"


# --- 6 and 7 --------------------------------------------------------------------------------------------------


@step
def takes_its_time() -> str:
    time.sleep(0.05)
    return "done"


@workflow
def long() -> Flow[str]:
    try:
        for _ in range(200):
            yield takes_its_time()
    except Cancelled:
        yield set_data("cleaned", (yield counted("clean-up")))
        raise
    return "completed"


def test_defect_06_a_running_workflow_that_is_cancelled_ends_cancelled(app: App):
    with app.worker():
        handle = app.start(long())
        while not any(isinstance(event, CommandResolved) for event in handle.history()):
            time.sleep(0.005)
        handle.cancel("enough")
        with pytest.raises(RunCancelled, match="enough"):
            handle.result(timeout=SOON)
    assert handle.status() == "cancelled"
    assert handle.data() == {"cleaned": 1}


@workflow
def suspended() -> Flow[str]:
    try:
        return (yield from GO)
    except Cancelled:
        yield set_data("cleaned", (yield counted("clean-up")))
        raise


def test_defect_07_a_suspended_run_that_is_cancelled_cleans_up_once(app: App):
    handle = app.start(suspended())
    with pytest.raises(TimedOut):
        handle.result(timeout=0.05)
    for _ in range(3):
        try:
            handle.cancel("enough")
        except RunEnded:
            break
    with pytest.raises(RunCancelled, match="enough"):
        handle.result(timeout=SOON)
    assert sum(isinstance(event, CancelRequested) for event in handle.history()) == 1
    assert RAN["clean-up"] == 1


# --- 8 --------------------------------------------------------------------------------------------------------


@workflow
def waits_in_vain() -> Flow[list[object]]:
    try:
        yield GO.options(timeout="30ms")
    except TimedOut:
        told = "timed out"
    return [told, (yield GO.options(timeout="30ms", default="nobody"))]


def test_defect_08_a_hook_that_times_out_reaches_the_workflow_and_is_opened_once(app: App):
    handle = app.start(waits_in_vain())
    assert handle.result(timeout=SOON) == ["timed out", "nobody"]
    opened = [e for e in handle.history() if isinstance(e, CommandIssued) and isinstance(e.command, OpenHook | Receive)]
    assert len(opened) == 2  # two waits of one hook


# --- 16 -------------------------------------------------------------------------------------------------------


class InsufficientFunds(Exception):
    def __init__(self, *, needed: int) -> None:  # `cls(*args)` cannot make one of these
        super().__init__(f"{needed} cents are missing")
        self.needed = needed


@step(retry=Retry(attempts=2, delay="1ms"))
def pays(cents: int) -> str:
    RAN["pays"] += 1
    raise RetryableError("busy", retry_after="1ms") if RAN["pays"] == 1 else InsufficientFunds(needed=cents)


@workflow
def ancestor(depth: int) -> Flow[str]:
    if depth == 0:
        yield pays(5)
    return (yield from ancestor(depth - 1))


def test_defect_16_the_failure_of_a_grandchild_reaches_all_its_ancestors(app: App):
    RAN["pays"] = 1
    with pytest.raises(RunFailed) as failed:
        app.run(ancestor(3), run_id="r")
    error = failed.value.__cause__
    assert isinstance(error, InsufficientFunds)
    assert error.needed == 5
    assert isinstance(error.__cause__, RunFailed)
    runs = app.runs().runs
    assert {run.run_id for run in runs} == {"r", "r~1.1", "r~1.1~1.1", "r~1.1~1.1~1.1"}
    assert {run.status for run in runs} == {"failed"}
    with pytest.raises(RunFailed) as last:
        app.get("r~1.1~1.1~1.1").result(timeout=SOON)
    assert isinstance(last.value.__cause__.__cause__, StepFailed)


# --- 18 -------------------------------------------------------------------------------------------------------


def test_defect_18_a_tail_call_without_its_yield_is_found_when_the_workflow_is_defined(app: App):
    with pytest.raises(BadDefinition, match="yield"):

        @workflow
        def forgets(n: int) -> Flow[int]:
            yield counted("once")
            if n < 3:
                continue_as_new(forgets(n + 1))
            return n

    @workflow
    def remembers(n: int) -> Flow[int]:
        yield counted("each time")
        if n < 3:
            yield continue_as_new(remembers(n + 1))
        return n

    assert app.run(remembers(1)) == 3
    assert RAN["each time"] == 3


# --- 19 -------------------------------------------------------------------------------------------------------


def test_defect_19_the_store_is_the_one_that_the_settings_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("YIELDFLOW_URL", raising=False)
    (tmp_path / "pyproject.toml").write_text('[tool.yieldflow]\nurl = "sqlite:///shop.db"\n')
    assert settings(None, (), None).url == "sqlite:///shop.db"
    app = App()
    assert app.run(child("x")) == 1
    app.close()
    assert [file.name for file in tmp_path.glob("*.db")] == ["shop.db"]
    monkeypatch.setenv("YIELDFLOW_URL", "memory:")
    assert App().settings.url == "memory:"
    assert App("sqlite:///given.db").settings.url == "sqlite:///given.db"
