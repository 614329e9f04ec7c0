"""Rulings 31, 32 and 71: the name is the hook, payloads wait, and what does not fit is skipped."""

import pytest

from tests.core.harness import begun
from yieldflow import gather, hook, open_hook, race, sleep
from yieldflow.core.answers import hook_token, token_hash
from yieldflow.core.events import Take
from yieldflow.core.mail import Mail
from yieldflow.errors import StillSealed, TimedOut


def twice():
    first = yield hook("h", int)
    return first, (yield hook("h", int))


def test_31_the_name_is_the_hook():
    def program():
        one = yield open_hook("h", int)
        two = yield open_hook("h", int)
        assert one == two
        return (yield one), (yield two.receive()), (yield hook("h", int))

    life = begun(program)
    for number in (1, 2, 3):
        life.send("h", number)
    life.commit()
    assert life.result == (1, 2, 3)


@pytest.mark.parametrize("again", [open_hook("h", bool), hook("h", bool), hook("h")])
def test_31_another_type_is_a_mistake_at_that_line(again):
    def program():
        try:
            yield gather(hook("h", int), again)
        except ValueError as error:
            return str(error)

    life = begun(program)
    assert "hook 'h' was opened with the type <class 'int'>" in life.result


def test_31_waiters_are_served_in_the_order_of_asking():
    def later():
        yield sleep("1s")
        return (yield hook("h"))

    def program():
        return (yield gather(later(), hook("h"), hook("h")))

    life = begun(program)
    life.ring()
    life.commit()
    for number in (1, 2, 3):
        life.send("h", number)
    life.commit()
    assert life.result == (3, 1, 2)


def test_31_early_payloads_wait_and_late_ones_stay_for_the_next_wait():
    life = begun(twice)
    life.send("other", "nobody has opened this yet")
    life.send("h", 1)
    life.send("h", 2)
    life.send("h", 3)
    life.commit()
    assert life.result == (1, 2)
    assert [event.payload for event in life.run.unread.values()] == [b'"nobody has opened this yet"', b"3"]


def test_31_an_abandoned_waiter_takes_nothing():
    def program():
        yield race(sleep("1s"), hook("h"), hook("h"))
        return (yield hook("h"))

    life = begun(program)
    life.ring()
    life.send("h", "mine")
    life.commit()
    assert life.result == "mine"


def test_32_what_does_not_fit_is_skipped_stays_in_the_log_and_the_hook_goes_on_waiting():
    life = begun(twice)
    life.send("h", "no number")
    assert life.execution.decide() == ()
    life.send("h", 1)
    assert Take((1,), 4) in life.execution.decide()
    life.send("h", 2)
    life.commit()
    assert life.result == (1, 2)
    assert life.execution.rejected == (3,)
    assert list(life.run.unread) == [3]


def test_71_what_nobody_takes_is_shown_as_unread():
    life = begun(sleeps)
    life.send("h", 1)
    assert list(life.run.unread) == [3]
    assert life.execution.decide() == ()


def sleeps():
    yield sleep("1h")


@pytest.mark.parametrize(
    ("options", "result"),
    [({"default": 7}, 7), ({"default": None}, None), ({}, "nothing came for hook('h', timeout='1s')")],
)
def test_past_the_timeout_the_answer_is_the_default_or_timed_out(options, result):
    def program():
        try:
            return (yield hook("h", int, timeout="1s", **options))
        except TimedOut as error:
            return str(error)

    life = begun(program)
    assert life.ring()
    life.send("h", 1)
    life.commit()
    assert life.result == result


def test_a_hook_waits_as_a_command_of_a_group():
    def program():
        channel = yield open_hook("h", int)
        return (yield race(channel, sleep("1h")))

    life = begun(program)
    life.send("h", 1)
    life.commit()
    assert life.result == (0, 1)


def test_a_token_is_derived_from_the_seed_the_run_and_the_name():
    def program():
        opened = yield open_hook("h")
        return opened.token, opened.url

    token = hook_token(bytes(range(16)), "run", "h")
    assert begun(program).result == (token, None)
    assert begun(program, base_url="https://shop.example/").result == (token, f"https://shop.example/hooks/{token}")
    others = [
        hook_token(bytes(16), "run", "h"),
        hook_token(bytes(range(16)), "r", "h"),
        hook_token(bytes(16), "run", ""),
    ]
    assert len({token, *others}) == 4
    assert len(token) == 43
    assert token_hash(token) not in {token_hash(other) for other in others}


def test_32_what_another_codec_has_sealed_is_not_skipped():
    """Nothing is wrong with it: who has the key would take it."""

    def sealed(waiter, payload):
        raise StillSealed("value", "a number", "it is sealed")

    mail = Mail(sealed)
    mail.put("h", 1, b"...")
    mail.wait("h", "somebody")
    with pytest.raises(StillSealed):
        list(mail.deliver("h"))
    assert mail.rejected == []
