"""kill -9 under parents with children, and under sagas: no child begins twice, no payload and no receipt is lost."""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.e2e import families, wrapped
from tests.e2e.account import account, where_it_was
from tests.e2e.journal import STOPS, lines, note, stops
from tests.e2e.processes import Process, environment, kill, start, until
from tests.e2e.test_kills_redis import LEASE, OURS, STOCK, Fleet
from tests.e2e.test_same_everywhere import ringing
from tests.servers import Server
from yieldflow import App, Handle, RunCancelled
from yieldflow.core.events import Event, HookReceived
from yieldflow.errors import RunEnded
from yieldflow.rq.queue import RqQueue

PLACES: Mapping[str, int | tuple[int, ...]] = {
    "in a body": (4, 22),
    "between body and report": 7,
    "after a report": 13,
    "between commit and hint": 3,
    "after a hint": 6,
    "between claim and body": (5, 21),
    "in a replay": 9,
    "after the start": 4,
    "after a report of a child": 2,
}
KILLS = 11
CHILDREN, BOOKINGS, BODY = 3, 4, 0.02
AT_A_TIME = 4
SECONDS = 240.0  # it is CPU that takes the time: seven seconds where nobody else wants it
ENDED = {"completed", "cancelled", "failed"}


def killed(folder: Path) -> int:
    return sum(line.what == "killed" for line in lines(folder))


def marks(folder: Path, what: str) -> set[str]:
    return {file.name.removeprefix(f"mark {what} ") for file in folder.glob(f"mark {what} *")}


def under_fire(app: App, fleet: Fleet, chance: random.Random) -> dict[str, Handle]:
    """Parents and sagas in turn, as many as it takes until all kills have fallen; sagas are cancelled meanwhile."""
    handles: dict[str, Handle] = {}
    cancels: dict[str, float] = {}
    end = time.monotonic() + SECONDS
    while killed(fleet.folder) < KILLS or any(handle.status() not in ENDED for handle in handles.values()):
        assert time.monotonic() < end, f"{killed(fleet.folder)} kills; {[h.summary() for h in handles.values()]}"
        fleet.tend()
        alive = sum(handle.status() not in ENDED for handle in handles.values())
        if alive < AT_A_TIME and killed(fleet.folder) < KILLS:
            name = f"{'saga' if len(handles) % 2 else 'parent'}-{len(handles)}"
            if name.startswith("saga"):
                handles[name] = app.start(families.saga_under_fire(BOOKINGS, BODY), run_id=name)
                cancels[name] = time.monotonic() + chance.uniform(0.05, 1.5)
            else:
                handles[name] = app.start(families.parent_under_fire(CHILDREN, BODY), run_id=name)
        for name, at in list(cancels.items()):
            if at < time.monotonic():
                del cancels[name]
                cancel(handles[name])
        time.sleep(0.02)
    return handles


def cancel(handle: Handle) -> None:
    with suppress(RunEnded):  # it was faster
        handle.cancel("no money")


def logs_of(app: App) -> dict[str, tuple[Event, ...]]:
    return {run.run_id: app.get(run.run_id).history() for run in app.runs(limit=1_000).runs}


def expect_families(app: App, handles: dict[str, Handle], folder: Path) -> None:
    for name, handle in handles.items():
        if name.startswith("parent"):
            assert handle.result(timeout=0) == families.result_of_the_parent(CHILDREN)
        else:
            expect_nothing_booked(name, handle, folder)
    children = [run for run in app.runs(limit=1_000).runs if run.parent is not None]
    assert {run.status for run in children} <= {"completed"}
    assert Counter(run.parent for run in children) == {name: CHILDREN for name in handles if name.startswith("parent")}
    for run in children:
        payloads = [event for event in app.get(run.run_id).history() if isinstance(event, HookReceived)]
        assert len(payloads) == 1  # sent once, however often its sender was killed


