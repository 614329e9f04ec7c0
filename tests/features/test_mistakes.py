"""What cannot be meant: each is refused where it is made, or blocks the run and says what to write instead."""

from __future__ import annotations

import sys

import pytest

from tests.features.moments import SOON, failure, until_it_is, until_it_waits, why_blocked
from tests.features.shop import GO, add, listening, note, ordered
from yieldflow import (
    App,
    BadDefinition,
    Flow,
    RunBlocked,
    RunCancelled,
    UnknownRun,
    continue_as_new,
    detach,
    gather,
    get_data,
    hook,
    open_hook,
    patched,
    race,
    send,
    set_data,
    shield,
    sleep,
    spawn,
    step,
    timeout,
    until,
    workflow,
)
from yieldflow.errors import UsageError

NEVER = hook("never")

# --- at the call ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: race(), ValueError, "a race of nothing has no winner"),
        (lambda: gather(add(1, 1), limit=0), ValueError, "limit=0 must be a whole number from 1"),
        (lambda: gather(add(1, 1), limit=True), ValueError, "limit=True must be a whole number from 1"),
        (lambda: timeout(GO, "soon"), ValueError, "soon"),
        (lambda: timeout(GO, -1), ValueError, "-1"),
        (lambda: GO.options(timeout="soon"), ValueError, "soon"),
        (lambda: hook(""), ValueError, "cannot be the name of a hook"),
        (lambda: open_hook("line\nfeed"), ValueError, "cannot be the name of a hook"),
        (lambda: send("r", "", 1), ValueError, "cannot be the name of a hook"),
        (lambda: send("", "go", 1), ValueError, "cannot be a run id"),
        (lambda: send(5, "go", 1), ValueError, "cannot be a run id"),
        (lambda: patched(""), ValueError, "cannot be a change id"),
        (lambda: set_data("", 1), ValueError, "cannot be a key"),
        (lambda: until(add(1, 1)), TypeError, "until.. takes a function"),
        (lambda: until(True), TypeError, "until.. takes a function"),
        (lambda: detach(add(1, 1)), TypeError, "detach.. takes the call of a workflow"),
        (lambda: detach(listening), TypeError, "detach.. takes the call of a workflow"),
        (lambda: continue_as_new(add(1, 1)), TypeError, "continue_as_new.. takes the call of a workflow"),
        (lambda: listening().options(run_id="a~2"), ValueError, "cannot be a run id"),
        (lambda: listening().options(on_parent_close="ignore"), ValueError, "must be 'cancel' or 'abandon'"),
        (lambda: listening().options(timeout=0), ValueError, "leaves no time at all"),
        (lambda: listening().options(tags={"n": 1}), TypeError, "tags map texts to texts"),
        (lambda: listening().options(queue=" "), ValueError, "must be a name"),
        (lambda: add(1), TypeError, "missing a required argument"),
        (lambda: add(1, 2, 3), TypeError, "too many positional arguments"),
        (lambda: ordered("o"), TypeError, "missing a required argument"),
        (lambda: add(1, 2).options(timeout=0), ValueError, "leaves no time at all"),
        (lambda: add(1, 2).options(retry=0), ValueError, "attempts"),
        (lambda: step(len).options(queue="gpu"), TypeError, "queue= needs @step"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_the_command_is_made(make, error, said):
    with pytest.raises(error, match=said):
        make()


# --- where it is yielded --------------------------------------------------------------------------------------


def helper() -> Flow[int]:
    return (yield from add(1, 1))


async def coroutine() -> int:
    return 1


UNAWAITED = coroutine()
UNAWAITED.close()


@pytest.mark.parametrize(
    ("make", "meant"),
    [
        (helper, "write `yield from helper"),
        (lambda: 42, "42 (int)"),
        (lambda: None, "None (NoneType)"),
        (lambda: UNAWAITED, "make that function a step"),
        (lambda: plain, "yield step(plain, …)"),
        (lambda: [add(1, 1), add(2, 2)], "with the star"),
        (lambda: gather(add(1, 1), 42), "42 (int)"),
        (lambda: gather(helper), "helper"),
        (lambda: race(add, GO), "add"),
        (lambda: spawn(None), "None"),
        (lambda: shield("text"), "text"),
        (lambda: timeout(7, "1h"), "7"),
        (lambda: add, "call it"),
        (lambda: listening, "call it"),
    ],
    ids=[
        *("generator", "value", "none", "coroutine", "function", "list", "gathered value", "gathered function"),
        *("raced step", "spawned none", "shielded text", "timed value", "step not called", "workflow not called"),
    ],
)
def test_what_is_no_command_blocks_the_run_and_says_what_was_meant(app: App, make, meant):
    @workflow
    def mistaken() -> Flow[None]:
        try:
            yield make()  # yieldflow: ok
        except Exception:  # the program cannot catch it
            yield note("caught")

    handle = app.start(mistaken())
    said = why_blocked(handle)
    assert meant in said
    assert "test_mistakes.py" in said
    assert len(handle.history()) == 1
    if app.embedded:
        with pytest.raises(RunBlocked, match="not a command"):
            handle.result(timeout=SOON)


def plain() -> int:
    return 1


@workflow
def asks_a_generator_twice() -> Flow[object]:
    once = helper()
    return (yield gather(once, once))


def test_one_generator_cannot_be_two_branches(app: App):
    assert "helper" in why_blocked(app.start(asks_a_generator_twice()))


@workflow
def passes_a_command() -> Flow[object]:
    return (yield note(add(1, 1)))  # type: ignore[arg-type] - the mistake


def test_a_command_is_not_a_value(app: App):
    assert "was `yield` forgotten" in why_blocked(app.start(passes_a_command()))


@workflow
def two_types() -> Flow[list[object]]:
    found = [(yield hook("h", int))]
    try:
        yield hook("h", str)
    except ValueError as error:
        found.append(str(error))
    found.append((yield open_hook("h", int)).name)
    try:
        yield open_hook("h")
    except ValueError as error:
        found.append(type(error).__name__)
    return found


def test_two_types_for_one_hook_are_an_error_at_that_line(app: App):
    handle = app.start(two_types())
    handle.send("h", 1)
    first, said, name, again = handle.result(timeout=SOON)
    assert (first, name, again) == (1, "h", "ValueError")
    assert said.startswith("hook 'h' was opened with the type")


@pytest.mark.parametrize("verb", [hook, open_hook])
def test_a_hook_of_a_type_that_is_only_a_text_is_refused_at_the_call(verb):
    with pytest.raises(TypeError, match="'Order' is a text, not a type"):
        verb("h", "Order")


@workflow
def ignores_its_closing() -> Flow[str]:
    ignored = 0
    while True:
        try:
            return (yield from GO)
        except GeneratorExit:
            ignored += 1
            if ignored == 50:  # one that never ends is kept for good: ruling 63
                raise


def test_a_generator_that_ignores_its_closing_is_let_go_and_the_run_goes_on(app: App, monkeypatch):
    raised = []
    monkeypatch.setattr(sys, "unraisablehook", raised.append)
    handle = app.start(ignores_its_closing())
    until_it_waits(handle, "go")
    app.runtime.cache.clear()
    handle.send(GO, "on")
    assert handle.result(timeout=SOON) == "on"
    assert raised == []


@workflow
def keeps_what_it_cannot() -> Flow[None]:
    yield set_data("thing", object())


def test_data_that_cannot_be_stored_blocks_and_names_the_key(app: App):
    handle = app.start(keeps_what_it_cannot())
    assert "set_data('thing')" in why_blocked(handle)
    assert handle.data() == {}


@workflow
def awaits_the_task_of_another_run() -> Flow[object]:
    return (yield STOLEN[0])


@workflow
def lends_its_task() -> Flow[str]:
    STOLEN.append((yield spawn(note("mine"))))
    return (yield from GO)


STOLEN: list[object] = []


def test_the_task_of_another_run_is_no_task_of_this_one(app: App):
    """A `Task` is a place in the program of its own run; in another it names nothing there."""
    STOLEN.clear()
    lender = app.start(lends_its_task())
    until_it_waits(lender, "go")
    thief = app.start(awaits_the_task_of_another_run())
    assert "task" in why_blocked(thief)
    lender.send(GO, "x")
    assert lender.result(timeout=SOON) == "x"


@workflow
def never_ends() -> Flow[None]:
    while True:
        yield get_data("nothing")


def test_a_program_that_never_waits_is_stopped(app: App):
    assert "without waiting for anything" in why_blocked(app.start(never_ends()))


# --- from outside ---------------------------------------------------------------------------------------------


def test_what_is_no_call_of_a_workflow_is_not_started(app: App):
    for wrong in (add(1, 1), listening, helper, "listening", None):
        with pytest.raises(UsageError, match="takes the call of a workflow"):
            app.start(wrong)
    assert app.runs().runs == ()


def test_a_child_is_no_place_to_reach_its_parent_by_a_made_up_id(app: App):
    for run_id in ("nobody~1.1", "r~2", "~", ""):
        with pytest.raises(UnknownRun):
            app.get(run_id)


@workflow
def outlives() -> Flow[str]:
    try:
        yield sleep("1h")
    finally:
        yield note("tidy")
    return "never"


def test_a_cancelled_run_is_cancelled_once_however_many_ask(app: App):
    handle = app.start(outlives())
    for reason in ("first", "second", "third"):
        try:
            handle.cancel(reason)
        except UsageError:  # it has ended meanwhile
            break
    with pytest.raises(RunCancelled) as cancelled:
        handle.result(timeout=SOON)
    assert cancelled.value.reason == "first"


# --- in the source --------------------------------------------------------------------------------------------


def test_a_forgotten_yield_is_found_when_the_workflow_is_defined():
    for forgotten in ("step", "verb", "helper", "tail call"):
        with pytest.raises(BadDefinition, match="yield"):
            _define(forgotten)


def _define(what: str):
    match what:
        case "step":

            @workflow
            def forgets_a_step() -> Flow[None]:
                add(1, 1)
                yield GO

        case "verb":

            @workflow
            def forgets_a_verb() -> Flow[None]:
                sleep("1h")
                yield GO

        case "helper":

            @workflow
            def forgets_a_helper() -> Flow[None]:
                helper()
                yield GO

        case _:

            @workflow
            def forgets_a_tail_call() -> Flow[None]:
                yield GO
                continue_as_new()


def test_what_is_no_generator_function_is_no_workflow():
    def returns() -> int:
        return 1

    async def is_async() -> int:
        return 1

    for wrong in (returns, is_async, add, listening, 5, _Class.method):
        with pytest.raises(BadDefinition):
            workflow(wrong)


class _Class:
    def method(self) -> Flow[None]:
        yield GO


def test_a_failed_run_says_where(app: App):
    @workflow
    def stumbles() -> Flow[None]:
        yield add(1, 1)
        raise LookupError("a bug")

    handle = app.start(stumbles())
    assert isinstance(failure(handle), LookupError)
    until_it_is(handle, "failed")
