"""SIGTERM to a worker, Ctrl-C in the middle of `app.run`: nothing is counted against a step, and the run goes on."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import flows, wrapped
from tests.e2e.account import account
from tests.e2e.journal import Line, lines
from tests.e2e.processes import environment, our_worker, running, start, until
from tests.servers import Server
from yieldflow import App
from yieldflow.core.events import AttemptFailed, CommandResolved, Event
from yieldflow.core.outcome import Ok

SECONDS = 20.0


def call(folder: Path, workflow: str, *args: Any) -> list[str]:
    return [sys.executable, "-m", wrapped.__name__, f"sqlite:///{folder}/runs.db", "run", workflow, json.dumps(args)]


def interrupted(folder: Path, command: list[str], bodies: int) -> int:
    """Its exit code, after a Ctrl-C while so many bodies run."""
    process = start(*command, folder=folder, env=environment(folder), seconds=SECONDS)
    until(lambda: began(lines(folder)) >= bodies, SECONDS, f"{bodies} bodies run")
    process.send_signal(signal.SIGINT)
    return process.wait(SECONDS)


def began(journal: Sequence[Line]) -> int:
    return sum(line.what == "began" for line in journal)


def history(folder: Path) -> tuple[Event, ...]:
    app = App(f"sqlite:///{folder}/runs.db")
    try:
        return app.get("run").history()
    finally:
        app.close()


def attempts(log: Sequence[Event]) -> list[int]:
    return [event.attempt for event in log if isinstance(event, CommandResolved)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("E2E_FOLDER", str(tmp_path))
    return tmp_path


def test_ctrl_c_in_a_body_of_the_main_thread_counts_no_attempt(folder: Path):
    command = call(folder, "worked", 3, 0.4)
    assert interrupted(folder, command, 2) != 0
    assert start(*command, folder=folder, seconds=SECONDS).wait(SECONDS) == 0
    log = history(folder)
    assert not [event for event in log if isinstance(event, AttemptFailed)]
    assert attempts(log) == [1, 1, 1]
    assert began(lines(folder)) == 4  # the second was cut off, and its attempt began anew
    assert (folder / "output").read_text().splitlines()[-1] == str(2 * sum(range(3)))


def test_ctrl_c_lets_the_bodies_in_threads_end_and_begins_no_other(folder: Path):
    command = call(folder, "worked_at_once", 12, 0.4)
    assert interrupted(folder, command, 4) != 0
    assert began(lines(folder)) == 4
    assert attempts(history(folder)) == [1, 1, 1, 1]
    assert start(*command, folder=folder, seconds=SECONDS).wait(SECONDS) == 0
    log = history(folder)
    assert not [event for event in log if isinstance(event, AttemptFailed)]
    assert attempts(log) == [1] * 12
    assert began(lines(folder)) == 12


def test_sigterm_ends_a_worker_after_the_body_that_runs(server: Server, folder: Path):
    app = App(server.url)
    handle = app.start(flows.worked(2, 1.0), run_id="stopped")
    with running(*our_worker(server.url), folder=folder) as (worker,):
        until(lambda: lines(folder), SECONDS, "the first body runs")
        worker.terminate()
        told_at = time.monotonic()
        assert worker.wait(SECONDS) == 0
        took = time.monotonic() - told_at
    assert took < 3
    assert [line.what for line in lines(folder)] == ["began", "ended"]
    (end,) = [event for event in handle.history() if getattr(event, "outcome", None)]
    assert end.outcome == Ok(b"0")
    with running(*our_worker(server.url), folder=folder):
        assert handle.result(timeout=SECONDS) == 2
    told = account(lines(folder), {"stopped": handle.history()})
    app.close()
    assert (told.bodies, told.again, told.lost) == (2, 0, 0)
