"""Bugs that the tests of tasks, pauses, forks and patches found; each docstring says what went wrong."""

import functools
import sys

from tests.core.harness import Life, begun
from tests.core.programs import child
from tests.rulings.steps import Declined, a_charge, a_refund, tag
from yieldflow import gather, hook, open_hook, patched, race, sleep, spawn, step, timeout, until, uuid4
from yieldflow.core.events import Abandon, ForkOf, Limits, RunPaused, RunResumed
from yieldflow.errors import Cancelled


def test_a_loser_that_reports_in_a_pause_is_not_abandoned_afterwards():
    """Ruling 2: both facts are kept; the first lets the other go, whose path the log has closed by then."""

    def program():
        yield race(a_charge("one"), a_charge("two"))
        yield sleep("1h")

    life = begun(program)
    life.append(RunPaused(life.now))
    life.answer("1.1", 1)
    life.answer("1.2", 2)
    life.append(RunResumed(life.now))
    assert Abandon((1, 2)) not in life.execution.decide()
    life.commit()
    assert life.open() == {"2": "sleep"}


def test_a_task_that_cancels_itself_in_a_gather_ends_once():
    """The leaf that cancels is cancelled by what it does, and came to its group twice."""
    told = []

    def careful():
        try:
            yield a_charge()
        finally:
            yield a_refund()

    def itself(tasks):
        yield sleep("1s")
        try:
            yield gather(careful(), tasks[0].cancel())
        finally:
            told.append("both have ended")

    def program():
        tasks = []
        tasks.append((yield spawn(itself(tasks))))
        yield sleep("1h")

    life = begun(program)
    life.ring()
    life.commit()
    assert life.open() == {"2": "sleep", "1.1.2.1.2": "steps:refund"}
    assert told == []


def test_a_task_that_fails_after_nobody_waits_any_more_is_not_silent():
    """Ruling 26: an await that lost a race, or timed out, has heard nothing."""

    def late():
        yield sleep("2s")
        raise Declined("unheard")

    def program():
        task = yield spawn(late())
        yield timeout(task, "1s", default=None)
        yield sleep("1h")

    life = begun(program)
    while life.outcome is None:
        life.ring()
        life.commit()
    assert life.outcome.failure.message == "unheard"


def test_a_lower_limit_holds_for_what_the_log_has_not_begun():
    """Ruling 72: once the log had begun more than the limit, one more began at every end."""

    def napping(limit):
        def program():
            yield gather(*(sleep(f"{n} s") for n in range(1, 7)), limit=limit)

        return program

    life = begun(napping(3))
    lower = Life(napping(1), log=[])
    lower.append(*life.log)
    for _ in range(2):
        lower.ring()
        lower.commit()
    assert list(lower.open()) == ["1.3"]
    lower.ring()
    lower.commit()
    assert list(lower.open()) == ["1.4"]


def test_a_fork_that_is_cut_behind_a_fact_asks_with_a_seed_of_its_own():
    """Ruling 11: what the program asks because of the last copied fact is not copied: a payment key would collide."""

    def program():
        yield a_charge()
        yield a_charge(str((yield uuid4())))

    life = begun(program)
    life.answer("1", 1)
    (mine,) = life.execution.decide()
    fork = Life(program).start(run_id="fork", seed=bytes(16), cause=ForkOf("run", len(life.log), life.log[0].seed))
    fork.append(*life.log[1:])
    (theirs,) = fork.execution.decide()
    assert mine.command.name == theirs.command.name
    assert mine.command.arguments != theirs.command.arguments


CLASH = hook("h", str)  # refused as soon as it is asked, where the hook was opened as a number


def test_a_patch_that_is_cancelled_as_soon_as_it_is_asked_is_answered_alike_in_every_replay():
    """Ruling 15: live it was let go before its turn; a replay saw the clean-up behind it, and said False at once."""

    def asks():
        try:
            yield patched("x")
            yield a_charge()
        except Cancelled:
            yield a_refund()
            yield step(tag, {str((yield patched("x")))})
            raise

    def program():
        yield open_hook("h", int)
        yield gather(asks(), CLASH)

    life = begun(program)
    assert life.replay().decide() == life.execution.decide() == ()
    (refund,) = (path for path, name in life.open().items() if name == "steps:refund")
    life.answer(refund)
    assert life.replay().decide() == life.execution.decide()


def test_a_patch_in_a_gather_that_fails_at_once_is_not_remembered_as_false():
    """A replay that saw a later command noted False for good, though nobody had been answered."""

    def program():
        yield open_hook("h", int)
        try:
            yield gather(CLASH, patched("x"))
        except ValueError:
            yield a_charge()
        yield step(tag, {str((yield patched("x")))})

    life = begun(program)
    life.answer("3", 1)
    assert life.replay().decide() == life.execution.decide()
    life.commit()
    assert life.replay().decide() == ()


def test_what_is_told_of_a_timeout_is_the_same_in_every_process():
    """The text had the address of a generator in it, or a set in the order of one process."""
    texts = []

    def napping():
        yield sleep("1h")

    def program():
        for ask in (napping(), gather(napping(), step(tag, {"a", "b"})), step(tag, {"a", "b"})):
            try:
                yield timeout(ask, "1s")
            except TimeoutError as late:
                texts.append(str(late))

    life = begun(program)
    while life.outcome is None:
        life.ring()
        life.commit()
    assert len(texts) == 3
    assert not [text for text in texts if "0x" in text or "{" in text]


def test_what_is_told_of_a_deadlock_is_the_same_in_every_process():
    def careful():
        yield a_charge()

    def program():
        yield until(functools.partial(len, ()))

    assert "0x" not in begun(program).outcome.failure.message
    assert repr(gather(careful())) == "gather(careful(…))"


def test_a_child_that_recursed_too_deep_does_not_block_its_parent():
    """Ruling 18: the code that cannot go on is the child's; in the parent it is an exception like any other."""

    def program():
        yield child(1, "")

    life = begun(program)
    life.fail("1", RecursionError("deep in a child"))
    life.commit()
    assert life.outcome.failure.message == "deep in a child"


def test_a_patch_in_a_full_history_is_answered_alike_in_every_replay():
    """Refused it took a number; a replay that saw a later command answered False, which takes none."""

    def program():
        yield sleep("1s")
        try:
            yield patched("x")
            yield a_charge()
        finally:
            yield sleep("1s")

    life = begun(program, limits=Limits(history=2))
    life.ring()
    life.commit()
    assert life.open() == {"4": "sleep"}
    assert life.replay().decide() == ()


def test_the_cost_of_a_fact_does_not_grow_with_the_tasks_that_are_awaited():
    """Promise 10: every leaf that waited for a task was looked at, as if it waited for a condition."""

    def calls(width):
        def program():
            tasks = yield gather(*(spawn(a_charge(str(label))) for label in range(width)))
            yield gather(*tasks)

        life, counted = begun(program), []
        sys.setprofile(lambda _frame, event, _function: counted.append(event))
        try:
            life.answer("1.1.1", 1)
        finally:
            sys.setprofile(None)
        return len(counted)

    assert calls(500) <= calls(5) + 20
