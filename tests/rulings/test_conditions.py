"""Ruling 72: until, and limits of a gather."""

import pytest

from tests.core.harness import Life, begun
from tests.rulings.steps import Declined, a_charge
from yieldflow import gather, open_hook, race, sleep, spawn, until
from yieldflow.core.events import CommandIssued
from yieldflow.core.outcome import Err
from yieldflow.errors import BrokenProgram, Cancelled, Deadlock, NotACommand


def napping(done, name, seconds):
    yield sleep(seconds)
    done.append(name)


def through(life):
    """Ring until it has ended."""
    while life.outcome is None:
        assert life.ring()
        life.commit()
    return life


def test_72_until_resumes_once_its_condition_is_true_and_leaves_no_trace():
    def program():
        done = []
        for name in ("a", "b", "c"):
            yield spawn(napping(done, name, f"{len(name) + ord(name) - 97} s"))
        yield until(lambda: len(done) >= 2)
        return list(done)

    life = through(begun(program))
    assert life.result == ["a", "b"]
    assert {path[0] for path in life.run.issued} == {1, 2, 3}
    assert life.replay().decide() == ()


def test_72_conditions_are_asked_in_the_order_of_asking_and_all_again_after_each():
    """The first that is true resumes its branch, which runs until it waits; only then the next is asked."""
    order, free = [], []

    def user(name):
        while not free:
            yield until(lambda: free)
        order.append(name)
        free.pop()
        yield sleep("1s")
        free.append("again")

    def program():
        tasks = yield gather(*(spawn(user(name)) for name in "abc"))
        free.append("now")
        yield gather(*tasks)

    life = begun(program)
    assert order == ["a"]
    through(life)
    assert order == ["a", "b", "c"]


def test_72_a_condition_that_is_true_at_once_is_answered_in_its_turn():
    def program():
        won = yield race(until(lambda: True), open_hook("h"))
        return won[0]

    life = begun(program)
    assert life.result == 0
    assert life.run.issued == set()


def test_72_conditions_are_asked_when_every_branch_waits():
    """Two branches go on by one fact: between them a condition would see half of it."""
    asked, state = [], {"one": 0, "two": 0}

    def counts(task, name):
        yield task
        state[name] += 1

    def looks():
        asked.append(dict(state))
        return state["one"] and state["two"]

    def program():
        task = yield spawn(a_charge())
        yield gather(until(looks), counts(task, "one"), counts(task, "two"))

    life = begun(program)
    life.answer("1.1", 7)
    assert asked[-1] == {"one": 1, "two": 1}
    assert {"one": 1, "two": 0} not in asked


def test_72_what_a_condition_raises_is_raised_at_the_yield():
    state = {}

    def program():
        try:
            yield gather(until(lambda: state["done"]), sleep("1s"))
        except KeyError:
            state["done"] = True
        yield until(lambda: state["done"])
        yield sleep("1s")
        try:
            yield until(lambda: 1 / 0)
        except ZeroDivisionError as error:
            return str(error)

    assert through(begun(program)).result == "division by zero"


def test_72_a_condition_cannot_ask():
    def program(condition):
        def asks():
            yield until(condition)

        return asks

    def helper():
        yield sleep("1s")

    for condition in (helper, lambda: sleep("1s")):
        with pytest.raises(NotACommand, match=r"test_conditions.py:\d+.*a condition looks at variables: it cannot ask"):
            begun(program(condition))


def test_18_a_condition_that_recurses_too_deep_blocks():
    def deep():
        return deep()

    def program():
        yield until(deep)

    with pytest.raises(BrokenProgram, match="RecursionError"):
        begun(program)


def test_72_an_abandoned_condition_is_asked_no_more():
    asked = []

    def program():
        yield race(until(lambda: asked.append("again")), sleep("1s"))
        yield sleep("1s")

    life = begun(program)
    life.ring()
    before = len(asked)
    life.commit()
    life.ring()
    assert len(asked) == before > 0


