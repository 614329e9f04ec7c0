"""A run in memory: one log, one clock that jumps, and an execution that lives through all of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from attrs import define, evolve, field

from yieldflow.authoring.loaded import loaded
from yieldflow.authoring.signatures import workflow_shape
from yieldflow.codec import JsonCodec
from yieldflow.core.agenda import due, wakes_at
from yieldflow.core.asks import WorkflowDefinition
from yieldflow.core.commands import CallStep, Send, StartChild
from yieldflow.core.events import (
    AttemptFailed,
    CancelRequested,
    CommandResolved,
    Decision,
    Event,
    HookReceived,
    RunStarted,
    is_fact,
    stamped,
)
from yieldflow.core.failures import from_exception
from yieldflow.core.interpreter import Execution
from yieldflow.core.nodes import Branch, Spawned
from yieldflow.core.outcome import Ending, Err, Ok
from yieldflow.core.path import Path, parse, show
from yieldflow.core.run import Run
from yieldflow.core.values import Arguments, Codec

CODEC = JsonCodec()
SEED = bytes(range(16))
WORK = (CallStep, StartChild, Send)
_OPEN: list[Execution] = []


def close_all() -> None:
    """A generator that is only dropped would complain of its `finally` blocks."""
    while _OPEN:
        _OPEN.pop().close()


def definition(fn: Callable[..., Any], name: str = "shop:checkout") -> WorkflowDefinition:
    return WorkflowDefinition(name, fn, getattr(fn, "shape", None) or workflow_shape(fn))


def execution(fn: Callable[..., Any], codec: Codec = CODEC, events: Iterable[Event] = ()) -> Execution:
    """A fresh one, fed *events*."""
    made = Execution(definition(fn), codec, loaded)
    _OPEN.append(made)
    made.feed(events)
    return made


@define(eq=False)
class Life:
    """A run from its first event on. Paths are given as text, values as values."""

    fn: Callable[..., Any]
    codec: Codec = CODEC
    log: list[Event] = field(factory=list)
    now: int = 1_000_000
    watch: Callable[[Life], None] | None = None  # called after each event
    fed: list[Event] = field(factory=list)  # the log, and what came when the code failed
    repeated: list[tuple[int, tuple[Decision, ...]]] = field(factory=list)  # length, what it said again after `commit`
    execution: Execution = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.execution = execution(self.fn, self.codec)

    @property
    def run(self) -> Run:
        return self.execution.run

    @property
    def outcome(self) -> Ending | None:
        return self.run.outcome

    @property
    def result(self) -> Any:
        """The value it completed with."""
        assert isinstance(self.outcome, Ok), self.outcome
        return self.codec.decode(self.outcome.value, self.execution.workflow.returns)

    def append(self, *events: Event) -> None:
        for event in events:
            self.fed = [*self.log, event]
            self.execution.feed([event])
            self.log.append(event)
            if self.watch is not None:
                self.watch(self)

    def start(self, *args: Any, **changes: Any) -> Life:
        arguments = self.codec.encode_arguments(Arguments(args), self.execution.workflow.parameters)
        self.append(evolve(RunStarted(self.now, "run", "shop:checkout", arguments, SEED), **changes))
        return self

    def commit(self, most: int | None = None) -> tuple[Decision, ...]:
        """Write what it decides, or only the first of it."""
        decisions = self.execution.decide()[:most]
        self.append(*(stamped(decision, self.now) for decision in decisions))
        if most is None:
            self.repeated.append((len(self.log), self.execution.decide()))
        return decisions

    def answer(self, path: str, value: Any = None) -> None:
        called = self.execution.definition(parse(path))
        self.reply(parse(path), value, Any if called is None else called.returns)

    def reply(self, path: Path, value: Any, annotation: Any) -> None:
        self.append(CommandResolved(self.now, path, Ok(self.codec.encode(value, annotation)), 1))

    def fail(self, path: str, error: BaseException) -> None:
        self.append(CommandResolved(self.now, parse(path), Err(from_exception(error, self.codec)), 1))

    def try_in_vain(self, path: str, error: BaseException, delay: int = 1_000) -> None:
        pending = self.run.open[parse(path)]
        failure = from_exception(error, self.codec)
        self.append(AttemptFailed(self.now, parse(path), pending.attempt, failure, self.now + delay))

    def send(self, name: str, payload: Any = None) -> None:
        self.append(HookReceived(self.now, name, self.codec.encode(payload, Any), f"key-{len(self.log)}"))

    def cancel(self, reason: str | None = None) -> None:
        self.append(CancelRequested(self.now, f"key-{len(self.log)}", reason))

    def ring(self) -> bool:
        """Jump to the next thing the clock owes, and write what is due; whether there was anything."""
        self.commit()
        wake = wakes_at(self.run, self.now)
        if wake is None:
            return False
        self.now = max(self.now, wake)
        self.append(*due(self.run, self.now))
        return True

    def replay(self, events: Sequence[Event] | None = None, fn: Callable[..., Any] | None = None) -> Execution:
        return execution(fn or self.fn, self.codec, self.log if events is None else events)

    def open(self) -> dict[str, str]:
        """The open commands by the log: path, and the name of the step or the kind."""
        return {show(path): _named(pending.issued.command) for path, pending in self.run.open.items()}

    def works(self) -> list[Path]:
        """What somebody has to do, local steps included."""
        return [path for path, pending in self.run.open.items() if isinstance(pending.issued.command, WORK)]

    def steps(self) -> list[Path]:
        return [path for path, pending in self.run.open.items() if _is_step(pending.issued.command)]


def begun(fn: Callable[..., Any], *args: Any, **changes: Any) -> Life:
    """A run that has started, with its first decisions in the log."""
    life = Life(fn).start(*args, **changes)
    life.commit()
    return life


def replays(test: Callable[..., Any]) -> Callable[..., Any]:
    """Let go of what an example of a property has built, not only of what the last one has."""

    @functools.wraps(test)
    def tidy(*args: Any, **kwargs: Any) -> Any:
        try:
            return test(*args, **kwargs)
        finally:
            close_all()

    return tidy


def facts(log: Iterable[Event]) -> list[Event]:
    return [event for event in log if is_fact(event)]


def assert_nothing_outlives_its_group(execution: Execution) -> None:
    """Whatever is waited for is waited for by a branch or group that has not ended, and so on up to the workflow."""
    for leaf in execution.leaves.values():
        node: Any = leaf
        while node is not None:
            assert node.result is None, f"{node.path} has ended, but {leaf.path} is waited for below it"
            node = node.parent


def state(execution: Execution) -> dict[str, Any]:
    """All that an execution knows and would decide, as texts: equal for equal logs, however they were fed."""
    run, tree, ledger, leaves = execution.run, execution.tree, execution._ledger, execution._leaves
    branches = [] if tree is None else execution.waiting()
    return {
        "fold": repr(evolve(run, timers=sorted(timers(run)), issued=sorted(run.issued), hooks=sorted(run.hooks))),
        "keys": sorted(run.keys),
        "asked": {show(path): repr(command) for path, (command, _) in ledger._asked.items()},
        "taken": dict(ledger._taken),
        "let go": [show(path) for path in ledger._let_go],
        "unasked": [show(path) for path in ledger._unasked],
        "marks": sorted(ledger.marks),
        "patched": dict(leaves._patched),
        "data": sorted(leaves.data.items()),
        "kept": list(execution._kept),
        "leaves": {show(path): (repr(one.command), one.closing) for path, one in sorted(execution.leaves.items())},
        "branches": [_branch(branch) for branch in branches],
        "tasks": [] if tree is None else [_task(task) for task in tree.tasks.values()],
        "watching": [] if tree is None else [repr(leaf.command) for leaf in tree._watching],
        "mail": {
            name: (list(box.payloads), [show(leaf.path) for leaf in box.waiters])
            for name, box in leaves.mail.boxes.items()
            if box.payloads or box.waiters
        },
        "rejected": execution.rejected,
        "result": None if tree is None else repr(tree.result),
        "decisions": repr(execution.decide()),
    }


def _branch(branch: Branch) -> tuple[Any, ...]:
    tasks = [[show(task.path) for task in several] for several in (branch.tasks, branch.failed)]
    return show(branch.path), branch.asked, sorted(branch.questions.items()), branch.held, tasks


def _task(task: Spawned) -> tuple[Any, ...]:
    return show(task.path), [show(leaf.path) for leaf in task.waiters], task.heard, task.cancelled, repr(task.result)


def timers(run: Run) -> set[tuple[int, Path]]:
    """The ends of waits that count: the rest is dropped when somebody looks, or later."""
    waits = {path: pending.wakes_at for path, pending in run.open.items() if not _is_step(pending.issued.command)}
    return {(at, path) for at, path in run.timers if waits.get(path) == at}


def _is_step(command: Any) -> bool:
    return isinstance(command, CallStep)


def _named(command: Any) -> str:
    return command.name.rpartition(".")[2] if _is_step(command) else type(command).__name__.lower()