def expect_nothing_booked(name: str, handle: Handle, folder: Path) -> None:
    booked = {what for what in marks(folder, "booked") if what.startswith(f"{name} ")}
    unbooked = {what for what in marks(folder, "unbooked") if what.startswith(f"{name} ")}
    if handle.status() == "cancelled":
        with pytest.raises(RunCancelled, match="no money"):
            handle.result(timeout=0)
        assert booked == unbooked
    else:
        assert handle.result(timeout=0) == "travelled"
        assert (len(booked), unbooked) == (BOOKINGS, set())


def no_run_was_started_twice(folder: Path) -> None:
    assert set(Counter(line.run_id for line in lines(folder) if line.what == "started").values()) <= {1}


@pytest.mark.parametrize("kind", ["ours", "stock"])
def test_families_under_fire_on_redis(kind: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("E2E_FOLDER", str(tmp_path))
    seed = random.randrange(1 << 32)
    print(f"\nseed {seed}")
    began = time.monotonic()
    app = App(server.url, lease=LEASE)
    fleet = Fleet([*(OURS if kind == "ours" else STOCK), "-u", server.url, "yieldflow"], tmp_path, PLACES)
    with ExitStack() as stack:
        stack.callback(app.close)
        stack.callback(fleet.stop)
        if kind == "stock":
            app.hints = RqQueue(app.client, wrapped.TEND_RUN)
            stack.callback(ringing(app))
        handles = under_fire(app, fleet, random.Random(seed))
        until(lambda: not app.runs(status="running").runs, 60, "the last reports")
        expect_families(app, handles, tmp_path)
        logs = logs_of(app)
    no_run_was_started_twice(tmp_path)
    told = account(lines(tmp_path), logs)
    print(f"{kind}: {told}; {time.monotonic() - began:.0f} s")
    assert sum(told.kills.values()) >= KILLS
    for place in PLACES:
        assert told.kills[place] >= 1
    assert told.again <= sum(told.kills.values()) * AT_A_TIME  # bodies of a few milliseconds are reported together


# --- one process that drives it all -----------------------------------------------------------------------------

ON_SQLITE: Mapping[str, int | tuple[int, ...]] = {
    "after the start": (1, 4),
    "in a body": (2, 9),
    "between body and report": 4,
    "after a report": 6,
    "between commit and hint": 1,
    "between claim and body": 7,
    "in a replay": 2,
    "after a report of a child": 2,
}
BY_CHANCE = 3
BROOD, LONG_BODY = 12, 0.04


def again(folder: Path, stop_at: str) -> Process:
    call = ["parent_under_fire", json.dumps([BROOD, LONG_BODY])]
    env = environment(folder, **{STOPS: stop_at})
    url = f"sqlite:///{folder}/runs.db"
    return start(sys.executable, "-m", wrapped.__name__, url, "parent", *call, folder=folder, env=env)


def killed_by_chance(process: Process, folder: Path, chance: random.Random) -> None:
    until(lambda: any(line.pid == process.pid for line in lines(folder)), 60, "the process is up")
    time.sleep(chance.uniform(0, 0.1))
    kill(process.pid)
    process.wait(10)
    note("killed", where_it_was(process.pid, lines(folder)), pid=process.pid)


def test_a_killed_driver_that_runs_again_goes_on_with_the_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("E2E_FOLDER", str(tmp_path))
    chance = random.Random(seed := random.randrange(1 << 32))
    print(f"\nseed {seed}")
    for number in range(BY_CHANCE + 20):
        if number in (1, 3, 5):
            killed_by_chance(again(tmp_path, ""), tmp_path, chance)
        elif again(tmp_path, stops(ON_SQLITE)).wait(120) == 0:
            break
    app = App(f"sqlite:///{tmp_path}/runs.db")
    assert app.get("parent").result(timeout=0) == families.result_of_the_parent(BROOD)
    runs = app.runs().runs
    told = account(lines(tmp_path), logs_of(app))
    app.close()
    assert (len(runs), {run.status for run in runs}) == (1 + BROOD, {"completed"})
    no_run_was_started_twice(tmp_path)
    print(told)
    assert sum(told.kills.values()) >= KILLS
    for place in ON_SQLITE:
        assert told.kills[place] >= 1
    assert told.again <= sum(told.kills.values()) * app.threads
