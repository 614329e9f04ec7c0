"""What every chaos round is set up with, and what is told when it fails."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from attrs import define, frozen

from tests.deep import chaos_victims
from tests.deep.chaos_account import Logs
from tests.deep.chaos_faults import Faults
from tests.deep.chaos_fleet import Durable, Fleet, Kind, durable
from tests.deep.chaos_load import MIXED, Load
from tests.deep.chaos_witness import Journal
from tests.deep.nursery import nursery
from tests.proxy import Cutter, cutting
from yieldflow import App
from yieldflow.codec.packing import unpack
from yieldflow.core.events import Event
from yieldflow.errors import StoreError
from yieldflow.ports import Mark, Store
from yieldflow.rq.queue import RqQueue

LEASE = 1_000  # ms
QUEUES = ["yieldflow", "steps"]
SHOWN = 4  # runs that have not ended, with the end of their logs


@frozen
class Plan:
    """*several*: each worker listens on both queues, else on one. *cut*: half of them lose replies."""

    kind: Kind
    several: bool
    cut: bool
    kills: int = 120  # until the storm is over
    pause: float = 0.04  # between two faults
    bursts: int = 4
    workers: int = 6
    runs: int = 8
    quiet_runs: int = 3  # few enough for workers to have nothing to do
    seconds: float = 0.2  # of the longest bodies
    fsync: str = "always"
    witnessed: bool = True  # the store, too, writes down what it was asked
    skewed: bool = True
    kinds: Sequence[str] = MIXED


@define
class Round:
    plan: Plan
    server: Durable
    app: App  # loses no replies
    fleet: Fleet
    load: Load
    faults: Faults
    journal: Journal
    cutter: Cutter | None


@contextmanager
def set_up(seed: int, plan: Plan) -> Iterator[Round]:
    """On failure it is told what was done, and where the runs stand."""
    chance = Random(seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="yieldflow-chaos-", ignore_cleanup_errors=True)))
        server = stack.enter_context(durable(folder, plan.fsync))
        cutter = stack.enter_context(cutting(server.port, every=15)) if plan.cut else None
        urls = [server.url] if cutter is None else [server.url, cutter.url]
        n = stack.enter_context(nursery([chaos_victims.__name__], output=folder / "output"))
        journal = Journal(folder)
        fleet = Fleet(plan.kind, QUEUES, plan.several, folder, n, urls, chance, journal, plan.skewed, plan.witnessed)
        stack.callback(fleet.close)
        apps = [App(url, lease=LEASE / 1_000) for url in (server.url, urls[-1])]
        for app in apps:
            stack.callback(app.close)
            if plan.kind != "ours":
                app.hints = RqQueue(app.client, chaos_victims.TEND_RUN)
        faults = Faults(fleet, server, chance, LEASE)
        load = Load(apps[1], apps[0], chance, plan.seconds, plan.kinds)
        round_ = Round(plan, server, apps[0], fleet, load, faults, journal, cutter)
        try:
            yield round_
        except Exception as error:
            raise AssertionError(_told(seed, round_, error)) from error


def logs_of(app: App) -> Logs:
    """Of all runs, each generation by itself."""
    logs, cursor = {}, None
    while True:
        page = app.runs(limit=1_000, cursor=cursor)
        for run in page.runs:
            logs[run.run_id] = log_of(app.store, run.run_id)
        if (cursor := page.cursor) is None:
            return logs


def log_of(store: Store, run_id: str) -> Sequence[Event]:
    events: list[Event] = []
    while (log := store.read(run_id, Mark(len(events), ""))) is not None and log.events:
        events += map(unpack, log.events)
    return events


def _told(seed: int, round_: Round, error: Exception) -> str:
    parts = [f"seed {seed}, {round_.plan}", "".join(traceback.format_exception(error)[-3:])]
    parts += ["faults:", *round_.faults.history[-60:]]
    with suppress(StoreError):
        for name, handle in list(round_.load.alive.items())[:SHOWN]:
            parts += [str(handle.summary()), *map(str, log_of(round_.app.store, name)[-12:])]
            parts += [str(line) for line in round_.journal.lines if line.run_id == name][-12:]
    output = round_.fleet.folder / "output"
    parts += ["said:", output.read_text(errors="replace")[-4_000:] if output.exists() else ""]
    return "\n".join(parts)
