"""The module-level verbs: the same as those of an `App`, on one that the environment or pyproject.toml sets up."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TypeVar

from yieldflow.app import App
from yieldflow.core.asks import WorkflowCall
from yieldflow.core.times import Duration
from yieldflow.handle import Handle

T = TypeVar("T")


@cache
def default_app() -> App:
    """The app of the module-level verbs: its settings come from the environment or pyproject.toml."""
    return App()


def start(
    call: WorkflowCall[T],
    *,
    run_id: str | None = None,
    tags: Mapping[str, str] | None = None,
    timeout: Duration | None = None,
) -> Handle[T]:
    """As `App.start`, on the default app."""
    return default_app().start(call, run_id=run_id, tags=tags, timeout=timeout)
