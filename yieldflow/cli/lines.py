"""The progress of a run where nobody looks at it live: a line for each event worth one, on stderr.

Never more than a few lines a second: what is too much is summed up, less often the longer it goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import click
from attrs import define, field

from yieldflow.cli.scene import Scene, to_answer
from yieldflow.core.times import moment
from yieldflow.inspection.phrases import stamp
from yieldflow.inspection.words import Told

_LINES = 4  # in a window
_HOOKS = 20  # besides: they are there to be answered
_SHORTEST, _LONGEST = 1.0, 16.0  # seconds


@define(eq=False)
class Lines:
    """*answer(token)* spells the command that answers a hook."""

    answer: Callable[[str], str]
    write: Callable[[str], None] = lambda line: click.echo(line, err=True)
    clock: Callable[[], float] = monotonic
    _window: float = field(default=_SHORTEST, init=False)
    _until: float = field(default=0.0, init=False)
    _left: int = field(default=_LINES, init=False)
    _hooks: int = field(default=_HOOKS, init=False)
    _unsaid: int = field(default=0, init=False)

    def begin(self, scene: Scene) -> None:
        for item in scene.timeline.open_items():
            line = self._waits(item.name, scene) if item.kind == "hook" else None
            if line is not None:
                self.write(line)

    def tell(self, event: Told, scene: Scene) -> None:
        line = self._line(event, scene)
        if line is None:
            return
        if event.what == "wait_created" and self._hooks > 0:
            self._hooks -= 1
            self.write(line)
        elif self._left > 0:
            self._left -= 1
            self.write(f"{moment(event.at):%H:%M:%SZ} {line}")
        else:
            self._unsaid += 1

    def show(self, scene: Scene) -> None:
        now = self.clock()
        if now < self._until:
            return
        self._window = min(self._window * 2, _LONGEST) if self._unsaid else max(self._window / 2, _SHORTEST)
        if self._unsaid:
            self._sum_up(scene)
        self._until, self._left = now + self._window, _LINES

    def end(self, scene: Scene) -> None:
        if self._unsaid:
            self._sum_up(scene)

    def _sum_up(self, scene: Scene) -> None:
        self._unsaid = 0
        done, known = scene.timeline.completed, scene.timeline.steps
        self.write(f"{moment(scene.now):%H:%M:%SZ} … {done:,} of {known:,} known steps done")

    def _line(self, event: Told, scene: Scene) -> str | None:
        match event.what:
            case "step_completed":
                return f"step {event.whom} done{'' if event.rest.startswith('in') else ','} {event.rest}"
            case "step_failed" | "step_retrying":
                return f"step {event.whom} failed, {event.rest}"
            case "wait_created":
                return self._waits(event.whom, scene)
            case "hook_received":
                return f"hook {event.whom} was answered"
            case "wait_timed_out":
                return f"hook {event.whom} timed out"
            case "sleep_started":
                return self._sleeps(event, scene)
            case "cancel_requested":
                return f"cancellation was asked: {event.rest}".rstrip(": ")
            case _:
                return None

    def _waits(self, hook: str, scene: Scene) -> str | None:
        token = to_answer(scene, hook)
        return None if token is None else f"waiting for hook {hook}; answer it with: {self.answer(token)}"

    def _sleeps(self, event: Told, scene: Scene) -> str | None:
        """Naps shorter than a second are not worth a line."""
        item = next(item for item in reversed(scene.timeline.items.values()) if item.position == event.position)
        end = item.wakes_at or event.at
        return None if end - event.at < 1_000 else f"sleeping until {stamp(end)}"
