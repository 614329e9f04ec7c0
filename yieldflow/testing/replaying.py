"""Histories against code: what a program does over a log has to be what it did when the log was written."""

from __future__ import annotations

from collections.abc import Sequence

from yieldflow.authoring.loaded import loaded
from yieldflow.core.asks import WorkflowDefinition
from yieldflow.core.events import Event, Finish, Issue, RunFinished
from yieldflow.core.interpreter import Execution
from yieldflow.core.outcome import Cancelled, Ending, Err, Ok
from yieldflow.core.path import show
from yieldflow.core.values import Codec
from yieldflow.errors import shortened, shown


class Differs(AssertionError):
    """A replay does what nobody did when the log was written."""


def replayed(workflow: WorkflowDefinition, events: Sequence[Event], codec: Codec) -> Execution:
    """The program as somebody without a memory makes it from a log to which all is written that it has decided.

    Raises `CodeError`, above all `NonDeterminism`, and `Differs` where only the end is another or more is asked.
    """
    execution = Execution(workflow, codec, loaded)
    last, fits = events[-1] if events else None, False
    try:
        if isinstance(last, RunFinished) and not _is_forced(last.outcome):
            execution.feed(events[:-1])
            _expect_end(execution, last.outcome)
            execution.feed((last,))
        else:
            execution.feed(events)
            _expect_nothing(execution)
        fits = True
    finally:
        if not fits:
            execution.close()
    return execution


def _is_forced(outcome: Ending) -> bool:
    return isinstance(outcome, Cancelled) and outcome.forced


def _expect_end(execution: Execution, recorded: Ending) -> None:
    for decision in execution.decide():
        if isinstance(decision, Finish) and _alike(decision.outcome, recorded):
            return
        said = _said(decision.outcome) if isinstance(decision, Finish) else "does not end"
        raise Differs(f"{execution.workflow.name} {_said(recorded)}, and when its log is replayed it {said}")


def _expect_nothing(execution: Execution) -> None:
    for decision in execution.decide():
        path = show(decision.path) if isinstance(decision, Issue) else ""
        asks = f"asks {decision.command!r} at path {path}" if isinstance(decision, Issue) else "decides otherwise"
        raise Differs(
            f"when the log of {execution.workflow.name} is replayed it {asks}, where nothing was asked before"
        )


def _alike(one: Ending, other: Ending) -> bool:
    """A traceback may differ: a cause is shown by the lines that raised it."""
    if isinstance(one, Err) and isinstance(other, Err):
        return (one.failure.names, one.failure.message) == (other.failure.names, other.failure.message)
    return one == other


def _said(outcome: Ending) -> str:
    match outcome:
        case Err(failure):
            return f"fails with {failure.said}"
        case Cancelled():
            return "ends cancelled"
        case Ok(value):
            return f"answers {shortened(value.decode(errors='replace'))}"
        case _:
            return f"answers {shown(outcome)}"
