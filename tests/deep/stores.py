"""The stores: long random sequences of calls against the model; threads and processes that fight for the same runs."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.deep import stores_contenders
from tests.deep.nursery import Nursery, nursery
from tests.deep.rounds import Figures
from tests.deep.stores_account import account
from tests.deep.stores_contenders import fight
from tests.servers import valkey
from tests.stores.machine import Comparison
from yieldflow.connect import connect
from yieldflow.ports import Store
from yieldflow.stores.memory import MemoryStore
from yieldflow.stores.redis import RedisStore
from yieldflow.stores.redis import connect as client_of
from yieldflow.stores.sqlite import SqliteStore
from yieldflow.testing.contracts.harness import FakeClock

SEQUENCES, STEPS = 8, 60  # of a round and a store
PROCESSES, THREADS, CALLS, RUNS = 3, 3, 700, 4  # of a fight; calls of each thread
AT_ONCE = PROCESSES * THREADS


def one_round(number: int) -> Figures:
    """Every other one kills a process in the middle of its fight."""
    figures = Figures()
    with opened() as n, valkey() as server, tempfile.TemporaryDirectory(prefix="yieldflow-") as folder:
        figures.add(on_sqlite(number))
        figures.add(on_redis(number, server.url))
        figures.add(contended(n, f"sqlite:///{folder}/store.db", Path(folder, "sqlite"), number))
        figures.add(contended(n, server.url, Path(folder, "redis"), number))
        figures.add(contended_by_threads(MemoryStore(), Path(folder, "memory"), number))
    return figures


@contextmanager
def opened() -> Iterator[Nursery]:
    with nursery([stores_contenders.__name__, "yieldflow.stores.sqlite", "yieldflow.stores.redis"]) as n:
        yield n


# --- against the model -----------------------------------------------------------------------------------------------


def on_sqlite(number: int, sequences: int = SEQUENCES, steps: int = STEPS) -> Figures:
    with tempfile.TemporaryDirectory(prefix="yieldflow-") as folder:

        class SqliteComparison(Counted):
            def open(self, clock: FakeClock) -> Store:
                return SqliteStore(Path(folder, f"{self.calls.total()}.db"), clock)

        return compared(SqliteComparison, number, sequences, steps)


def on_redis(number: int, url: str, sequences: int = SEQUENCES, steps: int = STEPS) -> Figures:
    class RedisComparison(Counted):
        own_clock = True

        def open(self, clock: FakeClock) -> Store:
            client = client_of(url)
            client.flushall()
            return RedisStore(client)

    return compared(RedisComparison, number, sequences, steps)


class Counted(Comparison):
    calls: Counter[str]

    def _same(self, verb: str, *args: Any, **options: Any) -> Any:
        self.calls[verb] += 1
        return super()._same(verb, *args, **options)


def compared(machine: type[Counted], number: int, sequences: int, steps: int) -> Figures:
    machine.calls = Counter()
    run_state_machine_as_test(
        seed(number)(machine),
        settings=settings(
            max_examples=sequences,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=(Phase.generate,),  # it takes minutes to find a shorter one; the seed plays this one again
            suppress_health_check=list(HealthCheck),
        ),
    )
    return Figures(Counter({"calls": machine.calls.total(), "calls compared with the model": machine.calls.total()}))


# --- against each other ----------------------------------------------------------------------------------------------


def contended(n: Nursery, url: str, journal: Path, number: int, calls: int = CALLS) -> Figures:
    where = f"{stores_contenders.__name__}:contend"
    prefix = f"fight-{number}"
    args = [[url, prefix, str(journal), f"p{one}", THREADS, calls, RUNS, number] for one in range(PROCESSES)]
    pids = [n.fork(where, arg) for arg in args]
    if number % 2:
        await_notes(journal, 1 + number * 7_919 % 300_000)
        n.kill(pids[0])
    codes = [n.wait(pid) for pid in pids]
    assert codes[number % 2 :] == [0] * (PROCESSES - number % 2), f"{url}, seed {number}: ended with {codes}"
    with closing(connect(url, prefix)) as store:
        counts = account(store, journal, runs())
    counts.update({"processes": PROCESSES, "threads": AT_ONCE, "kills": number % 2})
    return Figures(counts)


def await_notes(journal: Path, size: int) -> None:
    """Until the fight has begun, and has come so far."""
    end = time.monotonic() + 30
    while not journal.exists() or journal.stat().st_size < size:
        assert time.monotonic() < end, f"nobody notes anything in {journal}"
        time.sleep(0.001)


def contended_by_threads(store: Store, journal: Path, number: int, calls: int = CALLS) -> Figures:
    former = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # seconds: else one of them hardly ever meets another
    try:
        fight(store, journal, "t", AT_ONCE, calls, runs(), number)
    finally:
        sys.setswitchinterval(former)
    counts = account(store, journal, runs())
    counts["threads"] += AT_ONCE
    return Figures(counts)


def runs() -> list[str]:
    return [f"run-{n}" for n in range(RUNS)]
