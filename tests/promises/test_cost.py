"""Promise 10: the cost of a step grows neither with the history nor with the number of open commands."""

import sys
from collections import Counter
from collections.abc import Generator

import pytest
from attrs import frozen

from tests.core.harness import CODEC, Life
from tests.core.programs import number
from yieldflow import gather, hook, sleep, step
from yieldflow.core.agenda import due, wakes_at


@frozen
class Counting:
    """The codec, and how often it was asked what."""

    counts: Counter

    def encode(self, value, annotation):
        self.counts["encoded"] += 1
        return CODEC.encode(value, annotation)

    def decode(self, data, annotation):
        self.counts["decoded"] += 1
        return CODEC.decode(data, annotation)

    def encode_arguments(self, arguments, parameters):
        self.counts["arguments"] += 1
        return CODEC.encode_arguments(arguments, parameters)

    def decode_arguments(self, data, parameters):
        self.counts["arguments read"] += 1
        return CODEC.decode_arguments(data, parameters)

    def same(self, one, other):
        self.counts["compared"] += 1
        return CODEC.same(one, other)


class Sent(Generator):
    """A program that counts what is sent into it."""

    def __init__(self, program, counts):
        self.program, self.counts = program, counts

    def send(self, value):
        self.counts["sent"] += 1
        return self.program.send(value)

    def throw(self, *error):
        self.counts["sent"] += 1
        return self.program.throw(*error)

    def close(self):
        self.program.close()


def counted(program, counts):
    life = Life(lambda: Sent(program(), counts), Counting(counts)).start()
    life.commit()
    return life


def sequence():
    for label in range(10_000):
        yield step(number, label, "")


@pytest.mark.parametrize("history", [5, 5_000])
def test_one_more_step_of_a_cached_run_sends_once_and_decodes_one_answer(history):
    counts = Counter()
    life = counted(sequence, counts)
    for label in range(1, history + 1):
        life.answer(str(label), label)
        life.commit()
    counts.clear()
    life.answer(str(history + 1), 7)
    (decision,) = life.commit()
    assert decision.path == (history + 2,)
    assert counts == {"sent": 1, "decoded": 1, "arguments": 1, "encoded": 1}  # encoded: by the test


def branch(label, counts):
    """Only real generators are branches: each resumption is counted in it."""
    counts["sent"] += 1
    yield step(number, label, "")
    counts["sent"] += 1
    yield step(number, label, "again")


@pytest.mark.parametrize("width", [5, 5_000])
def test_one_more_fact_sends_once_however_many_branches_are_open(width):
    counts = Counter()

    def program():
        yield gather(*[branch(label, counts) for label in range(width)])

    life = Life(program, Counting(counts)).start()
    life.commit()
    assert len(life.run.open) == width
    counts.clear()
    life.answer(f"1.{width // 2}.1", 7)
    (decision,) = life.commit()
    assert decision.path == (1, width // 2, 2)
    assert counts == {"sent": 1, "decoded": 1, "arguments": 1, "encoded": 1}


def listens():
    yield hook("h", int, timeout="2h")
    yield sleep("1h")


def wide(width):
    """As many open waits, with one step and one short sleep among them."""

    def program():
        yield gather(*[listens() for _ in range(width)], step(number, 1, ""), sleep("1s"), sleep("1s"))

    life = Life(program).start()
    life.commit()
    return life


def answer(life, width):
    life.answer(f"1.{width + 1}", 7)


def send(life, _width):
    life.send("h", 1)


def ring(life, _width):
    life.now += 1_000
    life.append(*due(life.run, life.now))
    assert wakes_at(life.run, life.now) is not None


def calls(fact, width):
    """How many functions are called, those written in C among them, for one fact and the decisions it causes."""
    life, counts = wide(width), Counter()
    sys.setprofile(lambda _frame, event, _function: counts.update([event]))
    try:
        fact(life, width)
        life.commit()
    finally:
        sys.setprofile(None)
    return counts["call"] + counts["c_call"]


@pytest.mark.parametrize("fact", [answer, send, ring])
def test_one_more_fact_calls_as_few_functions_however_many_commands_are_open(fact):
    assert calls(fact, 2_000) <= calls(fact, 5) + 40  # what is over is drawn from a heap
