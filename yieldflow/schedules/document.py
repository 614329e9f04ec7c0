"""A schedule as one JSON document, for scripts and over HTTP. Without the arguments of what it starts."""

from __future__ import annotations

from typing import Any

from yieldflow.core.times import moment
from yieldflow.schedules.phrases import rule_of
from yieldflow.schedules.verbs import Shown

_RECENT = 10  # of the runs that it has started


def document(shown: Shown) -> dict[str, Any]:
    plan, state = shown.plan, shown.state
    return {
        "schedule_id": shown.schedule_id,
        "standing": shown.standing,
        "reason": state.reason,
        "workflow": plan.target.workflow,
        "due": rule_of(plan),
        "tz": plan.times.tz,
        "overlap": plan.overlap,
        "next": [one.isoformat() for one in shown.next],
        "started": state.started,
        "by_hand": state.by_hand,
        "skipped": state.skipped,
        "missed": state.missed,
        "waiting": [moment(one).isoformat() for one in (*state.waiting, *state.backlog)],
        "recent": [{"run_id": run.run_id, "status": run.status} for run in shown.recent[:_RECENT]],
    }
