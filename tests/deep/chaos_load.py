"""What a chaos round asks of the engine, as somebody outside does: starts, payloads, cancellations. All of it is asked
for until it is acknowledged, and what is acknowledged is held against the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

from attrs import define, field

from tests.deep import chaos_flows
from tests.deep.chaos_witness import now
from yieldflow import App, Handle, RunCancelled, WorkflowCall
from yieldflow.errors import RunEnded, StoreError

ENDED = {"completed", "cancelled", "failed"}
TICKS = 4
MIXED = ("row", "row", "row", "fan", "fan", "ticking", "family", "chained", "saga", "patient")
MANY_STEPS = ("long_row", "long_row", "wide")
LONG, WIDE = 800, 100
PATIENT = 1.4  # seconds: a body that outlives its first lease


@define
class Ask:
    """Something to do at an instant, as often as it takes."""

    at: int
    do: Callable[[], object]


@define
class Load:
    """*app* may lose replies; what *watch* is told is not acknowledged to anybody."""

    app: App
    watch: App
    chance: Random
    seconds: float  # of the longest bodies
    kinds: Sequence[str] = MIXED
    handles: dict[str, Handle[Any]] = field(factory=dict)
    alive: dict[str, Handle[Any]] = field(factory=dict)
    expected: dict[str, object] = field(factory=dict)
    to_cancel: set[str] = field(factory=set)
    asks: list[Ask] = field(factory=list)
    starting: int = 0
    acknowledged: int = 0
    unanswered: int = 0

    def tend(self, count: int) -> None:
        """Keep so many runs alive; do what is due."""
        due = [ask for ask in self.asks if ask.at <= now()]
        self.asks = [ask for ask in self.asks if ask.at > now() and ask not in due]
        for ask in due:
            self._insist(ask)
        try:
            for name, handle in list(self.alive.items()):
                if handle.status() in ENDED:
                    del self.alive[name]
        except StoreError:
            self.unanswered += 1
            return
        for _ in range(count - len(self.alive) - self.starting):
            self._start()

    def expect_right(self, app: App) -> None:
        """What every run must have come to."""
        assert not self.asks
        assert set(self.handles) == set(self.expected)
        for name in self.handles:
            try:
                came = app.get(name).result(timeout=0)
            except RunCancelled:
                assert name in self.to_cancel, f"{name} was cancelled, and nobody asked for that"
            else:
                assert came == self.expected[name], f"{name} came to {came}, not {self.expected[name]}"

    def _insist(self, ask: Ask) -> None:
        try:
            ask.do()
            self.acknowledged += 1
        except StoreError:
            self.unanswered += 1
            self.asks.append(Ask(now() + 100, ask.do))

    def _start(self) -> None:
        seconds = self.chance.choice((0.005, 0.02, self.seconds / 2, self.seconds))
        kind = self.chance.choice(self.kinds)
        name = f"{kind}-{len(self.expected)}"
        call, self.expected[name] = self._drawn(kind, seconds)
        self.starting += 1
        self._insist(Ask(now(), lambda: self._begin(name, call)))

    def _begin(self, name: str, call: WorkflowCall[Any]) -> None:
        """Only a run whose start was acknowledged is talked to: it must be there."""
        handle = self.handles[name] = self.app.start(call, run_id=name)
        self.alive[name] = self.watch.get(name)
        self.starting -= 1
        if name.startswith("ticking"):
            for tick in range(TICKS):
                self._later(partial(handle.send, chaos_flows.TICK, 10**tick, key=f"tick {tick}"))
        elif name.startswith("saga") and self.chance.random() < 0.8:
            self.to_cancel.add(name)
            self._later(partial(_cancel, handle))

    def _later(self, do: Callable[[], object]) -> None:
        self.asks.append(Ask(now() + self.chance.randint(0, 1_500), do))

    def _drawn(self, kind: str, seconds: float) -> tuple[WorkflowCall[Any], object]:
        flows, size = chaos_flows, self.chance.randint(2, 8)
        match kind:
            case "row":
                return flows.row(size, seconds), sum(range(size))
            case "patient":
                return flows.row(1, PATIENT), 0
            case "fan":
                return flows.fan(size, seconds), 2 * sum(range(size))
            case "ticking":
                return flows.ticking(TICKS, seconds), sum(10**n for n in range(TICKS))
            case "family":
                return flows.family(size // 2, seconds), sum(n + 100 for n in range(size // 2))
            case "chained":
                return flows.chained(1, size, 0, seconds), sum(range(size + 1))
            case "long_row":
                return flows.long_row(LONG), sum(range(LONG))
            case "wide":
                return flows.wide(WIDE), sum(range(WIDE))
            case _:
                return flows.saga(size, seconds), "travelled"


def _cancel(handle: Handle[Any]) -> None:
    with suppress(RunEnded):  # it was faster
        handle.cancel("no money")
