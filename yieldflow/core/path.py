"""Where in the program a command was asked; a command's identity in its log.

The n-th command of a generator is `n`; branch k of a combinator at `p` is `p.k`; a generator in that
branch counts on below it: `p.k.1`, `p.k.2`, …. Tuples of numbers inside, text only in the log.
"""

from __future__ import annotations

from typing import TypeAlias

from yieldflow.errors import shown

Path: TypeAlias = tuple[int, ...]

ROOT: Path = ()
LARGEST = 2**32 - 1  # stores keep the numbers of a path in four bytes
_DIGITS = 10


def parse(text: str) -> Path:
    """`"3.2.1"` is (3, 2, 1); raises ValueError for anything that `show` does not write."""
    path = tuple(map(_number, text.split("."))) if text else ROOT
    if show(path) != text:
        raise ValueError(f"{shown(text)} is not a path")
    return path


def _number(part: str) -> int:
    if not 0 < len(part) <= _DIGITS or not 1 <= int(part) <= LARGEST:
        raise ValueError(f"{shown(part)} is no number of a path")
    return int(part)


def show(path: Path) -> str:
    return ".".join(map(str, path))
