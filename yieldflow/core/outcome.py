"""How a command, an attempt or a run came out. Values stay encoded: the core does not know their format."""

from __future__ import annotations

from typing import TypeAlias

from yieldflow.core.record import record


@record
class Failure:
    """An exception as a value: no class is ever stored, only the names of its method resolution order."""

    names: tuple[str, ...]  # "module:qualname", most derived first, up to and without `object`
    message: str
    args: bytes | None = None  # an encoded list, where the arguments can be encoded
    state: bytes | None = None  # an encoded object: what of `__dict__` can be encoded
    traceback: str | None = None
    cause: Failure | None = None

    @property
    def said(self) -> str:
        """As the last line of a traceback says it."""
        kind = self.names[0].rpartition(":")[2] if self.names else "Exception"
        return f"{kind}: {self.message}" if self.message else kind


@record
class Ok:
    value: bytes


@record
class Err:
    failure: Failure


@record
class Cancelled:
    """Of a run: it was cancelled, or (*forced*) terminated without being asked. Also what a parent is told of it."""

    reason: str | None = None
    forced: bool = False


@record
class Expired:
    """Of a receive: its time ran out. Whether that is a `default` or `TimedOut` only the program knows."""


@record
class Taken:
    """Of a receive: its answer is the payload at this position of the log. A decision, not a fact."""

    position: int


@record
class ContinuedAs:
    """The run goes on as a fresh log of the same chain, with this call."""

    run_id: str
    workflow: str
    arguments: bytes
    version: str | None = None
    cancel: tuple[str, str | None] | None = None  # key and reason of one that came when the program had ended


Answer: TypeAlias = Ok | Err | Expired | Taken | Cancelled
Ending: TypeAlias = Ok | Err | Cancelled | ContinuedAs
