"""`check`: would the code at hand block a run? The runs of a store, or exported histories, are replayed with it.

Only reads. What is the same in many runs is told once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Hashable, Iterator, Sequence
from contextlib import redirect_stdout, suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

import click
from attrs import define, field, frozen

from yieldflow.app import App
from yieldflow.authoring import source_check
from yieldflow.checking import Finding, check_history, read_history
from yieldflow.cli.errors import DONE, ENDED_BADLY
from yieldflow.cli.options import Place, at_a_place
from yieldflow.cli.outcome import tell_json
from yieldflow.cli.target import imported_as, module_of
from yieldflow.core.events import RunStarted
from yieldflow.errors import NonDeterminism, NotFoundError, UnknownRun, UnreadableLog, UsageError, error
from yieldflow.inspection.phrases import count
from yieldflow.inspection.reading import whole
from yieldflow.ports import Status, Summary

_LIVE: tuple[Status, ...] = ("running", "paused", "blocked")
_PAGE = 100
_NAMED = 3  # of the runs that are alike


@error
class NothingToReplay(UsageError):
    places: str

    def __str__(self) -> str:
        return f"there is nothing to replay in {self.places}; say --allow-empty if that is as it should be"


@error
class NoHistory(NotFoundError):
    place: str

    def __str__(self) -> str:
        return f"there is no file or folder {self.place}; `yieldflow export RUN > RUN.jsonl` makes a history"


@frozen
class History:
    """*place*: the run, or the file that it was exported to."""

    place: str
    packed: Sequence[bytes]


@define
class Report:
    replayed: int = 0
    found: list[tuple[str, Finding]] = field(factory=list)  # with the place of the history
    source: list[source_check.Finding] = field(factory=list)

    @property
    def code(self) -> int:
        return ENDED_BADLY if self.found or self.source else DONE


@click.command()
@click.argument("what", metavar="[MODULE]... [HISTORY]...", nargs=-1)
@click.option("--runs", is_flag=True, help="The unfinished runs of the store; the default without a HISTORY.")
@click.option("--workflow", metavar="W", help="Only runs of this workflow, as module:name.")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="At most so many runs.")
@click.option("--allow-empty", is_flag=True, help="Nothing to replay is no error.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@at_a_place
def check(
    what: tuple[str, ...],
    runs: bool,
    workflow: str | None,
    limit: int,
    allow_empty: bool,
    as_json: bool,
    url: str | None,
    modules: tuple[str, ...],
) -> int:
    """Replay histories with the code of each MODULE and say which runs it would block; change nothing.

    HISTORY is a file that `yieldflow export` made, or a folder of them (*.jsonl). The source of the workflows is
    checked, too. The exit code is 0 if all is well and 1 if not.
    """
    targets = [word for word in what if not _is_history(word)]
    files = [file for word in what if _is_history(word) for file in _files(Path(word))]
    in_store = runs or not any(map(_is_history, what))
    with Place(url, modules).app(*targets, new=not in_store) as app:
        corpus = chain(map(_exported, files), _stored(app, workflow, limit) if in_store else ())
        with redirect_stdout(sys.stderr):  # programs are replayed, and may print
            report = _replayed(app, corpus, workflow)
        report.source = _source(app, (*app.settings.modules, *targets))
        places = [word for word in what if _is_history(word)] + [app.settings.url] * in_store
    if report.replayed == 0 and not allow_empty:
        raise NothingToReplay(" or ".join(places) + (f" of workflow {workflow}" if workflow else ""))
    if as_json:
        tell_json(_document(report))
    else:
        _tell(report)
    if in_store and report.replayed >= limit:
        click.echo(f"these were the newest {limit}; --limit takes more", err=True)
    return report.code


# --- what to replay ---------------------------------------------------------------------------------------------------


def _is_history(word: str) -> bool:
    """A folder that is a package is code."""
    path = Path(word)
    return word.endswith(".jsonl") or (os.path.isdir(path) and not (path / "__init__.py").exists())  # noqa: PTH112 - of what no file can be called, too


def _files(place: Path) -> list[Path]:
    if os.path.isdir(place):  # noqa: PTH112 - likewise
        return sorted(place.glob("*.jsonl"))
    if not os.path.isfile(place):  # noqa: PTH113 - likewise
        raise NoHistory(str(place))
    return [place]


def _exported(file: Path) -> History:
    return History(str(file), file.read_bytes().splitlines())


def _stored(app: App, workflow: str | None, limit: int) -> Iterator[History]:
    for summary in islice(_unfinished(app, workflow), limit):
        with suppress(UnknownRun):  # deleted meanwhile
            yield History(summary.run_id, whole(app.store, summary.run_id)[1])


def _unfinished(app: App, workflow: str | None) -> Iterator[Summary]:
    for status in _LIVE:
        page = app.runs(status=status, workflow=workflow, limit=_PAGE)
        yield from page.runs
        while page.cursor is not None:
            page = app.runs(status=status, workflow=workflow, limit=_PAGE, cursor=page.cursor)
            yield from page.runs


# --- what comes of it -------------------------------------------------------------------------------------------------


def _replayed(app: App, corpus: Iterator[History], workflow: str | None) -> Report:
    report = Report()
    for history in corpus:
        try:
            events = read_history(history.packed)
        except UnreadableLog as unreadable:
            report.replayed += 1
            report.found.append((history.place, Finding(history.place, "?", "block", unreadable)))
            continue
        if workflow is not None and events and isinstance(events[0], RunStarted) and events[0].workflow != workflow:
            continue
        report.replayed += 1
        finding = check_history(app.registry, events, app.codec)
        if finding is not None:
            report.found.append((history.place, finding))
    return report


def _source(app: App, targets: tuple[str, ...]) -> list[source_check.Finding]:
    """Of all workflows in these modules: once they are loaded, more names are bound than when each was defined."""
    homes = {imported_as(module_of(target)) for target in targets}
    found = {}
    for definition in app.registry.workflows():
        if any(definition.fn.__module__ == home or definition.fn.__module__.startswith(f"{home}.") for home in homes):
            found.update(dict.fromkeys(source_check.check(definition.fn)))
    return list(found)


def _tell(report: Report) -> None:
    alike: dict[Hashable, list[tuple[str, Finding]]] = {}
    for place, finding in report.found:
        alike.setdefault(_sort(finding), []).append((place, finding))
    for group in alike.values():
        click.secho(_places([place for place, _ in group]), bold=True)
        click.echo("".join(f"  {line}\n" for line in str(group[0][1].problem).splitlines()))
    if report.source:
        click.secho("in the source of the workflows", bold=True)
        click.echo("".join(f"  {finding}\n" for finding in report.source))
    bad = {"block": 0, "fail": 0}
    for _, finding in report.found:
        bad[finding.would] += 1
    parts = [f"{report.replayed - len(report.found):,} go on"]
    parts += [f"{bad['block']:,} would be blocked"] if bad["block"] else []
    parts += [f"{bad['fail']:,} would fail"] if bad["fail"] else []
    click.echo(f"{count(report.replayed, 'history', 'histories')} replayed: {', '.join(parts)}")


def _sort(finding: Finding) -> Hashable:
    """What is the same for a reader, whatever the values are."""
    problem = finding.problem
    if isinstance(problem, NonDeterminism):
        return (problem.workflow, problem.path, problem.line, problem.change)
    return (finding.workflow, str(problem))


def _places(places: list[str]) -> str:
    more = len(places) - _NAMED
    return ", ".join(places[:_NAMED]) + (f" and {count(more, 'other')}" if more > 0 else "")


def _document(report: Report) -> dict[str, Any]:
    return {
        "replayed": report.replayed,
        "findings": [_found(place, finding) for place, finding in report.found],
        "source": [{"file": one.file, "line": one.line, "message": one.message} for one in report.source],
    }


def _found(place: str, finding: Finding) -> dict[str, Any]:
    problem = finding.problem
    found: dict[str, Any] = {
        "history": place,
        "run_id": finding.run_id,
        "workflow": finding.workflow,
        "would": finding.would,
        "error": type(problem).__name__,
        "text": str(problem),
    }
    if isinstance(problem, NonDeterminism):
        file, line = problem.line or (None, None)
        found |= {"path": problem.path, "file": file, "line": line, "recorded": problem.recorded}
        found |= {"asked": problem.asked, "details": list(problem.details)}
    return found
