"""Clocks that differ, or were set back: said, and never taken for something else."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.doctor import flows
from tests.doctor.conftest import Ward
from yieldflow import App
from yieldflow.doctor import Report, examine
from yieldflow.stores.sqlite import SqliteStore


def of_the_clock(report: Report) -> list[tuple[str, str]]:
    return [(one.level, one.says) for one in report.findings if one.check == "clock"]


def test_a_clock_that_goes_right_is_within_a_moment(ward: Ward) -> None:
    ((level, says),) = of_the_clock(examine(ward.app))
    assert level == "ok"
    assert says.endswith("of the store's")


@pytest.mark.parametrize(("ahead", "words"), [(60.0, "60 s ahead of"), (-60.0, "60 s behind")])
def test_a_clock_that_goes_wrong_is_said_to(ward: Ward, ahead: float, words: str) -> None:
    ((level, says),) = of_the_clock(examine(ward.app, clock=lambda: time.time() + ahead))
    assert level == "warning"
    assert says.replace("1 min", "60 s").replace("59 s", "60 s") == f"this machine's clock is {words} the store's"


def test_a_store_whose_clock_was_set_back_is_known_by_its_logs(file: Path) -> None:
    app = App(f"sqlite:///{file}")
    ahead = time.time_ns() // 1_000_000 + 3_600_000
    app.store = SqliteStore(file, lambda: ahead)
    app.start(flows.asks(), run_id="from the future")
    app.close()
    report = examine(app)
    app.close()
    assert [level for level, _ in of_the_clock(report)] == ["ok", "warning"]
    assert "run from the future was written to" in of_the_clock(report)[1][1]
