"""Why a run does not go on, from its log, its store and whoever works on it: one sentence, and what to do about it.

The children that it waits for are asked the same, to the end of the chain. It only reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import assert_never

from attrs import evolve

from yieldflow.core.events import Event, RunPaused
from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.errors import UnknownRun
from yieldflow.inspection.around import Around, Lack, Standing
from yieldflow.inspection.phrases import clipped, whole
from yieldflow.inspection.reading import history, newest, up_to
from yieldflow.inspection.situations import Situation, advice, because, situations
from yieldflow.inspection.staff import Staff
from yieldflow.inspection.timeline import Timeline
from yieldflow.ports import Log, Store

DEEPEST = 20  # runs that wait for each other: what is below is left out
MOST_CHILDREN = 3  # of a run that are asked; of a child's children, the first
_LONGEST_REASON = 300  # characters of why another run is blocked


def standing(store: Store, staff: Staff, run_id: str, above: Sequence[str] = ()) -> Standing:
    """Of the newest generation; *above* are the runs that wait for it. Raises `UnknownRun`, `StoreError`."""
    run_id = newest(store, run_id)
    known = history(store, run_id)
    found, summary, now = up_to(known), known.log.summary, known.log.now
    if found.problem is not None:
        return Standing(f"its log cannot be read: {found.problem}", ("yieldflow doctor",), True, summary.status)
    match summary.status:
        case "blocked":
            stands = blocked(summary.note.reason if summary.note else "by the code at hand", run_id)
        case "paused":
            stands = paused(found.events, now, run_id)
        case "completed" | "failed" | "cancelled" | "continued":
            stands = _ended(summary.status, around(store, staff, known.log, found.timeline, above), now)
        case "running":
            near = around(store, staff, known.log, found.timeline, above)
            waiting = situations(found.timeline, known.log.claimed, now, around=near)
            stands = going(found.timeline, waiting, near, now)
        case _:
            assert_never(summary.status)
    return evolve(stands, status=summary.status)


def around(store: Store, staff: Staff, log: Log, timeline: Timeline, above: Sequence[str] = ()) -> Around:
    """What a run depends on, as far as its children. Raises `StoreError`."""
    summary = log.summary
    return Around(
        known=True,
        run_id=summary.run_id,
        queue=summary.queue,
        workflow=summary.workflow,
        staff=staff,
        alarm=log.alarm,
        rings=log.rings,
        children=_children(store, staff, timeline, (*above, summary.run_id)),
    )


def going(timeline: Timeline, found: Sequence[Situation], near: Around, now: Millis) -> Standing:
    """Of a run that is neither blocked nor paused, and has not ended."""
    asked = "a cancellation was asked; " if timeline.run.cancelled is not None else ""
    if found:
        stuck = any(one.lack.stuck for one in found)
        return Standing(asked + because(found), advice(found), stuck)
    lack = near.lack(now)
    text = f"{asked}{_undecided(timeline, now)}{_of_queue(near, lack)}"
    return Standing(text, () if lack.advice is None else (lack.advice,), lack.stuck)


def blocked(reason: str, run_id: str) -> Standing:
    advice = f"deploy code that can go on with it, or fork it before that point: yieldflow fork {run_id} --at POSITION"
    return Standing(f"blocked: {reason}", (advice,), stuck=True)


def paused(events: Sequence[Event], now: Millis, run_id: str) -> Standing:
    """By whom and why, as the log has it."""
    last = next((event for event in reversed(events) if isinstance(event, RunPaused)), None)
    since = "" if last is None else f" since {whole(now - last.at)}"
    by = f" by {last.by}" if last is not None and last.by else ""
    reason = f": {last.reason}" if last is not None and last.reason else ""
    return Standing(f"paused{since}{by}{reason}", (f"yieldflow resume {run_id}",))


def _undecided(timeline: Timeline, now: Millis) -> str:
    run = timeline.run
    if run.started is not None and run.length <= 1:
        return f"nobody has begun it yet, it was started {whole(now - run.started.at)} ago"
    return f"nobody has decided how it goes on after its last event, {whole(now - run.time)} ago"


def _of_queue(near: Around, lack: Lack) -> str:
    return f": it waits for a worker of queue {near.queue}{lack.text}" if near.known else ""


def _ended(status: str, near: Around, now: Millis) -> Standing:
    """Somebody waits for it, so its end is owed to them."""
    lack = near.lack(now)
    text = f"has ended {status}, and its parent is still to be told{lack.text}"
    return Standing(text, () if lack.advice is None else (lack.advice,), lack.stuck)


def _children(store: Store, staff: Staff, timeline: Timeline, above: tuple[str, ...]) -> Mapping[Path, Standing]:
    if len(above) > DEEPEST:
        return {}
    waited = (item for item in timeline.open_items() if item.kind == "child" and not item.detached)
    most = MOST_CHILDREN if len(above) == 1 else 1
    return {
        item.path: _child(store, staff, item.run_id, above) for item in islice(waited, most) if item.run_id is not None
    }


def _child(store: Store, staff: Staff, run_id: str, above: tuple[str, ...]) -> Standing:
    try:
        if newest(store, run_id) in above:  # no log can say so; but whoever asks must come to an end
            return Standing(f"{run_id}, which waits for it", status="running")
        stands = standing(store, staff, run_id, above)
    except UnknownRun:
        return Standing("")
    text = " ".join(stands.text.split())
    return evolve(stands, text=text if stands.status == "running" else clipped(text, _LONGEST_REASON))
