"""`result`, `send` and `hook`: what is said to a run that there is, and what it answers."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from time import monotonic

import click

from yieldflow.app import App
from yieldflow.cli.options import Place, at_a_place
from yieldflow.cli.outcome import tell
from yieldflow.core.answers import is_token, token_hash
from yieldflow.core.outcome import Ending
from yieldflow.errors import RunCancelled, RunFailed, TimedOut, UnknownToken
from yieldflow.given import parse, span_of
from yieldflow.inspection.kinds import expect_fitting, kinds_of
from yieldflow.inspection.reading import ending, newest, past, stand

_LONGEST_WAIT = 1.0  # seconds

TOKEN_LENGTH = 43


class TakesToken(click.Command):
    """One token of 64 begins with a dash: it is no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        dashed = len(args) >= 2 and args[0].startswith("-") and len(args[0]) == TOKEN_LENGTH
        return super().parse_args(ctx, [*args[2:], "--", *args[:2]] if dashed else args)


@click.command(
    epilog="""\b
Example:
  yieldflow result order-42 --timeout 30s
"""
)
@click.argument("run_id", metavar="RUN")
@click.option("--timeout", metavar="DURATION", help="How long to wait for its end, such as 30s. Default: for ever.")
@at_a_place
def result(run_id: str, timeout: str | None, url: str | None, modules: tuple[str, ...]) -> int:
    """Wait for the end of RUN and print its result as JSON.

    On an embedded store this process works on it meanwhile, if it has the code (-m).
    """
    with Place(url, modules).app() as app:
        return tell(
            app,
            run_id,
            ending(app.store, run_id) or _awaited(app, run_id, None if timeout is None else span_of(timeout) / 1_000),
        )


@click.command(
    epilog="""\b
Example:
  yieldflow send order-42 approval true --key mail-7
"""
)
@click.argument("run_id", metavar="RUN")
@click.argument("hook")
@click.argument("json")
@click.option("--key", metavar="KEY", help="Deliveries with the same key count once.")
@at_a_place
def send(run_id: str, hook: str, json: str, key: str | None, url: str | None, modules: tuple[str, ...]) -> None:
    """Deliver JSON to HOOK of RUN. With its code (-m) what does not fit the hook is refused."""
    payload = parse("the payload", json)
    with Place(url, modules).app() as app:
        checked = _is_checked(app, run_id, hook, payload)
        _tell_delivered(hook, run_id, app.send(run_id, hook, payload, key=key), checked=checked)
        opened = past(app.store, newest(app.store, run_id)).timeline.run.hooks
        if hook not in opened:
            names = ", ".join(sorted(opened)) or "none"
            click.echo(f"the run has not opened a hook of this name yet, so it is kept; opened: {names}", err=True)


@click.command(
    cls=TakesToken,
    epilog="""\b
Example:
  yieldflow hook 3q0mTOKENfromTHElink '{"ok": true}'
""",
)
@click.argument("token")
@click.argument("json")
@click.option("--key", metavar="KEY", help="Deliveries with the same key count once.")
@at_a_place
def hook(token: str, json: str, key: str | None, url: str | None, modules: tuple[str, ...]) -> None:
    """Deliver JSON to the hook that has TOKEN. With the code of its run (-m) what does not fit the hook is refused."""
    payload = parse("the payload", json)
    with Place(url, modules).app() as app:
        run_id, name = _place_of(app, token)
        checked = _is_checked(app, run_id, name, payload)
        _tell_delivered(name, run_id, app.resume_hook(token, payload, key=key), checked=checked)


def _place_of(app: App, token: str) -> tuple[str, str]:
    """Run and name; before it is answered, for then it may be gone. Raises `UnknownToken`."""
    found = app.store.resolve(token_hash(token)) if is_token(token) else None
    if found is None:
        raise UnknownToken
    return found


def _is_checked(app: App, run_id: str, hook: str, payload: object) -> bool:
    """False: no code at hand tells its type. Raises `BadPayload`."""
    with redirect_stdout(sys.stderr):  # its program is replayed, and may print
        kind = kinds_of(app).of(app, run_id, hook)
    expect_fitting(payload, hook, kind, app.codec)
    return kind is not None


def _tell_delivered(hook: str, run_id: str, position: int, *, checked: bool) -> None:
    unchecked = "" if checked else "; its type was not checked"
    click.echo(f"delivered to hook {hook} of run {run_id} at position {position}{unchecked}", err=True)


def _awaited(app: App, run_id: str, timeout: float | None) -> Ending:
    summary = stand(app.store, run_id).summary
    if app.embedded and app.registry.workflow(summary.workflow) is not None:
        with redirect_stdout(sys.stderr):
            _worked_on(app, run_id, timeout)
    elif app.embedded:
        click.echo(
            f"the code of {summary.workflow} is not at hand (-m MODULE): waiting for whoever works on it", err=True
        )
    return _seen(app, run_id, timeout)


def _worked_on(app: App, run_id: str, timeout: float | None) -> None:
    try:
        app.get(run_id).result(timeout)
    except (RunFailed, RunCancelled):
        return  # its end is told from the log


def _seen(app: App, run_id: str, timeout: float | None) -> Ending:
    deadline = None if timeout is None else monotonic() + timeout
    while (outcome := ending(app.store, run_id)) is None:
        left = _LONGEST_WAIT if deadline is None else min(_LONGEST_WAIT, deadline - monotonic())
        if left <= 0:
            raise TimedOut(f"run {run_id!r} has not ended within {timeout:g} s; `yieldflow inspect {run_id}` says why")
        generation = newest(app.store, run_id)
        app.store.wait(generation, stand(app.store, generation).head, left)
    return outcome
