"""Several processes work on one SQLite file."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e import flows, serve_here
from tests.e2e.account import account
from tests.e2e.journal import lines
from tests.e2e.processes import running
from yieldflow import App
from yieldflow.ports import Filter

RUNS, BODIES_A_RUN = 50, 4
BODY = 0.04  # seconds: so long that no process does it all before the other has looked


def test_two_processes_finish_fifty_runs_and_no_body_runs_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("E2E_FOLDER", str(tmp_path))
    url = f"sqlite:///{tmp_path}/runs.db"
    app = App(url)
    handles = [app.start(flows.once_and_many("r", BODY), run_id=f"run-{n}") for n in range(RUNS)]
    began = time.monotonic()
    with running(sys.executable, "-m", serve_here.__name__, url, folder=tmp_path, count=2) as processes:
        while app.store.find(Filter(status="running", limit=1)).runs:  # a look at the list does no work
            assert time.monotonic() < began + 60
            time.sleep(0.05)
        took = time.monotonic() - began
    assert [process.returncode for process in processes] == [0, 0]
    assert {handle.result(timeout=0) for handle in handles} == {2 + 0 + 2 + 4 + len("r")}

    told = account(lines(tmp_path), {handle.run_id: handle.history() for handle in handles})
    app.close()
    shares = Counter(line.pid for line in lines(tmp_path) if line.what == "began")
    print(f"\n{told}; by process {sorted(shares.values())}; {took:.1f} s")
    assert told.bodies == RUNS * BODIES_A_RUN
    assert told.again == 0
    assert len(shares) == 2
