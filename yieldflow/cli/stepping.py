"""`inspect --step`: a walk through a history with the keyboard, forward and back, an event at a time."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import assert_never

from attrs import evolve, frozen
from rich.console import Console, Group
from rich.text import Text

from yieldflow.app import App
from yieldflow.cli.errors import visible
from yieldflow.cli.keys import Key, keyboard
from yieldflow.cli.layout import cropped
from yieldflow.cli.view import View, fitting
from yieldflow.inspection import look
from yieldflow.inspection.phrases import span
from yieldflow.inspection.reading import History
from yieldflow.inspection.words import Told, all_told

_PAGE = 10  # events
_HELP = "← → event · PgUp PgDn ten · Home End · ↑ ↓ scroll · q quit"


@frozen
class Place:
    """After *at* events of *length*; the picture is shown from line *top* on."""

    at: int
    length: int
    top: int = 0

    def after(self, key: Key) -> Place | None:
        """None: the walk is over."""
        match key:
            case "back":
                return self._moved(self.at - 1)
            case "on":
                return self._moved(self.at + 1)
            case "page up":
                return self._moved(self.at - _PAGE)
            case "page down":
                return self._moved(self.at + _PAGE)
            case "first":
                return self._moved(1)
            case "last":
                return self._moved(self.length)
            case "up":
                return evolve(self, top=max(0, self.top - 1))
            case "down":
                return evolve(self, top=self.top + 1)
            case "quit":
                return None
            case _:
                assert_never(key)

    def _moved(self, at: int) -> Place:
        return evolve(self, at=max(1, min(at, self.length)))


def walk(app: App, known: History, at: int, view: View) -> None:
    """Returns when the reader has had enough. Needs a terminal; Ctrl-C is a KeyboardInterrupt."""
    console = Console(highlight=False)
    words = all_told(known.events)
    place = Place(at, len(words))
    with keyboard(sys.stdin.fileno()) as pressed, console.screen() as screen:
        while True:
            screen.update(_drawn(app, known, words, place, view, console))
            for key in pressed():
                moved = place.after(key)
                if moved is None:
                    return
                place = moved


def _drawn(app: App, known: History, words: tuple[Told, ...], place: Place, view: View, console: Console) -> Group:
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # its program is replayed, and may print
        seen = look(app, known, place.at, view.veil)
    lines = fitting(view.lines(seen, console.width), console.height - 3, place.top)
    empty = [Text("")] * (console.height - 3 - len(lines))
    event = words[place.at - 1]
    title = Text.assemble(
        (f"event {place.at:,} of {place.length:,}", "bold reverse"),
        (f"  +{span(event.at - words[0].at)}  ", "dim"),
        (event.what, "bold"),
        visible(f" {event.path} {event.whom} {event.rest}".replace("  ", " ")),
    )
    return Group(cropped(title, console.width), Text(""), *lines, *empty, Text(_HELP, style="dim"))
