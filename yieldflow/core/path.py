"""Where in the program a command was asked; a command's identity in its log.

The n-th command of a generator is `n`; branch k of a combinator at `p` is `p.k`; a generator in that
branch counts on below it: `p.k.1`, `p.k.2`, …. Tuples of numbers inside, text only in the log.
"""

from __future__ import annotations

from typing import TypeAlias

Path: TypeAlias = tuple[int, ...]

ROOT: Path = ()


def parse(text: str) -> Path:
    """`"3.2.1"` is (3, 2, 1); raises ValueError for anything that `show` does not write."""
    path = tuple(int(part) for part in text.split(".")) if text else ROOT
    if show(path) != text or any(number < 1 for number in path):
        raise ValueError(f"{text!r} is not a path")
    return path


def show(path: Path) -> str:
    return ".".join(map(str, path))
