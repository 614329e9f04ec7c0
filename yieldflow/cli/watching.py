"""What a worker shows of itself, as its command line asks for it: figures over HTTP, log lines as JSON."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import click
from attrs import frozen

from yieldflow.app import App
from yieldflow.errors import UsageError, shown
from yieldflow.logs import JsonFormatter
from yieldflow.metrics import Metrics
from yieldflow.metrics.serving import serving


@frozen(slots=False)
class Watching:
    """*metrics*: a port, or an address with one; *log_format*: text or json."""

    metrics: str | None
    log_format: str

    @cached_property
    def observers(self) -> tuple[Metrics, ...]:
        return () if self.metrics is None else (Metrics(),)

    @contextmanager
    def of(self, app: App) -> Iterator[None]:
        """Show it within the block. Raises `UsageError`."""
        if self.log_format == "json":
            _log_as_json(app)
        if self.metrics is None:
            yield
            return
        host, port = _place(self.metrics)
        with serving(self.observers[0].text, host, port) as found:
            click.echo(f"its figures are at http://{host}:{found}/metrics", err=True)
            yield

    def spelled(self, number: int) -> list[str]:
        """For the command of one of several processes, counted from 0."""
        words = ["--log-format", self.log_format]
        if self.metrics is None:
            return words
        host, port = _place(self.metrics)
        return [*words, "--metrics", f"{host}:{port + number if port else 0}"]


def _log_as_json(app: App) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(place=app.workshop.place))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _place(text: str) -> tuple[str, int]:
    """Raises `UsageError`."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal() and int(port) < 65_536):
        raise UsageError(f"--metrics {shown(text)} is no port, and no address with one")
    return host.strip("[]") or "127.0.0.1", int(port)
