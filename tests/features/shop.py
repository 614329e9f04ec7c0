"""The steps and workflows that several of these tests ask."""

from __future__ import annotations

from attrs import frozen

from yieldflow import Flow, hook, step, workflow

GO = hook("go", str)


@frozen
class Receipt:
    order: str
    cents: int


class PaymentDeclined(Exception):
    """With arguments, and an attribute that is none of them."""

    def __init__(self, order: str, cents: int) -> None:
        super().__init__(order, cents)
        self.code = "too-poor"


@step
def add(a: int, b: int) -> int:
    return a + b


@step
def charge(order: str, cents: int) -> Receipt:
    return Receipt(order, cents)


@step
async def fetch(url: str, *, deep: bool = False) -> tuple[str, bool]:
    return url, deep


@step(retry=1)
def decline(order: str, cents: int) -> Receipt:
    raise PaymentDeclined(order, cents)


@step
def note(text: str) -> str:
    return text


@workflow
def ordered(order: str, cents: int) -> Flow[Receipt]:
    return (yield from charge(order, cents))


@workflow
def declined(order: str, cents: int) -> Flow[Receipt]:
    return (yield from decline(order, cents))


@workflow
def listening() -> Flow[str]:
    return (yield from GO)


@workflow
def listening_on(hook_name: str, count: int) -> Flow[list[object]]:
    got = []
    for _ in range(count):
        got.append((yield hook(hook_name)))
    return got
