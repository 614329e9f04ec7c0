"""`web`: hook links and the API over HTTP. It runs until it is stopped, and carries out no run itself."""

from __future__ import annotations

import secrets
from importlib import import_module
from importlib.util import find_spec

import click

from yieldflow.cli.options import Place, at_a_place
from yieldflow.errors import UsageError

_MISSING = "yieldflow web needs uvicorn: pip install 'yieldflow[web]'"


@click.command(
    epilog="""\b
Examples:
  yieldflow web -m shop.flows --url redis://localhost:6379/0
  yieldflow web --host 0.0.0.0 --port 80 --base-url https://shop.example
"""
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8420, show_default=True, help="The port; 0: one that is free."
)
@click.option(
    "--token",
    envvar="YIELDFLOW_WEB_TOKEN",
    help="What opens the API. Default: $YIELDFLOW_WEB_TOKEN, which nobody sees in a list of processes; on this machine "
    "alone one is made and shown.",
)
@click.option("--base-url", metavar="URL", help="Where the links of hooks lead, of runs that are started here.")
@click.option("--proxy", metavar="ADDRESS", help="A proxy in front, whose X-Forwarded-For is believed.")
@at_a_place
def web(
    host: str,
    port: int,
    token: str | None,
    base_url: str | None,
    proxy: str | None,
    url: str | None,
    modules: tuple[str, ...],
) -> None:
    """Answer hook links and the HTTP API.

    Runs are carried out by workers beside it. MODULES are the code: with it arguments and payloads are checked, and
    runs can be started.
    """
    if find_spec("uvicorn") is None:
        raise UsageError(_MISSING)
    serving = import_module("yieldflow.web.serving")
    if token is None and not serving.is_loopback(host):
        raise UsageError(f"whoever reaches {host} would reach the API: give it a token ($YIELDFLOW_WEB_TOKEN)")
    made = secrets.token_urlsafe(24) if token is None else token
    with Place(url, modules).app(new=True) as app:
        app.base_url = base_url or app.base_url
        application = import_module("yieldflow.web").asgi(app, token=made)

        def tell(place: str) -> None:
            click.echo(f"serving {place}; its API is described at {place}/openapi.json; Ctrl-C ends it", err=True)
            if token is None:
                click.echo(f"the token of this time: {made}", err=True)

        serving.serve(application, host, port, proxy, tell)
