"""How a combinator's outcome comes from its children's, and what becomes of errors that come too late.

An error is never lost: it replaces an answer, and is noted on an error that was there before.
"""

from __future__ import annotations

from contextlib import suppress
from copy import Error as CopyError
from copy import deepcopy
from types import GeneratorType
from typing import Any, assert_never

from yieldflow.core.asks import MISSING, Ask, StepCall, WorkflowCall
from yieldflow.core.combinators import Gather, Race, Shield, Timeout
from yieldflow.core.nodes import Answered, Continued, Group, Node, Raised, Result
from yieldflow.errors import Cancelled, TaskCancelled, TimedOut


def decides(group: Group, child: Node, result: Result) -> Result | None:
    """The outcome that *child*, as the first one to, gives its group; None: it goes on."""
    match group.command:
        case Gather(return_exceptions=keeps):
            kept = isinstance(result, Answered) or (keeps and isinstance(_error(result), Exception))
            return None if kept else result
        case Race():
            return Answered((group.children.index(child), result.value)) if isinstance(result, Answered) else result
        case Timeout() as command:
            return result if child is group.children[0] else _timed_out(command)
        case Shield():
            return result
        case _:
            assert_never(group.command)


def answers(group: Group) -> Answered:
    """Of a gather whose children have all ended: their answers, or the exceptions that are kept."""
    results = (None if child is None else child.result for child in group.children)
    return Answered(tuple(result.value if isinstance(result, Answered) else _error(result) for result in results))


def worse(outcome: Result, late: Result | None) -> Result:
    """An error in clean-up replaces an answer, and is noted on an error; neither is lost."""
    if not isinstance(late, Raised) or isinstance(late.error, Cancelled):
        return outcome
    match outcome:
        case Answered() | Continued():
            return late
        case Raised(error):
            with suppress(AttributeError, TypeError):  # a frozen one takes no note
                error.add_note(f"and then, while cleaning up: {type(late.error).__name__}: {late.error}")
            return outcome
        case _:
            assert_never(outcome)


def interrupted(failure: BaseException) -> Raised:
    """A shielded ask failed while a cancellation was held: one unwinding for both."""
    cancelled = Cancelled()
    cancelled.__cause__ = failure
    return Raised(cancelled)


def as_awaited(result: Result, task: str) -> Result:
    """What awaiting a task gives: its being cancelled is not that of who waits."""
    cancelled = isinstance(result, Raised) and isinstance(result.error, Cancelled)
    return Raised(TaskCancelled(f"{task} was cancelled")) if cancelled else result


def fresh(default: Any) -> Any:
    """A command may be kept for all runs: what one of them does to its default is not another's."""
    try:
        return deepcopy(default)
    except (TypeError, CopyError):
        return default


def _timed_out(command: Timeout[Any]) -> Result:
    if command.default is not MISSING:
        return Answered(fresh(command.default))
    return Raised(TimedOut(f"{_named(command.ask)} took longer than {command.when}"))


def _named(ask: Ask[Any]) -> str:
    """The same in every process: an argument may be a set, in any order, or have no text of its own."""
    match ask:
        case StepCall(definition=definition) | WorkflowCall(definition=definition):
            return definition.name
        case GeneratorType():
            return ask.__name__
        case _:
            return "what was asked"


def _error(result: Result | None) -> BaseException | None:
    return result.error if isinstance(result, Raised) else None
