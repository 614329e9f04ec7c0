"""Rulings 2, 13, 20 and 24, as far as a log says it: runs that a run has started, and what it sends to others."""

import pytest

from tests.core.harness import Life, begun
from tests.core.programs import Receipt, child
from tests.rulings.steps import Declined, a_charge, a_refund
from yieldflow import RunCancelled, RunFailed, UnknownRun, detach, hook, open_hook, race, send, sleep, timeout
from yieldflow.core.agenda import wakes_at
from yieldflow.core.commands import ChildOptions, Send, StartChild
from yieldflow.core.events import Abandon, CommandAbandoned, CommandIssued, CommandResolved, Finish, Issue, RunFinished
from yieldflow.core.failures import from_exception
from yieldflow.core.outcome import Cancelled as WasCancelled
from yieldflow.core.outcome import Err, Ok
from yieldflow.core.run import fold
from yieldflow.errors import Cancelled, ImpossibleEvent

RECEIPT = b'{"number":1,"at":"2026-01-01T00:00:00+00:00"}'


def ends(life, path, outcome):
    """The end of a child, as its run reports it."""
    life.append(CommandResolved(life.now, path, outcome))


def failed(error, life):
    return Err(from_exception(error, life.codec))


def test_a_child_answers_its_result_by_its_annotation():
    def program():
        receipt = yield child(1, "")
        assert isinstance(receipt, Receipt)
        return receipt.number

    life = begun(program)
    assert life.log[1].command == StartChild("programs:child", b'[[1,""],{}]', options=ChildOptions())
    assert life.run.work == 1
    ends(life, (1,), Ok(RECEIPT))
    assert life.run.work == 0
    life.commit()
    assert life.result == 1


def test_a_failed_child_raises_its_own_exception_with_run_failed_as_its_cause():
    def program():
        try:
            yield child(1, "").options(run_id="the-child")
        except Declined as error:
            return [str(error), error.__cause__.run_id, error.__cause__.path]

    def lets_through():
        yield sleep("1s")
        yield child(1, "")

    life, other = begun(program), begun(lets_through)
    ends(life, (1,), failed(Declined("no"), life))
    life.commit()
    assert life.result == ["no", "the-child", "1"]
    other.ring()
    other.commit()
    ends(other, (2,), failed(Declined("no"), other))
    other.commit()
    assert other.log[-1].origin == (2,)
    cause = other.outcome.failure.cause
    assert cause.names[0].endswith(f":{RunFailed.__name__}")
    assert "run~1.2" in cause.message


def test_24_a_cancelled_child_is_not_my_cancellation():
    def program():
        try:
            yield child(1, "")
        except RunCancelled as error:
            return [error.run_id, error.reason]

    life = begun(program)
    ends(life, (1,), WasCancelled("by hand"))
    life.commit()
    assert life.result == ["run~1.1", "by hand"]
    assert issubclass(RunCancelled, Exception)


def test_24_only_a_child_ends_cancelled():
    def program():
        yield a_charge()

    life = begun(program)
    with pytest.raises(ImpossibleEvent, match="only child runs end cancelled"):
        ends(life, (1,), WasCancelled())


def lets_go():
    try:
        yield child(1, "")
    except Cancelled as cancelled:
        yield a_refund(str(cancelled.__cause__))
        raise


@pytest.mark.parametrize("answered", ["ok", "failed", "cancelled"])
def test_13_a_child_that_is_let_go_is_waited_for_and_its_branch_is_cancelled_whatever_it_answers(answered):
    life = begun(lets_go)
    life.cancel("stop")
    assert life.execution.decide() == (Abandon((1,)),)
    life.commit()
    assert life.run.open[(1,)].abandoned
    assert life.run.work == 1
    assert wakes_at(life.run, life.now) is None
    cause = Declined("its own clean-up") if answered == "failed" else None
    outcomes = {"ok": Ok(RECEIPT), "failed": failed(Declined("its own clean-up"), life), "cancelled": WasCancelled()}
    ends(life, (1,), outcomes[answered])
    life.commit()
    (refund,) = life.run.open.values()
    assert (cause is None) == (b"None" in refund.issued.command.arguments)
    life.answer("2")
    life.commit()
    assert life.outcome == WasCancelled("stop")


def raced_child():
    try:
        return (yield race(child(1, ""), a_charge()))
    except Declined as declined:
        return [str(declined), type(declined.__cause__).__name__]


