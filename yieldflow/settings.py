"""Where an app's settings come from: the call, the environment, `[tool.yieldflow]` of pyproject.toml, a default."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from yieldflow.errors import UsageError

DEFAULT_URL = "sqlite:///yieldflow.db"


@frozen
class Settings:
    url: str
    modules: tuple[str, ...]
    prefix: str


def settings(url: str | None = None, modules: str | Iterable[str] = (), prefix: str | None = None) -> Settings:
    """Raises `UsageError` for a pyproject.toml that cannot be read."""
    table = _table()
    listed = os.environ.get("YIELDFLOW_MODULES")
    known = table.get("modules", ()) if listed is None else listed
    return Settings(
        url or os.environ.get("YIELDFLOW_URL") or str(table.get("url", DEFAULT_URL)),
        _several(modules) or _several(known),
        prefix or os.environ.get("YIELDFLOW_PREFIX") or str(table.get("prefix", "yieldflow")),
    )


def _several(modules: str | Iterable[str]) -> tuple[str, ...]:
    """Names in a list, or in a text with commas."""
    listed = modules.split(",") if isinstance(modules, str) else modules
    return tuple(name.strip() for name in listed if name.strip())


def _table() -> Mapping[str, Any]:
    file = Path("pyproject.toml")
    try:
        tools = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{file.resolve()} cannot be read: {error}") from error
    table: Mapping[str, Any] = tools.get("yieldflow", {})
    return table
