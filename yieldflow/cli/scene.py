"""What the progress of a run shows at one moment: a function of its fold, its claims and the time.

Draws nothing and reads nothing; knows how wide and how high what it says may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from attrs import frozen

from yieldflow import identity
from yieldflow.core.path import show
from yieldflow.core.questions import hook_token
from yieldflow.core.times import Millis
from yieldflow.inspection.phrases import clipped, count, error, span, whole
from yieldflow.inspection.situations import Situation, situations
from yieldflow.inspection.timeline import Item, Timeline, short
from yieldflow.ports import Claimed

Mark: TypeAlias = Literal[
    "completed", "failed", "running", "lost", "retrying", "hook", "child", "sleeping", "ready", "more"
]

MOST_ROWS = 11  # under the heading
LAST_ENDED = 3
LONGEST_LABEL = 28


@frozen
class Scene:
    run_id: str
    timeline: Timeline
    claims: Sequence[Claimed]
    now: Millis
    since: Millis  # when this command began to work on it


@frozen
class Row:
    mark: Mark
    path: str
    label: str
    text: str


def heading(scene: Scene) -> str:
    timeline = scene.timeline
    started = timeline.run.started
    name = "" if started is None else f" · {short(started.workflow)}"
    asked = " · cancellation was asked" if timeline.run.cancelled is not None else ""
    steps = f"{timeline.completed:,} of {timeline.steps:,} known steps done"
    return f"{scene.run_id}{name} · {steps} · {whole(scene.now - scene.since)}{asked}"


def rows(scene: Scene, most: int = MOST_ROWS) -> list[Row]:
    """What ended last, then what runs, waits and sleeps; the rest as a number."""
    found = situations(scene.timeline, scene.claims, scene.now, me=identity.name())
    ready = [one for one in found if one.doing == "ready"]
    shown = [_row(one) for one in found if one.doing != "ready"]
    if ready:
        shown.append(Row("ready", "", f"{count(len(ready), 'step')} to be carried out", ""))
    ended = [_ended(item) for item in _last_ended(scene.timeline)]
    room = most - min(len(ended), 1)
    if len(shown) > room:
        shown = [*shown[: room - 1], Row("more", "", f"… and {len(shown) - room + 1:,} more", "")]
    return [*ended[max(0, len(ended) - (most - len(shown))) :], *shown]


def to_answer(scene: Scene, hook: str) -> str | None:
    """The token of a hook that somebody should answer; None: a payload has come already."""
    started, unread = scene.timeline.run.started, scene.timeline.run.unread
    if started is None or any(event.name == hook for event in unread.values()):
        return None
    return hook_token(scene.timeline.run, hook)


def _row(situation: Situation) -> Row:
    text = f"running {situation.text}" if situation.doing == "running" else situation.text
    return Row(situation.doing, show(situation.item.path), clipped(situation.item.label, LONGEST_LABEL), text)


def _last_ended(timeline: Timeline) -> list[Item]:
    ended: list[Item] = []
    for item in reversed(timeline.items.values()):
        if item.kind != "sleep" and item.state in ("completed", "failed"):
            ended.append(item)
        if len(ended) == 3 * LAST_ENDED:
            break
    return sorted(ended, key=lambda item: item.ended_at or 0)[-LAST_ENDED:]


def _ended(item: Item) -> Row:
    path, label = show(item.path), clipped(item.label, LONGEST_LABEL)
    began = item.began_at if item.began_at is not None else item.issued_at
    took = span((item.ended_at or began) - began)
    tries = f", attempt {item.tries}" if item.tries > 1 else ""
    if item.state == "failed":
        return Row("failed", path, label, "failed" if item.error is None else error(item.error))
    return Row("completed", path, label, f"answered after {took}" if item.kind == "hook" else f"{took}{tries}")
