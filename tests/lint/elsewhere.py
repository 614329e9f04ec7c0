"""Helpers of `wrong.py` in a module of their own."""

import time

from yieldflow import Flow, sleep


def waits_for_dawn() -> Flow[None]:
    while time.time() % 86_400 > 100:
        yield sleep("1m")


def is_late(hour: int) -> bool:
    return time.localtime().tm_hour > hour


def counts_down(number: int) -> Flow[None]:
    if number:
        yield sleep(number)
        yield from counts_down(number - 1)


def total(cents: list[int]) -> int:
    return sum(cents)
