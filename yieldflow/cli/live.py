"""The progress of a run on a terminal: a few rows that are redrawn in place, and only when they change."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from yieldflow.cli.layout import DOING, STATES
from yieldflow.cli.scene import Mark, Row, Scene, heading, rows, to_answer
from yieldflow.inspection.words import Told

_MARKS: dict[Mark, tuple[str, str]] = {
    "completed": STATES["completed"],
    "failed": STATES["failed"],
    **dict[Mark, tuple[str, str]](DOING.items()),
    "ready": (DOING["ready"][0], "dim"),
    "more": (" ", "dim"),
}


@define(eq=False)
class Drawn:
    """*answer(token)* spells the command that answers a hook."""

    answer: Callable[[str], str]
    console: Console = field(factory=lambda: Console(stderr=True, highlight=False))
    _live: Live = field(init=False)
    _last: list[object] = field(factory=list, init=False)
    _path: int = field(default=0, init=False)  # columns only ever grow: what moves to and fro is hard to read
    _label: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._live = Live(console=self.console, auto_refresh=False, transient=True)

    def begin(self, scene: Scene) -> None:
        self._live.start()
        for item in scene.timeline.open_items():
            if item.kind == "hook":
                self._invite(item.name, scene)
        self.show(scene)

    def tell(self, event: Told, scene: Scene) -> None:
        """What is to be copied must not move away: it is printed above what is redrawn."""
        if event.what == "wait_created":
            self._invite(event.whom, scene)

    def show(self, scene: Scene) -> None:
        shown = [heading(scene), self.console.size, *rows(scene)]
        if shown != self._last:
            self._last = shown
            self._live.update(self._drawn(scene), refresh=True)

    def end(self, scene: Scene) -> None:  # noqa: ARG002 - a view's
        self._live.stop()

    def _invite(self, hook: str, scene: Scene) -> None:
        token = to_answer(scene, hook)
        if token is None:
            return
        self.console.print(Text(f"hook {hook} is open; answer it with:"), Text(f"  {self.answer(token)}"), sep="\n")

    def _drawn(self, scene: Scene) -> Group:
        width = self.console.width - 1
        found = rows(scene, max(3, min(11, self.console.height - 3)))
        for row in found:
            self._path = max(self._path, len(row.path))
            self._label = max(self._label, len(row.label) if row.path else 0)
        lines = [self._line(row) for row in found]
        first = Text(heading(scene), style="bold")
        for line in (first, *lines):
            line.truncate(width, overflow="ellipsis")
            line.no_wrap = True
        return Group(first, *lines)

    def _line(self, row: Row) -> Text:
        mark, style = _MARKS[row.mark]
        line = Text("  ")
        line.append(f"{mark} ", style)
        line.append(f"{row.path.ljust(self._path)}  " if row.path else "", "dim")
        line.append(
            row.label.ljust(self._label + 2 if row.text else 0),
            "" if row.mark not in ("completed", "ready", "more") else "dim",
        )
        line.append(row.text, "dim" if row.mark == "completed" else "")
        return line
