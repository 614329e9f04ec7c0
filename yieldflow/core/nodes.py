"""What the tree of a running program consists of, and how each part of it came out."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import Any, TypeAlias

from attrs import define, field

from yieldflow.core.asks import Command, ContinueCommand
from yieldflow.core.combinators import Combinator, Gather
from yieldflow.core.path import Path
from yieldflow.core.record import record


@record
class Answered:
    value: Any


@record
class Raised:
    error: BaseException


@record
class Continued:
    """Of the workflow itself: it asked to go on as a fresh log."""

    command: ContinueCommand[Any]


Result: TypeAlias = Answered | Raised | Continued


@define(eq=False)
class Leaf:
    """A command that waits for its answer."""

    path: Path
    parent: Branch | Group | Spawned
    command: Command[Any]
    started: bool = False  # it had its turn: what can be answered at once has been
    closing: bool = False  # it is let go, and ends later
    result: Result | None = None

    @property
    def branch(self) -> Branch:
        return _asking(self.parent)


@define(eq=False)
class Branch:
    """A generator; the workflow itself is the branch without a parent."""

    path: Path
    parent: Branch | Group | Spawned | None
    generator: Generator[Any, Any, Any]
    asked: int = 0  # commands that took a number
    questions: dict[str, int] = field(factory=dict)  # of each kind: how many
    waits_for: Node | None = None
    started: bool = False
    held: bool = False  # a cancellation that is thrown at the next ask
    tasks: list[Spawned] = field(factory=list)  # those that have not ended
    failed: list[Spawned] = field(factory=list)  # those that failed before anybody asked, in that order
    closing: Result | None = None  # its outcome is known, its tasks are cancelled and waited for
    result: Result | None = None


@define(eq=False)
class Group:
    """A combinator: it resumes its parent when all its children are done."""

    path: Path
    parent: Branch | Group | Spawned
    command: Combinator
    children: list[Node | None] = field(factory=list)  # None: it has not begun
    later: deque[int] = field(factory=deque)  # those that have not begun, for want of room
    left: int = 0
    closing: Result | None = None  # its outcome is known, the others are cancelled and waited for
    result: Result | None = None

    @property
    def branch(self) -> Branch:
        return _asking(self.parent)

    @property
    def has_room(self) -> bool:
        """Whether one more may begin: the log may have begun more than today's limit allows."""
        limit = self.command.limit if isinstance(self.command, Gather) else None
        return limit is None or self.left - len(self.later) < limit


@define(eq=False)
class Spawned:
    """A task: what a branch has spawned, and who waits for it."""

    path: Path
    parent: Branch  # it does not outlive this one
    child: Node | None = None
    waiters: list[Leaf] = field(factory=list)
    heard: bool = False  # somebody was told how it ended, or has cancelled it: its failure is not lost
    cancelled: bool = False  # at most once: its clean-up is not interrupted again
    result: Result | None = None


Node: TypeAlias = Leaf | Branch | Group


def _asking(parent: Branch | Group | Spawned) -> Branch:
    """The branch that asks what is below *parent*."""
    while not isinstance(parent, Branch):
        parent = parent.parent
    return parent
