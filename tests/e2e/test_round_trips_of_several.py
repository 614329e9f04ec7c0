"""What it costs when several workers share one run: counted on the wire, and by calls."""

from __future__ import annotations

import queue
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock, Thread
from typing import Any

from attrs import define, field

from tests.e2e import flows
from tests.proxy import counting
from tests.servers import Server
from yieldflow import App
from yieldflow.core.events import RunFinished
from yieldflow.core.outcome import Ok
from yieldflow.ports import Conflict, Holding, Refused
from yieldflow.runtime import Runtime

WORKERS, STEPS = 4, 100
MOST = 2.2  # round trips a step


@define
class CountingStore:
    """A store that counts what it is asked; *refused*: commits, and claims that found nothing."""

    store: Any
    calls: Counter[str] = field(factory=Counter)
    _lock: Lock = field(factory=Lock)

    def __getattr__(self, verb: str) -> Any:
        asked = getattr(self.store, verb)

        def call(*args: Any, **options: Any) -> Any:
            reply = asked(*args, **options)
            with self._lock:
                self.calls.update(_kinds(verb, args, reply))
            return reply

        return call if verb in ("read", "claim", "commit", "work", "newest", "release") else asked


def _kinds(verb: str, args: tuple[Any, ...], reply: Any) -> Iterator[str]:
    yield "all"
    yield verb
    match verb:
        case "commit":
            yield "refused" if isinstance(reply[0], Conflict | Refused) else "done"
            if isinstance(args[0][0].on, Holding):
                yield "reports"
        case "claim" if not reply.grants:
            yield "refused"
        case _:
            pass


@define
class Hints:
    """A queue that wakes at most the other workers: more could not help."""

    waiting: queue.SimpleQueue[str | None] = field(factory=queue.SimpleQueue)

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:
        for _ in range(min(count, WORKERS - 1)):
            self.waiting.put(run_id)


@contextmanager
def several(url: str) -> Iterator[tuple[list[Runtime], list[CountingStore], Hints]]:
    """Workers with caches and connections of their own, which have nothing to do yet."""
    hints = Hints()
    with ExitStack() as stack:
        apps = [App(url) for _ in range(WORKERS)]
        stores = [CountingStore(app.store) for app in apps]
        for app in apps:
            stack.callback(app.close)
        yield (
            [
                Runtime(store, app.codec, app.registry, (app.queue,), hints)
                for app, store in zip(apps, stores, strict=True)
            ],
            stores,
            hints,
        )


def work(runtime: Runtime, hints: Hints) -> None:
    while (run_id := hints.waiting.get()) is not None:
        runtime.tend(run_id, slice_=60_000)


def test_a_gather_of_a_hundred_by_four_workers_costs_two_round_trips_a_step_and_what_is_refused(server: Server):
    with counting(server.port) as proxy, several(proxy.url) as (workers, stores, hints):
        app = App(server.url)
        for number, worker in enumerate(workers):  # connections, scripts
            app.start(flows.steps_at_once(2), run_id=f"warm-{number}")
            worker.tend(f"warm-{number}")
        handle = app.start(flows.steps_at_once(STEPS), run_id="one")
        while not hints.waiting.empty():
            hints.waiting.get()
        for store in stores:
            store.calls.clear()
        before = proxy.bursts
        threads = [Thread(target=work, args=(worker, hints)) for worker in workers]
        for thread in threads:
            thread.start()
        hints.waiting.put("one")
        assert handle.result(timeout=30) == 2 * sum(range(STEPS))
        time.sleep(0.1)
        for _ in threads:
            hints.waiting.put(None)
        for thread in threads:
            thread.join(10)
        trips, calls = proxy.bursts - before, sum((store.calls for store in stores), Counter[str]())
        log = handle.history()
        app.close()
    print(f"\n{trips} round trips, {trips / STEPS} a step; {dict(calls)}")
    assert isinstance(log[-1], RunFinished)
    assert isinstance(log[-1].outcome, Ok)
    assert trips == calls["all"]  # nothing is asked past the store
    assert all(store.calls["reports"] > 0 for store in stores)  # each had a part
    assert trips <= MOST * STEPS
    assert trips <= 2 * STEPS + calls["refused"] + 2 * WORKERS  # what remains: one look to begin with, one to end
