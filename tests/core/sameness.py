"""Whether two executions are the same, by their values: what `harness.state` says in texts, in a tenth of the time.

Both must be compared as they are now; nothing here is a copy.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from attrs import fields

from tests.core.harness import state, timers
from yieldflow.core.interpreter import Execution
from yieldflow.core.mail import Box
from yieldflow.core.nodes import Branch, Leaf, Spawned
from yieldflow.core.run import Run

_FRESH = Run()
_NAMES = [one.name for one in fields(Run) if one.name != "timers"]
_MAPPINGS = attrgetter(*(name for name in _NAMES if isinstance(getattr(_FRESH, name), dict)))
_VALUES = attrgetter(*(name for name in _NAMES if not isinstance(getattr(_FRESH, name), dict)))


def known(execution: Execution) -> tuple[Any, ...]:
    """All that it knows and would decide; the order of what is kept in an order counts."""
    run, tree, ledger, leaves = execution.run, execution.tree, execution._ledger, execution._leaves
    return (
        _VALUES(run),
        [*map(list, map(dict.items, _MAPPINGS(run)))],
        sorted(timers(run)) if run.timers else [],
        [*ledger._asked.items()],
        [*ledger._taken.items()],
        [*ledger._let_go],
        [*ledger._unasked],
        ledger.marks,
        leaves._patched,
        leaves.data,
        execution._kept,
        {path: (one.command, one.closing) for path, one in execution.leaves.items()},
        leaves.mail.rejected,
        {name: _box(box) for name, box in leaves.mail.boxes.items() if box.payloads or box.waiters},
        execution.decide(),
        None if tree is None else _tree(tree, execution.waiting()),
    )


def _box(box: Box[Leaf]) -> tuple[Any, ...]:
    return box.payloads, [leaf.path for leaf in box.waiters]


def _tree(tree: Any, waiting: tuple[Branch, ...]) -> tuple[Any, ...]:
    return (
        None if tree.result is None else repr(tree.result),
        [*map(_branch, waiting)],
        [*map(_task, tree.tasks.values())],
        [repr(leaf.command) for leaf in tree._watching],
    )


def _branch(branch: Branch) -> tuple[Any, ...]:
    tasks = [task.path for task in branch.tasks], [task.path for task in branch.failed]
    return branch.path, branch.asked, branch.questions, branch.held, tasks


def _task(task: Spawned) -> tuple[Any, ...]:
    result = None if task.result is None else repr(task.result)
    return task.path, [leaf.path for leaf in task.waiters], task.heard, task.cancelled, result


def differences(one: Execution, other: Execution) -> str:
    """In texts, for who has to find out why."""
    mine, others = state(one), state(other)
    lines = [f"{name}:\n  {mine[name]}\n  {others[name]}" for name in mine if mine[name] != others[name]]
    return "\n".join(lines) or "their values differ, and not their texts"
