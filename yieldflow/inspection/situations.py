"""Why a run waits: for each open command a sentence, and one for all of them.

A function of the fold, of the claims that a store holds, of what is around the run and of a moment; nothing here reads
any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from typing import Literal, TypeAlias, assert_never

from attrs import evolve, frozen

from yieldflow import identity
from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.errors import WorkerLost
from yieldflow.inspection.around import UNKNOWN, Around, Lack
from yieldflow.inspection.phrases import count, error, kind, when, whole
from yieldflow.inspection.timeline import Item, Timeline
from yieldflow.ports import Claimed

Doing: TypeAlias = Literal["running", "lost", "retrying", "hook", "child", "sleeping", "ready"]
MOST_NAMED = 10  # hooks in a sentence, and pieces of advice
_LOST = WorkerLost.__name__
ORDER: tuple[Doing, ...] = ("running", "lost", "retrying", "hook", "child", "sleeping", "ready")


@frozen
class Situation:
    """One open command: *doing* what, and the rest of a sentence that begins with its label.

    *lack* is how the sentence ends where somebody is missing; *advice*: what to do, if anything is to be done.
    """

    item: Item
    doing: Doing
    text: str
    lack: Lack = Lack()
    advice: tuple[str, ...] = ()


def situations(
    timeline: Timeline,
    claims: Sequence[Claimed],
    now: Millis,
    *,
    me: str = "",
    gone: Callable[[str], bool] = identity.gone,
    around: Around = UNKNOWN,
    rejected: Collection[int] = (),
) -> tuple[Situation, ...]:
    """Those that are carried out first, those that nobody has begun last; else in the order of asking.

    *me* is a worker that need not be named; *rejected*: positions of payloads that fit no receive, as far as is known.
    """
    held: Mapping[Path, Claimed] = {claim.path: claim for claim in claims}
    found = [
        _held(item, held[item.path], now, me, gone, around)
        if item.path in held
        else _open(item, timeline, now, around, rejected)
        for item in timeline.open_items()
    ]
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


def advice(found: Sequence[Situation]) -> tuple[str, ...]:
    """What to do so that the run goes on; empty: nothing, but to wait."""
    lines = tuple(dict.fromkeys(text for one in found for text in one.advice))
    more = len(lines) - MOST_NAMED
    return lines if more <= 0 else (*lines[:MOST_NAMED], f"… and {more:,} more of these")


def _open(item: Item, timeline: Timeline, now: Millis, around: Around, rejected: Collection[int]) -> Situation:
    match item.kind:
        case "hook" if item.path in timeline.run.local:
            return _undecided(item, "has no answer on whether its token is free", now, around)
        case "hook":
            return _hook(item, timeline, now, around, rejected)
        case "sleep":
            end = item.wakes_at or now
            if around.known and end <= now:
                return _undecided(item, f"ended {whole(now - end)} ago, and nobody has gone on", now, around)
            text = f"{'until' if end - now >= 60_000 else 'ends'} {when(end, now)}"
            return _lacking(Situation(item, "sleeping", text), around.alarmless())
        case "child":
            return _child(item, now, around)
        case "step" if item.wakes_at is not None and item.wakes_at > now:
            text = f"{attempt(item)}, retry {when(item.wakes_at, now)}{_last_error(item)}"
            return _lacking(Situation(item, "retrying", text), around.alarmless())
        case "step":
            queue = f" of queue {item.queue}" if item.queue else ""
            again = f", {attempt(item)}" if item.tries > 1 else ""
            text = f"waits for a worker{queue}{again}{_last_error(item)}"
            return _lacking(Situation(item, "ready", text), around.lack(now, item.queue, item.name))
        case "send" | "data" | "patch" | "response":
            return _lacking(Situation(item, "ready", "waits for a worker"), around.lack(now))
        case _:
            assert_never(item.kind)


def _lacking(situation: Situation, lack: Lack) -> Situation:
    more = () if lack.advice is None else (lack.advice,)
    return evolve(situation, text=situation.text + lack.text, lack=lack, advice=situation.advice + more)


def _child(item: Item, now: Millis, around: Around) -> Situation:
    stands = around.children.get(item.path)
    since = f"running since {whole(now - item.issued_at)}"
    if stands is None:
        return Situation(item, "child", since)
    match stands.status:
        case None:
            return _undecided(item, f"{item.run_id} is not there, and nobody has started it", now, around)
        case "completed" | "failed" | "cancelled" | "continued":
            lack = Lack(stuck=stands.stuck)  # nobody else is waited for
            return Situation(item, "child", f"{item.run_id} {stands.text}", lack, stands.advice)
        case _:
            return Situation(item, "child", f"{since} → {stands.text}", advice=stands.advice)


def _undecided(item: Item, text: str, now: Millis, around: Around) -> Situation:
    """What it waits for is there; who has the code is to be told."""
    queue = f" yet: a worker of queue {around.queue} has to" if around.queue else " yet"
    return _lacking(Situation(item, "ready", text + queue), around.lack(now))


def _held(item: Item, claim: Claimed, now: Millis, me: str, gone: Callable[[str], bool], around: Around) -> Situation:
    worker = identity.short(claim.worker)
    if gone(claim.worker):
        text = f"was cut off: its worker {worker} is gone"
        return _lacking(Situation(item, "lost", text), around.lack(now))
    if claim.until <= now:
        text = f"was cut off: its worker {worker} is silent since {whole(now - claim.until)}"
        return _lacking(Situation(item, "lost", text), around.lack(now))
    again = f", {attempt(item)}" if item.tries > 1 else ""
    place = "" if claim.worker == me else f"on worker {worker} "
    silent = _silent(claim, now)
    return Situation(item, "running", f"{place}since {whole(now - claim.since)}{again}{_last_error(item)}{silent}")


def _silent(claim: Claimed, now: Millis) -> str:
    """A worker renews its claims a third of a lease apart."""
    renewed = claim.until - claim.work.lease
    if claim.until == claim.deadline or now - renewed <= claim.work.lease * 2 // 3:
        return ""
    return f"; its worker is silent since {whole(now - renewed)}, and is given up in {whole(claim.until - now)}"


def _hook(item: Item, timeline: Timeline, now: Millis, around: Around, rejected: Collection[int]) -> Situation:
    unread = {position: event.at for position, event in timeline.run.unread.items() if event.name == item.name}
    waiting = [at for position, at in unread.items() if position not in rejected]
    if waiting:
        return _undecided(item, f"was answered {whole(now - waiting[0])} ago, and nobody has gone on", now, around)
    came = timeline.received.get(item.name, 0) - len(unread)
    parts = [f"{count(came, 'payload')} came before"] if came > 0 else []
    if unread:
        parts.append(count(len(unread), "payload does not fit and was skipped", "payloads do not fit and were skipped"))
    answered = ", ".join(parts) or "nobody has answered"
    limit = "" if item.wakes_at is None else f", times out {when(item.wakes_at, now)}"
    text = f"open since {whole(now - timeline.opened[item.name])}, {answered}{limit}"
    answer = (f"answer it: yieldflow send {around.run_id} {item.name} JSON",) if around.known else ()
    lack = Lack() if item.wakes_at is None else around.alarmless()
    return _lacking(Situation(item, "hook", text, advice=answer), lack)


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
            name = "sleep" if situation.item.kind == "sleep" else f"{situation.item.kind} {label}"
            return f"{name} {text}"
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


def _listed(names: Collection[str]) -> str:
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(islice(names, MOST_NAMED)) + more


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
            return f"hooks {_listed(dict.fromkeys(one.item.label for one in same))} are open"
        case "child":
            return f"{len(same):,} child runs are running"
        case "sleeping":
            first = min(same, key=lambda one: one.item.wakes_at or 0)
            return f"{len(same):,} sleeps, the first {first.text}"
        case "ready":
            queues = {one.item.queue for one in same}
            queue = queues.pop() if len(queues) == 1 else None
            steps = "steps" if all(one.item.kind == "step" for one in same) else "commands"
            return f"{len(same):,} {steps} wait for a worker{f' of queue {queue}' if queue else ''}{same[0].lack.text}"
        case _:
            assert_never(doing)
