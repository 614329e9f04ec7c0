"""A durable census of Python source, by default of the standard library that runs it.

    yieldflow run examples/census.py:census --run-id census

It writes `census.json` and `census.svg` into the current directory, some seconds after it has asked whether it may:
`yieldflow send census publish false` forbids it. Kill it at any time, with -9 too: the same command goes on from there.
"""

from __future__ import annotations

import heapq
import json
import os
import platform
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import asdict, evolve, frozen
from census_picture import draw
from census_source import Facts, Package, Report, Tile, examine, total

from yieldflow import Duration, Flow, current_step, gather, hook, sleep, step, workflow

LOOSE = "loose modules"
FOREIGN = {"site-packages", "dist-packages", "__pycache__"}
TILES = 5_000  # so many files at most are drawn, the largest: a payload has a limit


@frozen
class Place:
    root: str
    journal: str | None  # a file to which each body that begins adds a line


@frozen
class Survey:
    place: Place
    title: str
    packages: list[str]


@workflow
def census(
    directory: str | None = None,
    *,
    out: str = ".",
    chunk: int = 20,
    pause: Duration = "1s",
    patience: Duration = "5s",
    journal: str | None = None,
) -> Flow[str]:
    """Count what lies below *directory*, *chunk* files a step, and answer what was found in a sentence.

    *patience*: how long an answer to "publish?" is waited for. *journal*: see `Place`.
    """
    found = yield from survey(directory, journal)
    packages = yield from gather(*(count(found.place, name, chunk) for name in found.packages))
    report = Report(found.title, total(package.facts for package in packages), only_largest(packages))
    yield sleep(pause)
    if not (yield from hook("publish", bool, timeout=patience, default=True)):
        return f"Not published. {report}"
    yield publish(report, found.place, out)
    return str(report)


def count(place: Place, package: str, chunk: int) -> Flow[Package]:
    """One branch of the census. What is only computed needs no step: it is computed again on replay."""
    files = yield from list_files(place, package)
    parts = yield from gather(*(measure(place, some).options(label=f"read {package}") for some in chunks(files, chunk)))
    tiles = [tile for _, tiles in parts for tile in tiles]
    return Package(package, total(facts for facts, _ in parts), tuple(sorted(tiles, key=by_size)))


# --- steps: only here the world is looked at or changed ---------------------------------------------------------


@step
def survey(directory: str | None, journal: str | None) -> Survey:
    """Where the source lies, and which packages there are."""
    place = Place(str(Path(directory or sysconfig.get_path("stdlib")).resolve()), journal)
    note(place)
    root = Path(place.root)
    title = root.name if directory else f"The standard library of Python {platform.python_version()}"
    names = sorted(entry.name for entry in root.iterdir() if entry.name not in FOREIGN and any(sources(entry)))
    return Survey(place, title, [*names, LOOSE] if any(root.glob("*.py")) else names)


@step
def list_files(place: Place, package: str) -> list[str]:
    note(place)
    root = Path(place.root)
    files = root.glob("*.py") if package == LOOSE else sources(root / package)
    return sorted(file.relative_to(root).as_posix() for file in files)


@step
def measure(place: Place, files: list[str]) -> tuple[Facts, list[Tile]]:
    """Read and parse some files: what they have in total, and a tile of the picture for each."""
    note(place)
    facts = {file: examine(Path(place.root), file) for file in files}
    tiles = [Tile(file, one.lines, round(one.share, 3)) for file, one in facts.items()]
    return total(facts.values()), tiles


@step
def publish(report: Report, place: Place, out: str) -> None:
    note(place)
    packages = {package.name: asdict(package.facts) for package in report.packages}
    figures = {"title": report.title, "total": asdict(report.total), "packages": packages}
    write(Path(out, "census.json"), json.dumps(figures, indent=1) + "\n")
    write(Path(out, "census.svg"), draw(report))


# --- what they use ----------------------------------------------------------------------------------------------


def sources(directory: Path) -> Iterator[Path]:
    return (file for file in directory.rglob("*.py") if FOREIGN.isdisjoint(file.relative_to(directory).parts))


def chunks(files: Sequence[str], size: int) -> list[list[str]]:
    return [list(files[start : start + size]) for start in range(0, len(files), size)]


def by_size(tile: Tile) -> tuple[int, str]:
    return -tile.lines, tile.file


def only_largest(packages: Sequence[Package]) -> tuple[Package, ...]:
    """The same packages with at most `TILES` files in all."""
    kept = set(heapq.nsmallest(TILES, (by_size(tile) for package in packages for tile in package.tiles)))
    tiles = {package.name: tuple(tile for tile in package.tiles if by_size(tile) in kept) for package in packages}
    return tuple(evolve(package, tiles=tiles[package.name]) for package in packages)


def write(file: Path, text: str) -> None:
    """As a whole or not at all: a body that was killed half-way is run again."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(file)


def note(place: Place) -> None:
    if place.journal is not None:
        with Path(place.journal).open("a") as journal:
            journal.write(f"{current_step().path}\n")
