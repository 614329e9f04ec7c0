"""A schedule as one JSON document, for scripts and over HTTP. Without the arguments of what it starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from yieldflow.core.times import moment
from yieldflow.schedules.phrases import rule_of
from yieldflow.schedules.verbs import Schedule, Shown, shown_each

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


def documents(schedules: Iterable[Schedule]) -> Iterator[dict[str, Any]]:
    """Of those that are still there. Raises `StoreError`."""
    for schedule_id, shown in shown_each(schedules):
        yield _unreadable(schedule_id) if shown is None else document(shown)


def _unreadable(schedule_id: str) -> dict[str, Any]:
    """The same of one whose log cannot be read: nobody knows more of it."""
    counts = dict.fromkeys(("started", "by_hand", "skipped", "missed"), 0)
    texts = dict.fromkeys(("workflow", "due", "tz", "overlap"), "")
    lists: dict[str, list[Any]] = {name: [] for name in ("next", "waiting", "recent")}
    said = {"standing": "blocked", "reason": "its log cannot be read: inspect its run"}
    return {"schedule_id": schedule_id, **said, **texts, **counts, **lists}
