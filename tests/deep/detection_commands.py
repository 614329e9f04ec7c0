"""Commands as plain tuples: what a log holds of them, and what a program yields, but for options."""

from __future__ import annotations

import json
from typing import Any

from yieldflow.core.asks import (
    DetachCommand,
    OpenHookCommand,
    ReceiveCommand,
    SendCommand,
    SetDataCommand,
    SleepCommand,
    StepCall,
    WorkflowCall,
)
from yieldflow.core.commands import CallStep, MarkPatch, OpenHook, Receive, Send, SetData, Sleep, StartChild


def written(command: Any) -> tuple[Any, ...]:
    """What a log holds of a command, but for options."""
    match command:
        case CallStep(name, arguments):
            return "step", name, json.loads(arguments)
        case StartChild(workflow, arguments, detached):
            return "child", workflow, json.loads(arguments), detached
        case Sleep(end):
            return "sleep", getattr(end, "millis", end)
        case Receive(name):
            return "receive", name
        case OpenHook(name):
            return "open", name
        case SetData(key, value):
            return "set", key, json.loads(value)
        case MarkPatch(change_id):
            return "patched", change_id
        case Send(run_id, name, payload):
            return "send", run_id, name, json.loads(payload)
    raise AssertionError(command)


def asks(command: Any) -> tuple[Any, ...]:
    """The same of what a program yields."""
    match command:
        case StepCall(definition=step, args=args):
            return "step", step.name, [[*args], {}]
        case WorkflowCall(definition=workflow, args=args):
            return "child", workflow.name, [[*args], {}], False
        case DetachCommand(call=WorkflowCall(definition=workflow, args=args)):
            return "child", workflow.name, [[*args], {}], True
        case SleepCommand(when=int(seconds)):
            return "sleep", seconds * 1_000
        case ReceiveCommand(hook=name):
            return "receive", name
        case OpenHookCommand(name=name):
            return "open", name
        case SetDataCommand(key=key, value=value):
            return "set", key, value
        case SendCommand(run_id=run_id, hook=name, payload=payload):
            return "send", run_id, name, payload
    raise AssertionError(command)
