"""Runs of each kind for the tests of the page of one run, and how they come to where they stand."""

from __future__ import annotations

from tests.web.page.browser import parsed
from yieldflow import (
    App,
    FatalError,
    Flow,
    Retry,
    continue_as_new,
    gather,
    hook,
    open_hook,
    race,
    run_info,
    set_data,
    sleep,
    step,
    workflow,
)
from yieldflow.authoring.registry import DEFAULT, Registry
from yieldflow.core.asks import WorkflowDefinition
from yieldflow.histories import import_histories, kept, read
from yieldflow.runtime import Runtime
from yieldflow.web.page import run as run_page
from yieldflow.web.page.visit import Visit

APPROVAL = hook("approval", bool)
WORKER = "vm:boot:1:42:7"
SECRET = "s3cr3t-of-the-tests"


@step
def pack(order: str) -> str:
    return f"parcel of {order}"


@step(retry=Retry(attempts=5, delay="40h", max_delay="3 days", jitter=0.0))
def charge(order: str, cents: int) -> str:
    raise TimeoutError("the bank did not answer")


@step
def refuse(order: str) -> None:
    raise FatalError("it is refused")


@step(queue="gpu")
def train(rows: int) -> float:
    return 0.9


@workflow
def naps(order: str) -> Flow[str]:
    parcel = yield from pack(order)
    yield sleep("3 days")
    return parcel


@workflow(version="3")
def asks(order: str) -> Flow[str]:
    yield set_data("stage", order)
    parcel = yield from pack(order)
    ok = yield from APPROVAL
    return f"{parcel} {ok}"


@workflow
def opens() -> Flow[bool]:
    """The first of its hooks nobody asks."""
    yield open_hook("early", str)
    return (yield from APPROVAL)


@workflow
def learns(order: str) -> Flow[float]:
    rows = len(order)
    return (yield from train(rows))


def paid(order: str, cents: int) -> Flow[str]:
    api_key = SECRET
    receipt = yield from charge(order, cents)
    assert api_key
    return f"{receipt} for {cents}"


@workflow
def pays(order: str) -> Flow[str]:
    parcel = yield from pack(order)
    return (yield from paid(parcel, 500))


@workflow
def branches(order: str) -> Flow[object]:
    parcel = yield from pack(order)
    late = race(sleep("2 days"), hook("hurry", str))
    return (yield from gather(paid(parcel, 700), late, naps(order), return_exceptions=True))


@workflow
def fails(order: str) -> Flow[None]:
    yield from pack(order)
    yield from refuse(order)


@workflow
def goes_on(order: str, number: int = 1) -> Flow[int]:
    yield from pack(order)
    if number == 3:
        return number
    info = yield run_info()
    assert info.run_id
    return (yield from continue_as_new(goes_on(order, number + 1)))


@workflow
def many(count: int) -> Flow[int]:
    for number in range(count):
        yield set_data("number", number)
    yield APPROVAL
    return count


@workflow
def wide(count: int) -> Flow[object]:
    return (yield from gather(*[paid(f"order {number}", number) for number in range(count)], return_exceptions=True))


def started(app: App, call, run_id: str, **options) -> str:
    app.start(call, run_id=run_id, **options)
    app.runtime.tend(run_id)
    return run_id


class Silent:
    """A queue that loses all hints."""

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:
        pass

    def offer_each(self, runs: object) -> None:
        pass


def running(app: App) -> str:
    """Tended by somebody who does not serve the queue of its step, which a worker elsewhere has taken."""
    runtime = Runtime(app.store, app.codec, app.registry, ("yieldflow",), Silent(), 1)
    app.start(learns("o-1"), run_id="running")
    runtime.tend("running")
    runtime.pool.stop()
    app.store.claim("running", ("gpu",), WORKER, ("token",))
    return "running"


def retrying(app: App) -> str:
    return started(app, pays("o-2"), "retrying", tags={"region": "eu"})


def waiting(app: App) -> str:
    return started(app, asks("o-3"), "waiting", timeout="40 days")


def sleeping(app: App) -> str:
    return started(app, naps("o-4"), "sleeping")


def branching(app: App) -> str:
    run_id = started(app, branches("o-5"), "branching")
    app.runtime.tend("branching~1.2.3")
    return run_id


def blocked(app: App) -> str:
    """A worker with other code has looked at it."""
    run_id = started(app, asks("o-6"), "blocked")
    with_other_code(app, asks.definition, other).runtime.tend(run_id)
    return run_id


def other(order: str) -> Flow[str]:
    yield set_data("stage", order)
    yield from pack(f"{order} by another road")
    yield from APPROVAL
    return "done"


def with_other_code(app: App, former: WorkflowDefinition, program) -> App:
    registry = Registry()
    registry.add_workflow(WorkflowDefinition(former.name, program, former.shape))
    registry.add_step(pack.definition)
    return App(app.settings.url, registry=registry)


def without_code(app: App) -> App:
    return App(app.settings.url, registry=Registry())


def paused(app: App) -> str:
    run_id = started(app, asks("o-7"), "paused")
    app.pause(run_id, "the bank is on holiday")
    return run_id


def failed(app: App) -> str:
    return started(app, fails("o-8"), "failed")


def cancelled(app: App) -> str:
    run_id = started(app, naps("o-9"), "cancelled")
    app.cancel(run_id, "out of stock")
    app.runtime.tend(run_id)
    return run_id


def stopping(app: App) -> str:
    """It was asked to stop, and nobody has told its program yet."""
    run_id = started(app, naps("o-15"), "stopping")
    app.cancel(run_id)
    return run_id


def completed(app: App) -> str:
    run_id = started(app, asks("o-10"), "completed")
    app.send(run_id, APPROVAL, True)
    app.send(run_id, "unknown", "nobody reads this")
    app.runtime.tend(run_id)
    return run_id


def continued(app: App) -> str:
    """Its first generation: it went on as others."""
    started(app, goes_on("o-11"), "continued")
    while (newest := app.store.newest("continued")) != "continued~3":
        app.runtime.tend(newest)
    app.runtime.tend(newest)
    return "continued~1"


def retried(app: App) -> str:
    run_id = started(app, fails("o-12"), "retried")
    app.retry(run_id)
    app.runtime.tend(run_id)
    return run_id


def forked(app: App) -> str:
    run_id = started(app, asks("o-13"), "origin")
    app.fork(run_id, at=4, new_run_id="forked")
    app.runtime.tend("forked")
    return "forked"


def imported(app: App) -> str:
    """From another store, paused, of a workflow whose code nobody has here."""
    run_id = started(app, asks("o-14"), "elsewhere")
    history = kept(app.store, run_id)
    packed = history.content.replace(b"elsewhere", b"imported").replace(b":asks", b":unknown")
    import_histories(app, [read(packed.splitlines())])
    return "imported"


STATES = {
    "running": running,
    "retrying": retrying,
    "waiting": waiting,
    "sleeping": sleeping,
    "branching": branching,
    "blocked": blocked,
    "paused": paused,
    "failed": failed,
    "cancelled": cancelled,
    "stopping": stopping,
    "completed": completed,
    "continued": continued,
    "retried": retried,
    "forked": forked,
    "imported": imported,
}
assert DEFAULT.workflow(asks.definition.name)


def looked(app, run_id, **query):
    return run_page.show(Visit(app, {"run_id": run_id}, {name: str(text) for name, text in query.items()}))


def document(page):
    return parsed(page.body.text)
