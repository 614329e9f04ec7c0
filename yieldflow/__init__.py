"""Durable workflows for Python: a workflow is a generator that yields commands.

These are the public names; a module that is imported for one of them is no promise. What needs a store is
loaded when it is first asked for, so that a module of workflows is cheap to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from yieldflow.authoring.combining import gather, race, shield, spawn, timeout, until
from yieldflow.authoring.compensating import Compensations, compensations
from yieldflow.authoring.retrying import retrying
from yieldflow.authoring.step import Step, StepCall, step
from yieldflow.authoring.verbs import (
    continue_as_new,
    detach,
    get_data,
    hook,
    now,
    open_hook,
    patched,
    rng,
    run_info,
    send,
    set_data,
    sleep,
    uuid4,
)
from yieldflow.authoring.workflow import Workflow, WorkflowCall, workflow
from yieldflow.core.asks import Ask, Command, Flow, Hook, RunInfo
from yieldflow.core.combinators import Task
from yieldflow.core.retry import Retry
from yieldflow.core.times import Duration, When
from yieldflow.errors import (
    BadDefinition,
    Cancelled,
    Deadlock,
    FatalError,
    HistoryFull,
    HookTokenTaken,
    NonDeterminism,
    NotACommand,
    RetryableError,
    RunBlocked,
    RunCancelled,
    RunExists,
    RunFailed,
    RunTimeout,
    StepFailed,
    StepTimeout,
    TaskCancelled,
    TimedOut,
    UndoFailed,
    UnknownRun,
    WorkerLost,
    YieldflowError,
)

if TYPE_CHECKING:  # what `_LATER` loads at run time
    from yieldflow.aio import AsyncHandle
    from yieldflow.app import App
    from yieldflow.body import current_step
    from yieldflow.default import start
    from yieldflow.handle import Handle
    from yieldflow.logs import JsonFormatter, get_logger
    from yieldflow.schedules.declaring import scheduled

__all__ = [
    "App",
    "Ask",
    "AsyncHandle",
    "BadDefinition",
    "Cancelled",
    "Command",
    "Compensations",
    "Deadlock",
    "Duration",
    "FatalError",
    "Flow",
    "Handle",
    "HistoryFull",
    "Hook",
    "HookTokenTaken",
    "JsonFormatter",
    "NonDeterminism",
    "NotACommand",
    "Retry",
    "RetryableError",
    "RunBlocked",
    "RunCancelled",
    "RunExists",
    "RunFailed",
    "RunInfo",
    "RunTimeout",
    "Step",
    "StepCall",
    "StepFailed",
    "StepTimeout",
    "Task",
    "TaskCancelled",
    "TimedOut",
    "UndoFailed",
    "UnknownRun",
    "When",
    "WorkerLost",
    "Workflow",
    "WorkflowCall",
    "YieldflowError",
    "compensations",
    "continue_as_new",
    "current_step",
    "detach",
    "gather",
    "get_data",
    "get_logger",
    "hook",
    "now",
    "open_hook",
    "patched",
    "race",
    "retrying",
    "rng",
    "run_info",
    "scheduled",
    "send",
    "set_data",
    "shield",
    "sleep",
    "spawn",
    "start",
    "step",
    "timeout",
    "until",
    "uuid4",
    "workflow",
]

_LATER = {  # public name -> the module that is imported when somebody asks for it
    "App": "yieldflow.app",
    "AsyncHandle": "yieldflow.aio",
    "Handle": "yieldflow.handle",
    "JsonFormatter": "yieldflow.logs",
    "current_step": "yieldflow.body",
    "get_logger": "yieldflow.logs",
    "scheduled": "yieldflow.schedules.declaring",
    "start": "yieldflow.default",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'yieldflow' has no attribute {name!r}")
    value: object = getattr(import_module(_LATER[name]), name)
    globals()[name] = value
    return value
