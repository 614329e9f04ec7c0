"""Rulings 19, 20, 21, 23, 27, 34, 43: what gather and race promise about order, clean-up and failures."""

import pytest

from tests.core.harness import begun
from tests.rulings.steps import Declined, a_charge, a_refund
from yieldflow import gather, hook, now, open_hook, race, sleep
from yieldflow.core.events import Abandon, Finish, Issue
from yieldflow.core.outcome import Cancelled as WasCancelled
from yieldflow.core.outcome import Err
from yieldflow.errors import Cancelled


def careful(order="o", then=None):
    """Charges, and refunds when it is cancelled."""
    try:
        yield a_charge(order)
    except Cancelled:
        yield a_refund(order)
        if then is not None:
            raise then from None
        raise


def swallows():
    try:
        yield a_charge()
    except Cancelled:
        yield a_refund()
        return "kept"


def test_19_a_failed_gather_waits_for_the_clean_up_of_the_others():
    def program():
        try:
            yield gather(a_charge("one"), careful())
        except Declined:
            yield sleep("1h")

    life = begun(program)
    life.fail("1.1", Declined("no"))
    life.commit()
    assert life.open() == {"1.2.2": "steps:refund"}
    life.answer("1.2.2")
    life.commit()
    assert life.open() == {"2": "sleep"}


def test_19_a_race_waits_for_the_clean_up_of_the_losers():
    def program():
        return (yield race(sleep("1s"), careful()))

    life = begun(program)
    life.ring()
    life.commit()
    assert life.outcome is None
    life.answer("1.2.2")
    life.commit()
    assert life.result == (0, None)


def test_19_one_that_never_began_does_not_count_twice():
    """Three branches end in the same fact; the one that still cleans up is waited for."""

    def program():
        return (yield race(careful(), open_hook("h"), careful("late")))[0]

    life = begun(program)
    assert life.open() == {"1.1.2": "steps:refund"}
    life.answer("1.1.2")
    life.commit()
    assert life.result == 1


def test_20_the_first_failure_is_raised_and_a_later_one_noted():
    def program():
        yield gather(careful("one", then=ValueError("refund failed too")), a_charge("two"))

    life = begun(program)
    life.fail("1.2", Declined("no"))
    life.commit()
    life.answer("1.1.2")
    life.commit()
    assert life.outcome.failure.names[0].endswith("Declined")
    assert "refund failed too" in life.outcome.failure.state.decode()


def test_20_an_error_in_clean_up_replaces_an_answer():
    def program():
        yield race(sleep("1s"), careful(then=ValueError("refund failed")))

    life = begun(program)
    life.ring()
    life.commit()
    life.answer("1.2.2")
    life.commit()
    assert life.outcome.failure.message == "refund failed"


def test_20_a_cancelled_branch_that_goes_on_is_waited_for_and_its_value_dropped():
    def program():
        return (yield race(sleep("1s"), swallows()))

    life = begun(program)
    life.ring()
    life.commit()
    life.answer("1.2.2")
    life.commit()
    assert life.result == (0, None)


def test_21_a_closing_combinator_holds_the_cancellation():
    """The answer is delivered first, and `Cancelled` is thrown at the next ask, which is not asked."""
    seen = []

    def program():
        seen.append((yield race(sleep("1s"), careful())))
        yield a_charge("never asked")

    life = begun(program)
    life.ring()
    life.commit()
    life.cancel("stop")
    life.answer("1.2.2")
    assert seen == [(0, None)]
    life.commit()
    assert life.outcome == WasCancelled("stop")
    assert (2,) not in life.run.issued


def test_21_who_ends_without_asking_just_ends():
    def program():
        return (yield race(sleep("1s"), careful()))

    life = begun(program)
    life.ring()
    life.commit()
    life.cancel()
    life.answer("1.2.2")
    life.commit()
    assert life.result == (0, None)


def test_21_an_answer_that_is_on_its_way_is_delivered_before_the_cancellation():
    """Both in one fact: the branch is answered, and the gather around it closes."""
    seen = []

    def listens():
        seen.append((yield gather()))
        yield a_charge("never asked")

    def fails():
        raise Declined
        yield

    def program():
        yield gather(fails(), listens())

    life = begun(program)
    assert seen == [()]
    assert isinstance(life.outcome, Err)
    assert not life.run.issued


def test_23_a_branch_cancelled_before_its_first_step_never_starts():
    started = []

    def late():
        started.append("late")
        yield a_charge("late")

    def fails():
        raise Declined
        yield

    def nested():
        yield gather(late(), late())

    def program():
        yield gather(fails(), nested())

    life = begun(program)
    assert started == []
    assert [type(event).__name__ for event in life.log] == ["RunStarted", "RunFinished"]


def test_23_branches_start_in_order_each_run_until_it_waits():
    order = []

    def branch(name):
        order.append(name)
        yield open_hook(name)
        order.append(name + " again")
        yield sleep("1s")

    def program():
        yield gather(branch("a"), branch("b"))

    begun(program)
    assert order == ["a", "b", "a again", "b again"]


def test_27_a_leaf_is_abandoned_at_once_while_the_clean_up_begins():
    life = begun(careful)
    life.cancel()
    assert [type(decision) for decision in life.execution.decide()] == [Issue, Abandon]
    life.commit()
    assert life.open() == {"2": "steps:refund"}
    life.answer("2")
    assert life.execution.decide() == (Finish(WasCancelled()),)


def test_34_ties_in_one_fact_go_to_the_lower_branch():
    def program():
        return (yield race(open_hook("a"), open_hook("b")))[0]

    assert begun(program).result == 0


def test_34_a_race_of_nothing_is_refused_and_a_gather_of_nothing_is_answered():
    with pytest.raises(ValueError, match="race of nothing"):
        race()

    def program():
        return (yield gather())

    assert begun(program).result == ()


def test_43_gather_answers_a_tuple_in_the_order_of_asking():
    def program():
        return (yield gather(a_charge("one"), a_charge("two")))

    life = begun(program)
    life.answer("1.2", 2)
    life.answer("1.1", 1)
    assert life.execution.tree.result.value == (1, 2)


def test_failures_stand_in_the_tuple_where_they_were_asked_for():
    def program():
        one, two = yield gather(a_charge("one"), a_charge("two"), return_exceptions=True)
        return [str(one), two]

    life = begun(program)
    life.fail("1.1", Declined("no"))
    life.answer("1.2", 2)
    life.commit()
    assert life.result == ["no", 2]


def test_an_abandoned_receive_takes_nothing():
    def program():
        yield race(sleep("1s"), hook("h"))
        return (yield hook("h"))

    life = begun(program)
    life.ring()
    life.send("h", "late")
    life.commit()
    assert life.result == "late"


def test_what_is_answered_at_once_wins_before_the_rest_has_its_turn():
    def program():
        return (yield race(open_hook("h"), now(), open_hook("g"), a_charge()))[0]

    life = begun(program)
    assert life.result == 0
    assert life.run.issued == {(1, 1)}


def test_branches_are_cancelled_in_order_however_deep_they_lie():
    order = []

    def branch(name):
        try:
            yield a_charge(name)
        finally:
            order.append(name)

    def program():
        yield gather(gather(branch("a"), branch("b")), branch("c"))

    life = begun(program)
    life.cancel()
    assert order == ["a", "b", "c"]
