"""Workflows whose result does not depend on the order of what they are told: each is a plan, drawn from a seed."""

from __future__ import annotations

from random import Random
from typing import Any, TypeAlias
from zlib import crc32

from yieldflow import Cancelled, Flow, Retry, gather, hook, set_data, shield, sleep, spawn, step, workflow

Plan: TypeAlias = list[list[Any]]  # of operations: a kind, and what belongs to it
POLICY = Retry(attempts=2, delay="1s", lost=1_000)
STOP = "stop"  # a hook that nobody answers


@step(retry=POLICY)
def made(label: int, seen: int) -> int:
    return label + seen % 1_000


@step(retry=POLICY)
def refused(label: int, seen: int) -> int:
    raise ValueError(f"{label} after {seen}")


@workflow(name="deliveries:follow")
def follow(plan: Plan) -> Flow[list[Any]]:
    return (yield from carried_out(plan))


@workflow(name="deliveries:until_stopped")
def until_stopped(plan: Plan) -> Flow[list[Any]]:
    """Only a cancellation ends it, and it is sent when all else is done."""
    answers = yield from carried_out(plan)
    try:
        yield hook(STOP)
    except Cancelled:
        answers.append((yield made(1, seen(answers))))
    return answers


def carried_out(plan: Plan) -> Flow[list[Any]]:
    answers: list[Any] = []
    for kind, *given in plan:
        match kind:
            case "step":
                answers.append((yield made(given[0], seen(answers))))
            case "failing step":
                try:
                    yield refused(given[0], seen(answers))
                except ValueError as error:
                    answers.append(str(error))
            case "sleep":
                yield sleep(given[0])
            case "hook":
                answers.append((yield hook(given[0], int)))
            case "child":
                answers.append((yield follow(given[0])))
            case "all":
                answers += yield gather(*map(carried_out, given))
            case "task":
                task = yield spawn(carried_out(given[0]))
                answers += yield from carried_out(given[1])
                answers += yield task
            case "data":
                yield set_data("seen", seen(answers))
            case "shield":
                answers += yield shield(carried_out(given[0]))
    return answers


def seen(answers: list[Any]) -> int:
    return crc32(repr(answers).encode())


def hooks(plan: Plan) -> list[str]:
    """Those of the run itself: its children have none."""
    found: list[str] = []
    for kind, *given in plan:
        if kind == "hook":
            found += given
        elif kind in ("all", "task", "shield"):
            found += [name for inner in given for name in hooks(inner)]
    return found


def drawn(r: Random, depth: int, names: list[str]) -> Plan:
    """*names*: of the hooks that it may still ask, each once."""
    return [_operation(r, depth, names) for _ in range(r.randint(1, 3))]


def _operation(r: Random, depth: int, names: list[str]) -> list[Any]:
    match r.randrange(6 if depth == 0 else 14):
        case 0 | 1:
            return ["step", r.randrange(9)]
        case 2:
            return ["failing step", r.randrange(9)]
        case 3:
            return ["sleep", r.randint(1, 20)]
        case 4 | 5 | 6:
            return ["hook", names.pop()] if names else ["data"]
        case 7 | 8 | 9 | 10:
            return ["all", *(drawn(r, depth - 1, names) for _ in range(r.randint(2, 3)))]
        case 11:
            return ["task", drawn(r, depth - 1, names), drawn(r, depth - 1, names)]
        case 12:
            return ["shield", drawn(r, depth - 1, names)]
        case _:
            return ["child", drawn(r, depth - 1, [])]
