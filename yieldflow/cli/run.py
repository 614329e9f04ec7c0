"""`run` and `start`: a target and JSON become a run; `run` drives it here and shows how it comes along."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout, suppress

import click
from attrs import frozen
from rich.console import Console

from yieldflow import identity
from yieldflow.app import App
from yieldflow.authoring.workflow import Workflow
from yieldflow.cli.errors import Interrupted
from yieldflow.cli.lines import Lines
from yieldflow.cli.live import Drawn
from yieldflow.cli.options import Place, at_a_place
from yieldflow.cli.outcome import tell
from yieldflow.cli.target import called, find, module_of
from yieldflow.cli.watch import View, Watch
from yieldflow.core.commands import CallStep
from yieldflow.core.outcome import Ending, Ok
from yieldflow.engine.outside import check_run_id
from yieldflow.errors import RunExists, StoreError, UnknownRun
from yieldflow.handle import Handle
from yieldflow.inspection.phrases import count, span
from yieldflow.inspection.reading import Past, ending, past, stand

_NUMBERS = {"ignore_unknown_options": True}  # -5 is an argument


@frozen
class Wanted:
    """A run as it was asked for."""

    target: str
    args: tuple[str, ...]
    kwargs: tuple[str, ...]
    run_id: str | None


@click.command(
    context_settings=_NUMBERS,
    epilog="""\b
Examples:
  yieldflow run shop.flows:checkout '"order-42"' 500 --run-id order-42
  yieldflow run shop/flows.py:hello --kw 'name="World"'
""",
)
@click.argument("target")
@click.argument("json", nargs=-1)
@click.option("--kw", multiple=True, metavar="NAME=JSON", help="An argument by its name.")
@click.option("--run-id", metavar="ID", help="Its name; that of an unfinished run continues it. Default: a random one.")
@click.option(
    "--threads", type=click.IntRange(min=1), default=4, show_default=True, help="Steps carried out at a time."
)
@at_a_place
def run(
    target: str,
    json: tuple[str, ...],
    kw: tuple[str, ...],
    run_id: str | None,
    threads: int,
    url: str | None,
    modules: tuple[str, ...],
) -> int:
    """Start a run of TARGET, or continue it, and drive it here to its end.

    TARGET is package.module:name or path/to/file.py:name; each JSON is one argument. The result goes to stdout,
    as JSON. Ctrl-C leaves a run that the same command continues.
    """
    place, wanted = Place(url, modules), Wanted(target, json, kw, run_id)
    with place.app(target, threads=threads, new=True) as app:
        handle = _opened(app, wanted)
        outcome = ending(app.store, handle.run_id)
        if outcome is None:
            outcome = _driven(app, handle, place, target)
        return tell(app, handle.run_id, outcome)


@click.command(
    context_settings=_NUMBERS,
    epilog="""\b
Example:
  yieldflow start shop.flows:checkout '"order-42"' 500 --run-id order-42
""",
)
@click.argument("target")
@click.argument("json", nargs=-1)
@click.option("--kw", multiple=True, metavar="NAME=JSON", help="An argument by its name.")
@click.option("--run-id", metavar="ID", help="Its name. Default: a random one.")
@at_a_place
def start(
    target: str,
    json: tuple[str, ...],
    kw: tuple[str, ...],
    run_id: str | None,
    url: str | None,
    modules: tuple[str, ...],
) -> None:
    """Start a run of TARGET and print its id; workers carry it out."""
    place = Place(url, modules)
    with place.app(target, new=True) as app:
        handle = app.start(called(app, find(target), json, kw), run_id=run_id)
        click.echo(handle.run_id)
        if app.embedded:
            code = dict.fromkeys((*map(module_of, app.settings.modules), module_of(target)))
            alone = place.spelled("run", target, "--run-id", handle.run_id, modules=True)
            click.echo(
                f"{app.settings.url} has no workers of its own; all its runs: {place.spelled('worker', *code)}\n"
                f"this run alone: {alone}",
                err=True,
            )


def _opened(app: App, wanted: Wanted) -> Handle[object]:
    """Started, or found: with nothing but a run id, whatever its arguments were."""
    workflow = find(wanted.target)
    call = called(app, workflow, wanted.args, wanted.kwargs) if wanted.args or wanted.kwargs else None
    found = None if wanted.run_id is None else _found(app, wanted.run_id)
    if found is not None and call is None:
        handle: Handle[object] = app.get(_of(found, workflow))
    else:
        handle = app.start(call or called(app, workflow, (), ()), run_id=wanted.run_id)
    if found is not None and found.timeline.run.ended is None:
        click.echo(_continuing(found), err=True)
    return handle


def _found(app: App, run_id: str) -> Past | None:
    check_run_id(run_id)
    try:
        return past(app.store, run_id)
    except UnknownRun:
        return None


def _of(found: Past, workflow: Workflow[..., object]) -> str:
    """The id of a run of that workflow. Raises `RunExists`."""
    summary, definition = found.log.summary, workflow.definition
    if summary.workflow not in (definition.name, *definition.also_known_as):
        raise RunExists(summary.run_id, f"the workflow {summary.workflow}")
    return summary.run_id


def _continuing(found: Past) -> str:
    timeline, log = found.timeline, found.log
    gone = {claim.path for claim in log.claimed if claim.until <= log.now or identity.gone(claim.worker)}
    lost = {
        path
        for path, pending in timeline.run.open.items()
        if pending.losses and isinstance(pending.issued.command, CallStep)
    }
    done = f"{timeline.completed:,} of {timeline.steps:,} known steps were done"
    cut = f", {count(len(gone | lost), 'body was', 'bodies were')} cut off" if gone | lost else ""
    return f"continuing run {log.summary.run_id}: {done}{cut}"


def _driven(app: App, handle: Handle[object], place: Place, target: str) -> Ending:
    """Drive it here to its end. What bodies print goes to stderr: stdout is for the result."""
    watch = Watch(app.store, handle.run_id, _view(place, handle.run_id))
    try:
        with redirect_stdout(sys.stderr), watch:
            handle.drive(lambda: _interrupted(app, handle.run_id))
    except KeyboardInterrupt:
        again = place.spelled("run", target, "--run-id", handle.run_id, modules=True)
        raise Interrupted(f"run {handle.run_id} is interrupted; to continue it: {again}") from None
    outcome = ending(app.store, handle.run_id)
    assert outcome is not None
    if isinstance(outcome, Ok):
        _conclude(watch)
    return outcome


def _view(place: Place, run_id: str) -> View:
    console = Console(stderr=True, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return Drawn(lambda token: place.spelled("hook", token, "JSON"), console)
    click.echo(f"run {run_id}", err=True)
    return Lines(lambda token: place.spelled("hook", token, "JSON"))


def _interrupted(app: App, run_id: str) -> None:
    """Bodies in threads may end; that of the main thread is interrupted and was given back."""
    with suppress(StoreError):
        mine = sum(claim.worker == identity.name() for claim in stand(app.store, run_id).claimed)
        if mine:
            click.echo(f"waiting up to 5 s for {count(mine, 'step')} under way (Ctrl-C again: at once)", err=True)


def _conclude(watch: Watch) -> None:
    timeline = watch.scene.timeline
    took = span(watch.scene.now - watch.scene.since)
    failed = sum(item.attempt - 1 for item in timeline.items.values())
    again = f", {count(failed, 'attempt')} failed on the way" if failed else ""
    steps = count(timeline.completed, "step")
    click.echo(f"✓ run {watch.run_id} completed after {took}: {steps} done{again}", err=True)
