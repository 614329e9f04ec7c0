"""Keys of a terminal, one by one, as they are pressed. Ctrl-C stays what it is."""

from __future__ import annotations

import os
import re
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

Key: TypeAlias = Literal["back", "on", "up", "down", "first", "last", "page up", "page down", "quit"]

_KEYS: dict[str, Key] = {
    **dict.fromkeys(("\x1b[D", "\x1bOD", "h", "p"), "back"),
    **dict.fromkeys(("\x1b[C", "\x1bOC", "l", "n", " "), "on"),
    **dict.fromkeys(("\x1b[A", "\x1bOA", "k"), "up"),
    **dict.fromkeys(("\x1b[B", "\x1bOB", "j"), "down"),
    **dict.fromkeys(("\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~", "g"), "first"),
    **dict.fromkeys(("\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~", "G"), "last"),
    "\x1b[5~": "page up",
    "\x1b[6~": "page down",
    **dict.fromkeys(("q", "Q", "\x1b", "\x04"), "quit"),
}
_ONE = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])|.", re.DOTALL)


def keys_of(pressed: str) -> list[Key]:
    r"""What a terminal sends, as keys; those without a meaning are left out.

    >>> keys_of("\x1b[C\x1b[C x q")
    ['on', 'on', 'on', 'on', 'quit']
    """
    return [_KEYS[one] for one in _ONE.findall(pressed) if one in _KEYS]


@contextmanager
def keyboard(fd: int) -> Iterator[Callable[[], list[Key]]]:
    """Within, a call answers the next keys; at the end of the input that is "quit"."""
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    try:
        yield lambda: _pressed(fd)
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _pressed(fd: int) -> list[Key]:
    pressed = os.read(fd, 1_024)
    return keys_of(pressed.decode(errors="replace")) if pressed else ["quit"]
