"""Durable workflows for Python: a workflow is a generator that yields commands.

These are the public names; a module that is imported for one of them is no promise. What needs a store is
loaded when it is first asked for, so that a module of workflows is cheap to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from yieldflow.authoring.step import Step, StepCall, step
from yieldflow.authoring.verbs import gather, hook, now, open_hook, race, rng, sleep, uuid4
from yieldflow.authoring.workflow import Workflow, workflow
from yieldflow.core.asks import Ask, Command, Flow, Hook, WorkflowCall
from yieldflow.core.retry import Retry
from yieldflow.core.times import Duration, When
from yieldflow.errors import (
    BadDefinition,
    Cancelled,
    FatalError,
    NonDeterminism,
    NotACommand,
    RetryableError,
    RunBlocked,
    RunCancelled,
    RunExists,
    RunFailed,
    StepFailed,
    StepTimeout,
    TimedOut,
    UnknownRun,
    WorkerLost,
    YieldflowError,
)

if TYPE_CHECKING:  # what `_LATER` loads at run time
    from yieldflow.app import App, start
    from yieldflow.body import current_step
    from yieldflow.handle import Handle

__all__ = [
    "App",
    "Ask",
    "BadDefinition",
    "Cancelled",
    "Command",
    "Duration",
    "FatalError",
    "Flow",
    "Handle",
    "Hook",
    "NonDeterminism",
    "NotACommand",
    "Retry",
    "RetryableError",
    "RunBlocked",
    "RunCancelled",
    "RunExists",
    "RunFailed",
    "Step",
    "StepCall",
    "StepFailed",
    "StepTimeout",
    "TimedOut",
    "UnknownRun",
    "When",
    "WorkerLost",
    "Workflow",
    "WorkflowCall",
    "YieldflowError",
    "current_step",
    "gather",
    "hook",
    "now",
    "open_hook",
    "race",
    "rng",
    "sleep",
    "start",
    "step",
    "uuid4",
    "workflow",
]

_LATER = {  # public name -> the module that is imported when somebody asks for it
    "App": "yieldflow.app",
    "Handle": "yieldflow.handle",
    "current_step": "yieldflow.body",
    "start": "yieldflow.app",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'yieldflow' has no attribute {name!r}")
    value: object = getattr(import_module(_LATER[name]), name)
    globals()[name] = value
    return value
