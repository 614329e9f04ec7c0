"""What is played against Redis: workflows whose results do not depend on who does what when, and clients that may
repeat each of their calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from threading import Lock
from typing import Any, TypeAlias

import orjson
from attrs import frozen

from yieldflow import (
    App,
    Cancelled,
    Flow,
    Retry,
    RunExists,
    UnknownRun,
    WorkflowCall,
    continue_as_new,
    current_step,
    detach,
    gather,
    get_data,
    hook,
    race,
    run_info,
    send,
    set_data,
    shield,
    sleep,
    spawn,
    step,
    uuid4,
    workflow,
)
from yieldflow.core.chain import chain_of
from yieldflow.errors import RunEnded

QUICK = Retry(attempts=4, delay="1ms", jitter=0, lost=50)
APPROVAL, TICK, NEVER = hook("approval", str), hook("tick", int), hook("never")

Body: TypeAlias = tuple[str, str, int]  # run, path, attempt
Act: TypeAlias = Callable[[App], bool]


class Witness:
    """What bodies were carried out, in this process. *meanwhile* happens in the middle of each."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.bodies: list[Body] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def saw(self) -> int:
        me = current_step()
        with self._lock:
            self.bodies.append((me.run_id, me.path, me.attempt))
        self.meanwhile()
        return me.attempt


WITNESS = Witness()
NUMBERS = count(1)

# --- steps -----------------------------------------------------------------------------------------------------------


@step(retry=QUICK)
def add(a: int, b: int) -> int:
    WITNESS.saw()
    return a + b


@step(retry=QUICK)
def draw() -> int:
    """Another number each time: a history that is lost is not written again as it was."""
    WITNESS.saw()
    return next(NUMBERS)


@step(retry=QUICK)
def flaky(n: int) -> int:
    if WITNESS.saw() == 1:
        raise ConnectionError("not yet")
    return n


@step(retry=Retry(attempts=1, lost=50))
def fails_at_first(n: int) -> int:
    WITNESS.saw()
    if chain_of(current_step().run_id)[1] == 1:
        raise ValueError("as long as nobody retries the run")
    return n


@step(retry=QUICK)
def book(what: str) -> str:
    WITNESS.saw()
    return f"a {what}"


@step(retry=QUICK)
def unbook(what: str) -> str:
    WITNESS.saw()
    return f"no {what}"


# --- workflows -------------------------------------------------------------------------------------------------------


@workflow
def order(n: int) -> Flow[list[object]]:
    drawn = yield from draw()
    first = (yield from add(n, drawn)) + 1 - drawn
    said = yield from APPROVAL
    packed, billed = yield from gather(add(first, 10), flaky(first))
    ident = yield from uuid4()
    yield race(sleep("2ms"), NEVER)
    return [said, (yield from add(packed, billed)), ident.version]


@workflow
def leaf(n: int) -> Flow[int]:
    first = yield from add(n, 1)
    ticked = yield from TICK
    return (yield from add(first, ticked))


@workflow
def parent(n: int) -> Flow[list[object]]:
    own = (yield from run_info()).run_id
    tasks = []
    for k in range(2):
        tasks.append((yield from spawn(leaf(n + k).options(run_id=f"{own}-leaf-{k}"))))
    for k in range(2):
        yield from sent(f"{own}-leaf-{k}", 100 * (k + 1))
    ends = []
    for task in tasks:
        ends.append((yield task))
    yield detach(alone(n).options(run_id=f"{own}-alone"))
    return [*ends, (yield from alone(n))]


def sent(run_id: str, payload: int) -> Flow[int]:
    while True:
        try:
            return (yield from send(run_id, TICK, payload))
        except UnknownRun:
            yield sleep("2ms")


@workflow
def alone(n: int) -> Flow[int]:
    yield sleep("1ms")
    return (yield from add(n, n))


@workflow
def chained(n: int, last: int) -> Flow[list[object]]:
    ticked = yield from TICK
    drawn = yield from draw()
    total = (yield from get_data("total", int, 0)) + (yield from add(n + drawn, ticked)) - drawn
    yield set_data("total", total)
    if n < last:
        return (yield from continue_as_new(chained(n + 1, last)))
    return [(yield from run_info()).generation, total]


