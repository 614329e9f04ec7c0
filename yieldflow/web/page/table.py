"""All that the page has: its views and its actions, by their paths. Whoever adds one adds a line here.

Their types are in `views`, for the modules that are named here import those.
"""

from __future__ import annotations

from yieldflow.web.page import blocked, hooks, run, runs, schedules, wellness, workers
from yieldflow.web.page.views import Action, View

VIEWS: tuple[View, ...] = (
    runs.VIEW,
    *run.VIEWS,
    *hooks.VIEWS,
    *schedules.VIEWS,
    *workers.VIEWS,
    *wellness.VIEWS,
    *blocked.VIEWS,
)

ACTIONS: tuple[Action, ...] = (*run.ACTIONS, *hooks.ACTIONS, *schedules.ACTIONS)
