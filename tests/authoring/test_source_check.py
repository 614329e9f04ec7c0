# ruff: noqa: A001, A002, DTZ001, DTZ003, DTZ005, F821, ICN001, PTH123, SIM115
"""The mistakes are what is tested."""

import datetime
import functools
import os
import random
import sys
import time
import uuid
from datetime import datetime as clock
from os import environ
from random import choice as pick
from time import sleep as doze
from uuid import UUID

import pytest

from yieldflow import Compensations, Flow, compensations, gather, hook, open_hook, race, sleep, step, workflow
from yieldflow.authoring.source_check import check


@step
def charge(order_id: str) -> int:
    return 1


@workflow
def child() -> Flow[None]:
    yield sleep(1)


def send_invoice():
    return 1


def ship() -> Flow[None]:
    yield sleep(1)


def remember(_):
    return None


SEEDED = random.Random(5)


def lines_found(fn):
    first = fn.__code__.co_firstlineno
    return [finding.line - first for finding in check(fn)]


def test_commands_that_are_never_yielded():
    def flow():
        charge("a")
        child()
        sleep(1)
        step(send_invoice)
        ship()
        charge("a").options(retry=1)
        gather(charge("a"), charge("b"))
        if charge:
            race(sleep(1))
        for _ in ():
            hook("a")
        try:
            open_hook("a")
        finally:
            sleep(2)
        yield sleep(1)

    assert lines_found(flow) == [1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15]


def test_what_to_write_instead():
    def flow():
        charge("a").options(retry=1)
        ship()
        yield sleep(1)

    said = [finding.message for finding in check(flow)]
    assert said == [
        "charge('a').options(...) is never yielded: write `yield charge('a').options(...)`",
        "ship(...) is never yielded: write `yield from ship(...)`",
    ]
    assert str(check(flow)[0]).startswith(f"{__file__}:{flow.__code__.co_firstlineno + 1}: ")


def test_what_a_saga_would_have_done_and_undone():
    def flow(given: Compensations):
        saga = compensations()
        saga.do(charge("a"), undo=charge)
        given.undo()
        yield saga.undo()

    assert [finding.message for finding in check(flow)] == [
        "saga.do(...) is never yielded: write `yield from saga.do(...)`",
        "given.undo(...) is never yielded: write `yield from given.undo(...)`",
        "saga.undo(...) is a generator: write `yield from saga.undo(...)`",
    ]


def test_what_is_no_saga_or_no_longer_one():
    def flow(other, later: Compensations):
        saga = compensations()
        other.undo()
        later = other
        later.undo()
        saga.add(charge("a"))
        saga.undo  # noqa: B018 - not called
        branches = saga.do(charge("b"), undo=charge), saga.undo()
        yield from gather(*branches)
        return saga.undo()

    assert check(flow) == []


def test_commands_that_are_used():
    def flow():
        kept = charge("a")
        remember(charge("b"))
        charges = [charge(c) for c in "abc"]
        yield kept
        yield from gather(*charges, ship())
        yield from ship()
        yield charge("c").options(retry=1)
        charge.fn("d")
        send_invoice()
        return charge("e")

    assert check(flow) == []


def test_the_world_outside():
    def flow():
        time.sleep(1)
        doze(1)
        time.time()
        datetime.datetime.now()
        clock.now(datetime.UTC)
        clock.utcnow()
        random.random()
        pick([1])
        random.shuffle([1])
        uuid.uuid4()
        uuid.uuid1()
        os.environ["HOME"]
        environ.get("HOME")
        os.getenv("HOME")
        open("file")
        print("hello")
        [print(n) for n in (1, 2)]
        yield sleep(1)

    assert lines_found(flow) == list(range(1, 18))


def test_what_only_looks_like_the_world_outside():
    def flow(print, time=None):
        print("the parameter")
        time.time()
        datetime.datetime(2024, 1, 1)
        clock.fromisoformat("2024-01-01")
        random.Random(5).random()
        SEEDED.choice([1])
        UUID(int=1)
        uuid.uuid5(uuid.NAMESPACE_DNS, "a")
        yield step(doze, 1)
        yield step(lambda: random.random())
        open = remember
        open("not a file")

        def inner():
            sleep(1)
            return random.random()

        yield step(inner)

    assert check(flow) == []


def test_comment_silences_its_line_and_no_other():
    def flow():
        print("once")  # yieldflow: ok
        print("twice")  # yieldflow ok, but without the colon
        charge("a")  # yieldflow: ok, it is for nothing
        yield sleep(1)

    assert lines_found(flow) == [2]


def test_comment_silences_a_statement_of_several_lines():
    def flow():
        charge(
            "a",
        )  # yieldflow: ok
        yield sleep(1)

    assert check(flow) == []


def test_names_that_are_defined_later_are_not_judged():
    def flow():
        later()
        beyond()
        yield sleep(1)

    assert check(flow) == []

    def later():
        yield sleep(1)

    assert lines_found(flow) == [1]


def helper_with_a_mistake():
    print("in the helper")
    yield from helper_of_the_helper()


def helper_of_the_helper():
    sleep(1)
    yield from helper_with_a_mistake()


def test_helper_generators_of_the_module_are_checked_too_and_once():
    def flow():
        yield from helper_with_a_mistake()
        yield from gather(helper_of_the_helper(), helper_with_a_mistake())

    first = helper_with_a_mistake.__code__.co_firstlineno
    assert sorted(finding.line - first for finding in check(flow)) == [1, 6]


def test_function_behind_a_decorator_is_the_one_that_is_checked():
    def traced(fn):
        @functools.wraps(fn)
        def wrapper():
            yield from fn()

        return wrapper

    @traced
    def flow():
        charge("a")
        yield sleep(1)

    assert [finding.message[:6] for finding in check(flow)] == ["charge"]


def test_strings_at_the_margin_do_not_confuse_the_lines():
    def flow():
        _ = """
at the margin
"""
        charge("a")
        yield sleep(1)

    assert lines_found(flow) == [4]


@pytest.mark.parametrize("fn", [eval("lambda: (yield)"), lambda: (yield)], ids=["eval", "lambda"])
def test_without_source_nothing_is_said(fn):
    assert check(fn) == []


def test_function_made_from_text_is_not_judged():
    names = {"sleep": sleep}
    exec("def flow():\n    sleep(1)\n    yield sleep(1)\n", names)
    assert check(names["flow"]) == []


def test_looking_at_names_imports_and_computes_nothing(monkeypatch):
    asked = []
    lazy = type(sys)("lazy")
    lazy.__getattr__ = lambda name: asked.append(name)
    monkeypatch.setitem(globals(), "lazy", lazy)

    def flow():
        lazy.anything()
        yield sleep(1)

    assert check(flow) == []
    assert asked == []
