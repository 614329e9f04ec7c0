"""Bugs that a review of the core found once; each docstring says what went wrong."""

import gc
import threading
from dataclasses import dataclass
from typing import Any

import pytest

from tests.core.harness import begun
from tests.core.programs import number
from yieldflow import Retry, gather, hook, now, race, sleep, step
from yieldflow.core.agenda import due
from yieldflow.core.events import stamped
from yieldflow.core.outcome import Failure
from yieldflow.core.retry import next_try
from yieldflow.core.run import fold
from yieldflow.errors import Cancelled, CodeError, NonDeterminism


def ask(label: int) -> Any:
    return step(number, label, "")


def accepted(life, execution):
    """What it decides, after the log it was fed, as the strict fold sees it."""
    return fold([*life.log, *(stamped(decision, life.now) for decision in execution.decide())])


def test_a_payload_that_fits_only_now_is_not_written_over_a_recorded_time_out():
    """Promise 4: with a wider type, `decide` wants Take(1) for a path the log has closed, and the log is poisoned."""

    def recorded():
        yield hook("h", int, timeout="1s", default=0)

    def changed():
        yield hook("h", timeout="1s", default=0)

    life = begun(recorded)
    life.send("h", "no number")
    life.now += 1_000
    life.append(*due(life.run, life.now))
    with pytest.raises(NonDeterminism):
        accepted(life, life.replay(fn=changed))


def test_a_payload_that_fits_only_now_is_not_written_over_a_recorded_abandon():
    def recorded():
        yield race(ask(1), hook("h", int))
        yield sleep("1h")

    def changed():
        yield race(ask(1), hook("h"))
        yield sleep("1h")

    life = begun(recorded)
    life.send("h", "no number")
    life.answer("1.1", 1)
    life.commit()
    with pytest.raises(NonDeterminism):
        accepted(life, life.replay(fn=changed))


def test_what_the_log_abandoned_is_not_waited_for():
    """A race that became a gather waits for ever, with nothing open and nothing said."""

    def recorded():
        yield race(ask(1), ask(2))
        yield sleep("1h")

    def changed():
        yield gather(ask(1), ask(2))
        yield sleep("1h")

    life = begun(recorded)
    life.answer("1.1", 1)
    life.commit()
    abandoned = [event for event in life.log if "Abandoned" in type(event).__name__]
    with pytest.raises(NonDeterminism):
        life.replay([*life.log[:4], *abandoned], changed).decide()


INBOX = hook("inbox", list, timeout="1s", default=[])


def test_a_default_is_a_fresh_value_each_time():
    """A hook is declared once for all runs, so what one program does to its default is seen by the next replay."""

    def program():
        got = yield INBOX
        got.append("mine")
        yield step(number, len(got), "")

    life = begun(program)
    life.ring()
    life.commit()
    assert life.replay().decide() == ()


def test_a_loser_takes_no_payload():
    """Rulings 31, 34: both payloads are early, one is the winner's; the other stays for the next wait of that name."""

    def program():
        yield sleep("1s")
        first = yield race(hook("a"), hook("b"))
        return first, (yield hook("b"))

    life = begun(program)
    life.send("a", 1)
    life.send("b", 2)
    life.ring()
    life.commit()
    assert life.result == ((0, 1), 2)


def test_the_depth_of_a_program_is_not_limited_by_the_stack():
    """`_ask` and `_open_group` recurse: a raw RecursionError leaves `feed`."""

    def program():
        nested = sleep("1s")
        for _ in range(400):
            nested = gather(nested)
        yield nested

    try:
        life = begun(program)
    except CodeError:
        return  # refusing it would do as well
    assert len(life.open()) == 1


def test_a_question_may_be_asked_in_a_group():
    """It is a command, and type checkers accept it: `gather(now(), charge(…))`."""

    def program():
        return (yield gather(now(), ask(1)))

    life = begun(program)
    life.answer("1.2", 5)
    life.commit()
    assert life.result[1] == 5


@dataclass(frozen=True)
class Declined(Exception):
    code: int


def test_an_error_that_takes_no_note_breaks_nothing():
    """A frozen dataclass refuses `add_note`: FrozenInstanceError leaves `feed`."""

    def fails_in_clean_up():
        try:
            yield ask(1)
        finally:
            raise ValueError("and this too")

    def program():
        yield gather(fails_in_clean_up(), ask(2))

    life = begun(program)
    life.fail("1.2", Declined(3))
    life.commit()
    assert "Declined" in life.outcome.failure.names[0]


class Unspeakable:
    def __repr__(self):
        raise KeyError("no text")


def test_a_value_without_a_text_is_not_a_command_either():
    def program():
        yield Unspeakable()

    with pytest.raises(CodeError):
        begun(program)


def test_letting_go_swallows_whatever_comes():
    """`close` of an execution that is dropped from the cache raises `Cancelled` into the tender's thread."""

    def program():
        try:
            yield ask(1)
        finally:
            raise Cancelled

    begun(program).execution.close()


def test_an_interrupted_execution_says_so():
    """Ctrl-C while a program runs leaves a tree that waits for nothing; `tend` puts it back into the cache for good."""
    interrupts = [KeyboardInterrupt]

    def program():
        yield ask(1)
        if interrupts:
            raise interrupts.pop()
        return 7

    life = begun(program)
    with pytest.raises(KeyboardInterrupt):
        life.answer("1", 1)
    with pytest.raises(CodeError, match="interrupted"):
        life.execution.decide()


def test_a_huge_number_is_not_a_duration():
    with pytest.raises(ValueError, match="not a duration"):
        sleep("9" * 400 + " days")


def test_growth_has_an_end():
    retry = Retry(attempts=None, factor=1e5, jitter=0.0)
    assert next_try(retry, Failure(("builtins:Exception",), ""), 65, None, 0.5, 0) == 300_000


def test_the_end_of_the_run_has_a_place_in_the_message():
    """The path of the run itself is empty: "at path  its log holds"."""

    def recorded():
        yield ask(1)

    def changed():
        yield ask(1)
        yield ask(2)

    life = begun(recorded)
    life.answer("1", 1)
    life.commit()
    with pytest.raises(NonDeterminism, match=r"(?s)^(?!.*at path  )"):
        life.replay(fn=changed)


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


def test_a_helper_that_asks_twice_while_it_is_closed_is_let_go_without_noise(monkeypatch):
    """Ruling 63, one level down: `close` of the outer generator ends it and drops the inner one, which is still
    suspended in its clean-up. Its deletion complains to `sys.unraisablehook`. Let go of the innermost first."""
    complaints = []
    monkeypatch.setattr("sys.unraisablehook", lambda complaint: complaints.append(str(complaint.exc_value)))

    def helper():
        try:
            yield step(number, 1, "")
        finally:
            try:
                yield step(number, 2, "")
            finally:
                yield step(number, 3, "")

    def program():
        yield from helper()

    begun(program).execution.close()
    gc.collect()
    assert complaints == []
