"""Why a run waits: for each open command a sentence, and one for all of them.

A function of the fold, of the claims that a store holds and of a moment; nothing here reads any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias, assert_never

from attrs import frozen

from yieldflow import identity
from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.errors import WorkerLost
from yieldflow.inspection.phrases import count, error, kind, when, whole
from yieldflow.inspection.timeline import Item, Timeline
from yieldflow.ports import Claimed

Doing: TypeAlias = Literal["running", "lost", "retrying", "hook", "child", "sleeping", "ready"]
_LOST = WorkerLost.__name__
ORDER: tuple[Doing, ...] = ("running", "lost", "retrying", "hook", "child", "sleeping", "ready")


@frozen
class Situation:
    """One open command: *doing* what, and the rest of a sentence that begins with its label."""

    item: Item
    doing: Doing
    text: str


def situations(
    timeline: Timeline,
    claims: Sequence[Claimed],
    now: Millis,
    *,
    me: str = "",
    gone: Callable[[str], bool] = identity.gone,
) -> tuple[Situation, ...]:
    """Those that are carried out first, those that nobody has begun last; else in the order of asking.

    *me* is a worker that need not be named.
    """
    held: Mapping[Path, Claimed] = {claim.path: claim for claim in claims}
    found = [_situation(item, timeline, now) for item in timeline.open_items()]
    found = [_held(one.item, held[one.item.path], now, me, gone) if one.item.path in held else one for one in found]
    return tuple(sorted(found, key=lambda one: (ORDER.index(one.doing), one.item.position)))


def because(found: Sequence[Situation]) -> str:
    """One sentence about all of them."""
    parts = []
    for doing in ORDER:
        same = [one for one in found if one.doing == doing]
        if len(same) == 1:
            parts.append(_one(same[0]))
        elif same:
            parts.append(_several(doing, same))
    return "; ".join(parts)


def attempt(item: Item) -> str:
    """Its number among those that count, and how many there may be."""
    limit = "" if item.attempts is None else f" of {item.attempts}"
    return f"attempt {item.tries}{limit}"


def _situation(item: Item, timeline: Timeline, now: Millis) -> Situation:
    match item.kind:
        case "hook":
            return Situation(item, "hook", _waits_for_hook(item, timeline, now))
        case "sleep":
            end = item.wakes_at or now
            return Situation(item, "sleeping", f"{'until' if end - now >= 60_000 else 'ends'} {when(end, now)}")
        case "child":
            return Situation(item, "child", f"running since {whole(now - item.issued_at)}")
        case "step" if item.wakes_at is not None and item.wakes_at > now:
            return Situation(item, "retrying", f"{attempt(item)}, retry {when(item.wakes_at, now)}{_last_error(item)}")
        case "step":
            queue = f" of queue {item.queue}" if item.queue else ""
            again = f", {attempt(item)}" if item.tries > 1 else ""
            return Situation(item, "ready", f"waits for a worker{queue}{again}{_last_error(item)}")
        case "send" | "data" | "patch":
            return Situation(item, "ready", "waits for a worker")
        case _:
            assert_never(item.kind)


def _held(item: Item, claim: Claimed, now: Millis, me: str, gone: Callable[[str], bool]) -> Situation:
    worker = identity.short(claim.worker)
    if gone(claim.worker):
        return Situation(item, "lost", f"was cut off: its worker {worker} is gone")
    if claim.until <= now:
        return Situation(item, "lost", f"was cut off: its worker {worker} is silent since {whole(now - claim.until)}")
    again = f", {attempt(item)}" if item.tries > 1 else ""
    place = "" if claim.worker == me else f"on worker {worker} "
    return Situation(item, "running", f"{place}since {whole(now - claim.since)}{again}{_last_error(item)}")


def _waits_for_hook(item: Item, timeline: Timeline, now: Millis) -> str:
    came = timeline.received.get(item.name, 0)
    answered = "nobody has answered" if not came else f"{count(came, 'payload')} came before"
    limit = "" if item.wakes_at is None else f", times out {when(item.wakes_at, now)}"
    return f"open since {whole(now - timeline.opened[item.name])}, {answered}{limit}"


def _last_error(item: Item) -> str:
    if item.error is None:
        return ""
    return ", again: its worker was lost" if kind(item.error) == _LOST else f": {error(item.error)}"


def _one(situation: Situation) -> str:
    label, text = situation.item.label, situation.text
    match situation.doing:
        case "running":
            return f"running {label} {text}"
        case "lost" | "ready":
            return f"{situation.item.kind} {label} {text}"
        case "child":
            return f"child {label}, {text}"
        case "retrying":
            return f"step {label}, {text}"
        case "hook":
            return f"hook {label}, {text}"
        case "sleeping":
            return f"sleeping {text}" if text.startswith("until") else f"sleeping, {text}"
        case _:
            assert_never(situation.doing)


def _several(doing: Doing, same: Sequence[Situation]) -> str:
    match doing:
        case "running":
            return f"{len(same):,} steps are running"
        case "lost":
            return f"{len(same):,} steps were cut off, their workers are gone"
        case "retrying":
            first = min(same, key=lambda one: one.item.wakes_at or 0)
            return f"{len(same):,} steps will be tried again, first {_one(first).removeprefix('step ')}"
        case "hook":
            return f"hooks {', '.join(dict.fromkeys(one.item.label for one in same))} are open"
        case "child":
            return f"{len(same):,} child runs are running"
        case "sleeping":
            first = min(same, key=lambda one: one.item.wakes_at or 0)
            return f"{len(same):,} sleeps, the first {first.text}"
        case "ready":
            queues = {one.item.queue for one in same}
            queue = queues.pop() if len(queues) == 1 else None
            return f"{len(same):,} steps wait for a worker{f' of queue {queue}' if queue else ''}"
        case _:
            assert_never(doing)
