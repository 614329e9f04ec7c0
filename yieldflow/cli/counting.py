"""How far a command has come that takes its time: a line on a terminal that is redrawn in place, else nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

_LOOKS_BETTER_AFTER = 200  # of this many: fewer are done before anybody has read a line


@contextmanager
def counted(doing: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """What it gives is called with how many more are done. *total*: None if nobody knows."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal or (total is not None and total < _LOOKS_BETTER_AFTER):
        yield lambda _: None
        return
    known = "{task.completed:,}" if total is None else "{task.completed:,} of {task.total:,}"
    columns = (TextColumn(doing), *(() if total is None else (BarColumn(),)), TextColumn(known))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(doing, total=total)
        yield lambda number: progress.advance(task, number)
