"""Where a suspended generator stands: its frames, outermost first, followed through `yield from`."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from inspect import CO_GENERATOR
from types import FrameType, GeneratorType
from typing import Any

from attrs import frozen


@frozen
class Frame:
    file: str
    line: int
    function: str
    variables: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


def frames(generator: Generator[Any, Any, Any]) -> tuple[Frame, ...]:
    """Empty once it has ended."""
    found = []
    inner: object = generator
    while isinstance(inner, GeneratorType):
        frame: FrameType | None = inner.gi_frame
        if frame is not None:
            code = frame.f_code
            found.append(Frame(code.co_filename, frame.f_lineno, code.co_qualname, dict(frame.f_locals)))
        inner = inner.gi_yieldfrom
    return tuple(found)


def innermost(generator: Generator[Any, Any, Any]) -> Frame | None:
    """The innermost line of the program's own: a command's `__iter__` is not one. None once it has ended."""
    own = [frame for frame in frames(generator) if not frame.function.endswith("Command.__iter__")]
    return own[-1] if own else None


def raised_at(error: BaseException) -> Frame | None:
    """The innermost line of a generator that an error passed."""
    found, traceback = None, error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_flags & CO_GENERATOR and not code.co_qualname.endswith("Command.__iter__"):
            found = Frame(code.co_filename, traceback.tb_lineno, code.co_qualname, {})
        traceback = traceback.tb_next
    return found


def where(generator: Generator[Any, Any, Any]) -> str:
    frame = innermost(generator)
    return f"the end of {getattr(generator, '__qualname__', 'the workflow')}" if frame is None else str(frame)
