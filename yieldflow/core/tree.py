"""The running program as a tree: branches (generators), groups (gather, race, …) and the leaves they wait for.

It knows how branches start, wait, finish and are cancelled, and nothing of logs: what a recorded command is,
and what answers it, is its owner's business. Nothing here recurses: what has an outcome goes to a queue, first
in, first out, so that the order is one and the depth of a program is not limited by Python's stack.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from yieldflow.core.asks import Command, ContinueCommand
from yieldflow.core.building import Builder, Leaves, asks_of
from yieldflow.core.closing import let_go
from yieldflow.core.combinators import CancelTask, Shield, Spawn, Task, Until
from yieldflow.core.frames import innermost, where
from yieldflow.core.nodes import Answered, Branch, Continued, Group, Leaf, Node, Raised, Result, Spawned
from yieldflow.core.path import Path
from yieldflow.core.settling import answers, as_awaited, decides, interrupted, worse
from yieldflow.core.user_code import holds, resume
from yieldflow.errors import BrokenProgram, Cancelled, Deadlock, NotACommand

ASKS_WITHOUT_A_FACT = 100_000


class Tree:
    def __init__(self, program: Generator[Any, Any, Any], leaves: Leaves) -> None:
        self.leaves = leaves
        self.root = Branch((), None, program)
        self.waiting: dict[Path, Branch] = {}  # the branches that wait, by their own path
        self.tasks: dict[Path, Spawned] = {}  # all there ever were
        self._ready: deque[Node] = deque([self.root])
        self._builder = Builder(leaves, self._ready)
        self._turn: Leaf | None = None
        self._watching: dict[Leaf, None] = {}  # those that wait for a condition or a task, in the order of asking
        self._conditions: dict[Leaf, Callable[[], object]] = {}  # of those that wait for one, likewise

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
        ready = self._ready
        while ready or (self._watching and (self._conditions_hold() or self._deadlocked())):
            node = ready.popleft()
            if node.result is None:
                asks += self._start(node)
            elif isinstance(node.parent, Branch):
                asks += self._resume(node.parent, node.result)
            elif isinstance(node.parent, Group):
                self._child_ended(node.parent, node, node.result)
            elif isinstance(node.parent, Spawned):
                self._task_ended(node.parent, node.result)
            if asks > ASKS_WITHOUT_A_FACT:
                raise BrokenProgram(where(self.root.generator), f"it asked {asks:,} times without waiting for anything")

    def begin(self, path: Path) -> bool:
        """Begin at once what lies above *path* and waits for room; whether anything did."""
        for length in range(len(path)):
            group = self._builder.limited.get(path[:length])
            if group is not None and path[length] in group.later:
                group.later.remove(path[length])
                self._begin_child(group, path[length])
                self.run()
                return True
        return False

    def cancel(self, node: Node) -> None:
        """Throw `Cancelled` into what the program waits for, innermost first; leaves are let go at once."""
        stack = [node]
        while stack:
            match stack.pop():
                case Leaf(result=None, closing=False) as leaf:
                    self._let_go(leaf)
                case Group(result=None, closing=None, command=Shield()):
                    pass  # it is carried out
                case Group(result=None, closing=None) as group:
                    stack.extend(reversed(self._close(group, Raised(Cancelled()))))
                case Branch(result=None, started=False) as branch:
                    let_go(branch.generator)
                    self._end_at_once(branch)
                case Branch(result=None, closing=None) as branch:
                    stack.extend(self._interrupt(branch))
                case _:
                    pass  # it has ended, or is closing: what is on its way is carried out

    def close(self) -> None:
        """Let every generator go; the tree is of no further use."""
        for branch in [*self.waiting.values(), self.root]:
            let_go(branch.generator)
            _take_apart(branch)
        for task in self.tasks.values():
            task.child = None
        self.waiting.clear()
        self._ready.clear()

    # --- branches -------------------------------------------------------------------------------------------

    def _interrupt(self, branch: Branch) -> list[Node]:
        """What to cancel so that *branch* is; where that cannot be interrupted the cancellation is held."""
        awaited = branch.waits_for
        if awaited is None or awaited.result is not None or awaited.closing or _is_shield(awaited):
            branch.held = True
            return []
        return [awaited]

    def _let_go(self, leaf: Leaf) -> None:
        if isinstance(leaf.command, Task | Until):
            self._forget(leaf)
            task = self.tasks.get(leaf.command.path) if isinstance(leaf.command, Task) else None
            if task is not None and leaf in task.waiters:
                task.waiters.remove(leaf)
        elif not self.leaves.let_go(leaf):
            leaf.closing = True
            return
        self._end_at_once(leaf)

    def _end_at_once(self, node: Leaf | Branch) -> None:
        """It is cancelled; one that has not had its turn yet stands in the queue already, as does one that has it."""
        node.result = Raised(Cancelled())
        if node.started and node is not self._turn:
            self._ready.append(node)

    def _start(self, node: Node) -> int:
        """Its turn has come. What a leaf answers at once is seen before the next one has its turn."""
        assert not isinstance(node, Group)
        node.started = True
        if isinstance(node, Branch):
            return self._resume(node, Answered(None))
        self._turn = node
        self._begin_leaf(node)
        self._turn = None
        if node.result is not None:
            self._ready.appendleft(node)
        return 0

    def _resume(self, branch: Branch, result: Result) -> int:
        """Run one branch until it waits or ends; answers how often it asked."""
        awaited, branch.waits_for = branch.waits_for, None
        self.waiting.pop(branch.path, None)
        if branch.held and isinstance(result, Raised) and _is_shield(awaited):
            branch.held, result = False, interrupted(result.error)
        for asks in range(1, ASKS_WITHOUT_A_FACT + 2):
            ended, item = resume(branch.generator, result)
            if ended is not None:
                self._end(branch, ended)
                return asks
            if branch.held and not isinstance(item, Shield):
                branch.held = False
                result = Raised(Cancelled())  # instead of asking it
            elif (answer := self._at_once(branch, item)) is not None:
                result = answer
            else:
                self._wait(branch, item)
                return asks
        return asks

    def _at_once(self, branch: Branch, item: Any) -> Result | None:
        match item:
            case Spawn():
                branch.asked += 1
                return Answered(self._spawn(branch, item, (*branch.path, branch.asked)))
            case CancelTask(path):
                self._cancel_task(path, branch)
                return Answered(None)
            case Command():
                return self.leaves.at_once(branch, item)
            case _:
                return None

    def _wait(self, branch: Branch, item: Any) -> None:
        """A branch asks something that it has to wait for; only what may be recorded takes a number."""
        if isinstance(item, ContinueCommand) and branch is self.root:
            let_go(branch.generator)
            self._end(branch, Continued(item))
            return
        self.waiting[branch.path] = branch
        path = branch.path
        if not isinstance(item, (Task, Until)):
            branch.asked += 1
            path = (*path, branch.asked)
        branch.waits_for = self._builder.build(item, branch, path, branch)

    def _end(self, branch: Branch, result: Result) -> None:
        """It has ended by itself; its tasks end with it, and a failure that nobody knows of is its own."""
        for task in branch.failed:
            if not task.heard:
                result = worse(result, task.result)
        if not branch.tasks:
            self.settle(branch, result)
            return
        branch.closing = result
        for task in list(branch.tasks):
            self._cancel_once(task)

    def _begin_leaf(self, leaf: Leaf) -> None:
        match leaf.command:
            case Until(condition):
                result = holds(condition, lambda: where(leaf.branch.generator))
                self._watch(leaf, result)
            case Task(path):
                task = self._task(path, leaf.branch)
                if task.result is None:
                    task.waiters.append(leaf)
                else:
                    task.heard = True
                self._watch(leaf, None if task.result is None else as_awaited(task.result, repr(leaf.command)))
            case Spawn() as spawn:
                self.settle(leaf, Answered(self._spawn(leaf.branch, spawn, leaf.path)))
            case CancelTask(path):
                self._cancel_task(path, leaf.branch)
                self.settle(leaf, Answered(None))
            case _:
                self.leaves.begin(leaf)

    # --- groups -----------------------------------------------------------------------------------------------

    def _child_ended(self, group: Group, child: Node, result: Result) -> None:
        group.left -= 1
        if group.closing is not None:
            group.closing = worse(group.closing, result)
        elif (outcome := decides(group, child, result)) is not None:
            for node in self._close(group, outcome):
                self.cancel(node)
        elif group.later and group.has_room:
            self._begin_child(group, group.later.popleft())
        if group.left == 0:
            self.settle(group, group.closing or answers(group))

    def _begin_child(self, group: Group, number: int) -> None:
        if not group.later:
            self._builder.limited.pop(group.path, None)
        ask = asks_of(group.command)[number - 1]
        group.children[number - 1] = self._builder.build(ask, group, (*group.path, number), group.branch)

    def _close(self, group: Group, outcome: Result) -> list[Node]:
        """The children to cancel, in order; those that have not begun never will."""
        group.closing = outcome
        group.left -= len(group.later)
        group.later.clear()
        self._builder.limited.pop(group.path, None)
        return [child for child in group.children if child is not None]

    # --- tasks and conditions -----------------------------------------------------------------------------------

    def _spawn(self, branch: Branch, spawn: Spawn[Any], path: Path) -> Task[Any]:
        task = Spawned(path, branch)
        self.tasks[path] = task
        branch.tasks.append(task)
        task.child = self._builder.build(spawn.ask, task, (*path, 1), branch)
        return Task(path)

    def _task(self, path: Path, asking: Branch) -> Spawned:
        if path not in self.tasks:
            raise NotACommand("a task of another run", where(asking.generator), "spawn it in this run")
        return self.tasks[path]

    def _cancel_task(self, path: Path, asking: Branch) -> None:
        task = self._task(path, asking)
        task.heard = True
        self._cancel_once(task)

    def _cancel_once(self, task: Spawned) -> None:
        if task.child is not None and task.result is None and not task.cancelled:
            task.cancelled = True
            self.cancel(task.child)

    def _task_ended(self, task: Spawned, result: Result) -> None:
        task.result = result
        branch = task.parent
        task.heard = task.heard or bool(task.waiters)
        branch.tasks.remove(task)
        for waiter in task.waiters:
            self._watch(waiter, as_awaited(result, repr(waiter.command)))
        if branch.closing is None:
            branch.failed += [task] if isinstance(result, Raised) and not task.heard else []
            return
        if not task.heard:
            branch.closing = worse(branch.closing, result)
        if not branch.tasks:
            self.settle(branch, branch.closing)

    def _watch(self, leaf: Leaf, result: Result | None) -> None:
        """It waits for what no fact answers by itself, until it has a result."""
        if result is not None:
            self._forget(leaf)
            self.settle(leaf, result)
            return
        self._watching[leaf] = None
        if isinstance(leaf.command, Until):
            self._conditions[leaf] = leaf.command.condition

    def _forget(self, leaf: Leaf) -> None:
        self._watching.pop(leaf, None)
        self._conditions.pop(leaf, None)

    def _conditions_hold(self) -> bool:
        """Every branch waits: the first condition that is true, in the order of asking, resumes its branch."""
        for leaf, condition in self._conditions.items():
            result = holds(condition, lambda leaf=leaf: where(leaf.branch.generator))  # type: ignore[misc]  # bound at once
            if result is not None:
                self._watch(leaf, result)
                return True
        return False

    def _deadlocked(self) -> bool:
        """Nothing that is under way can end these waits: the first of them fails."""
        if self.leaves.pending():
            return False
        lines = tuple(f"{leaf.command!r} in {_place(leaf.branch)}" for leaf in self._watching)
        first = next(iter(self._watching))
        self._let_go(first)
        first.result = Raised(Deadlock(lines))
        return True


def _take_apart(branch: Branch) -> None:
    """What it waits for refers to it, and it to that."""
    nodes, branch.waits_for = [branch.waits_for], None
    branch.tasks.clear()
    while nodes:
        node = nodes.pop()
        if isinstance(node, Group):
            nodes += node.children
            node.children.clear()


def _is_shield(node: Node | None) -> bool:
    return isinstance(node, Group) and isinstance(node.command, Shield)


def _place(branch: Branch) -> str:
    """Without the file: the program may read it, and its files may lie elsewhere when it is replayed."""
    frame = innermost(branch.generator)
    return "a branch" if frame is None else f"{frame.function}, line {frame.line}"
