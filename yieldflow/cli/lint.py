"""`lint`: what is wrong with the source of workflows, before a replay finds it. No store is opened, nothing is run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from traceback import extract_tb
from typing import Any

import click
from attrs import evolve

from yieldflow.app import App
from yieldflow.authoring.source_check import all_at_once
from yieldflow.cli.errors import DONE, ENDED_BADLY, BrokenModule
from yieldflow.cli.options import Place, at_a_place
from yieldflow.cli.outcome import tell_json
from yieldflow.cli.target import defined_in, find, load, module_of
from yieldflow.core.asks import WorkflowDefinition
from yieldflow.errors import BadDefinition, UsageError
from yieldflow.inspection.phrases import count
from yieldflow.lint import Finding, findings

_EXAMPLES = """\b
Examples:
  yieldflow lint shop.flows
  yieldflow lint shop/flows.py:checkout --json
"""


@click.command("lint", epilog=_EXAMPLES)
@click.argument("targets", metavar="[TARGET]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@at_a_place
def lint(targets: tuple[str, ...], as_json: bool, url: str | None, modules: tuple[str, ...]) -> int:
    """Look in workflows and their helpers for what a replay would do otherwise.

    That is: clocks, chance, effects, state, the order of sets, and commands that are never asked. TARGET is a module, a
    file, or one workflow of it (module:name); by default the modules that are set. A line that is in order all the same
    says why: `# yieldflow: ok because ...`. The exit code is 1 if something is found.
    """
    with _nothing_refused(), Place(url, modules).app(new=True) as app:
        refused = [finding for target in targets for finding in _loaded(target)]
        workflows = _workflows(app, (*app.settings.modules, *targets))
    if not workflows and not refused:
        places = ", ".join((*app.settings.modules, *targets))
        raise UsageError(f"there is no workflow in {places}" if places else "name a module, such as shop.flows")
    found = [*refused, *findings(workflow.fn for workflow in workflows)]
    if as_json:
        tell_json({"workflows": len(workflows), "findings": [_document(finding) for finding in found]})
    else:
        _tell(found, len(workflows))
    return ENDED_BADLY if found else DONE


@contextmanager
def _nothing_refused() -> Iterator[None]:
    token = all_at_once.set(True)
    try:
        yield
    finally:
        all_at_once.reset(token)


def _loaded(target: str) -> Iterator[Finding]:
    """What cannot be a workflow at all ends the import of its module."""
    try:
        load((module_of(target),))
    except BrokenModule as broken:
        if not isinstance(broken.__cause__, BadDefinition):
            raise
        ours = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - as tracebacks have them
        frames = [frame for frame in extract_tb(broken.__cause__.__traceback__) if not frame.filename.startswith(ours)]
        yield Finding(frames[-1].filename, frames[-1].lineno or 0, str(broken.__cause__))


def _workflows(app: App, targets: Sequence[str]) -> list[WorkflowDefinition]:
    """Each once. Raises `UnknownTarget`."""
    named = [target for target in targets if module_of(target) != target]
    found = defined_in(app.registry, (target for target in targets if target not in named))
    return list({id(one): one for one in (*found, *(find(target).definition for target in named))}.values())


def _tell(found: Sequence[Finding], workflows: int) -> None:
    for finding in found:
        click.echo(str(evolve(finding, file=_near(finding.file))))
    click.echo(f"{count(workflows, 'workflow')}: {count(len(found), 'finding') if found else 'nothing found'}")


def _document(finding: Finding) -> dict[str, Any]:
    return {"file": finding.file, "line": finding.line, "message": finding.message}


def _near(file: str) -> str:
    near = os.path.relpath(file)
    return file if near.startswith("..") else near
