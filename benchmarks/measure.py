"""What a benchmark is made of: sides that are measured in turn, and what one of them has to be against another."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

from attrs import field, frozen

Figures: TypeAlias = Mapping[str, float]


@frozen
class Sizes:
    """How much of each; see `TINY` for what the tests play."""

    runs: int = 200
    steps: int = 10
    drained: int = 1_000  # runs
    jobs: int = 2_000
    forked_runs: int = 50
    forked_jobs: int = 150
    starts: int = 200  # one at a time
    inside: int = 1_000  # steps of one run
    growth: int = 10_000
    replayed: int = 5_000
    spread: tuple[int, int] = (1_000, 10_000)
    sleepers: int = 10_000
    settle: float = 21.0  # seconds for all of them to fall asleep
    within: float = 10.0  # seconds in which they are due
    herd: int = 2_000
    deliveries: int = 200
    workers: int = 4  # processes of one side, at most


TINY = Sizes(
    runs=6,
    steps=3,
    drained=70,
    jobs=6,
    forked_runs=2,
    forked_jobs=4,
    starts=3,
    inside=20,
    growth=60,
    replayed=30,
    spread=(20, 40),
    sleepers=12,
    settle=1.2,
    within=0.2,
    herd=10,
    deliveries=3,
    workers=1,
)


@frozen
class Place:
    """Where a row is played. *rivals*: the folder of their installations, if there is one."""

    folder: Path
    sizes: Sizes = field(factory=Sizes)
    rivals: Path | None = None


@frozen
class Side:
    """One thing to measure. *durability*: what survives when it says "done"."""

    name: str
    durability: str
    measure: Callable[[], Figures]
    version: str = ""
    rival: bool = False


@frozen
class Bar:
    """What *figure* of side *of* shall be: by itself, or as a ratio to the best of the sides *over*."""

    says: str
    figure: str
    of: str
    over: tuple[str, ...] = ()
    over_rivals: bool = False
    over_figure: str = ""  # where it is called otherwise there
    at_least: float = 0.0
    at_most: float = math.inf
    aim: float | None = None


@frozen
class Row:
    """*open* makes its sides, and says on the stack what to close; *shows*: the figures worth a column, in order."""

    name: str
    title: str
    open: Callable[[Place, ExitStack], Sequence[Side]]
    shows: tuple[str, ...]
    bars: tuple[Bar, ...] = ()


def percentile(values: Sequence[float], percent: int) -> float:
    """The sample that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def milliseconds(seconds: Sequence[float], percents: Sequence[int] = (50, 99)) -> dict[str, float]:
    return {f"p{percent} ms": percentile(seconds, percent) * 1_000 for percent in percents}


Json: TypeAlias = Mapping[str, Any]


@frozen
class Stand:
    """Where a bar stands: the median of the rounds and the spread."""

    value: float
    least: float
    most: float
    against: str

    def reaches(self, bar: Bar) -> bool:
        return bar.at_least <= self.value <= bar.at_most


def stand(bar: Bar, sides: Json) -> Stand | None:
    """None: something that it needs was not measured."""
    values = _values(sides, bar.of, bar.figure)
    others = {name: _values(sides, name, bar.over_figure or bar.figure) for name in _over(bar, sides)}
    others = {name: found for name, found in others.items() if found}
    if not values or ((bar.over or bar.over_rivals) and not others):
        return None
    if not others:
        return Stand(median(values), min(values), max(values), "")
    better = max if bar.at_least else min
    best = better(others, key=lambda name: median(others[name]))
    ratios = [one / other for one, other in zip(values, others[best], strict=False)]
    return Stand(median(ratios), min(ratios), max(ratios), best)


def _over(bar: Bar, sides: Json) -> tuple[str, ...]:
    return tuple(name for name, side in sides.items() if side["rival"]) if bar.over_rivals else bar.over


def _values(sides: Json, side: str, figure: str) -> list[float]:
    found: list[float] = sides.get(side, {}).get("figures", {}).get(figure, [])
    return found
