"""What the doctor's tests run: one workflow for each thing that a run may wait for."""

from __future__ import annotations

from yieldflow import Flow, Retry, continue_as_new, current_step, gather, hook, open_hook, sleep, step, workflow

ANSWER = hook("answer", str)


@step
def double(number: int) -> int:
    return 2 * number


@step(queue="gpu")
def train(number: int) -> int:
    return number


failed_once: set[str] = set()


@step(retry=Retry(attempts=3, delay="300ms", jitter=0.0))
def falters() -> str:
    run_id = current_step().run_id
    if run_id not in failed_once:
        failed_once.add(run_id)
        raise OSError("the first time")
    return "second time"


@workflow
def faltering() -> Flow[str]:
    return (yield from falters())


@workflow
def doubles(*numbers: int) -> Flow[int]:
    return sum((yield from gather(*[double(number) for number in numbers])))


@workflow
def sleeps(seconds: float) -> Flow[str]:
    yield sleep(seconds)
    return "slept"


@workflow
def asks() -> Flow[str]:
    yield from double(1)
    return (yield from ANSWER)


@workflow
def has_children(count: int) -> Flow[int]:
    return sum((yield from gather(*[doubles(number) for number in range(count)])))


@workflow
def is_patient() -> Flow[int]:
    yield sleep("1 day")
    return 1


@workflow
def has_a_patient_child() -> Flow[int]:
    return (yield from is_patient())


@workflow
def trains() -> Flow[int]:
    return (yield from train(3))


@workflow
def in_a_row(count: int) -> Flow[int]:
    total = 0
    for number in range(count):
        total += yield from double(number)
    return total


@workflow
def counts_on(number: int, last: int) -> Flow[int]:
    yield from double(number)
    if number < last:
        return (yield from continue_as_new(counts_on(number + 1, last)))
    return number


@step(retry=1)
def refuses(run_id: str) -> str:
    if run_id not in failed_once:
        failed_once.add(run_id)
        raise ValueError(run_id)
    return run_id


@workflow
def fails_once(run_id: str) -> Flow[str]:
    return (yield from refuses(run_id))


@workflow
def mixed(count: int) -> Flow[int]:
    yield sleep(0.02)
    first = yield from in_a_row(count)
    second = yield from doubles(*range(count))
    return first + second


@workflow
def reserves(token: str) -> Flow[str]:
    mine = yield from open_hook("mine", str, token=token)
    return (yield from mine)
