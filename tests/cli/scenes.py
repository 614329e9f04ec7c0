"""The workflows of the golden screens: copied to `flows.py`, whose lines are shown."""

from yieldflow import FatalError, Flow, Retry, gather, hook, race, set_data, sleep, spawn, step, workflow

APPROVAL = hook("approval", bool)


@step
def pack(order: str) -> str:
    return f"parcel {order}"


@step(retry=Retry(attempts=5, delay="40h", max_delay="3 days", factor=1.0, jitter=0.0))
def charge(order: str, cents: int) -> str:
    raise TimeoutError(f"the bank did not answer for {order} within 5 s, and nobody knows why")


@step(retry=2, lease="2h", queue="gpu")
def train(rows: int) -> float:
    return 0.9


@step
def refuse(order: str) -> None:
    raise FatalError(f"{order} is refused")


@workflow
def naps(days: int) -> Flow[None]:
    order = {"id": "o-1", "password": "hunter2", "lines": list(range(40))}
    parcel = yield from pack(order["id"])
    yield sleep(f"{days} days")
    return parcel


@workflow(version="3")
def asks(order: str) -> Flow[dict[str, bool]]:
    yield set_data("stage", "packing")
    parcel = yield from pack(order)
    yield set_data("stage", "approval")
    ok = yield from APPROVAL.options(timeout="5 days")
    return {parcel: ok}


def paid(order: str, cents: int) -> Flow[str]:
    tries, api_key = 5, "sk-123"
    receipt = yield from charge(order, cents)
    return f"{receipt} {tries} {api_key}"


@workflow
def pays(order: str) -> Flow[str]:
    parcel = yield from pack(order)
    receipt = yield from paid(order, cents=500)
    return f"{parcel} {receipt}"


@workflow
def learns(rows: int) -> Flow[float]:
    best = yield from train(rows)
    return best


@workflow
def parents(orders: list[str]) -> Flow[None]:
    tasks = []
    for order in orders:
        tasks.append((yield from spawn(family(order))))
    for number, task in enumerate(tasks):
        yield set_data("waits for", number)
        yield task


@workflow
def family(order: str) -> Flow[object]:
    return (yield from gather(naps(3), asks(order)))


@workflow
def branches(order: str) -> Flow[object]:
    parcel = yield from pack(order)
    late = race(sleep("2 days"), hook("hurry", str))
    return (yield from gather(paid(parcel, 700), late, learns(3), return_exceptions=True))


@workflow
def fails(order: str) -> Flow[None]:
    parcel = yield from pack(order)
    yield from refuse(parcel)


@workflow
def cleans(order: str) -> Flow[None]:
    parcel = yield from pack(order)
    try:
        yield sleep("5 days")
    finally:
        yield pack(f"{parcel} again")
