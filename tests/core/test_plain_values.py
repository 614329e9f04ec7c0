"""The small values of the core: paths, spans of time, the texts of commands, frames."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.harness import begun, state
from tests.core.programs import child, number
from yieldflow import (
    Flow,
    Task,
    continue_as_new,
    detach,
    gather,
    get_data,
    hook,
    now,
    open_hook,
    patched,
    race,
    run_info,
    send,
    set_data,
    shield,
    sleep,
    spawn,
    step,
    timeout,
    until,
)
from yieldflow.codec import JsonCodec
from yieldflow.core.advice import advice
from yieldflow.core.asks import MISSING
from yieldflow.core.chain import chain_of, expect_possible, generation, is_first, predecessor, successor
from yieldflow.core.chain import child as named_child
from yieldflow.core.commands import CallStep, ChildOptions, SetData, Sleep
from yieldflow.core.difference import shown
from yieldflow.core.frames import frames, where
from yieldflow.core.nodes import Continued
from yieldflow.core.path import parse, show
from yieldflow.core.telling import telling
from yieldflow.core.times import After, At, duration, end, ends_at, instant, moment
from yieldflow.core.user_code import resume
from yieldflow.core.values import Parameters
from yieldflow.errors import UnknownRun


@given(st.lists(st.integers(1, 2**32 - 1), max_size=20).map(tuple))
def test_a_path_survives_as_text(path):
    for _ in range(2):  # the second time, a short one is remembered
        assert parse(show(path)) == path
        assert show(path) == ".".join(map(str, path))


@pytest.mark.parametrize("text", ["0", "1.0", "01", "-1", "1.", ".", "1.x", " 1", "+1", "1_0", "\u0661"])
def test_what_show_does_not_write_is_no_path(text):
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize(
    ("said", "millis"),
    [
        ("30s", 30_000),
        ("1h30m", 5_400_000),
        ("3 days", 259_200_000),
        (" 1.5 H  2 sec ", 5_402_000),
        ("2 weeks", 1_209_600_000),
        ("250ms", 250),
        (0, 0),
        (1.5, 1_500),
        (timedelta(minutes=1), 60_000),
        (100 * 365 * 86_400, 100 * 365 * 86_400_000),
    ],
)
def test_a_duration_is_counted_in_milliseconds(said, millis):
    assert duration(said) == millis
    assert end(said) == After(millis)


@pytest.mark.parametrize(
    "said",
    [
        *("", "  ", "soon", "5", "5 fortnights", "1h and 5m", "-5s", -1, True, None, [], b"5s"),
        *(float("nan"), float("inf"), 1e300, timedelta.max, timedelta(-1), 100 * 365 * 86_400 + 1),
    ],
)
def test_anything_else_is_not_a_duration(said):
    with pytest.raises(ValueError, match="not a duration"):
        duration(said)


def test_an_instant_needs_its_time_zone():
    at = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    assert end(at) == At(1_767_323_045_678)
    assert moment(instant(at)) == at
    assert ends_at(At(7), 1_000) == 7
    assert ends_at(After(7), 1_000) == 1_007
    with pytest.raises(ValueError, match="has no time zone"):
        end(at.replace(tzinfo=None))


def test_the_text_of_a_command_is_its_source():
    asks = [step(number, 1, "x"), sleep("3d"), hook("h", int, timeout=5, default=None), open_hook("h"), now()]
    texts = ["number(1, 'x')", "sleep('3d')", "hook('h', timeout=5, default=None)", "open_hook('h')", "now()"]
    assert [repr(ask) for ask in asks] == texts
    assert repr(gather(*asks)) == f"gather({', '.join(texts)})"
    assert repr(race(hook("h"), sleep(1))) == "race(hook('h'), sleep(1))"
    assert repr(MISSING) == "MISSING"


def test_what_a_function_takes_besides_is_known_by_name():
    known = Parameters(("a",), {"a": int}, rest=str, others=bytes)
    assert [known.by_position(0), known.by_position(5), known.by_name("a"), known.by_name("z")] == [
        int,
        str,
        int,
        bytes,
    ]


CALL = child(1, "a")
CASES = {
    "gather(sleep(1), branch(…))": lambda ask: gather(sleep(1), ask),
    "race(sleep(1), branch(…))": lambda ask: race(sleep(1), ask),
    "timeout(branch(…), '1s')": lambda ask: timeout(ask, "1s"),
    "timeout(branch(…), 1, default=None)": lambda ask: timeout(ask, 1, default=None),
    "shield(branch(…))": shield,
    "spawn(branch(…))": spawn,
}


@pytest.mark.parametrize("text", CASES)
def test_a_combinator_says_what_it_asks_without_an_address(text):
    def branch() -> Flow[None]:
        yield sleep(1)

    assert repr(CASES[text](branch())) == text


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (CALL, "child(1, 'a')"),
        (detach(CALL), "detach(child(1, 'a'))"),
        (continue_as_new(), "continue_as_new()"),
        (continue_as_new(CALL), "continue_as_new(child(1, 'a'))"),
        (send("run", "h", 1), "send('run', 'h', 1)"),
        (set_data("k", [1]), "set_data('k', [1])"),
        (get_data("k"), "get_data('k')"),
        (patched("x"), "patched('x')"),
        (run_info(), "run_info()"),
        (Task((1, 2)), "task(1.2)"),
        (Task((1, 2)).cancel(), "task(1.2).cancel()"),
        (until(gather), "until(gather)"),
        (until(partial(len, ())), "until(partial)"),
    ],
)
def test_the_text_of_any_other_command_is_its_source_too(command, text):
    assert repr(command) == text


def test_a_run_id_names_a_chain_and_its_generations():
    assert [chain_of("a"), chain_of("a~3")] == [("a", 1), ("a", 3)]
    assert [generation("a", 1), generation("a", 2), successor("a"), successor("a~2")] == ["a", "a~2", "a~2", "a~3"]
    assert [predecessor("a"), predecessor("a~2"), predecessor("a~3")] == ["", "a", "a~2"]
    assert [is_first("a"), is_first("a~2")] == [True, False]
    assert [named_child("a", (1, 2)), named_child("a~2", (1,))] == ["a~1.1.2", "a~2.1"]


def test_nobody_is_resumed_after_the_end_of_a_log():
    with pytest.raises(AssertionError, match="nobody is resumed"):
        resume(inner(), Continued(continue_as_new()))


def inner() -> Flow[None]:
    waits = "here"
    yield sleep(waits.replace("here", "1s"))


def outer() -> Flow[None]:
    yield from inner()
    yield from sleep("1s")


def test_the_frames_of_a_generator_are_followed_through_yield_from():
    generator = outer()
    next(generator)
    found = frames(generator)
    assert [frame.function for frame in found] == ["outer", "inner"]
    assert found[1].variables == {"waits": "here"}
    assert where(generator) == str(found[1])
    next(generator)
    assert [frame.function for frame in frames(generator)] == ["outer", "Command.__iter__"]
    assert where(generator).endswith("in outer")
    generator.close()
    assert frames(generator) == ()
    assert where(generator) == "the end of outer"


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (CallStep("shop:charge", b'[["o"],{"cents":5}]'), "charge('o', cents=5)"),
        (CallStep("shop:charge", b"no json"), "charge(…)"),
        (SetData("k", b"no json"), "set_data('k', 'no json')"),
        (Sleep(At(0)), "sleep(1970-01-01 00:00:00 UTC)"),
    ],
)
def test_what_a_log_holds_is_shown_also_where_it_cannot_be_read(command, text):
    assert shown(command, JsonCodec()) == text


def test_nobody_is_told_anything_outside_a_program():
    assert telling() is None


@pytest.mark.parametrize("run_id", ["", "x" * 10_001, "a\nb", None, 7])
def test_what_no_run_is_ever_called_is_unknown_before_any_store_is_asked(run_id):
    with pytest.raises(UnknownRun):
        expect_possible(run_id)
    expect_possible("order-42~2.1")


@pytest.mark.parametrize("several", [[1], (1,), {1}])
def test_whoever_asks_several_things_without_a_verb_is_told_of_gather(several):
    assert "with the star" in advice(several)


def test_a_child_that_nobody_waits_for_is_started_as_it_was():
    life = begun(nothing_but_a_wait)
    before = state(life.execution)
    life.execution._leaves.started((9,), ChildOptions(run_id="other"))
    assert state(life.execution) == before


def nothing_but_a_wait():
    yield hook("answer")
