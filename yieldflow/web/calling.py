"""The call of a workflow, and spans of time, as a JSON document says them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from yieldflow.app import App
from yieldflow.authoring import options
from yieldflow.core.asks import WorkflowCall
from yieldflow.errors import UnknownTarget, UsageError
from yieldflow.given import call_of


def span(name: str, given: str | float | None) -> timedelta | None:
    """Raises `UsageError`."""
    try:
        millis = options.span(given)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from error
    return None if millis is None else timedelta(milliseconds=millis)


def called(app: App, name: str, args: list[Any], kwargs: dict[str, Any]) -> WorkflowCall[Any]:
    """Raises `UnknownTarget`, `BadArguments`."""
    definition = app.registry.workflow(name)
    if definition is None:
        raise UnknownTarget(name, "no workflow of this name is loaded here")
    return call_of(definition, args, kwargs, app.codec.plain, definition.name)
