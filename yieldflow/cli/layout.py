"""How lines of words fill a terminal of any width, and what stands for each state of a thing. Knows no run.

In a pipe nothing is wrapped: a line there is as long as what it says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from yieldflow.inspection.situations import Doing
from yieldflow.inspection.timeline import State
from yieldflow.ports import Status

ENDLESS = 1 << 30
_NARROWEST = 20  # columns
_WORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC|\S+")  # a stamp is one word
WIDE = 100  # columns from which on there is room for more than is needed
STATUS: dict[Status, str] = {
    "running": "bold cyan",
    "paused": "bold yellow",
    "blocked": "bold red",
    "completed": "bold green",
    "failed": "bold red",
    "cancelled": "bold yellow",
    "continued": "bold dim",
}
DOING: dict[Doing, tuple[str, str]] = {
    "running": ("▸", "bold"),
    "lost": ("!", "red"),
    "retrying": ("↻", "yellow"),
    "hook": ("?", "cyan"),
    "child": ("»", "cyan"),
    "sleeping": ("z", "blue"),
    "ready": ("·", ""),
}
STATES: dict[State, tuple[str, str]] = {
    "open": ("·", ""),
    "opened": ("?", "dim"),
    "set": ("=", "dim"),
    "completed": ("✓", "green"),
    "failed": ("✗", "red"),
    "cancelled": ("⊘", "yellow"),
    "timed out": ("⊘", "yellow"),
    "abandoned": ("⊘", "dim"),
}


@frozen
class Entry:
    """Words in columns, and a text after them; where that has no room beside them it goes on below *indent*."""

    cells: tuple[Text, ...]
    rest: Text
    indent: int = 0  # which cell it goes on under


def width_of(console: Console) -> int:
    return console.width if console.is_terminal else ENDLESS


def heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def entries(found: Sequence[Entry], width: int, margin: int = 2) -> Iterator[Text]:
    """Each entry on a line, or on several."""
    columns = max((len(entry.cells) for entry in found), default=0)
    widths = [
        max(entry.cells[column].cell_len for entry in found if column < len(entry.cells)) for column in range(columns)
    ]
    for entry in found:
        first, under = Text(" " * margin), 0
        for column, (cell, cells) in enumerate(zip(entry.cells, widths, strict=False)):
            under = first.cell_len if column == entry.indent else under
            first.append_text(cell)
            first.append(" " * (cells - cell.cell_len + 2 if cells else 0))
        yield from _joined(first, entry.rest, under or first.cell_len, width)


def _joined(first: Text, rest: Text, under: int, width: int) -> Iterator[Text]:
    if first.cell_len + rest.cell_len <= width:
        first.append_text(rest)
        first.rstrip()
        yield cropped(first, width)
        return
    if first.plain.strip():
        first.rstrip()
        yield cropped(first, width)
        under += 2
    yield from indented(rest, under, width)


def indented(text: Text, margin: int, width: int, hang: int = 0) -> Iterator[Text]:
    """Wrapped between words, each line as far from the left, but for the first one *hang* columns farther."""
    start = end = 0  # of the line under way
    room = max(_NARROWEST, width - margin)
    for begins, ends in _words(text.plain, max(_NARROWEST, room - hang)):
        if end and cell_len(text.plain[start:ends]) > room:
            yield Text(" " * margin).append_text(text[start:end])
            start, margin = begins, margin + hang
            room, hang = max(_NARROWEST, room - hang), 0
        end = ends
    if end:
        yield Text(" " * margin).append_text(text[start:end])


def _words(text: str, longest: int) -> Iterator[tuple[int, int]]:
    """Where each begins and ends; what is longer than a line is several."""
    for word in _WORD.finditer(text):
        for begins in range(word.start(), word.end(), longest):
            yield begins, min(begins + longest, word.end())


def cropped(line: Text, width: int) -> Text:
    if line.cell_len > width:
        line.truncate(width, overflow="ellipsis")
    line.no_wrap = True
    return line


def packed(parts: Sequence[str], width: int) -> Iterator[str]:
    """As many on a line as fit, none of them broken."""
    line = ""
    for part in parts:
        longer = f"{line} · {part}" if line else part
        if line and cell_len(longer) > width:
            yield line
            longer = part
        line = longer
    yield line


def near(file: str) -> str:
    """A file as it is called from here."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def nearer(text: str) -> str:
    """A text, with the files in it as they are called from here."""
    return text.replace(f"{Path.cwd()}/", "")
