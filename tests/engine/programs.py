"""Programs to simulate: random ones that show any difference in what they saw, and some whose result knows no order."""

from __future__ import annotations

from random import Random
from typing import Any
from zlib import crc32

from yieldflow import (
    Cancelled,
    Flow,
    Retry,
    TimedOut,
    gather,
    hook,
    now,
    open_hook,
    race,
    sleep,
    step,
    uuid4,
    workflow,
)

POLICY = Retry(attempts=3, delay="2s", lost=50)
HOOKS = ("approval", "size")


@step(retry=POLICY)
def work(label: int, seen: int = 0) -> int:
    return label


@step(retry=POLICY, queue="gpu")
def render(label: int, seen: int = 0) -> int:
    return label


@step(retry=POLICY, timeout="12s")
def bounded(label: int, seen: int = 0) -> int:
    return label


def plain(label: int, seen: int = 0) -> int:
    return label


PLAIN = step(plain).options(retry=POLICY)


def chance(seed: object) -> Random:
    return Random(str(seed))


def seen(answers: list[Any]) -> int:
    return crc32(repr(answers).encode())


@workflow(name="sim:program")
def program(seed: int, depth: int) -> Flow[int]:
    return seen((yield from block(chance(seed), depth)))


def block(r: Random, depth: int) -> Flow[list[Any]]:
    answers: list[Any] = []
    for _ in range(r.randint(2, 5)):
        try:
            answers.append((yield command(r, depth, answers)))
            if r.random() < 0.2:
                answers.append((yield now()).isoformat())
                answers.append(str((yield uuid4())))
        except (ValueError, TimedOut) as error:
            if r.random() < 0.4:
                raise
            answers.append(type(error).__name__)
        except Cancelled:
            mood = r.random()
            if mood < 0.5:
                answers.append((yield work(0, seen(answers))))
            if mood < 0.9:
                raise
    return answers


def command(r: Random, depth: int, answers: list[Any]) -> Any:
    kind, label = r.random(), r.randint(0, 99)
    if depth > 0 and kind > 0.5:
        asks = [ask(r, depth - 1, answers) for _ in range(r.randint(1, 3))]
        if kind > 0.78:
            return race(*asks)
        return gather(*asks, return_exceptions=True) if kind > 0.7 else gather(*asks)
    if kind < 0.08:
        return sleep(r.randint(1, 25))
    if kind < 0.13:
        return hook(r.choice(HOOKS), int, timeout=r.randint(1, 30), default=-1)
    if kind < 0.16:
        return hook(r.choice(HOOKS), int, timeout=r.randint(1, 30))
    if kind < 0.18:
        return hook(r.choice(HOOKS), int)
    if kind < 0.2:
        return open_hook(r.choice(HOOKS), int)
    return r.choice([work, work, bounded, render, PLAIN])(label, seen(answers))


def ask(r: Random, depth: int, answers: list[Any]) -> Any:
    if r.random() < 0.55:
        return block(chance(r.random()), depth)
    return command(chance(r.random()), 0, answers)


# --- the order of events does not show in their result ------------------------------------------------------------


@workflow
def in_sequence() -> Flow[int]:
    first = yield work(1)
    second = yield PLAIN(2, first)
    return (yield work(3, second))


@workflow
def in_branches() -> Flow[tuple[Any, ...]]:
    return (yield gather(in_sequence.fn(), rested(1), work(4)))


def rested(label: int) -> Flow[int]:
    yield sleep("3s")
    return (yield render(label))


@workflow
def caught() -> Flow[list[Any]]:
    answers: list[Any] = []
    for label in (7, 1):
        try:
            answers.append((yield gather(work(label), rested(1))))
        except ValueError as error:
            answers.append((yield work(0, len(str(error)))))
    return answers


@workflow
def raced() -> Flow[tuple[int, Any, int]]:
    index, answer = yield race(in_sequence.fn(), sleep("10d"))
    late = yield hook("nobody", int, timeout="5s", default=-1)
    return (index, answer, late)


@workflow
def told() -> Flow[list[Any]]:
    """Its payloads are there before it asks."""
    answers: list[Any] = [(yield hook("size", int))]
    answers.append((yield gather(work(1), hook("size", int), gather(work(2), work(3)))))
    return answers
