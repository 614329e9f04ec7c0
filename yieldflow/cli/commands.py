"""The command line as a whole: its commands, and what all of them are told."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import click

from yieldflow.cli.check import check
from yieldflow.cli.errors import Commands
from yieldflow.cli.export import export
from yieldflow.cli.listing import ls
from yieldflow.cli.run import run, start
from yieldflow.cli.services import alarms, dev, worker
from yieldflow.cli.show import inspect
from yieldflow.cli.talk import cancel, hook, result, send


def _version() -> str:
    try:
        return version("yieldflow")
    except PackageNotFoundError:  # a checkout that is not installed
        return "(not installed)"


COMMANDS: tuple[click.Command, ...] = (
    run,
    start,
    ls,
    inspect,
    check,
    export,
    result,
    send,
    hook,
    cancel,
    worker,
    alarms,
    dev,
)


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["--help", "-h"]})
@click.version_option(_version(), message="yieldflow %(version)s")
@click.option("--url", metavar="URL", help="The store. Default: $YIELDFLOW_URL, then pyproject.toml.")
@click.option("--module", "-m", "modules", multiple=True, metavar="MODULE", help="Code to load.")
@click.pass_context
def yieldflow(ctx: click.Context, url: str | None, modules: tuple[str, ...]) -> None:
    """Durable workflows for Python."""
    given = {"url": url, "modules": modules}
    told = {name: value for name, value in given.items() if value}
    ctx.default_map = {str(command.name): told for command in COMMANDS}
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


for _command in COMMANDS:
    yieldflow.add_command(_command)


def main() -> None:
    """What `yieldflow` and `python -m yieldflow` do. Ends the process."""
    yieldflow.main(prog_name="yieldflow")
