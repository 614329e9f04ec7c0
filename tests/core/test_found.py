"""Found while reviewing the core: each test here fails until that is mended. Then it moves to `test_regressions`."""

import threading
from typing import Any

import pytest

from tests.core.harness import begun
from tests.core.programs import number
from yieldflow import gather, hook, race, sleep, step
from yieldflow.errors import CodeError


def ask(label: int) -> Any:
    return step(number, label, "")


def test_two_early_payloads_of_one_name_answer_two_receives_once_each():
    """At the turn of the first receive `_deliver` answers the second too, which then stands in the queue twice:
    its group counts it as ended twice, and AssertionError leaves `feed`."""

    def program():
        yield sleep("1s")
        return (yield gather(hook("h"), hook("h"), ask(1)))

    life = begun(program)
    life.send("h", 1)
    life.send("h", 2)
    life.ring()
    life.commit()
    assert life.open() == {"2.3": "programs:number"}
    life.answer("2.3", 3)
    life.commit()
    assert life.result == (1, 2, 3)


def test_a_loser_of_the_same_name_takes_no_payload_either():
    def program():
        yield sleep("1s")
        first = yield race(hook("h"), hook("h"))
        return first, (yield hook("h"))

    life = begun(program)
    life.send("h", 1)
    life.send("h", 2)
    life.ring()
    life.commit()
    assert life.result == ((0, 1), 2)


def test_an_interrupted_execution_that_is_fed_again_still_says_so():
    """`feed` sets `_whole` again: the cached tree then waits for nothing, and decides nothing, for ever."""
    interrupts = [KeyboardInterrupt]

    def program():
        yield ask(1)
        if interrupts:
            raise interrupts.pop()
        yield ask(2)

    life = begun(program)
    with pytest.raises(KeyboardInterrupt):
        life.answer("1", 1)
    life.log.append(life.fed[-1])
    with pytest.raises(CodeError):
        _feed_and_decide(life)


def _feed_and_decide(life):
    life.send("h", "the next event of the log")
    life.execution.decide()


def test_a_default_that_cannot_be_copied_breaks_nothing():
    """`deepcopy` raises TypeError out of `feed`: neither the run's failure nor a CodeError."""
    lock = threading.Lock()

    def program():
        got = yield hook("h", timeout="1s", default=lock)
        return got is not None

    life = begun(program)
    try:
        life.ring()
        life.commit()
    except CodeError:
        return  # refusing it would do as well
    assert life.result is True
