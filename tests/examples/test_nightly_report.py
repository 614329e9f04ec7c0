"""A report that is due each night, and one at once."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from nightly_report import mail, nightly_report, turnover

from yieldflow.schedules.declaring import DECLARED
from yieldflow.testing import simulate

ROOT = Path(__file__).parents[2]


def test_it_reports_of_the_day_that_has_ended_in_the_zone_of_the_shops():
    sim = simulate(
        nightly_report(),
        steps={turnover: lambda shop, day: len(shop), mail: lambda subject, text: f"{subject}: {text}"},
        at=datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    )
    assert sim.result == "Report of 2026-03-28: Berlin 6, Hamburg 7"


def test_its_schedule_belongs_to_the_code():
    plan = DECLARED["nightly_report"].plan
    assert (plan.times.rule.line, plan.times.tz, plan.catch_up) == ("30 2 * * *", "Europe/Berlin", 6 * 3_600_000)


def test_the_script_puts_it_in_place_and_triggers_one(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "examples" / "nightly_report.py")]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert "next: 20" in done.stdout
    assert "Report of 20" in done.stdout
