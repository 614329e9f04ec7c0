"""`cancel`, `pause`, `resume`, `terminate` and `retry`: done to one run, to several, or to all that fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from yieldflow.app import App
from yieldflow.cli.choosing import Choice, chooses
from yieldflow.cli.errors import DONE, ENDED_BADLY, exit_code, visible
from yieldflow.cli.options import Place, at_a_place
from yieldflow.cli.outcome import tell_json
from yieldflow.errors import UsageError, YieldflowError
from yieldflow.inspection.phrases import count
from yieldflow.mending import Mended, Verb, cancelling, pausing, resuming, retrying, terminating

_SAID_ONE_BY_ONE = 20  # of more runs than this only how many they are

_DONE = {  # to one, to several
    "cancel": ("was asked to stop", "were asked to stop"),
    "pause": ("is paused", "are paused"),
    "resume": ("goes on", "go on"),
    "terminate": ("was ended", "were ended"),
    "retry": ("goes on from its failure", "go on from their failures"),
}

_REASON = click.option("--reason", help="Kept with the run.")


@click.command(epilog="Example: yieldflow cancel --workflow shop:checkout --since 2d --dry-run")
@chooses
@_REASON
@click.option("--again", is_flag=True, help="Throw once more into runs that were cancelled before.")
@at_a_place
def cancel(choice: Choice, reason: str | None, again: bool, url: str | None, modules: tuple[str, ...]) -> int:
    """Ask runs to stop; their clean-up is carried out by whoever works on them."""
    return _do(Place(url, modules), choice, lambda app: cancelling(reason, again=again, hinted=app.workshop.is_heard))


@click.command(epilog="Example: yieldflow pause order-42 --reason 'the bank is down'")
@chooses
@_REASON
@at_a_place
def pause(choice: Choice, reason: str | None, url: str | None, modules: tuple[str, ...]) -> int:
    """Keep what happens to runs, and tell it to them when they are resumed; bodies that run may end."""
    return _do(Place(url, modules), choice, lambda _: pausing(reason))


@click.command(epilog="Example: yieldflow resume --status paused --workflow shop:checkout")
@chooses
@at_a_place
def resume(choice: Choice, url: str | None, modules: tuple[str, ...]) -> int:
    """Go on with paused runs."""
    return _do(Place(url, modules), choice, lambda _: resuming())


@click.command(epilog="Example: yieldflow terminate order-42 --reason 'its code is gone'")
@chooses
@_REASON
@at_a_place
def terminate(choice: Choice, reason: str | None, url: str | None, modules: tuple[str, ...]) -> int:
    """End runs without asking them: no clean-up is carried out. Their children are cancelled."""
    return _do(Place(url, modules), choice, lambda _: terminating(reason))


@click.command(epilog="Example: yieldflow retry --status failed --workflow shop:checkout --since 2h")
@chooses
@at_a_place
def retry(choice: Choice, url: str | None, modules: tuple[str, ...]) -> int:
    """Go on with failed runs from the command whose failure ended them, its attempts counted anew."""
    return _do(Place(url, modules), choice, lambda _: retrying())


def _do(place: Place, choice: Choice, asked: Callable[[App], Verb]) -> int:
    with place.app() as app:
        verb, by_filter, care = asked(app), choice.by_filter(app), choice.care
        if by_filter is None:
            mended = (app.mender.would_mend if care.dry_run else app.mender.mend)(verb, choice.run_ids)
        else:
            found = app.mender.fitting(verb, by_filter)
            if not care.dry_run and not care.may_do(verb.name, len(found)):
                click.echo("nothing was done", err=True)
                return ENDED_BADLY
            mended = Mended(found) if care.dry_run else app.mender.mend(verb, found)
        _tell(verb, mended, choice)
        return _code(mended.refused.values(), named=by_filter is None)


def _tell(verb: Verb, mended: Mended, choice: Choice) -> None:
    if choice.care.as_json:
        tell_json(_document(verb, mended, dry_run=choice.care.dry_run))
        return
    one, several = _DONE[verb.name]
    runs = count(len(mended.run_ids), "run")
    if choice.care.dry_run:
        for run_id in mended.run_ids:
            click.echo(run_id)
        click.echo(f"{verb.name} would be done to {runs}", err=True)
    elif len(mended.run_ids) > _SAID_ONE_BY_ONE or not (mended.run_ids or mended.refused):
        click.echo(f"{runs} {several}", err=True)
    else:
        for run_id in mended.run_ids:
            click.echo(f"run {run_id} {one}", err=True)
    for error in mended.refused.values():
        click.echo(visible(f"yieldflow: {error}"), err=True)


def _document(verb: Verb, mended: Mended, *, dry_run: bool) -> dict[str, Any]:
    refused = [
        {"run_id": run_id, "error": type(error).__name__, "message": str(error)}
        for run_id, error in mended.refused.items()
    ]
    return {"verb": verb.name, "dry_run": dry_run, "run_ids": list(mended.run_ids), "refused": refused}


def _code(refused: Iterable[YieldflowError], *, named: bool) -> int:
    """A run that fitted a filter and has ended since is no mistake of whoever asked."""
    return next((exit_code(error) for error in refused if named or not isinstance(error, UsageError)), DONE)
