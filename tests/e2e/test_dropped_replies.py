"""The server does what it is asked, and the connection breaks instead of the reply: at every n-th call of a script, of
workers and of clients.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import families, flows
from tests.e2e.account import account
from tests.e2e.journal import lines
from tests.proxy import cutting
from tests.servers import Server
from yieldflow import App, Handle, WorkflowCall
from yieldflow.core.chain import chain_of
from yieldflow.errors import StoreUnreachable

SECONDS = 40.0


def insisting(call: Callable[[], Any]) -> Any:
    """Whoever does not know what has come of a call makes it again."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            return call()
        except StoreUnreachable:
            assert time.monotonic() < end


CALLS: dict[str, tuple[WorkflowCall[Any], object]] = {
    "row": (flows.steps_in_a_row(20), sum(range(20))),
    "once": (flows.steps_at_once(10), 2 * sum(range(10))),
    "retried": (flows.retried("r"), "r"),
    "compensated": (flows.compensated("o"), ["no room for o", "no invoice", "o", 4200, "StepFailed"]),
    "fanned": (flows.fanned("f"), ["f", 111, 112, 113, 114, "a", "b", "c"]),
    "chained": (families.chained(1, 3), [3, "chained", 6]),
    "digits": (families.digits(3), 123),
    "receiver": (families.receiver(3), [0, 10, 20]),
}


@pytest.mark.parametrize("every", [3, 7])
def test_runs_end_rightly_when_every_nth_reply_is_lost(
    every: int, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("E2E_FOLDER", str(tmp_path))
    direct = App(server.url)
    with cutting(server.port, every=every) as cutter:
        app = App(cutter.url)
        with app.worker(threads=2):
            for run_id, (call, _) in CALLS.items():
                insisting(lambda call=call, run_id=run_id: app.start(call, run_id=run_id))
            for n in range(3):
                insisting(lambda n=n: app.send("receiver", families.TICK, 10 * n, key=f"tick {n}"))
            results = {run_id: Handle(run_id, direct, Any).result(timeout=SECONDS) for run_id in CALLS}
        app.close()
    logs = {run.run_id: direct.get(chain_of(run.run_id)[0]) for run in direct.runs().runs}
    whole = {run_id: handle.history() for run_id, handle in logs.items() if chain_of(run_id)[0] != "chained"}
    direct.close()
    assert results == {run_id: result for run_id, (_, result) in CALLS.items()}
    journal = [line for line in lines(tmp_path) if line.run_id in whole]
    told = account(journal, whole)
    print(f"\nevery {every}: {cutter.cut} of {cutter.asked} replies were lost; {told}")
    assert cutter.cut >= cutter.asked // every > 10
    assert told.again == 0  # whoever asks again finds what it was given
