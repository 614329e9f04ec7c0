"""Whose code is running: a step's body, a workflow's program, or neither.

Set around bodies and programs by whoever runs them. A thread that a body starts begins as neither.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Literal, TypeAlias

Place: TypeAlias = Literal["step", "workflow"]

inside: ContextVar[Place | None] = ContextVar("inside", default=None)


def refuse_in_a_step(called: str) -> None:
    """A command made in a step's body is never carried out: raises TypeError naming *called*, what to call instead."""
    if inside.get() == "step":
        raise TypeError(f"inside a step call {called}(...)")
