"""One workflow in two versions, of which workers of both take turns: what `patched` guards, the former one has not."""

from __future__ import annotations

from random import Random
from typing import Any

from attrs import evolve

from tests.engine.families import LOCAL, family
from tests.engine.programs import PLAIN, bounded, chance, program, render, seen, work
from yieldflow import Cancelled, Flow, gather, patched, race, sleep, spawn, timeout, workflow
from yieldflow.authoring.registry import DEFAULT, Registry

SHARED = "everywhere"  # the first answer for an id holds for the run, wherever it is asked


@workflow(name="sim:deployed")
def deployed(seed: int, depth: int) -> Flow[int]:
    return seen((yield from stretch(chance(seed), depth, "new")))


def formerly(seed: int, depth: int) -> Flow[int]:
    return seen((yield from stretch(chance(seed), depth, "old")))


def stretch(r: Random, depth: int, code: str) -> Flow[list[Any]]:
    answers: list[Any] = []
    for _ in range(r.randint(2, 4)):
        change = r.choice([None, SHARED, f"change-{r.random()}"])
        try:
            if code == "new" and change is not None and (yield patched(change)):
                answers.append((yield work(1, seen(answers))))
            answers.append((yield command(r, depth, answers, code)))
        except ValueError as error:
            if r.random() < 0.2:
                raise
            answers.append(str(error))
        except Cancelled:
            answers.append((yield work(0, seen(answers))))
            raise
    return answers


def command(r: Random, depth: int, answers: list[Any], code: str) -> Any:
    kind, label = r.random(), r.randint(0, 99)
    if depth == 0 or kind > 0.4:
        call = r.choice([work, work, bounded, render, PLAIN, LOCAL, resting])
        return call(label, seen(answers))
    asks = [stretch(chance(r.random()), depth - 1, code) for _ in range(r.randint(1, 2))]
    match r.randrange(5):
        case 0:
            return gather(*asks, limit=2)
        case 1:
            return gather(*asks, return_exceptions=True)
        case 2:
            return race(*asks)
        case 3:
            return timeout(asks[0], r.randint(1, 20), default=-1)
        case _:
            return both(*asks[:2])


def resting(label: int, _: int) -> Any:
    return sleep(1 + label % 15)


def both(first: Any, *others: Any) -> Any:
    return gather(alongside(first, others))


def alongside(first: Any, others: tuple[Any, ...]) -> Flow[list[Any]]:
    tasks = []
    for ask in (first, *others):
        tasks.append((yield spawn(ask)))
    answers = []
    for task in tasks:
        answers.append((yield task))
    return answers


# --- who has which code ---------------------------------------------------------------------------------------------


def broken() -> Any:
    yield "not a command"


def useless_code() -> Registry:
    """A deploy that cannot go on with any run."""
    registry = Registry()
    for one in (program, family, deployed):
        registry.add_workflow(evolve(one.definition, fn=broken))
    return registry


def former_code() -> Registry:
    registry = Registry()
    for name in ("work", "render", "bounded"):
        registry.add_step(DEFAULT.step(f"tests.engine.programs:{name}"))
    registry.add_workflow(evolve(deployed.definition, fn=formerly))
    return registry


def is_current(registry: Registry) -> bool:
    return registry.workflow("sim:program") is program.definition
