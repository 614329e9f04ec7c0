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
    try:
        match result:
            case Answered(value):
                return None, generator.send(value)
            case Raised(error):
                return None, generator.throw(error)
            case Continued():
                pass
            case _:
                assert_never(result)
    except StopIteration as ended:
        return Answered(ended.value), None
    except BaseException as error:  # noqa: BLE001 - user code: whatever leaves it is its outcome
        return _left(error), None
    raise AssertionError("nobody is resumed after the end")


def holds(condition: Callable[[], object], where: Callable[[], str]) -> Result | None:
    """The answer of `until(condition)`, or None: it is not true yet."""
    try:
        value = condition()
    except BaseException as error:  # noqa: BLE001 - user code: whatever leaves it is its outcome
        return _left(error)
    if isinstance(value, Command | Generator):
        raise NotACommand(described(value), where(), "a condition looks at variables: it cannot ask")
    return Answered(None) if value else None


def _left(error: BaseException) -> Raised:
    """What has left a program."""
    if isinstance(error, KeyboardInterrupt):
        raise error
    if isinstance(error, CODE_ERRORS) and not isinstance(error.__cause__, StepFailed | RunFailed):
        raise BrokenProgram(_last_line(error), f"{type(error).__name__}: {error}") from error
    return Raised(error)  # also such an error that a step or child raised: it is not the code's


def _last_line(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "the program" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
