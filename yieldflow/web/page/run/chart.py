"""A time line as geometry: the stretches of each thing that a run asked for, and where a moment lies on its axis.

Pure: values in, numbers between 0 and 100 out. Knows no markup.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias, assert_never

from attrs import frozen

from yieldflow.core.times import Millis
from yieldflow.inspection.phrases import error, span
from yieldflow.inspection.timeline import Item, Try
from yieldflow.ports import Claimed

Kind: TypeAlias = Literal["waits", "runs", "done", "failed", "lost", "pause", "hook", "sleep", "child", "gone", "mark"]
"""waits: for somebody to take it · pause: between two attempts · gone: cancelled or let go · mark: it takes no time."""

_STEPS: tuple[Millis, ...] = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000),
    *(n * 60_000 for n in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)),
    *(n * 86_400_000 for n in (1, 2, 5, 7, 14, 30, 60, 90, 180, 365, 730, 1_825, 3_650)),
)
_MOST_TICKS = 5


@frozen
class Stretch:
    """*text*: what it was, for whoever points at it."""

    kind: Kind
    start: Millis
    end: Millis
    text: str


@frozen
class Axis:
    """From the start of a run to its end, or to now. *times*: of its events, where each of them gets as much room."""

    start: Millis
    end: Millis
    times: tuple[Millis, ...] | None = None

    def place(self, at: Millis) -> float:
        """0 to 100."""
        if self.times is not None:
            return 100 * bisect_right(self.times, at) / max(1, len(self.times))
        whole = self.end - self.start
        return 0.0 if whole <= 0 else max(0.0, min(100.0, 100 * (at - self.start) / whole))

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Round times since the start, and where they are. None where events have the same room each."""
        whole = self.end - self.start
        if self.times is not None or whole <= 0:
            return
        step = next((one for one in _STEPS if whole / one <= _MOST_TICKS), whole)
        for number in range(int(whole // step) + 1):
            yield self.place(self.start + number * step), _tick(number * step)


def _tick(after: Millis) -> str:
    return "0" if not after else f"+{after} ms" if after < 1_000 else f"+{span(after).replace('.0 s', ' s')}"


def even(start: Millis, times: Sequence[Millis], now: Millis) -> Axis:
    """Each event gets as much room as the next; clocks that went back do not."""
    highest, ordered = start, list[Millis]()
    for at in times:
        highest = max(highest, at)
        ordered.append(highest)
    return Axis(start, max(highest, now), (*ordered, max(highest, now)))


def stretches(item: Item, claim: Claimed | None, now: Millis) -> Iterator[Stretch]:
    """In the order of time; *now*: up to where what is open goes."""
    match item.kind:
        case "step":
            yield from _attempts(item, claim, now)
        case "sleep" | "hook" | "child" if item.state != "opened":
            yield from _wait(item, item.kind, now)
        case "send" if item.ended_at is None:
            yield Stretch("waits", item.issued_at, now, f"{item.kind}: {item.state}")
        case "sleep" | "hook" | "child" | "send" | "data" | "patch" | "response":
            yield Stretch("mark", item.issued_at, item.issued_at, f"{item.kind}: {item.state}")
        case _:
            assert_never(item.kind)


def _wait(item: Item, kind: Kind, now: Millis) -> Iterator[Stretch]:
    end = now if item.ended_at is None else item.ended_at
    yield Stretch(kind, item.issued_at, end, f"{kind}: {item.state}, {span(end - item.issued_at)}")
    if item.state == "failed":
        yield Stretch("failed", end, end, item.state)
    elif item.state in ("cancelled", "abandoned", "timed out"):
        yield Stretch("gone", end, end, item.state)


def _attempts(item: Item, claim: Claimed | None, now: Millis) -> Iterator[Stretch]:
    last, again = item.issued_at, False
    for one in item.failed:
        began = one.at if one.took is None else max(last, one.at - one.took)
        yield _between(last, began, again=again)
        yield Stretch("lost" if one.lost else "failed", began, one.at, _tried(one))
        last, again = one.at, True
    yield from _last(item, claim, now, last, again=again)


def _last(item: Item, claim: Claimed | None, now: Millis, last: Millis, *, again: bool) -> Iterator[Stretch]:
    """The attempt that is under way, or that ended it."""
    end = item.ended_at
    if end is None:
        taken = now if claim is None else max(last, claim.since)
        yield _between(last, max(last, taken), again=again)
        if claim is not None:
            yield Stretch("runs", taken, max(taken, now), f"running since {span(now - taken)}")
    elif item.state in ("completed", "failed"):
        began = last if item.began_at is None else max(last, item.began_at)
        yield _between(last, min(began, end), again=again)
        what = f": {error(item.error)}" if item.state == "failed" and item.error is not None else ""
        kind: Kind = "done" if item.state == "completed" else "failed"
        yield Stretch(kind, min(began, end), end, f"{item.state} after {span(end - began)}{what}")
    else:
        yield _between(last, end, again=again)
        yield Stretch("gone", end, end, item.state)


def _between(start: Millis, end: Millis, *, again: bool) -> Stretch:
    what = "until the next attempt" if again else "until a worker took it"
    return Stretch("pause" if again else "waits", start, end, f"{span(end - start)} {what}")


def _tried(one: Try) -> str:
    took = "" if one.took is None else f" after {span(one.took)}"
    what = "its worker was lost" if one.lost else f"attempt {one.number} failed"
    return f"{what}{took}: {error(one.failure)}"
