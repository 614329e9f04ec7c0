"""What a deep run consists of: rounds, each of a seed of its own, which say what they met or fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field, frozen


@define
class Figures:
    """*counts* are added up over all rounds, *samples* (milliseconds, or whatever their name says) are put together."""

    counts: Counter[str] = field(factory=Counter)
    samples: dict[str, list[int]] = field(factory=dict)

    def add(self, other: Figures) -> None:
        self.counts.update(other.counts)
        for name, values in other.samples.items():
            self.samples.setdefault(name, []).extend(values)

    def percentile(self, name: str, percent: int) -> int | None:
        """The smallest sample that *percent* of them do not exceed; None: there are no samples."""
        values = sorted(self.samples.get(name, ()))
        return values[max(0, -(-len(values) * percent // 100) - 1)] if values else None

    def as_json(self) -> dict[str, Any]:
        return {
            "counts": dict(sorted(self.counts.items())),
            "samples": {name: self._summary(name) for name in sorted(self.samples)},
        }

    def _summary(self, name: str) -> dict[str, int | None]:
        percentiles = {f"p{percent}": self.percentile(name, percent) for percent in (50, 99, 100)}
        return {"count": len(self.samples[name]), **percentiles}


@frozen
class Part:
    """*one_round*: the seed is all it depends on; it takes seconds, and raises AssertionError for a broken promise.

    *least*: the counts that a deep run goes on for. *once*: every round is the same, one is enough.
    """

    name: str
    one_round: Callable[[int], Figures]
    least: Mapping[str, int]
    once: bool = False
