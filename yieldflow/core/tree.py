"""The running program as a tree: branches (generators), groups (gather, race) and the leaves they wait for.

It knows how branches start, wait, finish and are cancelled, and nothing of logs: what a leaf is, and what
answers it, is its owner's business. Nothing here recurses: what has an outcome goes to a queue, first in,
first out, so that the order is one and the depth of a program is not limited by Python's stack.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextlib import suppress
from inspect import GEN_CREATED, getgeneratorstate
from types import GeneratorType
from typing import Any, Protocol, TypeAlias, assert_never
from weakref import WeakSet

from attrs import define, field, frozen

from yieldflow.core.advice import advice, described
from yieldflow.core.asks import Command, Gather, Question, Race
from yieldflow.core.closing import let_go
from yieldflow.core.frames import where
from yieldflow.core.path import Path
from yieldflow.errors import BrokenProgram, Cancelled, NotACommand, StepFailed

ASKS_WITHOUT_A_FACT = 100_000
CODE_ERRORS = (RecursionError, MemoryError, ImportError, SyntaxError)


@frozen
class Answered:
    value: Any


@frozen
class Raised:
    error: BaseException


Result: TypeAlias = Answered | Raised


@define(eq=False)
class Leaf:
    """A recorded command that waits for its answer."""

    path: Path
    parent: Branch | Group
    command: Command[Any]
    started: bool = False  # it had its turn: what can be answered at once has been
    result: Result | None = None

    @property
    def branch(self) -> Branch:
        """The one that asks it."""
        parent: Branch | Group = self.parent
        while isinstance(parent, Group):
            parent = parent.parent
        return parent


@define(eq=False)
class Branch:
    """A generator; the workflow itself is the branch without a parent."""

    path: Path
    parent: Branch | Group | None
    generator: Generator[Any, Any, Any]
    asked: int = 0  # commands that took a number
    questions: dict[str, int] = field(factory=dict)  # of each kind: how many
    waits_for: Node | None = None
    started: bool = False
    held: bool = False  # a cancellation that is thrown at the next ask
    result: Result | None = None


@define(eq=False)
class Group:
    """A gather or race: it resumes its parent when all its children are done."""

    path: Path
    parent: Branch | Group
    command: Gather[Any] | Race[Any]
    children: list[Node] = field(factory=list)
    left: int = 0
    closing: Result | None = None  # its outcome is known, the others are cancelled and waited for
    result: Result | None = None


Node: TypeAlias = Leaf | Branch | Group


class Leaves(Protocol):
    """The owner of a tree: it knows what the leaves are."""

    def open(self, leaf: Leaf) -> None:
        """A leaf was asked."""
        ...

    def begin(self, leaf: Leaf) -> None:
        """It is the leaf's turn: settle it, if it can be answered at once."""
        ...

    def let_go(self, leaf: Leaf) -> None:
        """Nobody waits for it any more."""
        ...

    def answer(self, branch: Branch, question: Question[Any]) -> object: ...


