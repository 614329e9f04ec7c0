"""A fleet that is well and busy gives no false alarm; one whose store is hurt all the time is put right as it works."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.doctor import flows
from tests.doctor.conftest import Hands, Ward
from tests.e2e.processes import environment, running
from yieldflow import App
from yieldflow.doctor import Report, examine
from yieldflow.errors import YieldflowError
from yieldflow.handle import Handle

SECONDS = 30.0
BUSY = 4.0  # seconds


@contextmanager
def at_work(app: App, folder: Path) -> Iterator[None]:
    with ExitStack() as fleet:
        if app.embedded:
            fleet.enter_context(app.worker(3))
        else:
            own = [sys.executable, "-m", "yieldflow", "worker", flows.__name__, "--url", app.settings.url]
            own += ["--queue", "yieldflow", "--queue", "gpu"]
            fleet.enter_context(running(*own, folder=folder, count=2, env=environment(folder, YIELDFLOW_MODULES="")))
        yield


def starts(app: App, chance: random.Random, number: int) -> Handle[object]:
    calls = (
        flows.mixed(chance.randrange(4)),
        flows.has_children(3),
        flows.asks(),
        flows.counts_on(1, 4),
        flows.fails_once(f"r{number}"),
        flows.trains(),
        flows.sleeps(chance.random()),
    )
    return app.start(chance.choice(calls), run_id=f"r{number}", tags={"n": str(number % 3)})


def meddle(app: App, chance: random.Random, run_id: str) -> None:
    """What people do to runs, at the wrong moment too."""
    verbs = (
        lambda: app.send(run_id, flows.ANSWER, "yes"),
        lambda: app.send(run_id, "other", 1),
        lambda: app.pause(run_id),
        lambda: app.resume(run_id),
        lambda: app.cancel(run_id),
        lambda: app.terminate(run_id),
        lambda: app.retry(run_id),
    )
    with suppress(YieldflowError):
        chance.choices(verbs, weights=(8, 1, 2, 4, 1, 1, 2))[0]()


def of_runs(report: Report) -> list[str]:
    return [one.says for one in report.findings if one.level != "ok" and one.check in ("runs", "damaged log", "hints")]


def as_it_stands(handle: Handle[object]) -> tuple[object, ...]:
    return handle.run_id, handle.status(), handle.history()[-6:]


def finish(app: App, handles: Sequence[Handle[object]]) -> None:
    """All end: who waits for an answer gets one, who is paused goes on."""
    end = time.monotonic() + SECONDS
    while open_runs := [one for one in handles if one.status() in ("running", "paused", "blocked")]:
        assert time.monotonic() < end, [*map(as_it_stands, open_runs), *of_runs(examine(app))]
        for one in open_runs:
            with suppress(YieldflowError):
                app.resume(one.run_id)
                app.send(one.run_id, flows.ANSWER, "at last", key="last")
        time.sleep(0.05)


def test_a_busy_store_that_is_well_has_no_finding(ward: Ward, tmp_path: Path) -> None:
    app, chance, looks = ward.app, random.Random(7), 0
    handles: list[Handle[object]] = []
    stop = threading.Event()

    def live() -> None:
        while not stop.is_set():
            handles.append(starts(app, chance, len(handles)))
            for _ in range(2):
                meddle(app, chance, f"r{chance.randrange(len(handles))}")
            time.sleep(0.01)

    with at_work(app, tmp_path):
        thread = threading.Thread(target=live)
        thread.start()
        try:
            end = time.monotonic() + BUSY
            while time.monotonic() < end:
                assert of_runs(examine(app)) == []
                looks += 1
        finally:
            stop.set()
            thread.join()
        finish(app, handles)
    assert looks > 5
    assert len(handles) > 20
    assert of_runs(examine(app)) == []
    print(f"\n{looks} looks at {len(handles)} runs")


def hurt(hands: Hands, chance: random.Random, run_id: str) -> None:
    wounds = (hands.no_work, hands.no_alarm, hands.late_alarm, hands.other_payloads)
    with suppress(AssertionError):  # there was nothing to take away
        chance.choice(wounds)(run_id)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_store_that_is_hurt_while_it_works_is_put_right_while_it_works(ward: Ward, tmp_path: Path, seed: int) -> None:
    app, chance = ward.app, random.Random(seed)
    handles = [app.start(flows.mixed(3), run_id=f"m{number}") for number in range(12)]
    handles += [app.start(flows.has_children(2), run_id=f"c{number}") for number in range(4)]
    repairs = 0
    with at_work(app, tmp_path):
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            hurt(ward.hands, chance, chance.choice(handles).run_id)
            report = examine(app, repair="yes")
            assert of_runs(report) == []
            repairs += len(report.repairs)
        finish(app, handles)
        assert all(handle.status() == "completed" for handle in handles)
    assert of_runs(examine(app, repair="yes")) == []
    assert of_runs(examine(app)) == []
    print(f"\n{repairs} repairs")
