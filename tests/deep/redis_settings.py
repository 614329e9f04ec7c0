"""What a Redis server keeps, by its settings, when it is killed under load (kill -9), and when a replica is promoted
that has not heard all: how many of the commits that were acknowledged are gone. Runs go on rightly all the same, once
clients have repeated their starts.

A killed process loses nothing that the kernel has; what the power takes is not shown here.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread
from typing import Any

import redis
from attrs import define, frozen
from redis.backoff import NoBackoff
from redis.retry import Retry as Repeat

from tests.deep.redis_settings_cuts import cut_the_last_units
from tests.deep.rounds import Figures
from tests.proxy import Door, relaying
from tests.servers import Server, valkey
from yieldflow import App, Flow, Handle, Retry, current_step, step, workflow
from yieldflow.core.run import fold
from yieldflow.errors import StoreError, UnknownRun
from yieldflow.ports import Commit, Done, Due, Heard, Look, Mark, Reply
from yieldflow.runtime import Runtime
from yieldflow.stores.redis import RedisStore

RUNS, STEPS, WORKERS = 6, 30, 2
LEASE = "300ms"
SECONDS = 60.0
KILLS = 5
CUT_OFF = 0.05  # seconds that a replica hears nothing before its primary dies
PLAIN = ("--auto-aof-rewrite-percentage", "0", "--repl-diskless-sync-delay", "0")


@frozen
class Setting:
    """*saves*: when it takes snapshots. *waits*: what no replica has confirmed counts as not acknowledged (WAIT)."""

    name: str
    options: tuple[str, ...]
    saves: str = ""
    replicated: bool = False
    waits: bool = False


AOF_ALWAYS = Setting("AOF always", ("--appendonly", "yes", "--appendfsync", "always"))
SETTINGS = (
    AOF_ALWAYS,
    Setting("AOF everysec", ("--appendonly", "yes", "--appendfsync", "everysec")),
    Setting("RDB only, each second", ("--appendonly", "no"), saves="1 1"),
    Setting("RDB only, as by default", ("--appendonly", "no"), saves="3600 1 300 100 60 10000"),
    Setting("replica promoted", ("--appendonly", "no"), replicated=True),
    Setting("replica promoted, WAIT", ("--appendonly", "no"), replicated=True, waits=True),
)

# --- what is played ---------------------------------------------------------------------------------------------------

BODIES: SimpleQueue[tuple[str, str]] = SimpleQueue()


@step(retry=Retry(attempts=3, delay="10ms", lost=1_000))
def plus(a: int, b: int) -> int:
    me = current_step()
    BODIES.put((me.run_id, me.path))
    return a + b


@workflow
def summed(count: int) -> Flow[int]:
    total = 0
    for n in range(count):
        total = yield from plus(total, n)
    return total


# --- the servers ------------------------------------------------------------------------------------------------------


class Hosts:
    """A primary, and a replica where the setting has one; clients connect through *door*, replicas through *link*."""

    def __init__(self, setting: Setting, folder: Path, stack: ExitStack) -> None:
        self.setting, self._folder, self._stack = setting, folder, stack
        self.primary = self._started("data")
        self.door = stack.enter_context(relaying(self.primary.port))
        self._count = 0
        self._replicate()

    def _started(self, name: str, *options: str) -> Server:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        server = self._stack.enter_context(valkey(*self.setting.options, *PLAIN, *options, folder=folder))
        with redis.Redis(port=server.port) as client:
            client.config_set("save", self.setting.saves)
        return server

    def _replicate(self) -> None:
        if not self.setting.replicated:
            return
        self._count += 1
        self.link = self._stack.enter_context(relaying(self.primary.port))
        self.replica = self._started(f"replica {self._count}", "--replicaof", f"127.0.0.1 {self.link.port}")
        with redis.Redis(port=self.replica.port) as client:
            until(lambda: client.info("replication")["master_link_status"] == "up")

    def fail(self) -> None:
        """The primary dies; what comes in its place is not yet seen by clients."""
        self.door.server_port = 0
        if self.setting.replicated:
            self.link.closed = True
            time.sleep(CUT_OFF)
        self.primary.kill()

    def come_back(self) -> None:
        if self.setting.replicated:
            self.primary = self.replica
            with redis.Redis(port=self.primary.port) as client:
                client.execute_command("REPLICAOF", "NO", "ONE")
        else:
            self.primary = self._started("data")
        with redis.Redis(port=self.primary.port) as client:
            until(lambda: client.info("persistence")["loading"] == 0)

    def open(self) -> None:
        self._replicate()
        self.door.server_port = self.primary.port


def until(asked: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not asked():
        assert time.monotonic() < end
        time.sleep(0.01)


# --- who was told what ------------------------------------------------------------------------------------------------


@define(eq=False)
class Acknowledged:
    """The store of a worker or client, and the commits that it was told are done: run, place in the log. *under_way*:
    the calls that may still add to them.
    """

    store: RedisStore
    waits: bool
    marks: list[tuple[str, Mark]]
    under_way: set[object]

    def __getattr__(self, verb: str) -> Any:
        return getattr(self.store, verb)

    def commit(self, commits: Sequence[Commit]) -> tuple[Reply, ...]:
        call = object()
        self.under_way.add(call)
        try:
            replies = self.store.commit(commits)
            kept = not self.waits or self._reaches_a_replica()
            for commit, reply in zip(commits, replies, strict=True):
                if kept and commit.events and isinstance(reply, Done):
                    self.marks.append((commit.run_id, reply.head))
        finally:
            self.under_way.discard(call)
        return replies

    def begin(self, commits: Sequence[Commit], looks: Sequence[Look]) -> Callable[[], Heard]:
        return lambda: (self.commit(commits), self.store.read_each(looks))

    def _reaches_a_replica(self) -> bool:
        """On the one connection there is: it waits for what was written on that."""
        with suppress(redis.RedisError):
            return int(self.store.client.wait(1, 1_000)) >= 1
        return False


def one_connection(door: Door) -> redis.Redis:
    once = Repeat(NoBackoff(), 0)
    pool = redis.BlockingConnectionPool(  # type: ignore[no-untyped-call]  # redis-py's
        max_connections=1, timeout=SECONDS, host="127.0.0.1", port=door.port, retry=once, retry_on_error=[]
    )
    return redis.Redis(connection_pool=pool)


# --- the load ---------------------------------------------------------------------------------------------------------


class Hints:
    """Of this process: they outlive the server."""

    def __init__(self) -> None:
        self.waiting: SimpleQueue[str] = SimpleQueue()

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:
        for _ in range(min(count, WORKERS)):
            self.waiting.put(run_id)

    def offer_each(self, runs: Sequence[Due]) -> None:
        for run in runs:
            self.offer(run.run_id, run.queue)


class Load:
    """Workers that are alive all the time, and a client that keeps a few runs going."""

    def __init__(self, hosts: Hosts) -> None:
        self.marks: list[tuple[str, Mark]] = []
        self.under_way: set[object] = set()
        self.hints, self.stop = Hints(), Flag()
        self.apps = [self._app(hosts) for _ in range(WORKERS + 1)]
        self.client = self.apps[0]
        self.started: list[str] = []
        self.threads = [Thread(target=self._work, args=(app,), daemon=True) for app in self.apps[1:]]

    def _app(self, hosts: Hosts) -> App:
        app = App(hosts.door.url, lease=LEASE)
        app.store = Acknowledged(
            RedisStore(one_connection(hosts.door)), hosts.setting.waits, self.marks, self.under_way
        )
        app.hints = self.hints
        return app

    def _work(self, app: App) -> None:
        runtime = Runtime(app.store, app.codec, app.registry, (app.queue,), self.hints)
        while not self.stop.is_set():
            with suppress(StoreError):
                for run_id in self._next(runtime):
                    runtime.tend(run_id, slice_=50)

    def _next(self, runtime: Runtime) -> list[str]:
        with suppress(Empty):
            return [self.hints.waiting.get(timeout=0.02)]
        return [due.run_id for due in runtime.store.due(10)]

    def start(self, run_id: str) -> None:
        """Again and again, until it is known to be there."""
        end = time.monotonic() + SECONDS
        while True:
            try:
                self.client.start(summed(STEPS), run_id=run_id)
            except StoreError:
                assert time.monotonic() < end
                time.sleep(0.02)
            else:
                return

    def keep_going(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._under_way() < RUNS:
                self.started.append(f"run-{len(self.started)}")
                self.start(self.started[-1])
            time.sleep(0.005)

    def _under_way(self) -> int:
        return sum(self._status(run_id) != "completed" for run_id in self.started[-3 * RUNS :])

    def _status(self, run_id: str) -> str:
        try:
            return self.client.get(run_id).status()
        except UnknownRun:  # until the client repeats its start
            return "unknown"

    def finish(self) -> None:
        """The client repeats all its starts, and all runs end."""
        for run_id in self.started:
            self.start(run_id)
        until(lambda: all(self._status(run_id) == "completed" for run_id in self.started))
        self.stop.set()
        for thread in self.threads:
            thread.join(10)

    def acknowledged(self) -> list[tuple[str, Mark]]:
        """All that was until now, by a server that is no more: also what a thread has yet to write down."""
        asked = set(self.under_way)
        until(lambda: asked.isdisjoint(self.under_way))
        marks = list(self.marks)
        self.marks.clear()
        return marks

    def close(self) -> None:
        self.stop.set()
        for app in self.apps:
            app.close()


# --- what was kept ----------------------------------------------------------------------------------------------------


def gone(server: Server, marks: Sequence[tuple[str, Mark]]) -> int:
    """How many of these places are not in the logs."""
    with redis.Redis(port=server.port) as client, client.pipeline(transaction=False) as pipe:
        for run_id, mark in marks:
            pipe.lindex(f"yieldflow:log:{run_id}", mark.length - 1)
        found = pipe.execute()
    return sum(
        item is None or item.partition(b" ")[0].decode() != mark.commit
        for item, (_, mark) in zip(found, marks, strict=True)
    )


def expect_right(load: Load) -> None:
    for run_id in load.started:
        handle: Handle[int] = load.client.get(run_id)
        assert handle.result(timeout=0) == sum(range(STEPS))
        assert fold(handle.history()).ended is not None


def bodies_again() -> int:
    ran: Counter[tuple[str, str]] = Counter()
    while not BODIES.empty():
        ran[BODIES.get()] += 1
    return sum(ran.values()) - len(ran)


def measured(setting: Setting, kills: int, seed: int, seconds: tuple[float, float] = (1.5, 3.5)) -> Counter[str]:
    """*seconds*: of load before each kill."""
    chance, missing, acknowledged = random.Random(seed), 0, 0
    bodies_again()
    with tempfile.TemporaryDirectory(prefix="yieldflow-") as folder, ExitStack() as stack:
        hosts = Hosts(setting, Path(folder), stack)
        load = Load(hosts)
        stack.callback(load.close)
        for thread in load.threads:
            thread.start()
        for _ in range(kills):
            load.keep_going(chance.uniform(*seconds))
            hosts.fail()
            marks = load.acknowledged()
            hosts.come_back()
            acknowledged, missing = acknowledged + len(marks), missing + gone(hosts.primary, marks)
            hosts.open()
        load.keep_going(0.2)
        load.finish()
        assert not gone(hosts.primary, load.marks)
        expect_right(load)
        runs = len(load.started)
    counts = {"acknowledged": acknowledged, "missing": missing, "kills": kills, "runs that ended rightly": runs}
    return Counter(
        {f"{setting.name}: {what}": count for what, count in counts.items()}
        | {f"{setting.name}: bodies that ran again": bodies_again()}
    )


def one_round(seed: int) -> Figures:
    """Each setting in turn; and a file that is cut."""
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="yieldflow-") as folder:
        figures.counts["files cut within their last unit"] = cut_the_last_units(Path(folder), last=1, step=4)
    for number, setting in enumerate(SETTINGS):
        figures.counts.update(measured(setting, KILLS, seed + number))
    expect_what_is_promised(figures)
    return figures


def expect_what_is_promised(figures: Figures) -> None:
    """Of a killed process. With `everysec` one whose disk is busy keeps what it has to write for up to two seconds."""
    for name in ("AOF always", "replica promoted, WAIT"):
        assert figures.counts[f"{name}: missing"] == 0, figures.counts
