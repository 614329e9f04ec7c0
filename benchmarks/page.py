"""The tables of docs/performance.md, each between two marks, made from results.json; docs/performance.svg likewise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

from benchmarks.measure import Bar, Row, stand
from benchmarks.picture import draw
from benchmarks.playing import middle, number, read
from benchmarks.rows import ROWS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "performance.svg"
MARKED = re.compile(r"(<!-- figures: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
NOTHING = "Not measured yet."

Results: TypeAlias = Mapping[str, Any]


def rewrite() -> None:
    results = read()
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    PICTURE.write_text(draw(results), encoding="utf-8")


def page(text: str, results: Results) -> str:
    """The text with these figures: `when`, `bars`, or `row NAME`."""
    return MARKED.sub(lambda found: f"{found[1]}\n{_section(found[2], results)}\n\n{found[3]}", text)


def _section(name: str, results: Results) -> str:
    match name.split():
        case ["when"]:
            return _when(results)
        case ["bars"]:
            return _table(("", "at least", "here", "spread"), _bars(results))
        case ["row", row]:
            return _row(ROWS[row], results.get(row))
        case _:
            raise ValueError(f"the page has a mark {name!r}")


def _when(results: Results) -> str:
    """Rows that were measured on the same day, on the same machine, with the same versions are one line."""
    told: dict[str, list[str]] = {}
    for name in ROWS:
        if name in results:
            told.setdefault(_of(results[name]), []).append(name)
    return "\n".join(f"- {when}: {', '.join(names)}." for when, names in told.items()) or NOTHING


def _of(played: Results) -> str:
    machine = played["machine"]
    return (
        f"{played['date']}, {played['rounds']} rounds, {machine['cores']} cores, {machine['system']},"
        f" Python {machine['python']}, {machine['server']}, {machine['libraries']}"
    )


def _bars(results: Results) -> Iterator[Sequence[str]]:
    for name, row in ROWS.items():
        for bar in row.bars:
            found = stand(bar, results[name]["sides"]) if name in results else None
            if found is None:
                yield bar.says, _asked(bar), "not measured yet", ""
                continue
            here = f"**{number(found.value)}**" if found.reaches(bar) else f"{number(found.value)}, not reached"
            against = f" ({found.against})" if bar.over_rivals else ""
            yield bar.says + against, _asked(bar), here, f"{number(found.least)} to {number(found.most)}"


def _asked(bar: Bar) -> str:
    aim = f" (aim {number(bar.aim)})" if bar.aim is not None else ""
    return f"{number(bar.at_least)}{aim}" if bar.at_least else f"at most {number(bar.at_most)}"


def _row(row: Row, played: Results | None) -> str:
    if played is None:
        return NOTHING
    sides = sorted(played["sides"].items(), key=lambda pair: _rank(row, pair[1]))
    cells = [(_called(name, side), *_figures(row, side), side["durability"]) for name, side in sides]
    return _table(("", *row.shows, "durability"), cells)


def _rank(row: Row, side: Results) -> float:
    """The best first; who has no figure last."""
    values: list[float] = side["figures"].get(row.shows[0], [])
    if not values:
        return float("inf")
    return -median(values) if row.shows[0].endswith("/s") else median(values)


def _called(name: str, side: Results) -> str:
    version = f" ({side['version']})" if side["version"] else ""
    return f"{name}{version}" if side["rival"] or version else f"**{name}**"


def _figures(row: Row, side: Results) -> Iterator[str]:
    for figure in row.shows:
        values = side["figures"].get(figure)
        yield middle(values) if values else side.get("failed", "")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
