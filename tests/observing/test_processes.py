"""Spans of several processes: ours and stock RQ's, on Redis and on a file, some of them killed at any moment."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest
from opentelemetry.sdk.trace import TracerProvider

from tests.e2e.processes import STOCK, children, environment, kill, running, start, stop, until
from tests.observing import exporting, flows
from tests.observing.account import expect_exactly, histories, owed, sent
from tests.observing.exporting import BATCHES, FILE, exported, tracing
from tests.servers import Server
from yieldflow import App
from yieldflow.connect import fleet
from yieldflow.core.chain import chain_of
from yieldflow.otel import Tracing

LEASE = "1s"
KILLS = 4


def observing(folder: Path, **more: str) -> dict[str, str]:
    own = {"YIELDFLOW_OBSERVE": f"{exporting.__name__}:TRACING", "YIELDFLOW_MODULES": flows.__name__}
    return {**environment(folder), **own, FILE: str(folder / "spans"), **more}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tracing:
    """Of this process, into the same file."""
    monkeypatch.setenv(FILE, str(tmp_path / "spans"))
    return tracing()


@contextmanager
def ringing(app: App) -> Iterator[None]:
    """A timer service, which stock workers are not."""
    over = Flag()
    thread = Thread(target=app.serving((app.queue,)).ring, args=(over, app.room))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def command(kind: str, url: str) -> list[str]:
    if kind == "stock":
        return [*STOCK, "-c", flows.__name__, "-u", url, "yieldflow"]
    return [sys.executable, "-m", "yieldflow", "worker", "--url", url]


def load(app: App) -> list[str]:
    calls = [flows.several(), flows.parent(2), flows.generations(2), flows.wide(4, 0.02), flows.slow(4, 0.02)] * 2
    calls.append(flows.waits())
    ids = [app.start(call, run_id=f"run-{number}").run_id for number, call in enumerate(calls)]
    app.send(ids[-1], "first", "hello")
    return ids


def ended(app: App) -> bool:
    return not app.runs(status=["running", "blocked"], limit=1).runs


@pytest.mark.parametrize("kind", ["ours", "stock"])
def test_two_workers_on_redis_make_each_span_once(kind: str, server: Server, tmp_path: Path, here: Tracing):
    app = App(server.url, lease=LEASE, observe=[here])
    with (
        ringing(app),
        running(*command(kind, server.url), folder=tmp_path, count=2, env=observing(tmp_path, **{BATCHES: "1"})),
    ):
        until(lambda: len(fleet(app.client).members()) == 2, 60, "two workers")
        load(app)
        until(lambda: ended(app), 60, "the end of all runs")
    spans = exported(tmp_path / "spans")
    expect_exactly(spans, histories(app))
    app.close()
    assert len({span["pid"] for span in spans}) >= 2


def test_two_processes_on_a_file_make_each_span_once(tmp_path: Path, here: Tracing):
    url = f"sqlite:///{tmp_path}/runs.db"
    app = App(url, lease=LEASE, observe=[here])
    with running(*command("ours", url), folder=tmp_path, count=2, env=observing(tmp_path)):
        until(lambda: (tmp_path / "output").read_text().count("Ctrl-C ends it") == 2, 30, "two workers")
        load(app)
        app.start_many([flows.slow(3, 0.05) for _ in range(20)])  # so many that neither does it all
        until(lambda: ended(app), 60, "the end of all runs")
    expect_exactly(exported(tmp_path / "spans"), histories(app))
    app.close()
    assert len({span["pid"] for span in exported(tmp_path / "spans")}) == 2


@pytest.mark.parametrize("kind", ["file", "ours", "stock"])
def test_no_span_is_doubled_by_kills_and_those_that_are_missing_can_be_made_again(
    kind: str, tmp_path: Path, here: Tracing, request: pytest.FixtureRequest
):
    url = f"sqlite:///{tmp_path}/runs.db" if kind == "file" else request.getfixturevalue("server").url
    app = App(url, lease=LEASE, observe=[here])
    seed = random.randrange(1 << 32)
    print(f"\nseed {seed}")
    load(app)
    if kind == "file":
        under_fire(app, command("ours", url), tmp_path, random.Random(seed))
    else:
        with ringing(app):
            under_fire(app, command(kind, url), tmp_path, random.Random(seed))

    spans, logs = exported(tmp_path / "spans"), histories(app)
    wanted, got = sum(map(owed, logs), Counter()), sent(spans)
    print(f"{sum(got.values())} of {sum(wanted.values())} spans; lost {sum((wanted - got).values())}")
    assert got <= wanted
    assert sum((wanted - got).values()) <= 40 * KILLS
    for log in logs:
        if owed(log) - got:
            here.export(app, *chain_of(log[0].run_id))
    app.close()
    by_id = {(span["trace"], span["span"]): span for span in exported(tmp_path / "spans")}  # as a back end keeps them
    expect_exactly(list(by_id.values()), logs)


def under_fire(app: App, words: Sequence[str], folder: Path, chance: random.Random) -> None:
    """Two workers; those that are killed are replaced. Of a stock one its horse dies, too."""
    env = observing(folder)
    alive = [start(*words, folder=folder, env=env) for _ in range(2)]
    end, losses, next_loss = time.monotonic() + 60, 0, time.monotonic() + 0.6
    try:
        while losses < KILLS or not ended(app):
            assert time.monotonic() < end
            if losses < KILLS and time.monotonic() > next_loss:
                victim = alive.pop(chance.randrange(2))
                for pid in (victim.pid, *children(victim.pid)):
                    kill(pid)
                victim.wait(10)
                alive.append(start(*words, folder=folder, env=env))
                losses, next_loss = losses + 1, time.monotonic() + chance.uniform(0.4, 1.0)
                app.start(flows.slow(5, 0.05), run_id=f"late-{losses}")
            time.sleep(0.02)
    finally:
        stop(*alive)


def test_the_span_of_a_lost_attempt_is_made_by_whoever_finds_it_lost(server: Server, tmp_path: Path, here: Tracing):
    app = App(server.url, lease=LEASE, observe=[here])
    app.start(flows.slow(1, 0.4), run_id="r")
    with running(*command("ours", server.url), folder=tmp_path, env=observing(tmp_path)) as (first,):
        until(lambda: app.store.read("r").claimed, 20, "a claim")
        kill(first.pid)
    with running(*command("ours", server.url), folder=tmp_path, env=observing(tmp_path)):
        until(lambda: ended(app), 30, "the end")
    spans = exported(tmp_path / "spans")
    expect_exactly(spans, histories(app))
    app.close()
    lost, done = (span for span in spans if span["name"].startswith("step"))
    assert [span["attributes"]["yieldflow.outcome"] for span in (lost, done)] == ["lost", "done"]
    assert lost["attributes"]["error.type"] == "WorkerLost"
    assert done["links"] == [[lost["span"], {"yieldflow.link": "retries"}]]


def test_who_starts_a_run_and_who_works_on_it_agree_on_its_trace(server: Server, tmp_path: Path, here: Tracing):
    provider = TracerProvider()
    app = App(server.url, observe=[here])
    with provider.get_tracer("shop").start_as_current_span("request") as request:
        app.start(flows.parent(2), run_id="p")
    with running(*command("ours", server.url), folder=tmp_path, count=2, env=observing(tmp_path)):
        until(lambda: ended(app), 30, "the end")
    app.close()
    spans = [span for span in exported(tmp_path / "spans") if span["attributes"]["yieldflow.run_id"] != "p~1.2"]
    detached = [span for span in spans if span["trace"] != request.get_span_context().trace_id]
    assert {span["attributes"]["yieldflow.run_id"] for span in detached} <= {"p~1.4", "p~1.3"}
    (run,) = [span for span in spans if span["name"].endswith(":parent")]
    assert run["parent"] == request.get_span_context().span_id