def test_20_a_child_that_fails_once_it_has_lost_a_race_replaces_the_answer():
    life = begun(raced_child)
    life.answer("1.2", 1)
    life.commit()
    ends(life, (1, 1), failed(Declined("its own clean-up"), life))
    life.commit()
    assert life.result == ["its own clean-up", "RunFailed"]


def test_13_a_child_that_answers_before_its_abandon_is_written_has_none():
    life = begun(lets_go)
    life.cancel()
    assert Abandon((1,)) in life.execution.decide()
    ends(life, (1,), WasCancelled())
    assert [type(one) for one in life.execution.decide()] == [Issue]


def test_13_a_child_is_abandoned_once_and_stays_open_until_its_end_is_reported():
    life = begun(lets_go)
    life.cancel()
    life.commit()
    with pytest.raises(ImpossibleEvent, match="it is abandoned already"):
        life.run.add(CommandAbandoned(1, (1,)))


def test_13_a_child_that_was_not_yet_written_is_not_written_at_all():
    life = Life(lets_go).start()
    life.cancel("stop")
    life.commit()
    assert [event.command.name for event in life.log if isinstance(event, CommandIssued)] == [
        "tests.rulings.steps:refund"
    ]


def test_13_a_second_cancellation_meanwhile_comes_after_the_first():
    def program():
        try:
            yield child(1, "")
        except Cancelled:
            try:
                yield a_refund()
            except Cancelled:
                return "twice"

    life = begun(program)
    life.cancel()
    life.cancel()
    ends(life, (1,), WasCancelled())
    life.commit()
    assert life.result == "twice"


def test_13_a_child_whose_parent_closes_with_abandon_is_let_go_at_once():
    def program():
        yield race(child(1, "").options(on_parent_close="abandon"), sleep("1s"))
        yield sleep("1h")

    life = begun(program)
    life.ring()
    life.commit()
    assert life.open() == {"2": "sleep"}


def test_13_a_race_waits_for_the_end_of_a_child_that_lost():
    def program():
        return (yield race(child(1, ""), sleep("1s")))

    life = begun(program)
    life.ring()
    life.commit()
    assert life.open() == {"1.1": "startchild"}
    ends(life, (1, 1), Ok(RECEIPT))
    life.commit()
    assert life.result == (1, None)


def test_13_a_timeout_waits_for_the_end_of_a_child():
    def program():
        return (yield timeout(child(1, ""), "1s", default="late"))

    life = begun(program)
    life.ring()
    life.commit()
    assert life.outcome is None
    ends(life, (1, 1), Ok(RECEIPT))
    life.commit()
    assert life.result == "late"


def test_13_a_forced_end_may_leave_commands_open():
    """Only the engine writes it, and owes the children their cancel."""
    life = begun(lets_go)
    life.append(RunFinished(life.now, WasCancelled("no more", forced=True)))
    assert life.execution.decide() == ()
    assert life.replay().decide() == ()
    with pytest.raises(ImpossibleEvent, match="commands are open"):
        fold([*life.log[:-1], RunFinished(1, WasCancelled("no more"))])


def test_detach_answers_the_id_of_a_run_that_goes_on_by_itself():
    def program():
        run_id = yield detach(child(1, ""))
        try:
            yield detach(child(2, "").options(run_id="taken"))
        except ValueError as error:
            return [run_id, str(error), error.__cause__.run_id]

    life = begun(program)
    assert life.log[1].command.detached
    life.reply((1,), "run~1.1", str)
    life.commit()
    ends(life, (2,), failed(ValueError("it exists"), life))
    life.commit()
    assert life.result == ["run~1.1", "it exists", "taken"]


def test_a_detached_run_that_is_let_go_before_it_started_is_not_waited_for():
    def program():
        return (yield race(detach(child(1, "")), sleep("1s")))[0]

    life = begun(program)
    life.ring()
    assert life.execution.decide() == (Abandon((1, 1)), Finish(Ok(b"1")))


APPROVAL = hook("approval", bool)


@pytest.mark.parametrize("to", ["approval", APPROVAL, open_hook("approval", bool)])
def test_send_delivers_to_another_run_and_answers_the_position(to):
    def program():
        position = yield send("other", to, True)
        try:
            yield send("gone", to, False)
        except UnknownRun as error:
            return [position, error.run_id]

    life = begun(program)
    assert life.log[1].command == Send("other", "approval", b"true")
    life.answer("1", 12)
    life.commit()
    ends(life, (2,), failed(UnknownRun("gone"), life))
    life.commit()
    assert life.result == [12, "gone"]
