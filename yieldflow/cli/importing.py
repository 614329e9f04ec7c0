"""`import`: exported histories become runs of a store. All or none of them, and nothing that they did is done again."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import click

from yieldflow.cli.counting import counted
from yieldflow.cli.errors import visible
from yieldflow.cli.files import files_in, lines_of
from yieldflow.cli.options import Place, at_a_place
from yieldflow.cli.outcome import tell_json
from yieldflow.errors import UsageError
from yieldflow.histories import History, Imported, import_histories, read
from yieldflow.inspection.phrases import count

_MOST_LINES = 20
_EXAMPLES = """\b
Examples:
  yieldflow import histories --url sqlite:///shop.db
  yieldflow export order-42 | yieldflow import - --url redis://localhost/0
"""


@click.command("import", epilog=_EXAMPLES)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--go-on", is_flag=True, help="What has not ended goes on here, also if it was paused.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@at_a_place
def import_(files: tuple[str, ...], go_on: bool, as_json: bool, url: str | None, modules: tuple[str, ...]) -> None:
    """Put the runs of exported histories into the store, under their own ids.

    FILE is one that `yieldflow export` made, a folder of them, or - for stdin. A run that has not ended is paused, so
    that it does not go on in two stores: end it where it came from, then `yieldflow resume RUN`. A run that is there
    already stays as it is; if its log is another one, or a file is broken or cut, nothing is imported.
    """
    histories = list(_read(files))
    if not histories:
        raise UsageError(f"there is no history in {', '.join(files)}")
    with Place(url, modules).app(new=True) as app:
        imported = import_histories(app, histories, "going on" if go_on else "paused")
    if as_json:
        tell_json([{"run_id": one.run_id, "status": one.status, "new": one.new} for one in imported])
        return
    _tell(imported)


def _read(words: Sequence[str]) -> Iterator[History]:
    with counted("reading") as tell:
        for word in words:
            if word == "-":
                yield read(sys.stdin.buffer, "stdin")
                continue
            for file in files_in(word):
                yield read(lines_of(file), str(file))
                tell(1)


def _tell(imported: Sequence[Imported]) -> None:
    for one in imported[:_MOST_LINES]:
        click.echo(visible(f"{one.run_id}  {'imported' if one.new else 'was there already'}, {one.status}"))
    if len(imported) > _MOST_LINES:
        click.echo(f"… and {count(len(imported) - _MOST_LINES, 'other')}")
    new = sum(one.new for one in imported)
    paused = sum(one.new and one.status == "paused" for one in imported)
    click.echo(
        f"{count(new, 'run')} imported" + (f", {len(imported) - new:,} there already" if new < len(imported) else "")
    )
    if paused:
        click.echo("paused until `yieldflow resume RUN`; end them where they came from first", err=True)
