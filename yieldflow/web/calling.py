"""The call of a workflow, and spans of time, as a JSON document says them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from yieldflow.app import App
from yieldflow.authoring.workflow import Workflow
from yieldflow.core.asks import WorkflowCall
from yieldflow.core.times import duration
from yieldflow.errors import BadArguments, Undecodable, UnknownTarget, UsageError


def span(name: str, given: str | float | None) -> timedelta | None:
    """Raises `UsageError`."""
    try:
        return None if given is None else timedelta(milliseconds=duration(given))
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{name}: {error}") from error


def called(app: App, name: str, args: list[Any], kwargs: dict[str, Any]) -> WorkflowCall[Any]:
    """Raises `UnknownTarget`, `BadArguments`."""
    definition = app.registry.workflow(name)
    if definition is None:
        raise UnknownTarget(name, "no workflow of this name is loaded here (`yieldflow web -m MODULE`)")
    try:
        arguments = app.codec.plain.decode_arguments(json.dumps([args, kwargs]).encode(), definition.parameters)
        return Workflow[..., Any](definition)(*arguments.args, **arguments.kwargs)
    except (Undecodable, TypeError) as error:
        reason = str(error).removeprefix(f"{definition.fn.__qualname__}(): ")
        raise BadArguments(definition.name, reason) from error
