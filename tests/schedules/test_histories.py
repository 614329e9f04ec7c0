"""Schedules that live for years meet the code of later versions: what today's wrote, that has to go on with.

A change of the program goes behind `patched(...)`; these files stay.
"""

from pathlib import Path

from yieldflow.schedules import program
from yieldflow.testing import assert_replays

HISTORIES = Path(__file__).with_name("histories")


def test_kept_histories_of_schedules_replay():
    assert program.schedule.definition.name == "yieldflow:schedule"
    assert assert_replays(HISTORIES) == 3
