"""What a test runner tells `simulate` and `explore`, and what they tell it: how much to try, and which runs there were.

One test at a time. Without a runner that asks for them no run is kept.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from attrs import define, field

EXAMPLES = 1_000  # schedules that `explore` tries, if nobody says otherwise
_KEPT = 20  # simulations of a test


@define(eq=False)
class UnderTest:
    """*examples*: for an `explore` that does not say. *simulated*: stages, the oldest first; *broken*: what the last
    `explore` that found something has told.
    """

    examples: int = EXAMPLES
    is_watched: bool = False
    simulated: deque[Any] = field(factory=lambda: deque[Any](maxlen=_KEPT))
    broken: Any = None

    def begin(self, examples: int) -> None:
        self.end()
        self.examples, self.is_watched = examples, True

    def end(self) -> None:
        self.examples, self.is_watched, self.broken = EXAMPLES, False, None
        self.simulated.clear()

    def simulating(self, stage: Any) -> None:
        if self.is_watched:
            self.simulated.append(stage)

    def telling(self, stage: Any) -> None:
        if self.is_watched:
            self.broken = stage


under_test = UnderTest()
