"""`doctor`: is the store well, and all that works on it? Each finding is a sentence, with what to do."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from yieldflow.cli.errors import DONE, ENDED_BADLY, visible
from yieldflow.cli.options import Place, at_a_place
from yieldflow.cli.outcome import tell_json
from yieldflow.doctor import Report, examine
from yieldflow.doctor.findings import Finding, Level
from yieldflow.doctor.healing import Repair
from yieldflow.errors import UsageError, masked
from yieldflow.inspection.phrases import count

_COLORS: dict[Level, str] = {"ok": "green", "warning": "yellow", "error": "bold red"}
_ORDER: tuple[Level, ...] = ("ok", "warning", "error")
_ALIKE = 5  # findings of one check that are shown


@click.command(
    epilog="""\b
Examples:
  yieldflow doctor --url redis://localhost:6379/0
  yieldflow doctor --sample 1000 --json
  yieldflow doctor --repair --dry-run
"""
)
@click.option(
    "--sample", type=click.IntRange(min=0), metavar="N", help="Look at N runs, drawn by chance. Default: all."
)
@click.option("--repair", is_flag=True, help="Put hints, indexes and alarms right, from the logs.")
@click.option("--dry-run", is_flag=True, help="With --repair: only say what it would do.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@at_a_place
def doctor(
    sample: int | None, repair: bool, dry_run: bool, as_json: bool, url: str | None, modules: tuple[str, ...]
) -> int:
    """Examine the store, its workers and alarms, and each run against its log.

    It changes nothing without --repair, which is safe while workers run. The exit code is 1 if an error was found.
    """
    if dry_run and not repair:
        raise UsageError("--dry-run says what --repair would do: give both")
    with Place(url, modules).app() as app:
        mode: Repair = "dry-run" if dry_run else "yes" if repair else "no"
        if as_json or not sys.stderr.isatty():
            report = examine(app, sample=sample, repair=mode)
        else:
            report = _watched(app, sample, mode)
        place = masked(app.settings.url)
    if as_json:
        tell_json(_document(place, report))
    else:
        _tell(place, report)
    return DONE if report.is_well else ENDED_BADLY


def _watched(app: Any, sample: int | None, mode: Repair) -> Report:
    columns = (TextColumn("looking at runs"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("runs", total=None)
        return examine(
            app, sample=sample, repair=mode, progress=lambda done, of: bar.update(task, completed=done, total=of)
        )


def _document(place: str, report: Report) -> dict[str, Any]:
    return {
        "store": place,
        "well": report.is_well,
        "runs": {"known": report.known, "looked_at": report.looked_at},
        "findings": [
            {"check": one.check, "level": one.level, "says": one.says, "do": one.do or None, "run_id": one.run_id}
            for one in report.findings
        ],
        "repairs": report.repairs,
    }


def _tell(place: str, report: Report) -> None:
    console = Console(highlight=False)
    console.print(Text(f"yieldflow doctor: {place}", style="bold"))
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for level in _ORDER:
        for finding, more in _alike([one for one in report.findings if one.level == level]):
            table.add_row(Text(level, style=_COLORS[level]), finding.check, _words(finding, more))
    for line in report.repairs:
        table.add_row(Text("repair", style="magenta"), "", Text(visible(line)))
    console.print(table)
    levels = [one.level for one in report.findings]
    parts = [count(levels.count(level), level) for level in ("error", "warning") if level in levels]
    looked = f"{report.looked_at:,} of {count(report.known, 'run')} looked at"
    console.print(Text(f"{', '.join(parts) or 'all is well'}; {looked}", style="dim"))


def _alike(findings: list[Finding]) -> list[tuple[Finding, int]]:
    """The first few of each check, the last of those with the number of the others."""
    kept: dict[str, list[Finding]] = {}
    for finding in findings:
        kept.setdefault(finding.check, []).append(finding)
    return [
        (finding, len(some) - _ALIKE if number == _ALIKE else 0)
        for some in kept.values()
        for number, finding in enumerate(some[:_ALIKE], 1)
    ]


def _words(finding: Finding, more: int) -> Text:
    text = Text(visible(finding.says))
    if more > 0:
        text.append(f" (and {more:,} more like it)")
    if finding.do:
        text.append(f"\n→ {finding.do}", style="cyan")
    return text
