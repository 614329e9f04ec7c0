"""What somebody wants to see of a run, and the lines that show it: all of them, or those that fit a screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click
from attrs import evolve, frozen
from rich.console import Console
from rich.text import Text

from yieldflow.cli.chronicle import events
from yieldflow.cli.layout import width_of
from yieldflow.cli.picture import picture
from yieldflow.inspection import Inspection
from yieldflow.inspection.variables import OPEN, PLAIN, Veil


@frozen
class View:
    events: bool = False  # the log instead of the picture
    payloads: bool = False
    tokens: bool = False
    mask: tuple[str, ...] = ()

    @property
    def veil(self) -> Veil:
        return evolve(OPEN if self.payloads else PLAIN, masks=self.mask, hooks=self.tokens)

    def lines(self, seen: Inspection, width: int) -> Iterator[Text]:
        if self.events:
            return events(seen.events, width, payloads=self.payloads)
        return picture(seen, width, payloads=self.payloads, tokens=self.tokens)

    def show(self, console: Console, seen: Inspection) -> None:
        say(console, self.lines(seen, width_of(console)))


def say(console: Console, lines: Iterable[Text]) -> None:
    for line in lines:
        if console.is_terminal:
            console.print(line, soft_wrap=True)
        else:
            click.echo(line.plain)


def fitting(lines: Iterator[Text], height: int, top: int = 0) -> list[Text]:
    """*height* lines from *top* on; the last one says how many more there are."""
    flat = [part for line in lines for part in line.split("\n", allow_blank=True)]
    top = max(0, min(top, len(flat) - height))
    more = len(flat) - top - height
    if more <= 0:
        return flat[top:]
    return [*flat[top : top + height - 1], Text(f"… {more + 1:,} more lines", style="dim")]
