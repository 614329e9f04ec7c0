"""For the whole suite: nothing is unpickled, and what reads stored data imports nothing by a name.

A refusal is an AssertionError at once, and is kept until the end of the test, for code that catches everything.
Python's own process pools unpickle what they were sent by this very suite; they may.
"""

from __future__ import annotations

import _pickle
import importlib
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

PACKAGE = Path(__file__).parents[1] / "yieldflow"
READS_DATA = tuple(
    str(PACKAGE / place) for place in ("codec", "core", "stores", "inspection", "rq/worker.py", "engine")
)
POOLS = ("multiprocessing.", "concurrent.futures.")
refused: list[str] = []


def install() -> None:
    """Once a process, before anything else has taken these functions by their names."""
    for module in (pickle, _pickle):
        for name in ("loads", "load"):
            setattr(module, name, _but_for_pools(f"pickle.{name}", getattr(module, name)))
    pickle.Unpickler = _Unpickler  # type: ignore[misc]
    importlib.import_module = _not_from_data(importlib.import_module)  # type: ignore[assignment]
    sys.addaudithook(_audit)


def refuse(what: str) -> None:
    refused.append(what)
    raise AssertionError(f"{what}: nothing stored is ever unpickled or imported by name")


def _but_for_pools(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not _module(sys._getframe(1)).startswith(POOLS):
            refuse(f"{name} by {_module(sys._getframe(1))}")
        return real(*args, **kwargs)

    return guarded


class _Unpickler(_pickle.Unpickler):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        refuse(f"pickle.Unpickler by {_module(sys._getframe(1))}")
        super().__init__(*args, **kwargs)


def _not_from_data(real: Callable[..., ModuleType]) -> Callable[..., ModuleType]:
    """`import` and `__import__` stand nowhere in those files but at the top: tests/deep/test_hostile.py."""

    def guarded(name: str, *args: Any, **kwargs: Any) -> ModuleType:
        frame = sys._getframe(1)
        if frame.f_code.co_filename.startswith(READS_DATA):
            refuse(f"import of {name} by {frame.f_code.co_filename}:{frame.f_lineno}")
        return real(name, *args, **kwargs)

    return guarded


def _audit(event: str, args: tuple[Any, ...]) -> None:
    """Raised by every unpickler that resolves a name, whatever it is called."""
    if event == "pickle.find_class":
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and not _module(frame).startswith(POOLS):
            frame = frame.f_back
        if frame is None:
            refuse(f"unpickling of {args[0]}.{args[1]}")


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
