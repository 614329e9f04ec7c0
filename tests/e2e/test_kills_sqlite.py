"""kill -9 of a process in the middle of `app.run`: the same call goes on at once, and nothing is done twice in vain."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e import flows, wrapped
from tests.e2e.account import account, where_it_was
from tests.e2e.journal import STOPS, Line, lines, note, stops
from tests.e2e.processes import Process, environment, kill, start, until
from yieldflow import App
from yieldflow.core.outcome import Ok

PLACES = {
    "after the start": 1,
    "in a body": (2, 9),
    "between body and report": 5,
    "after a report": 8,
    "in the program": 20,
    "between commit and hint": 1,
    "in a replay": 4,
}
BY_CHANCE = 3
KILLS = 11
SECONDS_TO_GO_ON = 3.0  # far less than the lease of 10 s: who is dead on this machine is known to be dead
STEPS, BRANCHES, BODY = 12, 5, 0.02


def again(folder: Path, stop_at: str) -> Process:
    call = ["under_fire", json.dumps([STEPS, BRANCHES, BODY])]
    env = environment(folder, **{STOPS: stop_at})
    return start(
        sys.executable, "-m", wrapped.__name__, f"sqlite:///{folder}/runs.db", "fire", *call, folder=folder, env=env
    )


def killed_by_chance(process: Process, folder: Path, chance: random.Random) -> None:
    until(lambda: any(line.pid == process.pid for line in lines(folder)), 20, "the process is up")
    time.sleep(chance.uniform(0, 0.15))
    kill(process.pid)
    process.wait(10)
    note("killed", where_it_was(process.pid, lines(folder)), pid=process.pid)


def seconds_until_it_went_on(journal: Sequence[Line]) -> list[float]:
    """Of each process, from when it was up to its first body."""
    up = {line.pid: line.at for line in journal if line.what == "up"}
    first = {line.pid: line.at for line in reversed(journal) if line.what == "began"}
    return [(first[pid] - up[pid]) / 1_000 for pid in first]


def test_ten_kills_of_one_run_on_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("E2E_FOLDER", str(tmp_path))
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    print(f"\nseed {seed}")
    for number in range(BY_CHANCE + 20):
        if number in (2, 5, 8):
            killed_by_chance(again(tmp_path, ""), tmp_path, chance)
        elif again(tmp_path, stops(PLACES)).wait(60) == 0:
            break
    app = App(f"sqlite:///{tmp_path}/runs.db")
    handle = app.get("fire")
    log = handle.history()
    app.close()

    assert log[-1].outcome == Ok(str(flows.result_under_fire(STEPS, BRANCHES)).encode())
    told = account(lines(tmp_path), {"fire": log})
    waited = seconds_until_it_went_on(lines(tmp_path))
    print(f"{told}; went on within {max(waited):.2f} s of each start")
    assert max(waited) < SECONDS_TO_GO_ON
    assert sum(told.kills.values()) == KILLS
    for place in PLACES:
        assert told.kills[place] >= 1
    assert told.again <= KILLS * app.threads
