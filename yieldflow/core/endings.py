"""How the end of a program becomes the end of its run."""

from __future__ import annotations

from typing import assert_never

from attrs import evolve

from yieldflow.core.agenda import DEADLINE
from yieldflow.core.asks import ContinueCommand, WorkflowDefinition
from yieldflow.core.chain import successor
from yieldflow.core.events import Finish
from yieldflow.core.failures import from_exception, origin
from yieldflow.core.nodes import Answered, Continued, Raised, Result
from yieldflow.core.outcome import Cancelled as CancelledOutcome
from yieldflow.core.outcome import ContinuedAs, Ending, Err, Ok
from yieldflow.core.path import Path, parse
from yieldflow.core.recording import arguments
from yieldflow.core.run import Run
from yieldflow.core.values import Codec
from yieldflow.errors import Cancelled, RunTimeout, Unencodable


def ending(result: Result, run: Run, workflow: WorkflowDefinition, codec: Codec) -> Ending:
    """Raises `Unencodable`."""
    match result:
        case Answered(value):
            return Ok(_result(value, workflow, codec))
        case Continued(command):
            return _continued(command, run, workflow, codec)
        case Raised(Cancelled()):
            return _cancelled(run, codec)
        case Raised(error):
            return Err(from_exception(error, codec))
        case _:
            assert_never(result)


def _result(value: object, workflow: WorkflowDefinition, codec: Codec) -> bytes:
    try:
        return codec.encode(value, workflow.returns)
    except Unencodable as error:
        error.path = f"the result of {workflow.name}, {error.path}"
        raise


def handed_over(finish: Finish, ended_at: int, run: Run) -> Finish:
    """A program that has ended takes no cancellation; but one that goes on as a fresh log does, in that."""
    outcome = finish.outcome
    if not isinstance(outcome, ContinuedAs) or run.cancelled is None or run.cancelled_at <= ended_at:
        return finish
    return evolve(finish, outcome=evolve(outcome, cancel=(run.cancelled.key, run.cancelled.reason)))


def origin_of(result: Result) -> Path | None:
    """Where the failure came from that ended the program."""
    path = origin(result.error) if isinstance(result, Raised) else None
    return None if path is None else parse(path)


def _continued(command: ContinueCommand[object], run: Run, workflow: WorkflowDefinition, codec: Codec) -> Ending:
    started, call = run.started, command.call
    assert started is not None
    next_id = successor(started.run_id)
    if call is None:
        return ContinuedAs(next_id, workflow.name, started.arguments, workflow.version)
    encoded = arguments(call, codec, lambda: f"continue_as_new in {workflow.name}")
    return ContinuedAs(next_id, call.definition.name, encoded, call.definition.version)


def _cancelled(run: Run, codec: Codec) -> Ending:
    asked = run.cancelled
    if asked is not None and asked.key == DEADLINE:
        return Err(from_exception(RunTimeout("the run took longer than its timeout"), codec))
    return CancelledOutcome(None if asked is None else asked.reason)
