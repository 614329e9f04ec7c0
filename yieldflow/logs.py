"""`get_logger`: plain `logging` that knows which run, step and attempt speaks, and does not repeat itself on replay.

Handlers, levels and formats are the business of `logging`. Nothing is configured here, and nothing is kept.
"""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from yieldflow.body import current_step
from yieldflow.core.chain import chain_of
from yieldflow.core.telling import telling

_OURS = ("run_id", "workflow", "step", "attempt")
_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "where"}


class RunLogger(logging.LoggerAdapter[logging.Logger]):
    """What `get_logger` answers: it finds out at each call where it is called."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name that `logging` calls
        """False while a workflow is told again what its log shows it was told before."""
        told = telling()
        return (told is None or not told.known) and self.logger.isEnabledFor(level)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        here = _here()
        kwargs["extra"] = {**here, "where": _shown(here), **(kwargs.get("extra") or {})}
        return msg, kwargs


class JsonFormatter(logging.Formatter):
    """Each record as one line of JSON.

    `timestamp` (UTC), `level`, `logger`, `message`; `run_id`, `generation`, `workflow`, `step` and `attempt` where they
    are known; `exception` with its traceback; then what the call gave as `extra=`, as text where it is no plain value.
    *place*: by run id, what else a line is to say, such as `Tracing().place` with `trace_id` and `span_id`.

    >>> handler = logging.StreamHandler()
    >>> handler.setFormatter(JsonFormatter())
    """

    def __init__(self, *, place: Callable[[str], Mapping[str, str]] = lambda _: {}) -> None:
        super().__init__()
        self._place = place

    def format(self, record: logging.LogRecord) -> str:
        given = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        known = {name: given.pop(name) for name in _OURS if name in given}
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "timestamp": at.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_of_run(known),
            **self._place(str(known.get("run_id", ""))),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        others = {name: value for name, value in given.items() if name not in line}
        return json.dumps({name: _plain(value) for name, value in {**line, **others}.items()})


def get_logger(name: str | None = None) -> RunLogger:
    """A logger for workflows and steps alike; *name* as in `logging.getLogger`, default: the module that calls this.

    In a workflow it is silent while a log is replayed up to its last decision, and its records carry `run_id` and
    `workflow`; in a step they carry `run_id`, `step` and `attempt`; elsewhere it is a plain logger. All of it is also
    in `where`, for a format such as `logging.Formatter("%(where)s%(message)s", defaults={"where": ""})`.

    A line of a workflow is written at least once, not exactly once: it is repeated if a worker dies, or is overtaken
    by another one, between deciding and committing; and where facts led to no decision (one of ten branches has
    ended), by each worker that takes the run up before the next decision.

    >>> log = get_logger("shop")
    >>> log.info("charged %s cents", 500)
    """
    return RunLogger(logging.getLogger(_caller() if name is None else name), {})


def _of_run(known: Mapping[str, object]) -> dict[str, object]:
    """Its generation beside its id."""
    run_id = known.get("run_id")
    if not isinstance(run_id, str):
        return {**known}
    rest = {name: value for name, value in known.items() if name != "run_id"}
    return {"run_id": run_id, "generation": chain_of(run_id)[1], **rest}


def _here() -> Mapping[str, object]:
    told = telling()
    if told is not None:
        return {"run_id": told.run_id, "workflow": told.workflow}
    try:
        return current_step().logger.extra or {}
    except RuntimeError:
        return {}


def _shown(here: Mapping[str, object]) -> str:
    """`order-42 shop:charge #2: `, or nothing."""
    if not here:
        return ""
    if "workflow" in here:
        return f"{here['run_id']} {here['workflow']}: "
    return f"{here['run_id']} {here['step']} #{here['attempt']}: "


def _plain(value: object) -> object:
    """What JSON has a word for."""
    plain = isinstance(value, str | int | None) or (isinstance(value, float) and isfinite(value))
    return value if plain else str(value)


def _caller() -> str:
    frame = inspect.currentframe()
    asking = None if frame is None or frame.f_back is None else frame.f_back.f_back
    return "yieldflow" if asking is None else str(asking.f_globals.get("__name__", "yieldflow"))
