"""`completion`: what a shell needs to complete commands, options, and what is in the store: runs, workflows, tags.

A shell waits for every answer, and shows what is said meanwhile in the middle of a line: so completing is quick, and
silent where the store is away. No code of a workflow is loaded for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stderr, suppress
from functools import partial
from io import StringIO
from threading import Thread
from typing import TypeAlias

import click
from click.shell_completion import CompletionItem, get_completion_class

from yieldflow.app import App
from yieldflow.cli.options import expect_store
from yieldflow.errors import YieldflowError
from yieldflow.ports import LIVE, Filter, Status, Summary

SHELLS = ("bash", "zsh", "fish")
MOST = 1_000  # runs among which those are found that begin with what is typed
PATIENCE = 1.0  # seconds that a shell waits at most
_AMONG: Mapping[str, tuple[Status, ...]] = {  # by command: the others mean any run
    "cancel": LIVE,
    "pause": ("running", "blocked"),
    "resume": ("paused",),
    "retry": ("failed",),
    "send": LIVE,
    "terminate": LIVE,
}
_HOW = {
    "bash": 'add to ~/.bashrc: eval "$(yieldflow completion bash)"',
    "zsh": 'add to ~/.zshrc, after compinit: eval "$(yieldflow completion zsh)"',
    "fish": "say once: yieldflow completion fish > ~/.config/fish/completions/yieldflow.fish",
}

Items: TypeAlias = list[CompletionItem]


@click.command(
    epilog="""\b
Examples:
  yieldflow completion bash --how
  eval "$(yieldflow completion bash)"
"""
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.option("--how", is_flag=True, help="Say what to add to which file instead.")
@click.pass_context
def completion(ctx: click.Context, shell: str, how: bool) -> None:
    """Print the script that makes SHELL complete commands, options, run ids, workflows and tags."""
    if how:
        click.echo(_HOW[shell])
        return
    made = get_completion_class(shell)
    assert made is not None  # click has these three
    click.echo(made(ctx.find_root().command, {}, "yieldflow", "_YIELDFLOW_COMPLETE").source())


def attach(command: click.Command) -> None:
    """Have a command complete what it calls a run, a workflow or a tag."""
    among = _AMONG.get(command.name or "")
    ask: Callable[[App], Iterable[CompletionItem]]
    for parameter in command.params:
        match parameter.name:
            case _ if isinstance(parameter, click.Argument) and "RUN" in (parameter.metavar or ""):
                ask = partial(_run_ids, among)
            case "workflow":
                ask = _workflows
            case "tag" | "tags":
                ask = _tags
            case _:
                continue
        parameter.shell_complete = partial(_complete, ask)  # type: ignore[method-assign]  # as each would be given it


def _complete(ask: Callable[[App], Iterable[CompletionItem]], ctx: click.Context, typed: str) -> Items:
    """Nothing, if the store does not answer soon."""
    found: Items = []

    def look() -> None:
        with suppress(YieldflowError, ValueError, OSError):
            app = App(_url(ctx))
            expect_store(app.settings.url)
            try:
                found.extend(ask(app))
            finally:
                app.close()

    with redirect_stderr(StringIO()):
        looking = Thread(target=look, name="yieldflow completion", daemon=True)
        looking.start()
        looking.join(PATIENCE)
    unique = {item.value: item for item in list(found) if item.value.startswith(typed)}
    return list(unique.values())


def _url(ctx: click.Context | None) -> str | None:
    """That of the command, or the one that was given before it."""
    while ctx is not None:
        if ctx.params.get("url"):
            return str(ctx.params["url"])
        ctx = ctx.parent
    return None


def _run_ids(among: tuple[Status, ...] | None, app: App) -> Iterable[CompletionItem]:
    return [CompletionItem(run.run_id, help=f"{run.status} {run.workflow}") for run in _runs(app, among)]


def _workflows(app: App) -> Iterable[CompletionItem]:
    return [CompletionItem(run.workflow) for run in _runs(app, None)]


def _tags(app: App) -> Iterable[CompletionItem]:
    return [CompletionItem(f"{name}={value}") for run in _runs(app, None) for name, value in run.tags.items()]


def _runs(app: App, among: tuple[Status, ...] | None) -> tuple[Summary, ...]:
    return app.store.find(Filter(among, limit=MOST)).runs
