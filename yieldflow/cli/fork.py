"""`fork`: a run of its own that shares the first events of another one, with other answers where those were wrong."""

from __future__ import annotations

from typing import Any

import click

from yieldflow.cli.errors import visible
from yieldflow.cli.options import Place, at_a_place
from yieldflow.cli.outcome import tell_json
from yieldflow.cli.pairs import pairs_of
from yieldflow.core.events import ForkOf, RunStarted
from yieldflow.core.path import show
from yieldflow.given import parse

_EXAMPLE = "Example: yieldflow fork order-42 -m shop.flows --replace '2={\"cents\": 500}'"


@click.command(epilog=_EXAMPLE)
@click.argument("run_id", metavar="RUN")
@click.option("--at", metavar="POSITION", type=int, help="How many events it shares. Default: all but the end.")
@click.option(
    "--replace",
    "replaced",
    metavar="PATH=JSON",
    multiple=True,
    help="The answer of the step at PATH is this; without --at the fork begins after the last one.",
)
@click.option("--run-id", "new_run_id", metavar="ID", help="Of the fork. Default: a random one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@at_a_place
def fork(
    run_id: str,
    at: int | None,
    replaced: tuple[str, ...],
    new_run_id: str | None,
    as_json: bool,
    url: str | None,
    modules: tuple[str, ...],
) -> None:
    """Start a run that shares the first events of RUN, and print its id. What comes after them is done again.

    RUN stays as it is. Give the code (-m) with --replace: what fits no step, or would block the fork, is then refused.
    """
    answers = {path: parse(f"--replace {path}", text) for path, text in pairs_of("--replace", "PATH=JSON", replaced)}
    with Place(url, modules).app() as app:
        forked = app.fork(run_id, at=at, replace=answers, new_run_id=new_run_id)
        started = forked.history()[0]
        assert isinstance(started, RunStarted)
        assert isinstance(started.cause, ForkOf)
        document = _document(forked.run_id, started.cause)
        if as_json:
            tell_json(document)
            return
        click.echo(forked.run_id)
        answered = f", but for the answers at {', '.join(document['replaced'])}" if replaced else ""
        shares = f"it shares the first {started.cause.position:,} events of run {document['fork_of']}{answered}"
        click.echo(visible(shares), err=True)


def _document(run_id: str, cause: ForkOf) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "fork_of": cause.run_id,
        "position": cause.position,
        "replaced": [show(path) for path in cause.replaced],
    }
