"""The command line as a whole: its commands, and what all of them are told.

A command is imported when it is asked for: `--help` needs none of them, and nobody waits for what another one needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click
from click.shell_completion import CompletionItem

from yieldflow.cli.errors import Commands

COMMANDS: Mapping[str, tuple[str, str]] = {  # in which module each is, and what it does in a line
    "alarms": ("services", "Ring for runs whose time has come."),
    "cancel": ("mending", "Ask runs to stop."),
    "check": ("check", "Say which runs the code at hand would block."),
    "completion": ("completion", "Have a shell complete commands and run ids."),
    "dev": ("services", "A store and workers, in one terminal."),
    "diff": ("diff", "Show where two runs part, or a run and the code."),
    "doctor": ("doctor", "Examine the store, its workers and each run; put it right."),
    "export": ("export", "Print the history of RUN, an event a line."),
    "fork": ("fork", "Start a run that shares the first events of RUN."),
    "hook": ("talk", "Deliver JSON to the hook that has TOKEN."),
    "import": ("importing", "Put exported histories into a store."),
    "inspect": ("show", "Show where RUN stands, and why it waits."),
    "lint": ("lint", "Find what a replay would do otherwise, in source."),
    "ls": ("listing", "List runs, newest first."),
    "metrics": ("metrics", "Print how the store stands, for Prometheus."),
    "pause": ("mending", "Tell runs nothing until they are resumed."),
    "prune": ("prune", "Delete what has ended long ago."),
    "result": ("talk", "Wait for the end of RUN and print its result."),
    "resume": ("mending", "Go on with paused runs."),
    "retry": ("mending", "Go on with failed runs from their failures."),
    "run": ("run", "Start a run of TARGET and drive it here to its end."),
    "schedule": ("schedule", "Start runs when they are due, again and again."),
    "send": ("talk", "Deliver JSON to HOOK of RUN."),
    "start": ("run", "Start a run of TARGET; workers carry it out."),
    "terminate": ("mending", "End runs without asking them."),
    "web": ("web", "The page, hook links and the API over HTTP."),
    "worker": ("services", "Work on runs, with the code of MODULES."),
}


class Late(Commands):
    """A group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        found: click.Command = getattr(import_module(f"yieldflow.cli.{module}"), name)
        if ctx.resilient_parsing:  # a shell asks what could come next
            import_module("yieldflow.cli.completion").attach(found)
        return found

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Of the commands; the options are click's."""
        named = [CompletionItem(name, help=line) for name, (_, line) in COMMANDS.items() if name.startswith(incomplete)]
        return named if not incomplete.startswith("-") else click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _say_version(ctx: click.Context, _: click.Parameter, value: Any) -> None:
    if not value:
        return
    metadata = import_module("importlib.metadata")
    try:
        known = metadata.version("yieldflow")
    except metadata.PackageNotFoundError:  # a checkout that is not installed
        known = "(not installed)"
    click.echo(f"yieldflow {known}")
    ctx.exit()


@click.group(cls=Late, invoke_without_command=True, context_settings={"help_option_names": ["--help", "-h"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_say_version,
    help="Show the version and exit.",
)
@click.option("--url", metavar="URL", help="The store. Default: $YIELDFLOW_URL, then pyproject.toml.")
@click.option("--module", "-m", "modules", multiple=True, metavar="MODULE", help="Code to load.")
@click.pass_context
def yieldflow(ctx: click.Context, url: str | None, modules: tuple[str, ...]) -> None:
    """Durable workflows for Python."""
    given = {"url": url, "modules": modules}
    told = {name: value for name, value in given.items() if value}
    ctx.default_map = dict.fromkeys(COMMANDS, told)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """What `yieldflow` and `python -m yieldflow` do. Ends the process."""
    yieldflow.main(prog_name="yieldflow")
