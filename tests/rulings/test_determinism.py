"""Rulings 4, 14 and 66: what takes a number, what is compared, and what questions answer."""

import random
from uuid import UUID

import pytest

from tests.core.harness import Life, begun
from tests.rulings.steps import Order, a_charge, charge, ship, tag
from yieldflow import gather, hook, now, open_hook, rng, sleep, step, uuid4
from yieldflow.core.asks import StepDefinition
from yieldflow.core.commands import CallStep, Sleep
from yieldflow.core.compare import same_command
from yieldflow.core.events import CommandIssued
from yieldflow.core.times import After
from yieldflow.errors import NonDeterminism

CHARGE = step(charge).definition


def same(recorded, asked, definition=CHARGE):
    codec = Life(lambda: None).codec
    return same_command(recorded, asked, definition, codec)


def called(arguments, name=CHARGE.name):
    return CallStep(name, arguments)


def test_4_a_question_takes_no_number():
    def program():
        yield now()
        yield rng()
        yield uuid4()
        yield open_hook("h")
        yield gather(sleep("1s"), hook("h"))

    assert begun(program).run.issued == {(1,), (2, 1), (2, 2)}


def test_4_a_new_question_is_compatible_with_a_live_run_and_an_old_one_may_go():
    def recorded():
        yield now()
        yield a_charge()

    def changed():
        yield a_charge()
        yield rng()

    life = begun(recorded)
    assert life.replay(fn=changed).decide() == ()
    assert begun(changed).replay(fn=recorded).decide() == ()


def test_4_a_recorded_command_that_is_no_longer_asked_is_found_though_another_one_is_equal():
    """Dropping a command renumbers the rest: the charge must not be made again at path 1."""

    def recorded():
        yield sleep("1s")
        yield a_charge()

    def changed():
        yield a_charge()

    life = begun(recorded)
    life.ring()
    life.commit()
    with pytest.raises(NonDeterminism):
        life.replay(fn=changed).decide()


def test_4_uuid4_asked_twice_differs_and_counts_in_its_own_branch():
    def branch():
        return [str((yield uuid4())), str((yield uuid4()))]

    def program():
        yield now()
        pairs = yield gather(branch(), branch())
        return [*pairs[0], *pairs[1], str((yield uuid4()))]

    def with_another_question():
        yield uuid4_less()
        pairs = yield gather(branch(), branch())
        yield now()
        return [*pairs[0], *pairs[1], str((yield uuid4()))]

    one, other = begun(program).result, begun(with_another_question).result
    assert one == other
    assert len(set(one)) == 5
    assert {UUID(text).version for text in one} == {4}


def uuid4_less():
    return rng()


def test_66_rng_is_a_random_of_its_own_each_time_and_the_same_on_every_replay():
    drawn = []

    def program():
        one = yield rng()
        drawn.append((one.random(), (yield rng()).random()))
        assert type(one) is random.Random

    life = begun(program)
    life.replay()
    assert drawn[0] == drawn[1]
    assert drawn[0][0] != drawn[0][1]
    Life(program).start(seed=bytes(16))
    assert drawn[2] != drawn[0]


def test_14_options_and_times_are_never_compared():
    def recorded():
        yield gather(hook("h", timeout="1s"), step(charge).options(retry=1)("o"))

    def changed():
        yield gather(hook("h", default=1), step(charge).options(retry=9, timeout="1s")("o"))

    assert begun(recorded).replay(fn=changed).decide() == ()


def test_14_the_order_of_keys_and_of_a_set_blocks_no_run():
    definition = step(tag).definition
    assert same(CallStep("t", b'[[["a","b"]],{}]'), CallStep("t", b'[[["a","b"]],{}]'), definition)
    assert same(CallStep("t", b'[[["b","a"]],{}]'), CallStep("t", b'[[["a","b"]],{}]'), definition)
    assert not same(CallStep("t", b'[[["b","c"]],{}]'), CallStep("t", b'[[["a","b"]],{}]'), definition)
    assert same(called(b'[[{"a":1,"b":2}],{}]'), called(b'[[{"b":2,"a":1}],{}]'))


def test_14_a_field_with_a_default_that_was_added_since_blocks_no_run():
    def program():
        yield step(ship, Order("o"))

    life = begun(program)
    (issued,) = [event for event in life.log if isinstance(event, CommandIssued)]
    before = CallStep(issued.command.name, b'[[{"id":"o"}],{}]')
    assert life.replay([life.log[0], CommandIssued(1, (1,), before)]).decide() == ()
    other = CallStep(issued.command.name, b'[[{"id":"p"}],{}]')
    with pytest.raises(NonDeterminism):
        life.replay([life.log[0], CommandIssued(1, (1,), other)])


@pytest.mark.parametrize("arguments", [b'[["other"],{}]', b"[[5],{}]", b'[["o","more"],{}]'])
def test_14_other_arguments_are_another_command(arguments):
    assert not same(called(arguments), called(b'[["o"],{}]'))


def test_14_a_former_name_is_the_same_step():
    renamed = StepDefinition("shop:charge", charge, CHARGE.shape, also_known_as=("old:charge",))
    assert same(CallStep("old:charge", b'[["o"],{}]'), CallStep("shop:charge", b'[["o"],{}]'), renamed)
    assert not same(CallStep("older:charge", b'[["o"],{}]'), CallStep("shop:charge", b'[["o"],{}]'), renamed)


def test_14_a_sleep_is_what_was_asked():
    assert same(Sleep(After(1)), Sleep(After(1)), None)
    assert not same(Sleep(After(1)), Sleep(After(2)), None)
    assert not same(Sleep(After(1)), called(b"[[],{}]"))
