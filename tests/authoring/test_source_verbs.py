# ruff: noqa: DTZ002, DTZ003, DTZ011, F811, F841, ICN001, PTH118
"""The source check, verb by verb, and what else of the world outside it knows. The mistakes are what is tested."""

import datetime
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from secrets import token_hex as token
from urllib.request import urlopen as fetch

import pytest

from yieldflow import (
    Flow,
    continue_as_new,
    detach,
    gather,
    get_data,
    open_hook,
    patched,
    retrying,
    run_info,
    send,
    set_data,
    shield,
    sleep,
    spawn,
    step,
    timeout,
    until,
    workflow,
)
from yieldflow.authoring.source_check import check


@step
def charge(order_id: str) -> int:
    return 1


@workflow
def child() -> Flow[None]:
    yield sleep(1)


def helper() -> Flow[None]:
    yield sleep(1)


def lines_found(fn):
    first = fn.__code__.co_firstlineno
    return [finding.line - first for finding in check(fn)]


def test_every_verb_has_to_be_yielded():
    def flow():
        spawn(helper())
        timeout(helper(), "1s")
        shield(helper())
        until(lambda: True)
        detach(child())
        send("r", "go", 1)
        set_data("key", 1)
        get_data("key")
        patched("new")
        continue_as_new()
        run_info()
        child().options(run_id="c")
        yield sleep(1)

    assert lines_found(flow) == list(range(1, 13))
    assert all("is never yielded: write `yield " in str(found) for found in check(flow))


def test_helper_generators_need_yield_from():
    def flow():
        retrying(lambda: charge("a"))
        yield retrying(lambda: charge("a"))
        yield helper()
        found = yield helper()
        yield from retrying(lambda: charge("a"))
        yield from helper()
        yield from gather(helper(), retrying(lambda: charge("a")))
        kept = helper()
        yield from kept

    assert lines_found(flow) == [1, 2, 3, 4]
    assert [found.message for found in check(flow)][1:3] == [
        "retrying(...) is a generator: write `yield from retrying(...)`",
        "helper(...) is a generator: write `yield from helper(...)`",
    ]


def test_continue_as_new_needs_its_yield_from():
    def flow(n):
        if n == 1:
            return continue_as_new()
        if n == 2:
            return continue_as_new(child())
        if n == 3:
            return (yield from continue_as_new())
        return (yield continue_as_new())

    assert lines_found(flow) == [2, 4]
    assert "write `return (yield from continue_as_new(...))`" in str(check(flow)[0])


def test_what_a_task_and_a_hook_can_be_asked_has_to_be_yielded():
    def flow():
        task = yield from spawn(helper())
        approval = yield open_hook("approval")
        task.cancel()
        approval.receive(timeout="1h")
        task.done()
        yield task.cancel()
        yield approval.receive()
        last = approval.receive()
        yield last

    assert lines_found(flow) == [3, 4]
    assert [found.message for found in check(flow)] == [
        "task.cancel(...) is never yielded: write `yield task.cancel(...)`",
        "approval.receive(...) is never yielded: write `yield approval.receive(...)`",
    ]


def test_names_that_may_hold_something_else_are_not_judged():
    def flow(given, socket=None):
        task = yield from spawn(helper())
        task = given
        task.cancel()
        for other in given:
            other.cancel()
        maybe = yield from spawn(helper())
        try:
            yield sleep(1)
        except ValueError as maybe:
            maybe.cancel()
        match given:
            case [matched]:
                matched.cancel()
        matched = yield from spawn(helper())
        given = yield from spawn(helper())
        given.cancel()
        socket.socket()
        answer = yield from charge("a")
        answer.cancel()

    assert check(flow) == []


def test_a_task_that_a_helper_shares_is_not_judged():
    def flow():
        task = yield from spawn(helper())

        def other():
            nonlocal task
            task = None

        yield from until(other)
        task.cancel()

    assert check(flow) == []


def test_more_of_the_world_outside():
    def flow():
        time.monotonic()
        time.time_ns()
        time.perf_counter()
        datetime.datetime.utcnow()
        datetime.datetime.today()
        datetime.date.today()
        os.urandom(8)
        secrets.token_hex()
        token()
        secrets.choice([1])
        input("name? ")
        socket.socket()
        socket.create_connection(("a", 1))
        urllib.request.urlopen("https://example.com")
        fetch("https://example.com")
        subprocess.run(["ls"])
        subprocess.check_output(["ls"])
        os.system("ls")
        yield sleep(1)

    assert lines_found(flow) == list(range(1, 19))


def test_what_only_looks_like_it():
    def flow():
        secrets.compare_digest("a", "b")
        datetime.date(2024, 1, 1)
        datetime.timedelta(1)
        os.path.join("a", "b")
        time.strftime("%Y", (2024,) * 9)
        yield step(subprocess.run, ["ls"])
        yield step(os.urandom, 8)

    assert check(flow) == []


@pytest.mark.parametrize("module", ["urllib.request", "socket", "subprocess"])
def test_what_is_not_loaded_is_not_loaded_for_it(module, monkeypatch):
    def flow():
        time.monotonic()
        yield sleep(1)

    monkeypatch.delitem(sys.modules, module)
    assert lines_found(flow) == [1]
    assert module not in sys.modules


def test_comments_silence_these_too():
    def flow():
        yield helper()  # yieldflow: ok
        time.monotonic()  # yieldflow: ok
        return continue_as_new()  # yieldflow: ok

    assert check(flow) == []
