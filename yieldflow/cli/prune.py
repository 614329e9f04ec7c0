"""`prune`: delete what has ended long ago, after somebody has said yes to how many runs that are."""

from __future__ import annotations

from typing import Any

import click

from yieldflow import pruning
from yieldflow.cli.choosing import care_of, cares, filters
from yieldflow.cli.errors import DONE, ENDED_BADLY
from yieldflow.cli.options import Place, at_a_place
from yieldflow.cli.outcome import tell_json
from yieldflow.cli.pairs import tags_of
from yieldflow.given import span_of
from yieldflow.inspection.phrases import count
from yieldflow.reach import wanted


@click.command(epilog="Example: yieldflow prune --older-than 30d --status completed --dry-run")
@click.option("--older-than", metavar="DURATION", required=True, help="Those that ended longer ago, such as 30d.")
@filters
@cares
@at_a_place
def prune(
    older_than: str,
    status: tuple[Any, ...],
    workflow: str | None,
    tags: tuple[str, ...],
    url: str | None,
    modules: tuple[str, ...],
    **options: Any,
) -> int:
    """Delete runs that have ended and owe nothing to another run. A run that was continued or retried goes as a whole.

    An app can do so by itself: `App(retention="30d")`.
    """
    care = care_of(options)
    with Place(url, modules).app() as app:
        asked = wanted(status or None, workflow, tags_of(tags), None, None, 1)
        before = app.workshop.now() - span_of(older_than)
        found = list(pruning.prunable(app.store, asked, before))
        if not care.dry_run:
            if not care.may_do("delete", len(found)):
                click.echo("nothing was deleted", err=True)
                return ENDED_BADLY
            found = pruning.prune(app.store, asked, before, set(found))
        if care.as_json:
            tell_json({"verb": "prune", "dry_run": care.dry_run, "run_ids": found})
            return DONE
        for run_id in found if care.dry_run else ():
            click.echo(run_id)
        were = "would be" if care.dry_run else "was" if len(found) == 1 else "were"
        click.echo(f"{count(len(found), 'run')} {were} deleted", err=True)
        return DONE
