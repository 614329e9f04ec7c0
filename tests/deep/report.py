"""`docs/figures.json`, and the tables that docs/guarantees.md has from it, each between two marks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs" / "figures.json"
PAGE = ROOT / "docs" / "guarantees.md"
MARKED = re.compile(r"(<!-- figures: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Json = Mapping[str, Any]


def rewrite(figures: Json) -> None:
    """Parts that were not played keep the figures that they had."""
    known = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {"parts": {}}
    figures = {**figures, "parts": dict(sorted({**known["parts"], **figures["parts"]}.items()))}
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), figures), encoding="utf-8")


def page(text: str, figures: Json) -> str:
    """The text with today's tables: `when` says of which run, `what: part` are the figures of a part."""
    return MARKED.sub(lambda found: f"{found[1]}\n{_table(found[2], figures)}\n\n{found[3]}", text)


def _table(name: str, figures: Json) -> str:
    if name == "when":
        return _when(figures)
    kind, _, part = name.partition(" of ")
    if part not in figures["parts"]:
        return "Not measured yet."
    counts, samples = figures["parts"][part]["counts"], figures["parts"][part]["samples"]
    if kind == "matrix":
        return _matrix(counts)
    rows = [(what, f"{count:,}") for what, count in sorted(counts.items(), key=lambda pair: -pair[1]) if count]
    rows += [(_sample(what), _milliseconds(summary)) for what, summary in samples.items()]
    return _rows(("What was met", "How often"), rows)


def _when(figures: Json) -> str:
    runs: dict[tuple[str, str, int, int], list[str]] = {}
    for name, part in figures["parts"].items():
        runs.setdefault((part["date"], part["commit"], part["minutes"], part["seed"]), []).append(name)
    told = [f"On {figures['cores']} cores, Python {figures['python']}:", ""]
    for (date, commit, minutes, seed), names in sorted(runs.items(), key=lambda pair: -pair[0][2]):
        told.append(f"- {date}, commit `{commit}`, {minutes} minutes, seed {seed}: {', '.join(names)}.")
    return "\n".join(told)


def _matrix(counts: Mapping[str, int]) -> str:
    """Of counts that are called `row: column`."""
    pairs = {tuple(name.split(": ", 1)): count for name, count in counts.items() if ": " in name}
    rows, columns = dict.fromkeys(row for row, _ in pairs), dict.fromkeys(column for _, column in pairs)
    cells = [(row, *(f"{pairs.get((row, column), 0):,}" for column in columns)) for row in rows]
    return _rows(("", *columns), cells)


def _sample(name: str) -> str:
    return f"{name.removesuffix(' ms')}: half within, 99 % within, all within"


def _milliseconds(summary: Json) -> str:
    return ", ".join(f"{summary[percent]:,} ms" for percent in ("p50", "p99", "p100"))


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
