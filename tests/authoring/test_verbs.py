from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from yieldflow import (
    continue_as_new,
    detach,
    gather,
    get_data,
    hook,
    now,
    open_hook,
    patched,
    race,
    rng,
    send,
    set_data,
    sleep,
    timeout,
    until,
    uuid4,
)
from yieldflow.core.asks import Hook, Question
from yieldflow.core.times import After, At

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("when", ["3 days", 3 * 86_400, 3 * 86_400.0, timedelta(days=3)])
def test_durations_in_every_spelling_are_the_same_wait(when):
    assert sleep(when).end == After(3 * 86_400_000)
    assert hook("a", timeout=when).timeout == when


def test_waits_end_at_an_aware_datetime():
    assert sleep(NOON).end == At(round(NOON.timestamp() * 1_000))


@pytest.mark.parametrize("when", ["soon", "", -1, True, NOON.replace(tzinfo=None), object()], ids=range(6))
def test_what_is_no_end_of_a_wait_is_refused_at_the_call(when):
    for make in (sleep, lambda when: hook("a", timeout=when), Hook("a", "token").receive, hook("a").options):
        with pytest.raises(ValueError):
            make(when) if make is sleep or make.__name__ == "<lambda>" else make(timeout=when)


def test_hook_is_a_value_with_a_type():
    assert hook("approval", bool) == hook("approval", bool)
    assert hook("approval", bool).type is bool
    assert hook("approval").type is Any
    assert repr(hook("approval", bool, timeout="2d", default=None)) == "hook('approval', timeout='2d', default=None)"
    assert open_hook("approval", bool) == open_hook("approval", bool) != open_hook("approval", int)


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb", "a\0b", 3, None], ids=range(6))
def test_names_that_no_hook_can_have_are_refused(name):
    for make in (hook, open_hook):
        with pytest.raises(ValueError, match="1 to 200 printable characters"):
            make(name)


def test_names_of_hooks_may_be_long_and_in_any_script():
    assert hook("x" * 200).hook == "x" * 200
    assert open_hook("Freigabe für 注文 42").name == "Freigabe für 注文 42"


def test_several_asks_are_kept_in_order():
    assert gather(sleep(1), sleep(2)).asks == race(sleep(1), sleep(2)).asks == (sleep(1), sleep(2))
    assert gather(sleep(1), return_exceptions=True).return_exceptions
    assert gather().asks == ()


def test_race_of_nothing_is_refused():
    with pytest.raises(ValueError, match="a race of nothing"):
        race()


def test_questions_say_what_they_ask():
    assert [now(), rng(), uuid4()] == [Question("now"), Question("rng"), Question("uuid4")]


@pytest.mark.parametrize("command", [sleep(1), hook("a"), gather(sleep(1)), race(sleep(1)), now()], ids=repr)
def test_yield_from_a_command_asks_it_and_answers_what_is_sent(command):
    asking = iter(command)
    assert next(asking) is command
    with pytest.raises(StopIteration) as ended:
        asking.send("answer")
    assert ended.value.value == "answer"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: detach(sleep(1)), r"detach\(\) takes the call of a workflow"),
        (lambda: continue_as_new(sleep), r"continue_as_new\(\) takes the call of a workflow"),
        (lambda: until(5), r"until\(\) takes a function"),
    ],
)
def test_what_is_no_call_or_function_is_refused_at_the_call(make, said):
    with pytest.raises(TypeError, match=said):
        make()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: send("", "h", 1), "cannot be a run id"),
        (lambda: send("run", "a\nb", 1), "cannot be the name of a hook"),
        (lambda: set_data("", 1), "cannot be a key"),
        (lambda: get_data(5), "cannot be a key"),
        (lambda: patched("x" * 201), "cannot be a change id"),
        (lambda: timeout(sleep(1), "soon"), "is not a duration"),
        (lambda: gather(sleep(1), limit=0), "must be a whole number from 1"),
    ],
)
def test_names_and_numbers_that_cannot_be_meant_are_refused_at_the_call(make, said):
    with pytest.raises(ValueError, match=said):
        make()
