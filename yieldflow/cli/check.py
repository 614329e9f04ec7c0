"""`check`: would the code at hand block a run? The runs of a store, or exported histories, are replayed with it.

Only reads. What is the same in many runs is told once.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator, Sequence
from itertools import islice
from typing import Any

import click
from attrs import define, field

from yieldflow.app import App
from yieldflow.authoring import source_check
from yieldflow.cli.corpus import Item, sampled, unfinished
from yieldflow.cli.counting import counted
from yieldflow.cli.errors import DONE, ENDED_BADLY
from yieldflow.cli.files import files_in, is_history
from yieldflow.cli.findings import Document, sort
from yieldflow.cli.options import at_a_place
from yieldflow.cli.outcome import tell_json
from yieldflow.cli.replaying import Order, Replayed, opened, replay
from yieldflow.cli.shares import cores, in_processes
from yieldflow.cli.target import defined_in, module_of
from yieldflow.errors import UsageError, error
from yieldflow.given import span_of
from yieldflow.inspection.phrases import count

_ALONE = 0.5  # seconds before others are asked to help: they take as long to begin
_NAMED = 3  # of the runs that are alike


@error
class NothingToReplay(UsageError):
    places: str

    def __str__(self) -> str:
        return f"there is nothing to replay in {self.places}; say --allow-empty if that is as it should be"


@define
class Report:
    replayed: int = 0
    events: int = 0
    found: list[Document] = field(factory=list)
    source: list[source_check.Finding] = field(factory=list)

    def add(self, replayed: Replayed) -> None:
        self.replayed += replayed.events > 0
        self.events += replayed.events
        if replayed.found is not None:
            self.found.append(replayed.found)

    @property
    def code(self) -> int:
        return ENDED_BADLY if self.found or self.source else DONE


_EXAMPLES = """\b
Examples:
  yieldflow check shop.flows --url redis://localhost:6379/0
  yieldflow check shop.flows histories --json
"""


@click.command(epilog=_EXAMPLES)
@click.argument("what", metavar="[MODULE]... [HISTORY]...", nargs=-1)
@click.option("--runs", is_flag=True, help="The unfinished runs of the store; the default without a HISTORY.")
@click.option("--workflow", metavar="W", help="Only runs of this workflow, as module:name.")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="At most so many runs.")
@click.option("--sample", type=click.IntRange(min=1), help="Only the newest so many of each workflow and version.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Processes. Default: as many as there are cores.")
@click.option("--timeout", metavar="DURATION", default="30s", show_default=True, help="For each replay, at most.")
@click.option("--allow-empty", is_flag=True, help="Nothing to replay is no error.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@at_a_place
def check(
    what: tuple[str, ...],
    runs: bool,
    workflow: str | None,
    limit: int,
    sample: int | None,
    jobs: int | None,
    timeout: str,
    allow_empty: bool,
    as_json: bool,
    url: str | None,
    modules: tuple[str, ...],
) -> int:
    """Replay histories with the code of each MODULE and say which runs it would block; change nothing.

    HISTORY is a file that `yieldflow export` made, or a folder of them (*.jsonl). The source of the workflows is
    checked, too. The exit code is 0 if all is well and 1 if not.
    """
    targets = tuple(word for word in what if not is_history(word))
    words = [word for word in what if is_history(word)]
    order = Order(url, modules, targets, runs or not words, workflow, span_of(timeout) / 1_000)
    with opened(order) as app:
        listed = list(islice(unfinished(app, workflow), limit)) if order.in_store else []
        items: list[Item] = [("file", str(file)) for word in words for file in files_in(word)] + listed
        items = items if sample is None else list(sampled(app, items, sample))
        report = _replayed(app, items, order, jobs)
        report.source = _source(app, (*app.settings.modules, *targets))
        places = words + [app.settings.url] * order.in_store
    if report.replayed == 0 and not allow_empty:
        raise NothingToReplay(" or ".join(places) + (f" of workflow {workflow}" if workflow else ""))
    if as_json:
        tell_json(_document(report))
    else:
        _tell(report)
    if len(listed) >= limit:
        click.echo(f"these were the newest {limit}; --limit takes more", err=True)
    return report.code


def _replayed(app: App, items: Sequence[Item], order: Order, jobs: int | None) -> Report:
    """Here, and if that takes longer than other processes need to begin, by those. In the order of *items*."""
    report, places = Report(), {item: number for number, item in enumerate(items)}
    with counted("replaying", len(items)) as tell:
        for replayed in _each(app, items, order, jobs):
            report.add(replayed)
            tell(1)
    report.found.sort(key=lambda found: _order(found, places))
    return report


def _each(app: App, items: Sequence[Item], order: Order, jobs: int | None) -> Iterator[Replayed]:
    done, end = 0, time.monotonic() + _ALONE
    number = cores() if jobs is None else jobs
    while done < len(items) and (number == 1 or (jobs is None and time.monotonic() < end)):
        yield replay(app, items[done], order)
        done += 1
    if done < len(items):
        for _, replayed in in_processes(items[done:], number, order):
            yield replayed


def _order(found: Document, places: dict[Item, int]) -> int:
    kinds: tuple[Item, Item] = (("run", found["history"]), ("file", found["history"]))
    return min(places[item] for item in kinds if item in places)


# --- what comes of it -------------------------------------------------------------------------------------------------


def _source(app: App, targets: tuple[str, ...]) -> list[source_check.Finding]:
    """Of all workflows in these modules: once they are loaded, more names are bound than when each was defined."""
    workflows = defined_in(app.registry, map(module_of, targets))
    return list(dict.fromkeys(finding for workflow in workflows for finding in source_check.check(workflow.fn)))


def _tell(report: Report) -> None:
    alike: dict[Hashable, list[Document]] = {}
    for found in report.found:
        alike.setdefault(sort(found), []).append(found)
    for group in alike.values():
        click.secho(_places([found["history"] for found in group]), bold=True)
        click.echo("".join(f"  {line}\n" for line in group[0]["text"].splitlines()))
    if report.source:
        click.secho("in the source of the workflows", bold=True)
        click.echo("".join(f"  {finding}\n" for finding in report.source))
    bad = {"block": 0, "fail": 0}
    for found in report.found:
        bad[found["would"]] += 1
    parts = [f"{report.replayed - len(report.found):,} go on"]
    parts += [f"{bad['block']:,} would be blocked"] if bad["block"] else []
    parts += [f"{bad['fail']:,} would fail"] if bad["fail"] else []
    click.echo(f"{count(report.replayed, 'history', 'histories')} replayed: {', '.join(parts)}")


def _places(places: list[str]) -> str:
    more = len(places) - _NAMED
    return ", ".join(places[:_NAMED]) + (f" and {count(more, 'other')}" if more > 0 else "")


def _document(report: Report) -> dict[str, Any]:
    return {
        "replayed": report.replayed,
        "events": report.events,
        "findings": [dict(found) for found in report.found],
        "source": [{"file": one.file, "line": one.line, "message": one.message} for one in report.source],
    }
