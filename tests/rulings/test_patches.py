"""Ruling 15: `patched` answers by what the known log holds, and the first answer holds."""

import pytest

from tests.core.harness import begun
from tests.rulings.steps import a_charge, a_refund
from yieldflow import gather, patched, sleep, spawn
from yieldflow.core.commands import MarkPatch
from yieldflow.core.events import CommandIssued, Issue
from yieldflow.errors import NonDeterminism


def old():
    yield sleep("1s")
    yield a_charge()


def new():
    yield sleep("1s")
    if (yield patched("refund-first")):
        yield a_refund()
    yield a_charge()


def marks(life):
    return [event.path for event in life.log if isinstance(event, CommandIssued) and is_mark(event.command)]


def is_mark(command):
    return isinstance(command, MarkPatch)


def test_15_a_run_that_comes_here_after_the_change_takes_the_new_way_and_leaves_a_mark():
    life = begun(new)
    life.ring()
    assert life.execution.decide()[0] == Issue((2,), MarkPatch("refund-first"))
    life.commit()
    assert life.open() == {"3": "steps:refund"}
    life.answer("3")
    life.commit()
    assert life.open() == {"4": "steps:charge"}


def test_15_a_run_whose_log_holds_the_mark_takes_the_new_way():
    life = begun(new)
    life.ring()
    life.commit()
    assert life.replay().decide() == ()
    with pytest.raises(NonDeterminism, match=r"patched\('refund-first'\)"):
        life.replay(fn=old).decide()


def test_15_a_run_that_passed_here_with_old_code_takes_the_old_way():
    life = begun(old)
    life.ring()
    life.commit()
    replayed = life.replay(fn=new)
    assert replayed.decide() == ()
    assert replayed.tree.root.asked == 2


def test_15_a_run_that_was_before_this_point_takes_the_new_way():
    """Also one whose former command was asked, and is not answered."""
    life = begun(old)
    life.ring()
    before = [event for event in life.log if not (isinstance(event, CommandIssued) and event.path == (2,))]
    replayed = life.replay(before, fn=new)
    assert [one.path for one in replayed.decide()] == [(2,), (3,)]


def test_15_a_command_of_a_branch_below_counts_as_passed():
    def before():
        yield gather(a_charge(), sleep("1s"))

    def after():
        if (yield patched("x")):
            yield a_refund()
        yield gather(a_charge(), sleep("1s"))

    def task():
        yield spawn(before())
        yield sleep("1h")

    assert begun(before).replay(fn=after).decide() == ()
    assert begun(task).replay(fn=lambda: iter_of(after)).decide() == ()


def iter_of(after):
    yield spawn(after())
    yield sleep("1h")


def test_15_what_another_branch_has_passed_does_not_count():
    def one():
        yield a_charge()

    def before():
        yield sleep("1s")
        yield gather(a_charge(), spawn(one()))

    def changed():
        if (yield patched("x")):
            yield a_refund()
        yield a_charge()

    def after():
        yield sleep("1s")
        yield gather(a_charge(), changed())

    life = begun(before)
    life.ring()
    log = life.log
    replayed = life.replay(log, fn=after)
    assert (2, 2, 1) in [one.path for one in replayed.decide() if is_mark(getattr(one, "command", None))]


def test_15_the_first_answer_for_an_id_holds_for_the_run():
    def after():
        first = yield patched("x")
        yield sleep("1s")
        return [first, (yield patched("x")), (yield patched("y"))]

    def before():
        yield sleep("1s")

    new_run, old_run = begun(after), begun(before)
    new_run.ring()
    new_run.commit()
    assert new_run.result == [True, True, True]
    assert marks(new_run) == [(1,), (3,)]
    old_run = continued(old_run, after)
    assert old_run.result == [False, False, True]
    assert marks(old_run) == [(2,)]


def continued(life, fn):
    """The same log, and from here on other code, which knows all of it."""
    life.execution = life.replay(fn=fn)
    life.ring()
    life.commit()
    return life


def test_15_false_takes_no_number_and_true_takes_one_in_a_gather_too():
    def after():
        return (yield gather(patched("x"), patched("x"), a_charge()))

    life = begun(after)
    assert marks(life) == [(1, 1)]
    assert life.open() == {"1.3": "steps:charge"}
    assert life.replay().decide() == ()
    life.answer("1.3", 7)
    life.commit()
    assert life.result == (True, True, 7)


def test_15_two_branches_that_ask_in_one_turn_leave_one_mark():
    def branch():
        return (yield patched("x"))

    def program():
        both = yield gather(branch(), branch())
        return both, (yield sleep("1s"))

    life = begun(program)
    assert marks(life) == [(1, 1, 1)]
    life.ring()
    life.commit()
    assert life.result == ((True, True), None)


def test_15_a_mark_that_is_no_longer_asked_is_found():
    def without():
        yield sleep("1s")
        yield a_refund()
        yield a_charge()

    life = begun(new)
    life.ring()
    life.commit()
    with pytest.raises(NonDeterminism):
        life.replay(fn=without).decide()
