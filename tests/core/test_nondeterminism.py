"""A program that changed under its run is found before anything is written, and told with its line."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.core.harness import begun, replays
from tests.core.performing import perform
from tests.core.programs import Body, Fail, Group, Nap, Open, Question, Step, Trace, Wait, child, number
from tests.core.schedules import live, lives, program_of
from yieldflow import detach, gather, hook, now, open_hook, race, rng, sleep, step, uuid4
from yieldflow.core.events import CommandIssued, RunFinished
from yieldflow.errors import NonDeterminism

MANY = settings(
    max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def ask(label: int) -> Any:
    return step(number, label, "")


def recorded():
    yield ask(1)
    yield gather(ask(2), sleep("1h"))
    yield hook("h")


def other(label: int, seen: str) -> int: ...


def swapped():
    yield gather(ask(2), sleep("1h"))
    yield ask(1)
    yield hook("h")


def deleted():
    yield ask(1)
    yield hook("h")


def inserted():
    yield ask(1)
    yield ask(3)
    yield gather(ask(2), sleep("1h"))
    yield hook("h")


def renamed():
    yield ask(1)
    yield gather(step(other, 2, ""), sleep("1h"))
    yield hook("h")


def with_other_arguments():
    yield ask(1)
    yield gather(ask(7), sleep("1h"))
    yield hook("h")


def with_another_sleep():
    yield ask(1)
    yield gather(ask(2), sleep("2h"))
    yield hook("h")


def with_swapped_branches():
    yield ask(1)
    yield gather(sleep("1h"), ask(2))
    yield hook("h")


def with_another_hook():
    yield ask(1)
    yield gather(ask(2), sleep("1h"))
    yield hook("g")


def that_only_opens_it():
    yield ask(1)
    yield gather(ask(2), sleep("1h"))
    yield open_hook("h")


def without_its_end():
    yield ask(1)


def without_a_branch():
    yield ask(1)
    yield gather(ask(2))
    yield hook("h")


CHANGES = {
    swapped: ("1", "number(1, '')", "it is no longer asked"),
    deleted: ("2.1", "number(2, '')", "it is no longer asked"),
    inserted: ("2.1", "number(2, '')", "it is no longer asked"),
    renamed: ("2.1", "number(2, '')", "other(2, '')"),
    with_other_arguments: ("2.1", "number(2, '')", "number(7, '')"),
    with_another_sleep: ("2.2", "sleep('1h')", "sleep('2h')"),
    with_swapped_branches: ("2.1", "number(2, '')", "sleep('1h')"),
    with_another_hook: ("3", "hook('h')", "hook('g')"),
    that_only_opens_it: ("3", "hook('h')", "open_hook('h')"),
    without_its_end: ("2.1", "number(2, '')", "it is no longer asked"),
    without_a_branch: ("2.2", "sleep('1h')", "it is no longer asked"),
}


def lived():
    life = begun(recorded)
    life.answer("1", 1)
    life.commit()
    life.answer("2.1", 2)
    life.ring()
    life.commit()
    assert life.open() == {"3": "receive"}
    return life


@pytest.mark.parametrize("changed", CHANGES, ids=lambda changed: changed.__name__)
def test_a_change_is_found_before_anything_is_written(changed):
    path, was, now_asked = CHANGES[changed]
    with pytest.raises(NonDeterminism) as caught:
        lived().replay(fn=changed).decide()
    assert caught.value.path == path
    for part in (
        "workflow shop:checkout has changed",
        f"at path {path} ",
        f"recorded: {was}",
        f"asked:    {now_asked}",
    ):
        assert part in str(caught.value)


def test_the_message_names_the_line_that_asks():
    with pytest.raises(NonDeterminism, match=rf"{__file__}:\d+ in with_other_arguments") as caught:
        lived().replay(fn=with_other_arguments)
    assert "revert the change" in str(caught.value)


def test_a_change_in_a_branch_names_the_line_in_the_branch():
    def branch(label):
        yield ask(label)

    def program(label=1):
        yield gather(sleep("1h"), branch(label))

    def changed():
        yield from program(2)

    with pytest.raises(NonDeterminism, match=rf"{__file__}:\d+ in .*branch"):
        begun(program).replay(fn=changed)


def test_a_program_that_ends_early_is_told_where_it_ended():
    with pytest.raises(NonDeterminism, match="the end of shop:checkout"):
        lived().replay(fn=without_its_end).decide()


def test_what_was_recorded_before_it_is_asked_is_a_change_too():
    """The log issued 2 at once, the program asks it only after 1 is answered."""

    def together():
        yield gather(sleep("1h"), ask(1))

    def one_by_one():
        yield gather(nap_then_ask())

    def nap_then_ask():
        yield sleep("1h")
        yield ask(1)

    life = begun(one_by_one)
    life.ring()
    life.commit()
    early = [life.log[0], *(event for event in life.log if isinstance(event, CommandIssued)), life.log[2]]
    with pytest.raises(NonDeterminism, match="only now, later than recorded"):
        life.replay(early)
    assert begun(together).replay().decide() == ()


def test_a_run_that_ended_does_not_go_on():
    def program():
        yield ask(1)

    def longer():
        yield ask(1)
        yield ask(2)

    life = begun(program)
    life.answer("1", 1)
    life.commit()
    with pytest.raises(NonDeterminism, match=r"recorded: the run ended\n  asked:    it goes on"):
        life.replay(fn=longer)


def test_a_run_that_ended_says_first_what_it_no_longer_asks():
    def shorter():
        yield sleep("2h")

    life = lived()
    life.send("h")
    life.commit()
    assert isinstance(life.log[-1], RunFinished)
    with pytest.raises(NonDeterminism) as caught:
        life.replay(fn=shorter)
    assert caught.value.path == "1"


def test_another_payload_than_the_recorded_one_is_a_change():
    def takes_numbers():
        yield hook("h", int)
        yield sleep("1h")

    def takes_anything():
        yield hook("h")
        yield sleep("1h")

    life = begun(takes_numbers)
    life.send("h", "no number")
    life.send("h", 1)
    life.commit()
    with pytest.raises(NonDeterminism, match=r"recorded: the payload at position 4\n  asked:    that at 3"):
        life.replay(fn=takes_anything)


# --- random programs, one command changed ------------------------------------------------------------------


def changed_leaf(leaf):
    """Another command of its kind: with other arguments, another duration, another name."""
    match leaf:
        case Step(label=label):
            return evolve(leaf, label=label + 1)
        case Nap(seconds):
            return Nap(seconds + 1)
        case Wait(hook=name) | Open(hook=name):
            return evolve(leaf, hook={"anything": "flag", "flag": "list", "list": "anything"}[name])
    raise AssertionError(leaf)


def first_leaf(body):
    """The index of a command of the workflow itself that everything has to pass."""
    return next((index for index, op in enumerate(body.ops) if isinstance(op, Step | Nap | Wait | Open)), None)


@MANY
@given(lives())
@replays
def test_a_changed_command_of_a_random_program_is_found(life):
    body, schedule = life
    index = first_leaf(body)
    assume(index is not None)
    play = live(body, schedule)
    numbered = [isinstance(op, Step | Nap | Wait | Open | Group) for op in body.ops[:index]]
    path = 1 + sum(numbered)
    plain = all(takes or isinstance(op, Question | Fail) for takes, op in zip(numbered, body.ops, strict=False))
    assume(plain and (path,) in play.life.run.issued)
    ops = list(body.ops)
    ops[index] = changed_leaf(ops[index])
    changed = program_of(Body(tuple(ops)), Trace())
    with pytest.raises(NonDeterminism):
        play.life.replay(fn=changed).decide()


@MANY
@given(lives(), st.sampled_from(["now", "rng", "uuid4"]))
@replays
def test_a_question_at_the_beginning_of_a_random_program_is_no_change(life, kind):
    body, schedule = life
    assume(kind == "now" or repr(Question(kind)) not in repr(body))  # it would be the first of its kind
    play = live(body, schedule)

    def asks_first():
        yield {"now": now, "rng": rng, "uuid4": uuid4}[kind]()
        return (yield from perform(body, Trace()))

    assert play.life.replay(fn=asks_first).decide() == ()


@MANY
@given(lives())
@replays
def test_no_alarm_is_raised_on_unchanged_code(life):
    play = live(*life)
    assert play.replay(play.life.log).decide() == ()


def test_a_race_that_was_decided_may_get_another_branch():
    def program():
        yield race(ask(1), sleep("1h"))
        yield sleep("2h")

    def wider():
        yield race(ask(1), sleep("1h"), ask(3))
        yield sleep("2h")

    life = begun(program)
    life.answer("1.1", 1)
    life.commit()
    assert life.replay(fn=wider).decide() == ()


def test_a_child_that_is_detached_now_is_another_command():
    def asked():
        yield child(1, "")

    def today():
        yield detach(child(1, ""))

    life = begun(asked)
    with pytest.raises(NonDeterminism, match="detach"):
        life.replay(fn=today).decide()
