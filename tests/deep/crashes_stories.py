"""Random workflows whose end depends on no clock and no order: whatever a crash delays, they come out the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from attrs import frozen

from tests.engine.families import LOCAL
from tests.engine.faults import Fault, Outsider, Story, play
from tests.engine.programs import PLAIN, bounded, chance, render, work
from tests.engine.world import CODEC, RUN
from yieldflow import (
    Flow,
    WorkflowCall,
    continue_as_new,
    detach,
    gather,
    get_data,
    hook,
    patched,
    race,
    run_info,
    send,
    set_data,
    shield,
    sleep,
    spawn,
    timeout,
    until,
    uuid4,
    workflow,
)
from yieldflow.core.times import Millis
from yieldflow.engine import control
from yieldflow.engine.outside import cancellation, delivery
from yieldflow.engine.reaching import deliver
from yieldflow.engine.state import Asking, Tending
from yieldflow.errors import NotFailed, ReplyLost
from yieldflow.ports import Commit

STEPS = (work, work, PLAIN, LOCAL, render, bounded)


@workflow(name="deep:story")
def story(seed: int, depth: int, last: str = "returns") -> Flow[Any]:
    number = yield get_data("generation", int, 1)
    r = chance(f"{seed}/{number}")
    answers = yield from chapter(r, depth)
    if number < 3 and r.random() < 0.15:
        yield set_data("generation", number + 1)
        return (yield from continue_as_new(story(seed, depth, last)))
    match last:
        case "waits":
            answers.append((yield hook("go", int)))
        case "fails":
            raise ValueError(str(answers))
        case _:
            pass
    return answers


def chapter(r: Random, depth: int) -> Flow[list[Any]]:
    answers = []
    for _ in range(r.randint(1, 2)):
        try:
            answers.append((yield asked(r, depth)))
        except ValueError as error:
            answers.append(str(error))
    return answers


def asked(r: Random, depth: int) -> Any:
    if depth == 0:
        return alone(r)
    return r.choice((alone, together, beside, between))(r, depth - 1)


def alone(r: Random, _: int = 0) -> Any:
    label = r.choice([0, 1, 2, 3, 4, 7])
    if r.random() < 0.6:
        return r.choice(STEPS)(label)
    name = str(r.random())
    return r.choice(
        [
            sleep(r.randint(1, 20)),
            uuid4(),
            patched(name),
            gather(posted(name, label)),
            gather(noted(name, label)),
        ]
    )


def posted(name: str, payload: int) -> Flow[int]:
    """To itself; the payload may be there before it is asked for."""
    me = (yield run_info()).run_id
    yield send(me, name, payload)
    return (yield hook(name, int))


def noted(name: str, value: int) -> Flow[int]:
    yield set_data(name, value)
    return (yield get_data(name, int))


def together(r: Random, depth: int) -> Any:
    chapters = [chapter(chance(r.random()), depth) for _ in "12"]
    match r.randrange(7):
        case 0:
            return gather(*chapters)
        case 1:
            return gather(*chapters, limit=1)
        case 2:
            return gather(*chapters, work(7), return_exceptions=False)
        case 3:
            return race(chapters[0], sleep("90d"))
        case 4:
            return timeout(chapters[0], "90d")
        case 5:
            return shield(chapters[0])
        case _:
            return race(hook("nobody", int), sleep("5s"))


def beside(r: Random, depth: int) -> Any:
    """Tasks: awaited, cancelled, or left to the end of their branch; and one that waits for what another has done."""
    match r.randrange(4):
        case 0:
            return gather(awaited(chapter(chance(r.random()), depth)))
        case 1:
            return gather(cancelled_task())
        case 2:
            return gather(left_behind(r.choice([0, 1, 4])))
        case _:
            box: list[int] = []
            return gather(filling(box), emptying(box))


def awaited(ask: Any) -> Flow[Any]:
    task = yield spawn(ask)
    yield work(1)
    return (yield task)


def cancelled_task() -> Flow[str]:
    task = yield spawn(hook("nobody", int))
    yield work(1)
    yield task.cancel()
    return "cancelled"


def left_behind(label: int) -> Flow[int]:
    yield spawn(hook("nobody", int))
    return (yield work(label))


def filling(box: list[int]) -> Flow[None]:
    box.append((yield work(4)))


def emptying(box: list[int]) -> Flow[int]:
    yield until(lambda: bool(box))
    return box[0]


def between(r: Random, depth: int) -> Any:
    """Children: awaited, failing, let go, with a time of their own, abandoned to themselves."""
    call: Any = story(r.randrange(10_000), depth)
    match r.randrange(5):
        case 0:
            return call.options(timeout="90d")
        case 1:
            return story(r.randrange(10_000), 0, "fails")
        case 2:
            return race(story(r.randrange(10_000), 0, "waits"), sleep("8s"))
        case 3:
            return detach(call)
        case _:
            return gather(call, work(1))


# --- a story, and what the outside does to it ----------------------------------------------------------------------


@frozen
class Plot:
    """A run, and what is asked from outside when nothing else happens any more."""

    call: WorkflowCall[Any]
    outside: tuple[Outsider, ...] = ()

    def play(self, faults: dict[int, Fault] | None = None, *, watched: bool = True) -> Story:
        return play(self.call, faults, outside=self.outside, watched=watched)


def plot(seed: int) -> Plot:
    r = Random(seed)
    depth, kind = r.choice([1, 1, 2]), r.random()
    if kind < 0.5:
        return Plot(story(seed, depth))
    if kind < 0.6:
        return Plot(story(seed, depth, "fails"), (retried,))
    if kind < 0.7:
        return Plot(story(seed, depth, "waits"), (terminated,))
    if kind < 0.8:
        return Plot(story(seed, depth, "waits"), (cancelled,))
    return Plot(story(seed, depth, "waits"), (paused, control.resume, told))


def retried(t: Tending) -> Asking[None]:
    with suppress(NotFailed):  # whoever asked before was killed, and it goes on already
        yield from control.retry(t)


def paused(t: Tending) -> Asking[None]:
    return control.pause(t, None)


def terminated(t: Tending) -> Asking[None]:
    return control.terminate(t, None)


def told(t: Tending) -> Asking[None]:
    payload = CODEC.encode(5, int)
    yield from _insisting(
        t,
        lambda run_id, at: delivery(run_id, t.me.fresh(), "go", payload, key="told", by=None, inbox=1_000, at=at),
    )


def cancelled(t: Tending) -> Asking[None]:
    yield from _insisting(t, lambda run_id, at: cancellation(run_id, t.me.fresh(), key="cancel", reason=None, at=at))


def _insisting(t: Tending, commit: Callable[[str, Millis], Commit]) -> Asking[None]:
    if (yield from deliver(t, RUN, commit)) is None:
        raise ReplyLost("it may or may not be there")
