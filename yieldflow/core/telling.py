"""Which run a program is being told its facts for, and whether its log shows that it was told them before.

Whoever logs from inside a program asks this. Nothing that a program decides may depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token

from attrs import define


@define(eq=False)
class Telling:
    """*known*: the log holds what the program decided then, so it has run over this before."""

    workflow: str
    run_id: str = ""
    known: bool = True


_SILENCE = Telling("")  # never changed
_TELLING: ContextVar[Telling | None] = ContextVar("telling", default=None)


def telling() -> Telling | None:
    """None: no program runs here."""
    return _TELLING.get()


def begin(current: Telling) -> Token[Telling | None]:
    """Until `end`, programs are told as *current* says, which may change meanwhile; in a silence all is known."""
    return _TELLING.set(_SILENCE if _TELLING.get() is _SILENCE else current)


def end(begun: Token[Telling | None]) -> None:
    _TELLING.reset(begun)


@contextmanager
def silence() -> Iterator[None]:
    """Programs that run within only show where they stand, or are let go: whatever they are told counts as known."""
    token = _TELLING.set(_SILENCE)
    try:
        yield
    finally:
        _TELLING.reset(token)
