"""Ruling 11: a fork shares a prefix with another run, and neither its keys nor its links."""

import pytest
from attrs import evolve

from tests.core.harness import SEED, Life, begun, execution
from tests.rulings.steps import a_charge, a_refund
from yieldflow import open_hook, rng, run_info, uuid4
from yieldflow.core.chain import issuer
from yieldflow.core.events import CommandIssued, CommandResolved, ForkOf, RetryOf
from yieldflow.core.outcome import Ok
from yieldflow.core.questions import seed


def keys():
    opened = yield open_hook("h")
    yield a_charge(f"{(yield uuid4())} {opened.token}")
    drawn = yield rng()
    yield a_charge(f"{(yield uuid4())} {drawn.random()}")


def arguments(life):
    issued = [event.command for event in life.log if isinstance(event, CommandIssued)]
    return [command.arguments for command in issued if hasattr(command, "arguments")]


def forked(life, position, **changes):
    """A fork that has copied so many events, with a seed of its own."""
    cause = ForkOf("run", position, life.log[0].seed)
    started = evolve(life.log[0], run_id="fork", seed=bytes(16), cause=cause, **changes)
    fork = Life(life.fn)
    fork.append(started, *life.log[1:position])
    fork.commit()
    return fork


def test_11_up_to_its_cut_a_fork_has_the_old_seed_and_after_it_its_own():
    life = begun(keys)
    life.answer("2", 1)
    life.commit()
    fork = forked(life, 3)
    fork.answer("2", 1)
    fork.commit()
    original, copy = arguments(life), arguments(fork)
    assert original[0] == copy[0]
    assert original[1] != copy[1]
    assert fork.replay().decide() == ()


def test_11_tokens_of_a_fork_are_its_own_and_arguments_are_not_compared_in_what_it_copied():
    life = begun(keys)
    fork = forked(life, 3)
    asked = fork.execution.leaves[(2,)].command.args[0]
    assert asked.encode() not in arguments(life)[0]
    assert fork.execution.decide() == ()

    def token():
        return (yield open_hook("h")).token

    assert begun(token).result != begun(token, run_id="fork").result


def test_11_a_fork_of_a_fork_has_the_seed_of_each_part():
    life = begun(keys)
    life.answer("2", 1)
    life.commit()
    first = ForkOf("run", 3, SEED)
    fork = forked(life, len(life.log))
    again = execution(keys, events=[evolve(fork.log[0], seed=bytes(16), cause=ForkOf("fork", 5, b"middle", first))])
    assert seed(again.run) == SEED
    again.feed(fork.log[1:4])
    assert seed(again.run) == b"middle"
    again.feed(fork.log[4:])
    again.feed([CommandResolved(1, (3,), Ok(b"1"))])
    assert seed(again.run) == bytes(16)


def test_11_kind_and_name_are_compared_also_in_what_a_fork_has_copied():
    life = begun(keys)

    def changed():
        yield open_hook("h")
        yield a_refund("another step")

    started = evolve(life.log[0], run_id="fork", cause=ForkOf("run", 3, SEED))
    with pytest.raises(Exception, match="at path 2 its log holds"):
        execution(changed, events=[started, *life.log[1:]])


def tells_its_generation():
    yield a_charge(str((yield run_info()).generation))
    yield a_refund()


def test_11_a_retried_run_may_have_passed_on_what_has_changed_with_its_generation():
    life = begun(tells_its_generation)
    life.answer("1", 1)
    life.commit()
    copied = len(life.log)
    again = Life(life.fn)
    cause = RetryOf("run", copied)
    again.append(evolve(life.log[0], run_id="run~2", cause=cause, anew=(copied,)), *life.log[1:])
    again.commit()
    again.answer("2")
    again.commit()
    assert again.run.ended is not None


def test_12_a_retried_run_still_tells_the_generation_that_it_was():
    life = begun(tells_its_generation)
    again = Life(life.fn)
    again.append(evolve(life.log[0], run_id="run~2", cause=RetryOf("run", 1), anew=(1,)))
    again.commit()
    assert arguments(again) == arguments(life)


@pytest.mark.parametrize(
    ("run_id", "anew", "position", "name"),
    [
        ("r", (), 4, "r"),
        ("r~2", (5,), 5, "r"),  # issued by the first, and tried again
        ("r~2", (5,), 6, "r~2"),  # issued since: another command, if it stands at the same path
        ("r~3", (5, 9), 5, "r"),
        ("r~3", (5, 9), 7, "r~2"),
        ("r~3", (5, 9), 10, "r~3"),
        ("r~7", (), 2, "r~7"),  # continued, not retried
        ("fork", (5,), 3, "fork"),  # a fork repeats effects under its own name
        ("fork~2", (5, 8), 3, "fork"),
    ],
)
def test_12_what_was_issued_keeps_its_key_when_a_run_is_retried_and_what_is_new_has_another(
    run_id, anew, position, name
):
    assert issuer(run_id, anew, position) == name
