"""The only two places where a program's own code runs: a generator is resumed, a condition is asked.

Whatever leaves it is its outcome; but what only another deploy can mend is raised as `CodeError`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, assert_never

from yieldflow.core.advice import described
from yieldflow.core.asks import Command
from yieldflow.core.nodes import Answered, Continued, Raised, Result
from yieldflow.errors import BrokenProgram, NotACommand, RunFailed, StepFailed

CODE_ERRORS = (RecursionError, MemoryError, ImportError, SyntaxError)


def resume(generator: Generator[Any, Any, Any], result: Result) -> tuple[Result | None, Any]:
    """One step of a program: how it ended, or what it asks."""
    match result:
        case Answered(value):
            came = _run(lambda: generator.send(value))
        case Raised(error):
            came = _run(lambda: generator.throw(error))
        case Continued():
            raise AssertionError("nobody is resumed after the end")
        case _:
            assert_never(result)
    match came:
        case Answered(item):
            return None, item
        case Raised(StopIteration(value=returned)):
            return Answered(returned), None
        case _:
            return came, None


def holds(condition: Callable[[], object], where: Callable[[], str]) -> Result | None:
    """The answer of `until(condition)`, or None: it is not true yet."""
    came = _run(condition)
    match came:
        case Answered(Command() | Generator() as value):
            raise NotACommand(described(value), where(), "a condition looks at variables: it cannot ask")
        case Answered(value):
            return Answered(None) if value else None
        case _:
            return came


def _run(code: Callable[[], Any]) -> Answered | Raised:
    try:
        return Answered(code())
    except KeyboardInterrupt:
        raise
    except CODE_ERRORS as error:
        if isinstance(error.__cause__, StepFailed | RunFailed):  # a step or child raised it: not the code
            return Raised(error)
        raise BrokenProgram(_last_line(error), f"{type(error).__name__}: {error}") from error
    except BaseException as error:  # noqa: BLE001 - user code: whatever leaves it is its outcome
        return Raised(error)


def _last_line(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "the program" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
