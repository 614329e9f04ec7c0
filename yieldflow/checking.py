"""Whether the code at hand can continue a history: what a deploy would do to a run, known before it is deployed.

Replays and lets go; nothing is carried out and nothing is written, to a store or to the history.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from attrs import frozen

from yieldflow.authoring.loaded import loaded
from yieldflow.authoring.registry import Registry
from yieldflow.codec import JsonCodec
from yieldflow.codec.packing import unpack
from yieldflow.core.asks import WorkflowDefinition
from yieldflow.core.commands import CallStep
from yieldflow.core.events import Event, Finish, RunStarted
from yieldflow.core.interpreter import Execution
from yieldflow.core.nodes import Raised
from yieldflow.core.outcome import Err
from yieldflow.core.path import show
from yieldflow.core.values import Codec
from yieldflow.errors import CodeError, ImpossibleEvent, Undecodable, UnknownWorkflow, UnreadableLog, YieldflowError
from yieldflow.errors.root import error
from yieldflow.interrupting import Interrupted

Problem: TypeAlias = "CodeError | ImpossibleEvent | FailsAtOnce"


@error
class FailsAtOnce(YieldflowError):
    """No code error: the program itself raises, where its log does not say that it did."""

    workflow: str
    raised: str
    traceback: str | None

    def __str__(self) -> str:
        text = f"workflow {self.workflow} raises {self.raised}, which is not in the log: the run would fail for good"
        return text if self.traceback is None else f"{text}\n{self.traceback.rstrip()}"


@frozen
class Finding:
    """What the code at hand would do to a run."""

    run_id: str
    workflow: str
    would: Literal["block", "fail"]
    problem: Problem


def check_history(
    code: WorkflowDefinition | Registry, events: Sequence[Event], codec: Codec | None = None
) -> Finding | None:
    """Replay *events*, a whole log or the first of one, with *code*; None: it fits. *codec*: default plain JSON.

    A run that has not ended would be blocked by what is found, or would fail (`Finding.would`).
    """
    started = events[0] if events else None
    if not isinstance(started, RunStarted):
        return Finding("", "", "block", ImpossibleEvent(repr(started), "a log begins with its RunStarted"))
    workflow = code if isinstance(code, WorkflowDefinition) else code.workflow(started.workflow)
    problem = (
        UnknownWorkflow(started.workflow)
        if workflow is None
        else _problem(Execution(workflow, codec or JsonCodec(), loaded), events)
    )
    if problem is None:
        return None
    would: Literal["block", "fail"] = "fail" if isinstance(problem, FailsAtOnce) else "block"
    return Finding(started.run_id, started.workflow, would, problem)


def read_history(lines: Iterable[bytes]) -> tuple[Event, ...]:
    """One packed event a line, as a store keeps them. Raises `UnreadableLog`, naming the line."""
    events = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                events.append(unpack(line))
            except Undecodable as unreadable:
                raise UnreadableLog(f"event {number}: {unreadable}") from unreadable
    return tuple(events)


def _problem(execution: Execution, events: Sequence[Event]) -> Problem | None:
    try:
        execution.feed(events)
        decisions = execution.decide()
        _read_open_steps(execution)
    except (CodeError, ImpossibleEvent) as problem:
        _expect_uninterrupted(execution)
        return problem
    else:
        _expect_uninterrupted(execution)
    finally:
        execution.close()
    for decision in decisions:
        if isinstance(decision, Finish) and isinstance(decision.outcome, Err):
            failure = decision.outcome.failure
            return FailsAtOnce(execution.workflow.name, failure.said, failure.traceback)
    return None


def _expect_uninterrupted(execution: Execution) -> None:
    """What was thrown into a program was meant for whoever replays it."""
    result = None if execution.tree is None else execution.tree.result
    if isinstance(result, Raised) and isinstance(result.error, Interrupted):
        raise result.error


def _read_open_steps(execution: Execution) -> None:
    """As the worker will that carries them out. Raises `Undecodable`."""
    for path, pending in execution.run.open.items():
        command, step = pending.issued.command, execution.step(path)
        if isinstance(command, CallStep) and step is not None:
            try:
                execution.codec.decode_arguments(command.arguments, step.parameters)
            except Undecodable as unreadable:
                unreadable.path = f"in the call of {command.name} at path {show(path)}, {unreadable.path}"
                raise