def test_72_a_run_that_waits_only_for_conditions_is_deadlocked_and_told_the_lines():
    def waits(task):
        try:
            yield task[0]
        except Deadlock as error:
            return list(error.lines)

    def program():
        tasks = []
        tasks.append((yield spawn(waits(tasks))))
        yield sleep("1s")
        try:
            yield until(lambda: False)
        except Deadlock:
            return (yield tasks[0])

    lines = through(begun(program)).result
    assert len(lines) == 2
    assert "task(1) in" in lines[0]
    assert ", line " in lines[0]
    assert "test_conditions.py" not in lines[0]  # a replay may find it elsewhere
    assert "until(" in lines[1]


def test_72_a_deadlock_says_what_to_do():
    def program():
        yield until(lambda: False)

    life = begun(program)
    assert isinstance(life.outcome, Err)
    assert life.outcome.failure.names[0].endswith(":Deadlock")
    assert "spawn what changes them, or give a timeout()" in life.outcome.failure.message


def test_72_what_the_outside_may_still_answer_is_no_deadlock():
    def program():
        done = []
        yield spawn(napping(done, "a", "1s"))
        yield until(lambda: done)
        yield race(until(lambda: False), a_charge())

    life = begun(program)
    life.ring()
    life.commit()
    assert life.outcome is None
    assert life.open() == {"2.2": "steps:charge"}


def test_72_whoever_waits_for_a_condition_can_be_cancelled():
    def program():
        try:
            yield race(until(lambda: False), a_charge())
        except Cancelled:
            return "cancelled"

    life = begun(program)
    life.cancel()
    life.commit()
    assert life.result == "cancelled"


# --- limits ---------------------------------------------------------------------------------------------------


def limited(limit, order=None):
    def branch(number):
        if order is not None:
            order.append(number)
        yield a_charge(str(number))

    def program():
        return (yield gather(*(branch(number) for number in range(4)), limit=limit))

    return program


def test_72_at_most_so_many_branches_run_at_a_time_and_the_next_begins_when_one_ends():
    order = []
    life = begun(limited(2, order))
    assert order == [0, 1]
    life.answer("1.2.1", 7)
    life.commit()
    assert list(life.open()) == ["1.1.1", "1.3.1"]
    assert order == [0, 1, 2]
    life.fail("1.1.1", Declined("no"))
    life.commit()
    assert order == [0, 1, 2]
    assert life.outcome.failure.message == "no"


def test_72_a_branch_that_the_log_has_begun_begins_at_once_whatever_the_limit_says():
    life = begun(limited(3))
    for limit in (1, 2, 3, 4, None):
        replayed = life.replay(fn=limited(limit))
        begun_by_now = {path for path, _ in replayed.leaves.items()}
        assert {(1, 1, 1), (1, 2, 1), (1, 3, 1)} <= begun_by_now
        assert len(begun_by_now) == max(3, min(limit or 4, 4))


def test_72_a_limit_may_change_up_and_down_between_replays():
    life = begun(limited(1))
    log = list(life.log)
    for limit, path in ((3, "1.1.1"), (1, "1.3.1"), (2, "1.2.1"), (None, "1.4.1")):
        life = Life(limited(limit))
        life.append(*log)
        life.commit()
        life.answer(path, 7)
        life.commit()
        log = list(life.log)
    assert life.outcome is not None
    issued = [event.path for event in log if isinstance(event, CommandIssued)]
    assert sorted(issued) == [(1, number, 1) for number in (1, 2, 3, 4)]
    for limit in (1, 2, None):
        assert life.replay(fn=limited(limit)).decide() == ()


def test_72_a_limit_within_a_limit_begins_what_the_log_has_begun():
    def nested(limit):
        def program():
            inner = (gather(a_charge("a"), a_charge("b"), limit=limit) for _ in range(2))
            yield gather(*inner, limit=limit)

        return program

    life = begun(nested(None))
    assert len(life.open()) == 4
    assert life.replay(fn=nested(1)).decide() == ()


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "2"])
def test_a_limit_that_is_no_number_from_one_is_refused(limit):
    with pytest.raises(ValueError, match="must be a whole number from 1"):
        gather(sleep("1s"), limit=limit)


def test_what_is_no_condition_is_refused():
    with pytest.raises(TypeError, match=r"takes a function, such as `lambda: len\(done\) >= 2`"):
        until(True)
