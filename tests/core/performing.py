"""The generator that performs a random program.

It notes the type and text of all that it sees, and what it asks depends on it: two executions that were told
different things cannot look alike.
"""

from __future__ import annotations

from typing import Any

from tests.core.programs import (
    CLASHING,
    HOOKS,
    STEPS,
    Await,
    Body,
    Broken,
    Child,
    Condition,
    Continue,
    Fail,
    Group,
    Guard,
    Nap,
    Op,
    Open,
    Patch,
    Put,
    Question,
    Send,
    Shielded,
    Spawned,
    Step,
    Timed,
    Trace,
    Wait,
    anything,
    child,
)
from yieldflow import (
    Flow,
    Task,
    continue_as_new,
    detach,
    gather,
    get_data,
    hook,
    now,
    open_hook,
    patched,
    race,
    rng,
    run_info,
    send,
    set_data,
    shield,
    sleep,
    spawn,
    step,
    timeout,
    until,
    uuid4,
)
from yieldflow.errors import Cancelled

CALLED = {(kind, local): step(fn).options(local=local) for kind, fn in STEPS.items() for local in (False, True)}


def perform(body: Body, trace: Trace) -> Flow[int]:
    for op in body.ops:
        match op:
            case Guard():
                yield from guarded(op, trace)
            case Fail(cancelled=False):
                raise RuntimeError(f"after {len(trace.seen)}")
            case Fail():
                raise Cancelled
            case Broken(kind):
                yield broken(kind, trace)
            case Spawned(branch, then):
                trace.tasks.append(task := (yield spawn(asked(branch, trace))))
                trace.note(task)
                if then != "leave":
                    trace.note((yield awaited(task, then)))
            case Await(which, how):
                if trace.tasks:
                    yield from awaiting(trace.tasks[which % len(trace.tasks)], how, trace)
            case _:
                trace.note((yield asked(op, trace)))
    return len(trace.seen)


def guarded(guard: Guard, trace: Trace) -> Flow[None]:
    match guard.on:
        case "error":
            try:
                yield from perform(guard.body, trace)
            except Exception as error:
                trace.note(error)
                yield from perform(guard.clean, trace)
                if guard.again:
                    raise
        case "cancelled":
            try:
                with trace.guard():
                    yield from perform(guard.body, trace)
            except Cancelled as cancelled:
                trace.note(cancelled)
                with trace.clean_up():
                    yield from perform(guard.clean, trace)
                if guard.again:
                    raise
        case "finally":
            try:
                with trace.guard():
                    yield from perform(guard.body, trace)
            finally:
                with trace.clean_up():
                    yield from perform(guard.clean, trace)


def awaiting(task: Task[Any], how: str, trace: Trace) -> Flow[None]:
    try:
        trace.note((yield awaited(task, how)))
    except Exception as error:
        trace.note(error)


def awaited(task: Task[Any], how: str) -> Any:
    match how:
        case "await":
            return task
        case "race":
            return race(task, sleep(1))
        case "timeout":
            return timeout(task, 1, default="too late")
        case "cancel":
            return task.cancel()
        case _:
            return gather(task, task.cancel(), return_exceptions=True)


def until_more(condition: Condition, trace: Trace) -> Any:
    enough = len(trace.seen) + condition.more

    def holds() -> bool:
        if condition.raises and len(trace.seen) >= enough:
            raise ValueError("a condition")
        return len(trace.seen) >= enough

    return until(holds)


def started(op: Child, trace: Trace) -> Any:
    call = child(op.label, str(trace.digest))
    return detach(call) if op.close == "detach" else call.options(on_parent_close=op.close)


def asked(op: Op | Body, trace: Trace) -> Any:
    match op:
        case Step(kind, label, local):
            return CALLED[kind, local](label, str(trace.digest))
        case Child():
            return started(op, trace)
        case Send(name):
            return send("other", name, len(trace.seen))
        case Put(key):
            return set_data(key, [key, len(trace.seen)])
        case Condition():
            return until_more(op, trace)
        case Patch(change_id):
            return patched(change_id)
        case Continue():
            return continue_as_new()
        case Timed(branch, seconds, default):
            given = {"default": ["late"]} if default else {}
            return timeout(asked(branch, trace), seconds, **given)
        case Shielded(branch):
            return shield(asked(branch, trace))
        case Nap(seconds):
            return sleep(seconds)
        case Wait(name, seconds, default, clash):
            given = {"default": f"default of {name}"} if default else {}
            return hook(name, CLASHING if clash else HOOKS[name], timeout=seconds, **given)
        case Open(name):
            return open_hook(name, HOOKS[name])
        case Question("data"):
            return get_data("a", list[Any], default=[])
        case Question(kind):
            return {"now": now, "rng": rng, "uuid4": uuid4, "run_info": run_info}[kind]()
        case Group(verb, branches, limit):
            asks = [asked(branch, trace) for branch in branches]
            return race(*asks) if verb == "race" else gather(*asks, return_exceptions=verb == "settle", limit=limit)
        case Body():
            return perform(op, trace)
    raise AssertionError(op)


def broken(kind: str, trace: Trace) -> Any:
    again = perform(Body((Nap(1),)), trace)
    match kind:
        case "value":
            return 42
        case "generator":
            return again
        case "argument":
            return step(anything, object(), "")
        case "twice":
            return gather(again, again)
        case "continue":
            return shield(continue_as_new())
        case "foreign":
            return Task((9, 9))
        case "condition":
            return until(now)
        case _:
            raise RecursionError("deeper than there is room")
