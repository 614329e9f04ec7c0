"""What the chaos runner has found, in the smallest form."""

from __future__ import annotations

from collections.abc import Sequence

from tests.e2e import flows
from yieldflow import App, Flow, step, workflow
from yieldflow.ports import Due
from yieldflow.runtime import Runtime
from yieldflow.stores.memory import MemoryStore


class Nowhere:
    """A queue whose hints are lost."""

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:
        pass

    def offer_each(self, runs: Sequence[Due]) -> None:
        pass


def test_a_process_whose_clock_is_years_off_stamps_the_time_of_the_store():
    """One that was an hour ahead let sleeps take an hour more; a horse that was behind never began any work."""
    app = App("memory:")
    app.store = MemoryStore(lambda: 1_000_000)
    handle = app.start(flows.sequential("a"), run_id="skewed")
    app.run(flows.sequential("a"), run_id="skewed")
    assert {event.at for event in handle.history()} <= {*range(1_000_000, 1_100_000)}


def test_what_is_due_is_left_to_others_while_a_body_runs():
    """A worker took ten due runs and went through them one by one; they waited while others had nothing to do."""
    clock = [1_000_000]
    app = App("memory:")
    app.store = MemoryStore(lambda: clock[0])
    left = []

    @step
    def look() -> None:
        left.append({run.run_id for run in app.store.due(10)})

    @workflow
    def looks() -> Flow[None]:
        yield look()

    runs = {app.start(looks(), run_id=name).run_id for name in ("one", "other")}
    clock[0] += 10_000
    Runtime(app.store, app.codec, app.registry, (app.queue,), Nowhere()).work_on("of nobody", lambda most, here: ())
    assert left[0] < runs
    assert len(left[0]) == 1
