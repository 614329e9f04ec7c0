"""Where in the program a command was asked; a command's identity in its log.

The n-th command of a generator is `n`; branch k of a combinator at `p` is `p.k`; a generator in that
branch counts on below it: `p.k.1`, `p.k.2`, …. Tuples of numbers inside, text only in the log.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

from yieldflow.errors import shown

Path: TypeAlias = tuple[int, ...]

ROOT: Path = ()
LARGEST = 2**32 - 1  # stores keep the numbers of a path in four bytes
_DIGITS = 10
_REMEMBERED = 4_096  # paths of branches, and short ones only: each is needed several times while a command is open
_SHORT = 8  # numbers
_SHORT_TEXT = 32  # characters


def parse(text: str) -> Path:
    """`"3.2.1"` is (3, 2, 1); raises ValueError for anything that `show` does not write."""
    if len(text) < _DIGITS and text.isdecimal() and text.isascii() and text[0] != "0":
        return (int(text),)  # most are, and each of a long run is another
    return _parsed(text) if len(text) <= _SHORT_TEXT else _read(text)


def show(path: Path) -> str:
    if len(path) == 1:
        return str(path[0])
    return _shown(path) if len(path) <= _SHORT else _written(path)


def _read(text: str) -> Path:
    path = tuple(map(_number, text.split("."))) if text else ROOT
    if _written(path) != text:
        raise ValueError(f"{shown(text)} is not a path")
    return path


def _number(part: str) -> int:
    number = int(part) if 0 < len(part) <= _DIGITS else 0
    if 1 <= number <= LARGEST:
        return number
    raise ValueError(f"{shown(part)} is no number of a path")


def _written(path: Path) -> str:
    return ".".join(map(str, path))


_parsed, _shown = lru_cache(_REMEMBERED)(_read), lru_cache(_REMEMBERED)(_written)