@workflow
def saga(n: int) -> Flow[str]:
    undo: list[str] = []
    try:
        for what in ("room", "car"):
            undo.append((yield from shield(book(f"{what} {n}"))))
        yield NEVER
    except Cancelled:
        yield gather(*[unbook(what) for what in undo])
        raise
    return "travelled"


@workflow
def mended(n: int) -> Flow[int]:
    first = yield from add(n, 1)
    second = yield from fails_at_first(first)
    return (yield from add(second, 1))


# --- what a client does, as often as it likes ------------------------------------------------------------------------


@frozen
class Workload:
    """*acts*: each may be repeated, and is done when it answers True. *ends*: result by run id; None: cancelled."""

    acts: tuple[Act, ...]
    ends: Mapping[str, object]


def start(call: WorkflowCall[Any], run_id: str) -> Act:
    def act(app: App) -> bool:
        app.start(call, run_id=run_id)
        return True

    return act


def tell(run_id: str, name: str, payload: object, key: str) -> Act:
    def act(app: App) -> bool:
        if status(app, run_id) == "unknown":
            return False
        with suppress(RunEnded):  # it ends by this payload alone
            app.send(run_id, name, payload, key=key)
        return True

    return act


def cancel(run_id: str) -> Act:
    def act(app: App) -> bool:
        if status(app, run_id) == "unknown":
            return False
        with suppress(RunEnded):
            app.cancel(run_id)
        return True

    return act


def retry(run_id: str) -> Act:
    def act(app: App) -> bool:
        if app.store.newest(run_id) != run_id:
            return True
        if status(app, run_id) != "failed":
            return False
        app.retry(run_id)
        return True

    return act


def fork(run_id: str, at: int, new: str) -> Act:
    def act(app: App) -> bool:
        if status(app, run_id) != "completed":
            return False
        with suppress(RunExists):
            app.fork(run_id, at=at, new_run_id=new)
        return True

    return act


def status(app: App, run_id: str) -> str:
    try:
        return app.get(run_id).status()
    except UnknownRun:
        return "unknown"


def orders(n: int) -> Workload:
    names = [f"order-{k}" for k in range(n)]
    starts = [start(order(k), name) for k, name in enumerate(names)]
    tells = [tell(name, "approval", "yes", "from the boss") for name in names]
    return Workload((*starts, *tells), {name: ["yes", 2 * k + 12, 4] for k, name in enumerate(names)})


def families(n: int) -> Workload:
    ends: dict[str, object] = {}
    for k in range(n):
        name, leaves = f"parent-{k}", [k + 101, k + 202]
        ends |= {name: [*leaves, 2 * k], f"{name}-leaf-0": leaves[0], f"{name}-leaf-1": leaves[1]}
        ends |= {f"{name}-alone": 2 * k, f"{name}~1.6": 2 * k}
    return Workload(tuple(start(parent(k), f"parent-{k}") for k in range(n)), ends)


def chains(n: int) -> Workload:
    names, last = [f"chain-{k}" for k in range(n)], 3
    acts = [start(chained(1, last), name) for name in names]
    acts += [tell(name, "tick", 10**k, f"tick {k}") for k in range(last) for name in names]
    return Workload(tuple(acts), {name: [last, 6 + 111] for name in names})


def sagas(n: int) -> Workload:
    names = [f"saga-{k}" for k in range(n)]
    starts = [start(saga(k), name) for k, name in enumerate(names)]
    return Workload((*starts, *map(cancel, names)), dict.fromkeys(names))


def repairs(n: int) -> Workload:
    acts, ends = [], dict[str, object]()
    for k in range(n):
        name = f"mended-{k}"
        acts += [start(mended(k), name), retry(name), fork(name, 3, f"fork-{k}"), retry(f"fork-{k}")]
        ends |= {name: k + 2, f"fork-{k}": k + 2}
    return Workload(tuple(acts), ends)


WORKLOADS = {"orders": orders, "families": families, "chains": chains, "sagas": sagas, "repairs": repairs}


def encoded(result: object) -> bytes:
    return orjson.dumps(result)
