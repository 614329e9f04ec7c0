"""Schedules: workflows of our own that start runs when they are due.

They stand on what every workflow may ask, and are seen, paused, replayed and repaired as every run is.
"""

from yieldflow.schedules.aio import AsyncSchedule, AsyncSchedules
from yieldflow.schedules.verbs import Schedule, ScheduleExists, Schedules, Shown, UnknownSchedule

__all__ = [
    "AsyncSchedule",
    "AsyncSchedules",
    "Schedule",
    "ScheduleExists",
    "Schedules",
    "Shown",
    "UnknownSchedule",
]
