"""kill -9 of workers on Redis: of ours, and of stock RQ's with and without their horses."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from attrs import define, field

from tests.e2e import flows, wrapped
from tests.e2e.account import account, where_it_was
from tests.e2e.journal import STOPS, lines, note, stops
from tests.e2e.processes import RQ, Process, children, environment, kill, start, stop
from tests.e2e.test_same_everywhere import ringing
from tests.servers import Server
from yieldflow import App, Handle
from yieldflow.core.outcome import Ok
from yieldflow.rq.queue import RqQueue

OURS = [RQ, "worker", "-w", f"{wrapped.__name__}.FatalWorker"]
STOCK = [RQ, "worker", "-S", "json", "-c", wrapped.__name__]  # as its settings: imported once, not by each horse
PLACES = {
    "in a body": (3, 25),
    "between body and report": 8,
    "after a report": 12,
    "between commit and hint": 2,
    "after a hint": 4,
    "between claim and body": 15,
    "in a replay": 6,
}
BY_CHANCE = 3
KILLS = 11
RUNS, STEPS, BRANCHES, BODY = 4, 4, 3, 0.02
LEASE = "2s"
SECONDS = 240.0  # it is CPU that takes the time: seven seconds where nobody else wants it


@define
class Fleet:
    """Two workers; one that is dead is started again."""

    command: Sequence[str]
    folder: Path
    places: Mapping[str, int | tuple[int, ...]]
    alive: list[Process] = field(factory=list)

    def tend(self) -> None:
        self.alive = [process for process in self.alive if process.poll() is None]
        while len(self.alive) < 2:
            env = environment(self.folder, **{STOPS: stops(self.places)})
            self.alive.append(start(*self.command, folder=self.folder, env=env))

    def lose_one(self, chance: random.Random) -> None:
        """The worker, and the horse that runs its job."""
        worker = chance.choice(self.alive)
        horses = children(worker.pid)
        for pid in (worker.pid, *horses):
            kill(pid)
        worker.wait(10)
        busy = horses[0] if horses else worker.pid
        note("killed", where_it_was(busy, lines(self.folder)), pid=busy)

    def stop(self) -> None:
        stop(*self.alive)


def killed(folder: Path) -> int:
    return sum(line.what == "killed" for line in lines(folder))


def under_fire(app: App, fleet: Fleet, chance: random.Random) -> dict[str, Handle[int]]:
    """Runs, as many as it takes until all kills have fallen."""
    handles: dict[str, Handle[int]] = {}
    next_loss, losses, end = time.monotonic() + 2, 0, time.monotonic() + SECONDS
    while killed(fleet.folder) < KILLS or any(handle.status() == "running" for handle in handles.values()):
        assert time.monotonic() < end, f"{killed(fleet.folder)} kills; {[h.summary() for h in handles.values()]}"
        fleet.tend()
        if sum(handle.status() == "running" for handle in handles.values()) < RUNS and killed(fleet.folder) < KILLS:
            run_id = f"fire-{len(handles)}"
            handles[run_id] = app.start(flows.under_fire(STEPS, BRANCHES, BODY), run_id=run_id)
        if losses < BY_CHANCE and time.monotonic() > next_loss:
            fleet.lose_one(chance)
            losses, next_loss = losses + 1, time.monotonic() + chance.uniform(0.8, 1.6)
        time.sleep(0.03)
    return handles


@pytest.mark.parametrize("kind", ["ours", "stock"])
def test_ten_kills_of_workers_on_redis(kind: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("E2E_FOLDER", str(tmp_path))
    seed = random.randrange(1 << 32)
    print(f"\nseed {seed}")
    began = time.monotonic()
    app = App(server.url, lease=LEASE)
    command = OURS if kind == "ours" else STOCK
    fleet = Fleet([*command, "-u", server.url, "yieldflow"], tmp_path, PLACES)
    with ExitStack() as stack:
        stack.callback(app.close)
        stack.callback(fleet.stop)
        if kind == "stock":
            app.hints = RqQueue(app.client, wrapped.TEND_RUN)
            stack.callback(ringing(app))
        handles = under_fire(app, fleet, random.Random(seed))
        logs = {run_id: handle.history() for run_id, handle in handles.items()}

    for log in logs.values():
        assert log[-1].outcome == Ok(str(flows.result_under_fire(STEPS, BRANCHES)).encode())
    told = account(lines(tmp_path), logs)
    print(f"{kind}: {told}; {time.monotonic() - began:.0f} s")
    assert sum(told.kills.values()) >= KILLS
    for place in PLACES:
        assert told.kills[place] >= 1
    assert told.again <= sum(told.kills.values()) * RUNS  # bodies of a few milliseconds are reported together
