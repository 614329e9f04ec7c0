"""Leaves have their turn one after the other, and what is interrupted for good stays so."""

import pytest

from tests.core.harness import begun
from tests.core.programs import number
from yieldflow import hook, now, race, sleep, step
from yieldflow.core.closing import let_go


def test_a_question_that_lost_before_its_turn_is_not_answered():
    def program():
        yield sleep("1s")
        return (yield race(hook("h"), now()))

    life = begun(program)
    life.send("h", 5)
    life.ring()
    life.commit()
    assert life.result == (0, 5)


def test_ctrl_c_while_a_generator_is_let_go_is_not_swallowed():
    def program():
        try:
            yield step(number, 1, "")
        finally:
            raise KeyboardInterrupt

    generator = program()
    next(generator)
    with pytest.raises(KeyboardInterrupt):
        let_go(generator)
