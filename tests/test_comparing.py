"""Where two runs part: the first thing that one asked and the other did not, or that they were told otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import evolve

from yieldflow import App, Flow, gather, hook, race, set_data, sleep, step, workflow
from yieldflow.authoring.registry import DEFAULT, Registry
from yieldflow.comparing import Comparison, NotComparable, compare, compare_with_code
from yieldflow.core.events import Event, RunStarted
from yieldflow.errors import UnknownWorkflow
from yieldflow.ports import Due
from yieldflow.runtime import Runtime

GO = hook("go", str)
FLAKY: list[int] = []


@step
def pack(order: str) -> str:
    return f"{order} packed"


@step
def price(order: str, *, urgent: bool = False) -> int:
    return 900 if urgent else 500


@step(retry=3)
def dice(order: str) -> int:
    FLAKY.append(len(FLAKY))
    if len(FLAKY) % 3:
        raise ValueError("not yet")
    return len(FLAKY)


@workflow
def shop(order: str, *, urgent: bool = False, wraps: bool = False) -> Flow[str]:
    packed, cents = yield from gather(pack(order), price(order, urgent=urgent))
    if wraps:
        yield pack("the wrapping")
    yield set_data("cents", cents)
    said = yield from GO
    return f"{packed}, {cents}, {said}"


@workflow
def rolls() -> Flow[int]:
    return (yield from dice("d"))


@workflow
def races() -> Flow[str]:
    _, first = yield from race(hook("a", str), hook("b", str))
    return (yield from pack(first))


@pytest.fixture
def app():
    FLAKY.clear()
    app = App("memory:")
    yield app
    app.close()


class Unheard:
    """Hints that nobody hears: bodies run one after the other, here and now."""

    def offer(self, run_id: str, queue: str, count: int = 1) -> None: ...
    def offer_each(self, runs: Sequence[Due]) -> None: ...


def tended(app: App, run_id: str) -> None:
    runtime = Runtime(app.store, app.codec, app.registry, None, Unheard())
    for _ in range(3):
        runtime.tend(run_id)
    runtime.pool.stop()


def log(app: App, call, *sent: tuple[object, str], run_id: str) -> tuple[Event, ...]:
    run = app.start(call, run_id=run_id)
    tended(app, run_id)
    for to, payload in sent:
        run.send(to, payload)
        tended(app, run_id)
    return run.history()


def compared(app: App, one: tuple[Event, ...], other: tuple[Event, ...], registry: Registry = DEFAULT) -> Comparison:
    return compare(one, other, registry, app.codec)


def test_runs_that_asked_and_were_told_the_same_do_not_part(app):
    one, other = (log(app, shop("o"), (GO, "yes"), run_id=name) for name in ("a", "b"))
    found = compared(app, one, other)
    assert (found.parting, found.arguments) == (None, None)
    assert [(item.path, item.asked, item.answer) for item in found.shared] == [
        ("1.1", "pack('o')", "'o packed'"),
        ("1.2", "price('o', urgent=False)", "500"),
        ("2", "set_data('cents', 500)", None),
        ("3", "hook('go')", "'yes'"),
    ]


def test_one_that_has_come_further_does_not_part(app):
    one, other = log(app, shop("o"), (GO, "yes"), run_id="a"), log(app, shop("o"), run_id="b")
    assert compared(app, one, other).parting is None
    assert compared(app, other, one).parting is None


def test_other_arguments_of_a_call_are_named_and_so_is_the_line(app):
    one, other = log(app, shop("o"), run_id="a"), log(app, shop("o", urgent=True), run_id="b")
    found = compared(app, one, other)
    assert found.arguments == ("shop('o')", "shop('o', urgent=True)")
    assert (found.parting.what, found.parting.path) == ("asked", "1.2")
    assert found.parting.details == ("urgent: False and True",)
    assert found.parting.line == (__file__, shop.fn.__code__.co_firstlineno + 2)
    assert [item.path for item in found.shared] == ["1.1"]


def test_another_command_at_a_path_is_told_of_both(app):
    one, other = log(app, shop("o"), run_id="a"), log(app, shop("o", wraps=True), run_id="b")
    parting = compared(app, one, other).parting
    assert (parting.path, parting.one, parting.other) == ("2", "set_data('cents', 500)", "pack('the wrapping')")


def test_another_answer_is_told_with_what_was_asked(app):
    FLAKY.extend([0, 0])
    one = log(app, rolls(), run_id="a")
    FLAKY.extend([0, 0])
    other = log(app, rolls(), run_id="b")
    parting = compared(app, one, other).parting
    assert (parting.what, parting.path) == ("answered", "1")
    assert (parting.one, parting.other) == ("dice('d') → 3", "dice('d') → 6")
    assert parting.line == (__file__, rolls.fn.__code__.co_firstlineno + 2)


def test_a_payload_that_differs_is_a_parting_and_so_is_the_end_that_follows_from_it(app):
    one, other = log(app, shop("o"), (GO, "yes"), run_id="a"), log(app, shop("o"), (GO, "no"), run_id="b")
    parting = compared(app, one, other).parting
    assert (parting.one, parting.other) == ("hook 'go' received 'yes'", "hook 'go' received 'no'")


def test_times_workers_attempts_and_pauses_are_no_matter(app):
    one = log(app, shop("o"), run_id="a")
    other = tuple(evolve(event, at=event.at + 9_999) for event in log(app, shop("o"), run_id="b"))
    app.pause("a")
    app.resume("a")
    assert compared(app, app.get("a").history(), other).parting is None
    assert len(app.get("a").history()) > len(one)


def test_schedules_are_compared_like_any_other_run(app):
    hours = {"every hour": 1, "every two": 2}
    for name, number in hours.items():
        app.schedule(rolls(), every=f"{number}h", schedule_id=name)
        tended(app, name)
    found = compared(app, *(app.get(name).history() for name in hours))
    assert (found.parting.what, found.parting.path) == ("asked", "1")
    assert found.parting.one.startswith("ahead({'target': {'workflow': ")
    assert found.parting.details[:2] == (
        "plan.times.rule.Every.span: 3600000 and 7200000",
        "schedule_id: 'every hour' and 'every two'",
    )


def turned(events: Sequence[Event], name: str) -> tuple[Event, ...]:
    """With the first two events of this kind in the other order."""
    first, second, *_ = (place for place, event in enumerate(events) if type(event).__name__ == name)
    found = list(events)
    found[first], found[second] = found[second], found[first]
    return tuple(found)


def test_the_same_answers_in_another_order_are_no_difference(app):
    events = log(app, shop("o"), run_id="a")
    assert compared(app, events, turned(events, "CommandResolved")).parting is None


def test_an_order_that_came_before_a_difference_is_told_with_it(app):
    for run_id, sent in (("a", "ab"), ("b", "ba")):
        run = app.start(races(), run_id=run_id)
        for name in sent:
            run.send(name, name.upper())
        tended(app, run_id)
    one, other = (app.get(run_id).history() for run_id in "ab")
    parting = compared(app, one, other).parting
    assert (parting.what, parting.path, parting.one, parting.other) == ("asked", "2", "pack('A')", "pack('B')")
    assert parting.order == ("hook 'a' received 'A'", "hook 'b' received 'B'")


def test_runs_that_have_asked_what_the_other_has_not_part_at_the_first_such_command(app):
    """Two programs under one name."""

    def first() -> Flow[int]:
        yield from gather(pack("1"), pack("2"), pack("3"))
        yield GO
        return 1

    def second() -> Flow[int]:
        yield from gather(pack("1"), pack("2"))
        yield GO
        yield pack("4")
        return 1

    logs = []
    for run_id, fn in (("first", first), ("second", second)):
        registry = Registry()
        registry.add_step(pack.definition)
        definition = evolve(rolls.definition, fn=fn)
        registry.add_workflow(definition)
        other = App("memory:", registry=registry)
        logs.append(log(other, evolve(rolls(), definition=definition), (GO, "on"), run_id=run_id))
        other.close()
    one, other = logs[0][:-2], logs[1][:-1]  # neither has ended
    parting = compared(app, one, other, Registry()).parting
    assert (parting.what, parting.path) == ("asked", "1.3")
    assert (parting.one, parting.other) == ("pack('3')", "nothing was asked there")
    ended = compared(app, logs[1], logs[0], Registry()).parting
    assert (ended.what, ended.path) == ("ended", "3")


def test_a_run_that_ended_where_the_other_went_on_has_parted(app):
    events = log(app, shop("o"), (GO, "yes"), run_id="a")
    ended = events[-1]
    early = (*events[: next(i for i, e in enumerate(events) if type(e).__name__ == "HookReceived") - 1], ended)
    assert compared(app, early, events).parting.one.startswith("it ended with 'o packed, 500, yes'")
    parting = compared(app, events, early).parting
    assert (parting.what, parting.other) == ("ended", "it ended with 'o packed, 500, yes'")


def test_runs_of_two_workflows_cannot_be_compared(app):
    one, other = log(app, shop("o"), run_id="a"), log(app, races(), run_id="b")
    with pytest.raises(NotComparable, match=r"two workflows, .*:shop and .*:races"):
        compared(app, one, other)


def test_without_the_code_all_but_the_line_and_the_names_of_arguments_is_told(app):
    one, other = log(app, shop("o"), run_id="a"), log(app, shop("o", urgent=True), run_id="b")
    parting = compared(app, one, other, Registry()).parting
    assert (parting.path, parting.line, parting.details) == ("1.2", None, ())
    assert "urgent=True" in parting.other


# --- the code at hand -------------------------------------------------------------------------------------------------


def deployed(fn) -> Registry:
    registry = Registry()
    for known in (pack, price, dice):
        registry.add_step(known.definition)
    registry.add_workflow(evolve(shop.definition, fn=fn))
    return registry


def test_the_code_that_wrote_a_log_does_not_part_from_it(app):
    found = compare_with_code(log(app, shop("o"), run_id="a"), DEFAULT, app.codec)
    assert (found.parting, found.finding) == (None, None)
    assert len(found.shared) == 4


def test_other_code_parts_where_it_asks_something_else(app):
    def changed(order: str, *, urgent: bool = False, wraps: bool = False) -> Flow[str]:
        packed, cents = yield from gather(pack(order), price(order, urgent=urgent))
        yield sleep("1s")
        return f"{packed}, {cents}"

    found = compare_with_code(log(app, shop("o"), run_id="a"), deployed(changed), app.codec)
    assert (found.parting.path, found.parting.one, found.parting.other) == (
        "2",
        "set_data('cents', 500)",
        "sleep('1s')",
    )
    assert found.parting.line == (__file__, changed.__code__.co_firstlineno + 2)
    assert [item.path for item in found.shared] == ["1.1", "1.2"]


def test_a_problem_without_a_place_is_told_as_it_is(app):
    found = compare_with_code(log(app, shop("o"), run_id="a"), Registry(), app.codec)
    assert found.parting is None
    assert isinstance(found.finding.problem, UnknownWorkflow)


def test_every_run_compared_with_itself_does_not_part_and_every_prefix_is_one_that_came_less_far(app):
    events = log(app, shop("o"), (GO, "yes"), run_id="a")
    assert isinstance(events[0], RunStarted)
    for length in range(1, len(events) + 1):
        assert compared(app, events[:length], events).parting is None, length
        assert compared(app, events, events[:length]).parting is None, length