class Tree:
    def __init__(self, program: Generator[Any, Any, Any], leaves: Leaves) -> None:
        self.leaves = leaves
        self.root = Branch((), None, program)
        self.waiting: dict[Path, Branch] = {}  # the branches that wait, by their own path
        self._begun: WeakSet[Generator[Any, Any, Any]] = WeakSet()
        self._ready: deque[Node] = deque([self.root])
        self._turn: Leaf | None = None

    @property
    def result(self) -> Result | None:
        return self.root.result

    def settle(self, node: Node, result: Result) -> None:
        """Give a node its outcome; its parent goes on in the next `run`."""
        node.result = result
        if node is not self._turn:  # that one is in hand
            self._ready.append(node)

    def run(self) -> None:
        """Go on until every branch waits. Raises `CodeError` for what no program may do."""
        asks = 0
        while self._ready:
            node = self._ready.popleft()
            if node.result is None:
                asks += self._start(node)
            elif isinstance(node.parent, Branch):
                asks += self._resume(node.parent, node.result)
            elif isinstance(node.parent, Group):
                self._child_ended(node.parent, node)
            if asks > ASKS_WITHOUT_A_FACT:
                raise BrokenProgram(where(self.root.generator), f"it asked {asks:,} times without waiting for anything")

    def cancel(self, node: Node) -> None:
        """Throw `Cancelled` into what the program waits for, innermost first; leaves are let go at once."""
        stack = [node]
        while stack:
            match stack.pop():
                case Leaf(result=None) as leaf:
                    self.leaves.let_go(leaf)
                    self._end_at_once(leaf)
                case Group(result=None, closing=None) as group:
                    stack.extend(reversed(self._close(group, Raised(Cancelled()))))
                case Branch(result=None, started=False) as branch:
                    let_go(branch.generator)
                    self._end_at_once(branch)
                case Branch(result=None) as branch:
                    stack.extend(self._interrupt(branch))
                case _:
                    pass  # it has ended, or is closing: what is on its way is carried out

    def close(self) -> None:
        """Let every generator go; the tree is of no further use."""
        for branch in [*self.waiting.values(), self.root]:
            let_go(branch.generator)
        self.waiting.clear()

    # --- branches -------------------------------------------------------------------------------------------

    def _interrupt(self, branch: Branch) -> list[Node]:
        """What to cancel so that *branch* is; where that cannot be interrupted the cancellation is held."""
        awaited = branch.waits_for
        if awaited is None or awaited.result is not None or (isinstance(awaited, Group) and awaited.closing):
            branch.held = True
            return []
        return [awaited]

    def _end_at_once(self, node: Leaf | Branch) -> None:
        """It is cancelled; one that has not had its turn yet stands in the queue already."""
        node.result = Raised(Cancelled())
        if node.started:
            self._ready.append(node)

    def _start(self, node: Node) -> int:
        """Its turn has come. What a leaf answers at once is seen before the next one has its turn."""
        assert not isinstance(node, Group)
        node.started = True
        if isinstance(node, Branch):
            return self._resume(node, Answered(None))
        self._turn = node
        self.leaves.begin(node)
        self._turn = None
        if node.result is not None:
            self._ready.appendleft(node)
        return 0

    def _resume(self, branch: Branch, result: Result) -> int:
        """Run one branch until it waits or ends; answers how often it asked."""
        branch.waits_for = None
        self.waiting.pop(branch.path, None)
        for asks in range(1, ASKS_WITHOUT_A_FACT + 2):
            ended, item = _send(branch, result)
            if ended is not None:
                self.settle(branch, ended)
                return asks
            if branch.held:
                branch.held = False
                result = Raised(Cancelled())  # instead of asking it
            elif isinstance(item, Question):
                result = Answered(self.leaves.answer(branch, item))
            else:
                branch.asked += 1
                self.waiting[branch.path] = branch
                branch.waits_for = self._ask(item, branch, (*branch.path, branch.asked))
                return asks
        return asks

    def _ask(self, item: Any, asking: Branch, path: Path) -> Node:
        """The nodes of what a branch asks, in the order of asking: a group before its children."""
        top = self._node(item, asking, path, asking)
        groups = [iter(self._children(top))]
        while groups:
            child = next(groups[-1], None)
            if child is None:
                groups.pop()
                continue
            group, ask, place = child
            node = self._node(ask, group, place, asking)
            group.children.append(node)
            groups.append(iter(self._children(node)))
        return top

    def _children(self, node: Node) -> list[tuple[Group, Any, Path]]:
        if not isinstance(node, Group):
            return []
        return [(node, ask, (*node.path, number)) for number, ask in enumerate(node.command.asks, 1)]

    def _node(self, item: Any, parent: Branch | Group, path: Path, asking: Branch) -> Node:
        match item:
            case Gather(asks=asks) | Race(asks=asks):
                group = Group(path, parent, item, left=len(asks))
                if not asks:
                    self.settle(group, Answered(()))
                return group
            case Command():
                leaf = Leaf(path, parent, item)
                self.leaves.open(leaf)
                self._ready.append(leaf)
                return leaf
            case GeneratorType() if isinstance(parent, Group):
                return self._open_branch(Branch(path, parent, item), asking)
            case _:
                raise NotACommand(described(item), where(asking.generator), advice(item))

    def _open_branch(self, branch: Branch, asking: Branch) -> Branch:
        generator = branch.generator
        if generator in self._begun or getgeneratorstate(generator) != GEN_CREATED:
            again = "a generator can be asked once: call its function again for a new one"
            raise NotACommand(described(generator), where(asking.generator), again)
        self._begun.add(generator)
        self._ready.append(branch)
        return branch

    # --- groups -----------------------------------------------------------------------------------------------

    def _child_ended(self, group: Group, child: Node) -> None:
        group.left -= 1
        if group.closing is not None:
            group.closing = _worse(group.closing, child.result)
        elif (outcome := _decides(group, child)) is not None:
            for node in self._close(group, outcome):
                self.cancel(node)
        if group.left == 0:
            self.settle(group, group.closing or Answered(tuple(map(_value, group.children))))

    def _close(self, group: Group, outcome: Result) -> list[Node]:
        """The children to cancel, in order."""
        group.closing = outcome
        return group.children


def _decides(group: Group, child: Node) -> Result | None:
    """The outcome that *child*, as the first one to, gives its group."""
    match child.result, group.command:
        case Raised(Exception()), Gather(return_exceptions=True):
            return None
        case Answered(value), Race():
            return Answered((group.children.index(child), value))
        case Raised() as raised, _:
            return raised
        case _:
            return None


def _worse(outcome: Result, late: Result | None) -> Result:
    """An error in clean-up replaces an answer, and is noted on an error; neither is lost."""
    if not isinstance(late, Raised) or isinstance(late.error, Cancelled):
        return outcome
    match outcome:
        case Answered():
            return late
        case Raised(error):
            with suppress(AttributeError, TypeError):  # a frozen one takes no note
                error.add_note(f"and then, while cleaning up: {type(late.error).__name__}: {late.error}")
            return outcome
        case _:
            assert_never(outcome)


def _value(child: Node) -> Any:
    result = child.result
    assert result is not None
    return result.value if isinstance(result, Answered) else result.error


def _send(branch: Branch, result: Result) -> tuple[Result | None, Any]:
    """One step of user code: how the branch ended, or what it asks."""
    try:
        match result:
            case Answered(value):
                return None, branch.generator.send(value)
            case Raised(error):
                return None, branch.generator.throw(error)
            case _:
                assert_never(result)
    except StopIteration as stop:
        return Answered(stop.value), None
    except KeyboardInterrupt:
        raise
    except CODE_ERRORS as error:
        if isinstance(error.__cause__, StepFailed):  # a step raised it: that is the run's, not the code's
            return Raised(error), None
        raise BrokenProgram(_last_line(error), f"{type(error).__name__}: {error}") from error
    except BaseException as error:  # noqa: BLE001 - user code: whatever leaves it is its outcome
        return Raised(error), None


def _last_line(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "the program" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
