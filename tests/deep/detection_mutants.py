"""Programs that were changed a little, as an editor would: at any place, also in branches, guards and clean-ups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, TypeAlias

from attrs import evolve, frozen

from tests.core.programs import (
    HOOKS,
    STEPS,
    Await,
    Body,
    Child,
    Condition,
    Continue,
    Fail,
    Group,
    Guard,
    Nap,
    Open,
    Patch,
    Put,
    Question,
    Send,
    Shielded,
    Spawned,
    Step,
    Timed,
    Wait,
)

Way: TypeAlias = tuple[tuple[str, int | None], ...]  # to an operation: the fields to go through, with an index
LEAVES = (Step, Nap, Wait, Open, Child, Send, Put, Condition)


@frozen
class Mutant:
    """*where*: in the workflow itself, in a branch, a guard or a clean-up."""

    kind: str
    where: str
    program: Body


def mutants(program: Body, random: Random, count: int) -> Iterator[Mutant]:
    """So many, each with one change; fewer, where the changes find hardly anything to be made of."""
    places, made = list(ways(program)), 0
    for _ in range(count * 20):
        kind, way = random.choice(KINDS), random.choice(places)
        changed = CHANGES[kind](at(program, way), random)
        if made < count and changed is not None and changed != at(program, way):
            made += 1
            yield Mutant(kind, place(way), put(program, way, changed))


def ways(op: Any, way: Way = ()) -> Iterator[Way]:
    """To all operations of a program, itself among them."""
    yield way
    for name in ("branch", "body", "clean"):
        if hasattr(op, name):
            yield from ways(getattr(op, name), (*way, (name, None)))
    for name in ("branches", "ops"):
        for index, one in enumerate(getattr(op, name, ())):
            yield from ways(one, (*way, (name, index)))


def at(op: Any, way: Way) -> Any:
    for name, index in way:
        op = getattr(op, name) if index is None else getattr(op, name)[index]
    return op


def put(op: Any, way: Way, new: Any) -> Any:
    if not way:
        return new
    (name, index), *rest = way
    if index is None:
        return evolve(op, **{name: put(getattr(op, name), tuple(rest), new)})
    several = getattr(op, name)
    return evolve(op, **{name: (*several[:index], put(several[index], tuple(rest), new), *several[index + 1 :])})


def place(way: Way) -> str:
    fields = [name for name, _ in way]
    if "clean" in fields:
        return "in a clean-up"
    if "body" in fields:
        return "in a guard"
    return "in a branch" if {"branch", "branches"} & set(fields) else "in the workflow itself"


# --- changes: of an operation, or of what stands in it; None: there is nothing of that kind here ----------------------


def swapped(op: Any, random: Random) -> Any:
    name, several = sequence(op)
    if len(several) < 2:
        return None
    first, second = sorted(random.sample(range(len(several)), 2))
    changed = list(several)
    changed[first], changed[second] = several[second], several[first]
    return evolve(op, **{name: tuple(changed)})


def deleted(op: Any, random: Random) -> Any:
    name, several = sequence(op)
    if len(several) < (2 if name == "branches" else 1):
        return None
    index = random.randrange(len(several))
    return evolve(op, **{name: (*several[:index], *several[index + 1 :])})


def inserted(op: Any, random: Random) -> Any:
    name, several = sequence(op)
    if not name:
        return None
    index = random.randint(0, len(several))
    new = leaf(random) if name == "branches" or random.random() < 0.7 else question(random)
    return evolve(op, **{name: (*several[:index], new, *several[index:])})


def renamed(op: Any, random: Random) -> Any:
    match op:
        case Step():
            return evolve(op, kind=random.choice(sorted(STEPS)))
        case Wait() | Open() | Send():
            return evolve(op, hook=random.choice(sorted(HOOKS)))
        case Put():
            return evolve(op, key=random.choice("abc"))
    return None


def given_other_arguments(op: Any, random: Random) -> Any:
    match op:
        case Step() | Child():
            return evolve(op, label=random.randint(0, 9))
        case Nap():
            return Nap(random.randint(0, 5))
        case Wait(clash=clash):
            return evolve(op, clash=not clash)  # another type: never compared, but other payloads fit
    return None


def of_another_kind(op: Any, random: Random) -> Any:
    match op:
        case Group(verb=verb):
            return evolve(op, verb=random.choice([one for one in ("gather", "race", "settle") if one != verb]))
        case Guard(on=on):
            return evolve(op, on=random.choice([one for one in ("error", "cancelled", "finally") if one != on]))
        case Question():
            return question(random)
        case Child(close=close):
            return evolve(op, close="abandon" if close == "detach" else "detach")
        case Step() | Nap() | Wait() | Open() | Send() | Put():
            return leaf(random)
    return None


def given_other_options(op: Any, random: Random) -> Any:
    """What is never compared, though what comes of it may be."""
    match op:
        case Group(branches=branches) if children := [one for one in branches if isinstance(one, Child)]:
            known = random.choice(children)
            changed = evolve(known, close="abandon" if known.close == "cancel" else "cancel")
            return evolve(op, branches=tuple(changed if one is known else one for one in branches))
        case Step(local=local):
            return evolve(op, local=not local)
        case Wait():
            return evolve(op, timeout=random.choice([None, 1, 3]), default=random.random() < 0.5)
        case Child(close="cancel" | "abandon" as close):
            return evolve(op, close="abandon" if close == "cancel" else "cancel")
        case Guard(again=again):
            return evolve(op, again=not again)
    return None


def wrapped(op: Any, random: Random) -> Any:
    """A path of its own for what was asked directly."""
    return Group(random.choice(["gather", "race"]), (op,)) if isinstance(op, LEAVES) else None


CHANGES: dict[str, Callable[[Any, Random], Any]] = {
    "swapped": swapped,
    "deleted": deleted,
    "inserted": inserted,
    "renamed": renamed,
    "given other arguments": given_other_arguments,
    "made another kind": of_another_kind,
    "given other options": given_other_options,
    "wrapped in a combinator": wrapped,
}
KINDS = tuple(CHANGES)


def sequence(op: Any) -> tuple[str, tuple[Any, ...]]:
    for name in ("ops", "branches"):
        if hasattr(op, name):
            return name, getattr(op, name)
    return "", ()


def leaf(random: Random) -> Any:
    hook, number = random.choice(sorted(HOOKS)), random.randint(0, 9)
    close: Any = random.choice(["cancel", "cancel", "abandon", "detach"])
    asked = (Step(random.choice(sorted(STEPS)), number), Nap(number % 6), Wait(hook), Child(number, close))
    return random.choice([*asked, *asked, Open(hook), Send(hook), Put("a")])


def crowd(random: Random) -> Body:
    """Several ask at once, some of them for payloads of one name: what is let go, and who takes what, shows often."""
    verb: Any = random.choice(["gather", "race", "settle"])
    times = [random.choice([None, 1, 5]) for _ in range(random.randint(0, 2))]
    waits = [Wait("anything", time, default=True, clash=random.random() < 0.3) for time in times]
    several = [*waits, *(leaf(random) for _ in range(random.randint(2, 3)))]
    random.shuffle(several)
    branches = (one if random.random() < 0.6 else Body((one, leaf(random))) for one in several)
    return Body((Group(verb, tuple(branches)), *random.choice([(), (), (leaf(random), Wait("anything"))])))


def question(random: Random) -> Question:
    return Question(random.choice(["now", "rng", "uuid4", "run_info", "data"]))


# --- what the replayer knows ------------------------------------------------------------------------------------------


def plain(op: Any) -> Any:
    """The same program without what the replayer does not know: each such thing becomes one that it does."""
    match op:
        case Patch() | Await():
            return Question("now")
        case Condition():
            return Nap(op.more)
        case Spawned(branch=branch) | Shielded(branch=branch):
            return Group("settle", (plain(branch),))
        case Timed(branch=branch):
            return evolve(op, branch=plain(branch))
        case Group(branches=branches):
            return evolve(op, branches=tuple(map(plain, branches)), limit=None)
        case Body(ops=ops):
            return Body(tuple(map(plain, ops)))
        case Guard(body=body, clean=clean):
            return evolve(op, body=plain(body), clean=plain(clean))
        case Child(close="cancel"):
            return evolve(op, close="abandon")
        case Step() | Nap() | Wait() | Open() | Child() | Send() | Put() | Question() | Fail() | Continue():
            return op
    raise AssertionError(op)


def unlimited(program: Body) -> Body:
    """All branches begin at once."""
    for way in ways(program):
        if isinstance(at(program, way), Group):
            program = put(program, way, evolve(at(program, way), limit=None))
    return program
