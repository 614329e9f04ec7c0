"""What a branch asks, as nodes of the tree, in the order of asking; what must never be asked is refused here."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from inspect import GEN_CREATED, getgeneratorstate
from types import GeneratorType
from typing import Any, Protocol, assert_never
from weakref import WeakSet

from yieldflow.core.advice import advice, described
from yieldflow.core.asks import Ask, Command, ContinueCommand, SleepCommand
from yieldflow.core.combinators import CancelTask, Combinator, Gather, Race, Shield, Spawn, Task, Timeout, Until
from yieldflow.core.frames import where
from yieldflow.core.nodes import Answered, Branch, Group, Leaf, Node, Result, Spawned
from yieldflow.core.path import Path
from yieldflow.errors import NotACommand


class Leaves(Protocol):
    """The owner of a tree: it knows what the recorded commands are."""

    def at_once(self, branch: Branch, command: Command[Any]) -> Result | None:
        """What takes no number and leaves no trace is answered; anything else is None."""
        ...

    def open(self, leaf: Leaf) -> None:
        """A leaf was asked."""
        ...

    def begin(self, leaf: Leaf) -> None:
        """It is the leaf's turn: settle it, if it can be answered at once."""
        ...

    def let_go(self, leaf: Leaf) -> bool:
        """Nobody waits for it any more; False: it ends later, when it is settled."""
        ...

    def pending(self) -> bool:
        """Whether anything is asked that the log may still answer."""
        ...


class Builder:
    """Puts what has to begin into *ready*, in order."""

    def __init__(self, leaves: Leaves, ready: deque[Node]) -> None:
        self.limited: dict[Path, Group] = {}  # groups with children that have not begun, for want of room
        self._leaves = leaves
        self._ready = ready
        self._begun: WeakSet[Generator[Any, Any, Any]] = WeakSet()

    def build(self, item: Any, parent: Branch | Group | Spawned, path: Path, asking: Branch) -> Node:
        """The nodes of what a branch asks, in the order of asking: a group before its children."""
        top = self._node(item, parent, path, asking)
        if not isinstance(top, Group):
            return top
        groups = [(top, self._first_children(top))]
        while groups:
            group, numbers = groups[-1]
            number = next(numbers, None)
            if number is None:
                groups.pop()
                continue
            node = self._node(asks_of(group.command)[number - 1], group, (*group.path, number), asking)
            group.children[number - 1] = node
            if isinstance(node, Group):
                groups.append((node, self._first_children(node)))
        return top

    def _node(self, item: Any, parent: Branch | Group | Spawned, path: Path, asking: Branch) -> Node:
        match item:
            case Gather() | Race() | Timeout() | Shield():
                return self._group(item, parent, path, asking)
            case ContinueCommand():
                only = "it ends the run: ask it in the workflow itself, not in a branch or combinator"
                raise NotACommand(f"{item!r} in a branch", where(asking.generator), only)
            case Command():
                leaf = Leaf(path, parent, item)
                if not isinstance(item, (Task, Until, Spawn, CancelTask)):
                    self._leaves.open(leaf)
                self._ready.append(leaf)
                return leaf
            case GeneratorType() if not isinstance(parent, Branch):
                return self._open_branch(Branch(path, parent, item), asking)
            case _:
                raise NotACommand(described(item), where(asking.generator), advice(item))

    def _group(self, command: Combinator, parent: Branch | Group | Spawned, path: Path, asking: Branch) -> Group:
        asks = asks_of(command)
        group = Group(path, parent, command, children=[None] * len(asks), left=len(asks))
        if not asks:
            group.result = Answered(())
            self._ready.append(group)
        for ask in asks:
            if not isinstance(ask, Command | GeneratorType):
                raise NotACommand(described(ask), where(asking.generator), advice(ask))
        return group

    def _first_children(self, group: Group) -> Iterator[int]:
        """The numbers of those that begin at once; the others wait for room."""
        numbers = range(1, len(group.children) + 1)
        if isinstance(group.command, Gather) and group.command.limit is not None:
            group.later.extend(numbers[group.command.limit :])
            numbers = numbers[: group.command.limit]
        if group.later:
            self.limited[group.path] = group
        return iter(numbers)

    def _open_branch(self, branch: Branch, asking: Branch) -> Branch:
        generator = branch.generator
        if generator in self._begun or getgeneratorstate(generator) != GEN_CREATED:
            again = "a generator can be asked once: call its function again for a new one"
            raise NotACommand(described(generator), where(asking.generator), again)
        self._begun.add(generator)
        self._ready.append(branch)
        return branch


def asks_of(command: Combinator) -> tuple[Ask[Any], ...]:
    match command:
        case Gather(asks=asks) | Race(asks=asks):
            return asks
        case Timeout(ask=ask, when=when, end=end):
            return (ask, SleepCommand(when, end))
        case Shield(ask=ask):
            return (ask,)
        case _:
            assert_never(command)
