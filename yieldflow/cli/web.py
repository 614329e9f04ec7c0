"""`web`: the page, hook links and the API over HTTP. It runs until it is stopped, and carries out no run itself."""

from __future__ import annotations

import secrets
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

from yieldflow.cli.options import Place, at_a_place
from yieldflow.cli.processes import end_with_supervisor
from yieldflow.errors import UsageError

_MISSING = "yieldflow web needs uvicorn: pip install 'yieldflow[web]'"


@click.command(
    epilog="""\b
Examples:
  yieldflow web -m shop.flows --url redis://localhost:6379/0
  yieldflow web --host 0.0.0.0 --port 80 --base-url https://shop.example
  yieldflow web --read-only --hide-payloads
"""
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8420, show_default=True, help="The port; 0: one that is free."
)
@click.option(
    "--token",
    envvar="YIELDFLOW_WEB_TOKEN",
    help="What opens the page and the API. Default: $YIELDFLOW_WEB_TOKEN, which nobody sees in a list of processes; on "
    "this machine alone one is made and shown.",
)
@click.option(
    "--reader-token",
    envvar="YIELDFLOW_WEB_READER_TOKEN",
    help="What lets somebody look, and change nothing. Default: $YIELDFLOW_WEB_READER_TOKEN.",
)
@click.option("--read-only", is_flag=True, help="Nobody changes anything, but for who answers the link of a hook.")
@click.option("--hide-payloads", is_flag=True, help="Show no arguments, answers, payloads, data and local variables.")
@click.option("--page/--no-page", "has_page", default=True, help="Whether there is a page, or links and the API alone.")
@click.option(
    "--base-url", metavar="URL", help="Where links of hooks lead, of runs started here. Default: $YIELDFLOW_BASE_URL."
)
@click.option("--proxy", metavar="ADDRESS", help="A proxy in front, whose X-Forwarded-For is believed.")
@click.option("--supervised", is_flag=True, hidden=True)
@at_a_place
def web(
    host: str,
    port: int,
    token: str | None,
    reader_token: str | None,
    read_only: bool,
    hide_payloads: bool,
    has_page: bool,
    base_url: str | None,
    proxy: str | None,
    supervised: bool,
    url: str | None,
    modules: tuple[str, ...],
) -> None:
    """Show the page, answer hook links and the HTTP API.

    Runs are carried out by workers beside it. MODULES are the code: with it the page shows where a run stands in it,
    arguments and payloads are checked, and runs can be started.
    """
    serving = _serving(supervised=supervised)
    alone = serving.is_loopback(host)
    if token is None and not alone:
        raise UsageError(f"whoever reaches {host} would reach the API: give it a token ($YIELDFLOW_WEB_TOKEN)")
    made = secrets.token_urlsafe(24) if token is None else token
    shown = {"page": has_page, "read_only": read_only, "payloads": not hide_payloads}
    with Place(url, modules).app(new=True) as app:
        app.base_url = base_url or app.base_url
        names = serving.own_names(host, app.base_url) if alone else None
        application = import_module("yieldflow.web").asgi(app, token=made, readers=reader_token, hosts=names, **shown)
        tell = partial(_tell, token=made, is_made=token is None, has_page=has_page, is_child=supervised)
        serving.serve(application, host, port, proxy, tell)


def _serving(*, supervised: bool) -> Any:
    """What serves. Raises `UsageError`."""
    if find_spec("uvicorn") is None:
        raise UsageError(_MISSING)
    if supervised:
        end_with_supervisor()
    return import_module("yieldflow.web.serving")


def _tell(place: str, *, token: str, is_made: bool, has_page: bool, is_child: bool) -> None:
    """Where it can be reached. What stands behind the # of a link is never sent by a browser."""
    if not is_child:  # else the page's link is what its parent has not said
        click.echo(f"serving {place}; its API is described at {place}/openapi.json; Ctrl-C ends it", err=True)
    if is_made and not is_child:
        click.echo(f"the token of this time: {token}", err=True)
    if has_page:
        way = f"/ui/sign-in#{token}" if is_made else "/ui/runs"
        click.echo(f"the page: {place}{way}", err=True)
