"""`export`: the history of a run as a store keeps it, for `check` and for the tests of its workflow."""

from __future__ import annotations

import click

from yieldflow.cli.options import Place, at_a_place
from yieldflow.core.chain import chain_of, expect_possible
from yieldflow.inspection.reading import whole


@click.command()
@click.argument("run_id", metavar="RUN")
@at_a_place
def export(run_id: str, url: str | None, modules: tuple[str, ...]) -> None:
    """Print the history of RUN, one event a line: `yieldflow export RUN > RUN.jsonl`.

    It holds all that the run was told, and the seed of its hook tokens: whoever reads it can answer its hooks.
    """
    with Place(url, modules).app() as app:
        expect_possible(run_id)
        chain, _ = chain_of(run_id)
        _, events = whole(app.store, app.store.newest(chain) if chain == run_id else run_id)
        for event in events:
            click.echo(event)
