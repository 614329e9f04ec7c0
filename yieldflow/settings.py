"""Where an app's settings come from: the call, the environment, `[tool.yieldflow]` of pyproject.toml, a default."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from attrs import frozen

from yieldflow.errors import UsageError, shown

Durability: TypeAlias = Literal["server", "fsync"]
"""server: as the server, or SQLite's log, keeps what it is given · fsync: what is answered is on the disk."""

DEFAULT_URL = "sqlite:///yieldflow.db"


@frozen
class Settings:
    url: str
    modules: tuple[str, ...]
    prefix: str
    payload_codec: str | None = None  # module:name
    payload_limit: int | None = None  # bytes; None: the codec's own
    retention: Any = None  # a duration, or a table of them
    durability: Durability = "server"
    observe: tuple[str, ...] = ()  # each module:name
    base_url: str | None = None


def settings(
    url: str | None = None,
    modules: str | Iterable[str] = (),
    prefix: str | None = None,
    durability: Durability | None = None,
) -> Settings:
    """Raises `UsageError`, also for a pyproject.toml that cannot be read."""
    table = _table()
    listed = os.environ.get("YIELDFLOW_MODULES")
    known = table.get("modules", ()) if listed is None else listed
    return Settings(
        url or os.environ.get("YIELDFLOW_URL") or str(table.get("url", DEFAULT_URL)),
        _several(modules) or _several(known),
        prefix or os.environ.get("YIELDFLOW_PREFIX") or str(table.get("prefix", "yieldflow")),
        os.environ.get("YIELDFLOW_PAYLOAD_CODEC") or str(table.get("payload_codec", "")) or None,
        whole("payload_limit", os.environ.get("YIELDFLOW_PAYLOAD_LIMIT") or table.get("payload_limit")),
        os.environ.get("YIELDFLOW_RETENTION") or table.get("retention"),
        _durability(durability or os.environ.get("YIELDFLOW_DURABILITY") or table.get("durability", "server")),
        _several(os.environ.get("YIELDFLOW_OBSERVE") or table.get("observe", ())),
        os.environ.get("YIELDFLOW_BASE_URL") or str(table.get("base_url", "")) or None,
    )


def _durability(given: Any) -> Durability:
    for known in get_args(Durability):
        if given == known:
            return known  # type: ignore[no-any-return]  # of the type's own words
    raise UsageError(f'durability={shown(given)} must be "server" or "fsync"')


def whole(name: str, given: Any) -> int | None:
    """A count from 1 on, or None where nothing is given. Raises `UsageError`."""
    if given is None:
        return None
    text = str(given)
    if not (text.isascii() and text.isdecimal() and len(text) < 20) or int(text) < 1:
        raise UsageError(f"{name}={shown(given)} must be a whole number of bytes, at least 1")
    return int(text)


def named(setting: str, place: str) -> Any:
    """What a person's setting names as `module:name`. Raises `UsageError`, and what else the module raises."""
    module, _, name = place.partition(":")
    if not module or not name:
        raise UsageError(f"{setting}={place!r} names nothing; spell it as module:name")
    try:
        found = getattr(import_module(module), name, None)
    except ImportError as error:
        raise UsageError(f"{setting}={place!r} cannot be imported: {error}") from error
    if found is None:
        raise UsageError(f"{setting}={place!r}: {module} has no {name!r}")
    return found


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
