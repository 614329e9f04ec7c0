"""How a run ended: its result as JSON on stdout, or on stderr what was raised, where, and its remote traceback.

Told from the log alone: no class of the program needs to be loaded.
"""

from __future__ import annotations

import json
import sys
from typing import Any, assert_never

import click
from attrs import frozen

from yieldflow.app import App
from yieldflow.cli.errors import DONE, ENDED_BADLY, visible
from yieldflow.core.outcome import Cancelled, ContinuedAs, Ending, Err, Failure, Ok
from yieldflow.core.retry import class_name
from yieldflow.errors import RunCancelled, StepFailed, Undecodable
from yieldflow.inspection.phrases import kind
from yieldflow.inspection.plain import plain

_STEP_FAILED = class_name(StepFailed)


def tell(app: App, run_id: str, ending: Ending) -> int:
    """Print it, and answer the exit code."""
    match ending:
        case Ok(value):
            tell_json(plain(value))
            return DONE
        case Err(failure):
            _tell_failure(app, run_id, failure)
        case Cancelled(reason):
            click.echo(visible(f"yieldflow: {RunCancelled(run_id, reason)}"), err=True)
        case ContinuedAs(successor):
            click.echo(f"yieldflow: run {run_id!r} went on as {successor!r}; ask for that one", err=True)
        case _:
            assert_never(ending)
    return ENDED_BADLY


def tell_json(value: Any) -> None:
    """On a terminal for people, else on one line."""
    indent = 2 if sys.stdout.isatty() else None
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    click.echo(json.dumps(value, ensure_ascii=plain, indent=indent))


@frozen
class Origin:
    """The step that a failure came from."""

    step: str
    attempts: int
    traceback: str | None


def origin(app: App, failure: Failure) -> Origin | None:
    """None: the workflow itself raised it."""
    link: Failure | None = failure
    while link is not None and link.names[:1] != (_STEP_FAILED,):
        link = link.cause
    if link is None or link.state is None:
        return None
    try:
        state = app.codec.decode(link.state, dict[str, Any])
    except Undecodable:
        return None
    assert isinstance(state, dict)
    traceback = state.get("traceback")
    return Origin(str(state.get("step")), int(state.get("attempts", 0)), None if traceback is None else str(traceback))


def _tell_failure(app: App, run_id: str, failure: Failure) -> None:
    message = f": {failure.message}" if failure.message else ""
    click.echo(visible(f"yieldflow: run {run_id!r} failed: {kind(failure)}{message}"), err=True)
    step = origin(app, failure)
    if step is None:
        _dimmed("raised in the workflow", failure.traceback)
        return
    count = "" if step.attempts <= 1 else f" (attempt {step.attempts} was the last)"
    _dimmed(f"raised in step {step.step}{count}", step.traceback)


def _dimmed(heading: str, traceback: str | None) -> None:
    click.echo(heading + (":" if traceback else ""), err=True)
    if traceback:
        for line in own_lines(traceback.rstrip().splitlines()):
            click.secho(f"  {visible(line)}", err=True, dim=True)


def own_lines(lines: list[str]) -> list[str]:
    """Without the frames of yieldflow itself, which say nothing to whoever wrote the step."""
    kept, inside = list[str](), False
    for line in lines:
        if line.startswith('  File "'):
            inside = _is_ours(line)
        elif not line.startswith("    "):
            inside = False
        if not inside:
            kept.append(line)
    return kept


def _is_ours(line: str) -> bool:
    return line.startswith(f'  File "{_HERE}')


_HERE = __file__.rpartition("cli")[0]
