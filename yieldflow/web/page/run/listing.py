"""The source of a program, function by function, with an arrow at each line where one of its branches waits.

Which lines those are an inspection has found; here more of the function around them is read, so that one sees where in
it one is.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterable, Mapping, Sequence

from attrs import field, frozen

from yieldflow.inspection.branches import Line

AROUND = 8  # lines before and after an arrow, of a function that is not shown whole
WHOLE = 36  # lines: a function of at most so many is shown whole
_LONGEST_LINE = 240  # characters
_INDENT = re.compile(r"[ \t]*")


@frozen
class Frame:
    """A frame of a branch. *here*: this is where it waits; else it waits in what it called."""

    branch: str
    line: Line
    here: bool


@frozen
class Listing:
    """Lines of one function; None stands for some that are left out."""

    file: str
    function: str
    lines: tuple[tuple[int, str] | None, ...]
    frames: tuple[Frame, ...]
    arrows: Mapping[int, tuple[Frame, ...]] = field(factory=dict)


def listings(frames: Iterable[Frame]) -> tuple[Listing, ...]:
    """One for each function, in the order in which they come up."""
    together: dict[tuple[str, str, int], list[Frame]] = {}
    for frame in frames:
        line = frame.line
        together.setdefault((line.file, line.function, _first(line)), []).append(frame)
    return tuple(_listing(file, function, found) for (file, function, _), found in together.items())


def _listing(file: str, function: str, frames: Sequence[Frame]) -> Listing:
    arrows: dict[int, tuple[Frame, ...]] = {}
    for frame in frames:
        arrows[frame.line.line] = (*arrows.get(frame.line.line, ()), frame)
    source = linecache.getlines(file)
    numbers = _shown(source, function, sorted(arrows)) if source else sorted(arrows)
    lines: list[tuple[int, str] | None] = []
    for number in numbers:
        if lines and lines[-1] is not None and lines[-1][0] < number - 1:
            lines.append(None)
        if number <= len(source):
            lines.append((number, source[number - 1].rstrip()[:_LONGEST_LINE]))
    return Listing(file, function, tuple(lines), tuple(frames), arrows)


def _first(line: Line) -> int:
    """Functions of one name in a file are told apart by where they begin."""
    source = linecache.getlines(line.file)
    found = _beginning(source, line.function, line.line)
    return 0 if found is None else found


def _shown(source: Sequence[str], function: str, arrows: Sequence[int]) -> list[int]:
    first = _beginning(source, function, arrows[0])
    start = arrows[0] - AROUND if first is None else _decorated(source, first)
    end = arrows[-1] + AROUND if first is None else _end(source, first, arrows[-1])
    start, end = max(1, start), min(len(source), end)
    if end - start < WHOLE:
        return [*range(start, end + 1)]
    near = {n for arrow in arrows for n in range(max(start, arrow - AROUND), min(end, arrow + AROUND) + 1)}
    head = () if first is None else (first,)
    return sorted({*head, *near})


def _beginning(source: Sequence[str], function: str, line: int) -> int | None:
    """The number of its `def`, upwards from a line in it. None: a lambda, or what is not written in this file."""
    name = function.rpartition(".")[2]
    if not name.isidentifier():
        return None
    begins = re.compile(rf"[ \t]*(?:async[ \t]+)?def[ \t]+{re.escape(name)}\b")
    return next((number for number in range(min(line, len(source)), 0, -1) if begins.match(source[number - 1])), None)


def _decorated(source: Sequence[str], first: int) -> int:
    while first > 1 and source[first - 2].lstrip().startswith("@"):
        first -= 1
    return first


def _end(source: Sequence[str], first: int, arrow: int) -> int:
    """The last line that is not blank before one that is indented no deeper than the `def`."""
    depth, last = _depth(source[first - 1]), arrow
    for number in range(arrow + 1, min(len(source), arrow + 4 * WHOLE) + 1):
        text = source[number - 1]
        if text.strip():
            if _depth(text) <= depth and not text.lstrip().startswith((")", "]", "}")):
                break
            last = number
    return last


def _depth(text: str) -> int:
    found = _INDENT.match(text)
    return len(found[0].expandtabs()) if found else 0
