"""What every command is told: which store, and which modules. From there an `App`, closed at the end."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import which
from typing import Any, TextIO, TypeVar

import click
from attrs import frozen

from yieldflow.app import App
from yieldflow.cli.errors import Interrupted, NoStore
from yieldflow.cli.target import load, module_of
from yieldflow.connect import file_of, scheme_of

F = TypeVar("F", bound=Callable[..., Any])


@frozen
class Place:
    """The store and the modules as they were given, so that advice can spell them again."""

    url: str | None = None
    modules: tuple[str, ...] = ()

    @contextmanager
    def app(self, *targets: str, threads: int = 4, new: bool = False) -> Iterator[App]:
        """*new*: the store may be made here.

        Raises `BadUrl`, `StoreError`, `UsageError`, `NoModule`, `BrokenModule`.
        """
        app = App(self.url, modules=[module_of(module) for module in self.modules], threads=threads)
        scheme_of(app.settings.url)
        if not new:
            expect_store(app.settings.url)
        load_from_here((*app.settings.modules, *map(module_of, targets)))
        closing = ExitStack()
        closing.callback(app.close)
        try:
            yield app
        except Interrupted:  # bodies had their time
            closing.pop_all()
            raise
        finally:
            closing.close()

    def spelled(self, *words: str, modules: bool = False) -> str:
        """A command that means the same store, ready to be pasted into a shell."""
        url = () if self.url is None else ("--url", self.url)
        named = [word for module in self.modules for word in ("-m", module)] if modules else []
        return shlex.join((_program(), *words, *url, *named))


def load_from_here(modules: Iterable[str], out: TextIO | None = None) -> None:
    """As for a script: what lies in the current directory can be imported. Raises `NoModule`, `BrokenModule`."""
    here = os.getcwd()  # noqa: PTH109 - sys.path holds texts
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    load(modules, out)


def at_a_place(command: F) -> F:
    """Add `--url` and `--module`; the command takes them as *url* and *modules*."""
    url = click.option("--url", metavar="URL", help="The store. Default: $YIELDFLOW_URL, then pyproject.toml.")
    modules = click.option(
        "--module", "-m", "modules", multiple=True, metavar="MODULE", help="Code to load; may be given several times."
    )
    return url(modules(command))


def expect_store(url: str) -> None:
    """Looking at a store does not make one: another directory than the right one is an easy mistake. Raises `NoStore`,
    `BadUrl`.
    """
    if scheme_of(url) != "sqlite":
        return
    file = file_of(url)
    if not os.path.exists(file):  # noqa: PTH110 - of what no file can be called, too
        raise NoStore(url, str(Path(file).absolute()))


def _program() -> str:
    """As it was called, if a shell finds no other: its virtual environment need not be active."""
    called = sys.argv[0]
    return called if os.path.basename(called) == "yieldflow" and which("yieldflow") is None else "yieldflow"  # noqa: PTH119 - it is a word
