"""What `detection` has found."""

import pytest

from tests.core.harness import begun, state
from tests.core.programs import child
from yieldflow import detach, race, sleep
from yieldflow.core.events import CommandAbandoned, stamped
from yieldflow.core.run import fold
from yieldflow.errors import RunCancelled, RunFailed


def outliving(close: str):
    def program():
        yield race(child(1, "").options(on_parent_close=close), sleep("1h"))
        yield sleep("2h")

    return program


def test_a_child_that_was_started_to_be_cancelled_is_waited_for_whatever_the_code_says_today():
    """What decides is what was recorded when it was started: with today's option the run went on, and could not end."""
    life = begun(outliving("cancel"))
    life.ring()
    life.commit()
    assert isinstance(life.log[-1], CommandAbandoned)
    today = life.replay(fn=outliving("abandon"))
    assert state(today) == state(life.execution)
    assert today.decide() == ()
    fold([*life.log, *(stamped(decision, life.now) for decision in today.decide())])


def test_a_child_that_was_started_to_be_left_alone_is_not_waited_for_whatever_the_code_says_today():
    """With today's option it was: the log's next command was no longer asked, and the run blocked."""
    life = begun(outliving("abandon"))
    life.ring()
    life.commit()
    assert life.open() == {"2": "sleep"}
    assert life.replay(fn=outliving("cancel")).decide() == ()


def told_the_id(run_id: str, *, detached: bool):
    def program():
        call = child(1, "").options(run_id=run_id)
        try:
            yield detach(call) if detached else call
        except (RunFailed, RunCancelled, ValueError) as error:
            yield sleep(int(str(getattr(error.__cause__, "run_id", "0"))))

    return program


@pytest.mark.parametrize("detached", [True, False])
def test_a_failed_child_is_called_by_the_id_that_it_was_started_with(detached: bool):
    life = begun(told_the_id("7", detached=detached))
    life.fail("1", ValueError("no"))
    life.commit()
    assert life.open() == {"2": "sleep"}
    assert life.replay(fn=told_the_id("9", detached=detached)).decide() == ()
