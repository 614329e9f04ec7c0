"""Letting go of a suspended generator, in the only place that does."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from types import GeneratorType
from typing import Any

_KEPT: list[Generator[Any, Any, Any]] = []  # those that would not end: deleting one would raise again


def let_go(generator: Generator[Any, Any, Any]) -> None:
    """Close a suspended generator, the innermost helper first; what they ask while closing is dropped."""
    chain: list[Generator[Any, Any, Any]] = []
    inner: object = generator
    while isinstance(inner, GeneratorType):
        chain.append(inner)
        inner = inner.gi_yieldfrom
    for one in reversed(chain):
        _close(one)


def _close(generator: Generator[Any, Any, Any]) -> None:
    for _ in range(100):
        try:
            generator.close()
        except RuntimeError:  # "generator ignored GeneratorExit": it asked in a `finally`, that is expected
            continue
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - user code: nobody is left to be told
            return
        return
    _KEPT.append(generator)
    if len(_KEPT) == 1:
        warnings.warn(f"{generator!r} would not end; it is kept for good", RuntimeWarning, stacklevel=2)
