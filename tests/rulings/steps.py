"""Steps that rulings are played with. No body is ever called."""

from typing import Any

from attrs import frozen

from yieldflow import step


@frozen
class Order:
    id: str
    gift: bool = False


def charge(order: str) -> int: ...
def refund(order: str) -> None: ...
def ship(order: Order) -> str: ...
def tag(names: set[str]) -> None: ...


class Declined(Exception):
    pass


def a_charge(order: str = "o") -> Any:
    return step(charge, order)


def a_refund(order: str = "o") -> Any:
    return step(refund, order)
