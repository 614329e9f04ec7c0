"""Rulings 12, 36 and 37: what a log takes over from the one before it, and when it is full."""

import pytest
from attrs import evolve

from tests.core.harness import SEED, begun
from tests.rulings.steps import Declined, a_charge, a_refund
from yieldflow import (
    continue_as_new,
    gather,
    get_data,
    hook,
    now,
    open_hook,
    race,
    run_info,
    set_data,
    shield,
    sleep,
    spawn,
    workflow,
)
from yieldflow.core.events import (
    AttemptFailed,
    ForkOf,
    Limits,
    Next,
    Parent,
    RetryOf,
    RunFinished,
)
from yieldflow.core.outcome import Cancelled as WasCancelled
from yieldflow.core.outcome import ContinuedAs, Failure, Ok
from yieldflow.errors import Cancelled, HistoryFull, NotACommand, Unencodable


@workflow(name="chains:billing")
def billing(month: int):
    yield sleep("1s")


# --- 12: continue_as_new ----------------------------------------------------------------------------------------


def test_12_continue_as_new_ends_the_log_with_the_call_of_the_next_one():
    def program():
        yield sleep("1s")
        return (yield continue_as_new(billing(2)))

    life = begun(program)
    life.ring()
    life.commit()
    assert life.log[-1] == RunFinished(life.now, ContinuedAs("run~2", "chains:billing", b"[[2],{}]"))


def test_12_without_a_call_it_is_the_same_one_again():
    def program(month):
        yield continue_as_new()

    life = begun(program, 7, run_id="run~9")
    assert life.outcome == ContinuedAs("run~10", "shop:checkout", b"[[7],{}]")


def test_12_what_a_finally_around_it_asks_is_dropped():
    after = []

    def program():
        try:
            yield continue_as_new()
            after.append("never")
        except Cancelled:
            after.append("never")
        finally:
            yield a_refund()
            after.append("never")

    life = begun(program)
    assert isinstance(life.outcome, ContinuedAs)
    assert after == []


@pytest.mark.parametrize("wrap", [gather, shield, spawn, lambda ask: race(sleep("1s"), ask), "branch"])
def test_12_in_a_branch_or_combinator_it_is_refused(wrap):
    def branch():
        yield continue_as_new()

    def program():
        yield gather(branch()) if wrap == "branch" else wrap(continue_as_new())

    with pytest.raises(NotACommand, match=r"test_chains.py:\d+.*ask it in the workflow itself"):
        begun(program)


def careful(error=None):
    try:
        yield a_charge()
    finally:
        yield a_refund()
        if error is not None:
            raise error


def test_12_open_tasks_are_closed_first_and_a_cancellation_meanwhile_changes_nothing():
    def program():
        yield spawn(careful())
        yield sleep("1s")
        yield continue_as_new()

    life = begun(program)
    life.ring()
    life.commit()
    assert life.open() == {"1.1.2": "steps:refund"}
    life.cancel("too late")
    life.answer("1.1.2")
    life.commit()
    assert isinstance(life.outcome, ContinuedAs)


def test_12_a_task_that_fails_meanwhile_is_not_lost():
    def program():
        yield spawn(careful(Declined("no refund")))
        yield sleep("1s")
        yield continue_as_new()

    life = begun(program)
    life.ring()
    life.commit()
    life.answer("1.1.2")
    life.commit()
    assert life.outcome.failure.message == "no refund"


def test_12_a_cancellation_that_is_held_comes_first():
    def program():
        yield shield(a_charge())
        yield continue_as_new()

    life = begun(program)
    life.cancel("stop")
    life.answer("1.1", 1)
    life.commit()
    assert life.outcome == WasCancelled("stop")


def test_12_arguments_that_cannot_be_stored_block():
    def program():
        yield continue_as_new(billing(lambda: None))

    with pytest.raises(Unencodable, match="continue_as_new in shop:checkout: in the call of chains:billing"):
        begun(program)


def test_12_unread_payloads_data_and_links_go_on_in_the_next_generation():
    def program():
        first = yield hook("h", int)
        opened = yield open_hook("h", int)
        return [first, (yield opened), (yield get_data("k")), opened.token]

    def first_token():
        return (yield open_hook("h", int)).token

    carried = {"inbox": {"h": (b"1", b'"no number"', b"2")}, "data": {"k": b'"kept"'}}
    life = begun(program, run_id="run~2", seed=bytes(16), token_seed=SEED, cause=Next("run"), **carried)
    assert life.result == [1, 2, "kept", begun(first_token).result]
    assert life.execution.rejected == (-1,)
    assert life.replay().decide() == ()


