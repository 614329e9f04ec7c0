"""What a worker shows of itself, as its command line asks for it: figures over HTTP, log lines."""

from __future__ import annotations

import logging
import os
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

_LOG = logging.getLogger("yieldflow.worker")
_LINE = "%(asctime)s %(levelname)s %(name)s: %(where)s%(message)s"


@frozen(slots=False)
class Watching:
    """*metrics*: a port, or an address with one; *log_format*: text or json."""

    metrics: str | None = None
    log_format: str = "text"

    @cached_property
    def observers(self) -> tuple[Metrics, ...]:
        return () if self.metrics is None else (Metrics(),)

    @contextmanager
    def of(self, app: App, said: str | None) -> Iterator[None]:
        """Show it within the block; *said* is what the worker says of itself first. Raises `UsageError`."""
        self.log(app)
        with self._figures() as place:
            for line in (said, place):
                if line is not None:
                    self.say(f"worker {os.getpid()}: {line}")
            yield

    def log(self, app: App) -> None:
        """Have log lines written. As text only if no module of the user has said how."""
        as_json, handler = self.log_format == "json", logging.StreamHandler()
        place = app.workshop.place
        handler.setFormatter(
            JsonFormatter(place=place) if as_json else logging.Formatter(_LINE, defaults={"where": ""})
        )
        logging.basicConfig(level=logging.INFO, handlers=[handler], force=as_json)

    def say(self, line: str) -> None:
        """A line of our own, in the form of all lines."""
        if self.log_format == "json":
            _LOG.info("%s", line)
        else:
            click.echo(line, err=True)

    @contextmanager
    def _figures(self) -> Iterator[str | None]:
        if self.metrics is None:
            yield None
            return
        host, port = _place(self.metrics)
        with serving(self.observers[0].text, host, port) as found:
            yield f"its figures are at http://{host}:{found}/metrics"

    def spelled(self, number: int) -> list[str]:
        """For the command of one of several processes, counted from 0."""
        words = ["--log-format", self.log_format]
        if self.metrics is None:
            return words
        host, port = _place(self.metrics)
        return [*words, "--metrics", f"{host}:{port + number if port else 0}"]


def _place(text: str) -> tuple[str, int]:
    """Raises `UsageError`."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal() and int(port) < 65_536):
        raise UsageError(f"--metrics {shown(text)} is no port, and no address with one")
    return host.strip("[]") or "127.0.0.1", int(port)