def test_12_attempts_count_anew_behind_what_a_retry_has_copied():
    def program():
        yield gather(a_charge(), sleep("1h"))

    life = begun(program)
    life.try_in_vain("1.1", Declined("no"))
    life.try_in_vain("1.1", Declined("no"))
    assert life.run.open[(1, 1)].attempt == 3
    copied = len(life.log)
    cause = RetryOf("run", copied, ForkOf("before", 1, SEED))
    started = evolve(life.log[0], run_id="run~2", cause=cause, anew=(2, copied))
    again = life.replay([started, *life.log[1:]])
    assert (again.run.open[(1, 1)].attempt, again.run.open[(1, 1)].wakes_at) == (1, None)
    assert again.run.open[(1, 2)].wakes_at is not None
    assert again.decide() == ()
    again.feed([AttemptFailed(life.now, (1, 1), 1, Failure((), "no"), life.now)])


# --- 36 and 37: what a run knows of itself, and how long it may be --------------------------------------------------


def test_36_history_length_is_the_position_of_the_last_fact_and_limits_are_those_of_the_log():
    def program():
        one = yield run_info()
        yield sleep("1s")
        yield sleep("1s")
        two = yield run_info()
        return [one.history_length, one.continue_suggested, two.history_length, two.continue_suggested]

    life = begun(program, limits=Limits(history_warn=5))
    life.ring()
    life.ring()
    life.commit()
    assert life.result == [1, False, 5, True]


def test_36_bytes_suggest_to_continue_too():
    def program():
        yield sleep("1s")
        yield a_charge("x" * 100)
        return (yield run_info()).continue_suggested

    life = begun(program, limits=Limits(history_bytes=500))
    life.ring()
    life.commit()
    life.answer("2", 1)
    life.commit()
    assert life.result is True


def test_run_info_is_that_of_the_chain():
    def program():
        info = yield run_info()
        started = info.started_at == (yield now())
        return [info.run_id, info.generation, info.workflow, info.parent, dict(info.tags), started]

    life = begun(program, run_id="run~3", parent=Parent("above", (2,)), tags={"a": "b"})
    assert life.result == ["run", 3, "shop:checkout", "above", {"a": "b"}, True]


def test_36_a_full_history_is_raised_once_a_branch_and_has_room_for_clean_up():
    def program():
        told = 0
        try:
            while True:
                yield sleep("1s")
        except HistoryFull as error:
            told = error.events
            yield a_refund()
            yield set_data("told", told)
        return told

    life = begun(program, limits=Limits(history=5))
    while life.outcome is None:
        for path in life.steps():
            life.answer(f"{path[0]}")
        life.ring()
        life.commit()
    assert life.result == 5
    assert life.run.data == {"told": b"5"}
    assert life.replay().decide() == ()


@pytest.mark.parametrize("limits", [Limits(history=2), Limits(history_bytes=200)])
def test_36_who_goes_on_all_the_same_is_told_again_in_the_end(limits):
    def stubborn():
        told = 0
        while told < 4:
            try:
                yield a_charge("x" * 30)
            except HistoryFull:
                told += 1
        return told

    life = begun(stubborn, limits=evolve(limits, history_bytes=min(limits.history_bytes, 200)))
    while life.outcome is None:
        for path in life.steps():
            life.answer(f"{path[0]}", 7)
        life.commit()
    assert life.result == 4
    assert 400 <= life.run.bytes < 450


def test_36_a_full_history_still_answers_questions_and_goes_on_as_new():
    def program():
        yield sleep("1s")
        for ask in (a_charge(), gather(a_charge()), open_hook("h"), set_data("k", 1)):
            try:
                yield ask
                break
            except HistoryFull:
                yield now()
        yield continue_as_new()

    life = begun(program, limits=Limits(history=3))
    life.ring()
    life.commit()
    life.answer("3.1", 1)
    life.commit()
    assert isinstance(life.outcome, ContinuedAs)


def test_37_data_is_kept_encoded_and_each_look_is_a_fresh_copy():
    def program():
        items = [1]
        yield set_data("items", items)
        items.append(2)
        one = yield get_data("items", list[int])
        one.append(3)
        nothing = get_data("nothing", list[int], default=[])
        empty = yield nothing
        empty.append(4)
        got = yield gather(get_data("items"), nothing)
        return [*got]

    life = begun(program)
    assert life.result == [[1], []]
    assert life.run.data == {"items": b"[1]"}


def test_37_data_is_readable_outside_once_it_is_committed():
    def program():
        yield set_data("step", "one")
        yield sleep("1s")
        yield set_data("step", "two")
        yield sleep("1s")

    life = begun(program)
    assert life.run.data == {"step": b'"one"'}
    life.ring()
    assert life.run.data == {"step": b'"one"'}
    life.commit()
    assert life.run.data == {"step": b'"two"'}
    assert life.outcome != Ok(b"null")
