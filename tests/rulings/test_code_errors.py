"""Rulings 17, 18, 38, 45, 63: what the code gets wrong blocks the run, is told with its line and never written."""

import gc
import warnings

import pytest

from tests.core.harness import Life, begun
from tests.rulings.steps import Order, a_charge, charge, ship
from yieldflow import gather, hook, now, race, send, set_data, sleep, spawn, step, timeout, workflow
from yieldflow.core.asks import Command
from yieldflow.core.closing import let_go
from yieldflow.errors import BrokenProgram, NotACommand, Unencodable

HERE = r"test_code_errors.py:\d+ in test_.*program"


def helper():
    yield sleep("1s")


async def coroutine(): ...


@workflow(name="rulings:child")
def child():
    yield sleep("1s")


class Strange(Command):
    def __repr__(self):
        return "strange()"


def charged(items: list[int]) -> int: ...
def optional(a: int = 1, *rest: int, b: int = 2, **more: int) -> int: ...


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: 42, r"yielded 42 \(int\), which is not a command; yield a command, such as"),
        (lambda: "x" * 100, r"yielded 'x{79}… \(str\)"),
        (lambda: helper(), r"the generator helper\(\).*write `yield from helper\(…\)`"),
        (lambda: coroutine, r"call it, or make it a step: `yield step\(coroutine, …\)`"),
        (lambda: step(charge), r"the step charge without its arguments.*call it: `yield charge\(order\)`"),
        (lambda: child, r"an object of the type Workflow.*call it"),
        (lambda: spawn(5), r"yielded 5 \(int\)"),
        (lambda: timeout(child, "1s"), r"an object of the type Workflow.*call it"),
        (lambda: spawn(helper), r"call it, or make it a step: `yield step\(helper, …\)`"),
        (lambda: Strange(), r"strange\(\).*this command is not known here"),
        (lambda: gather(helper(), 5), r"yielded 5 \(int\)"),
    ],
)
def test_18_what_is_no_command_is_told_with_its_line_and_what_was_meant(make, said):
    def program():
        try:
            yield make()
        except Exception:
            yield sleep("the program never sees it")

    life = Life(program)
    with pytest.raises(NotACommand, match=f"(?s){HERE}: the workflow {'' if said[0] == 'y' else '.*'}{said}"):
        life.start()
    assert life.log == []


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: set_data("k", object()), r"in set_data\('k'\), value is an object"),
        (lambda: send("run", "h", {"a": object()}), r"in the payload for hook 'h', value.*a.* is an object"),
        (lambda: send("run", hook("h", int), "no number"), r"in the payload for hook 'h', value is a str"),
    ],
)
def test_38_what_cannot_be_stored_blocks_and_names_the_line_and_the_verb(make, said):
    def program():
        yield make()

    with pytest.raises(Unencodable, match=f"(?s){HERE}.*: {said}"):
        begun(program)


def test_18_a_coroutine_is_no_command():
    made = coroutine()

    def program():
        yield made

    with pytest.raises(NotACommand, match="a workflow is a plain generator: make that function a step"):
        begun(program)
    made.close()


@pytest.mark.parametrize("error", [RecursionError("deep"), MemoryError(), ImportError("gone"), SyntaxError("bad")])
def test_18_what_the_code_breaks_by_itself_blocks(error):
    def program():
        yield a_charge()
        raise error

    life = begun(program)
    with pytest.raises(BrokenProgram, match=rf"{__file__}:\d+: {type(error).__name__}: .*a fixed deploy"):
        life.answer("1", 1)


def test_18_the_same_errors_of_a_step_are_the_runs():
    def program():
        yield a_charge()

    life = begun(program)
    life.fail("1", ImportError("gone"))
    life.commit()
    assert life.outcome.failure.names[0] == "builtins:ImportError"


def test_18_an_ordinary_exception_is_the_runs_outcome():
    def program():
        yield a_charge()
        raise TypeError("renamed argument")

    life = begun(program)
    life.answer("1", 1)
    life.commit()
    assert life.outcome.failure.message == "renamed argument"


def test_18_a_result_that_cannot_be_encoded_blocks():
    def program():
        yield now()
        return object()

    life = Life(program)
    with pytest.raises(Unencodable):
        life.start().commit()
    assert life.run.ended is None


def test_18_arguments_that_no_longer_fit_block():
    def recorded(order):
        yield sleep("1s")

    def changed():
        yield sleep("1s")

    with pytest.raises(BrokenProgram, match=r"shop:checkout: the run's arguments no longer fit: .*takes 0"):
        begun(recorded, "o").replay(fn=changed)


def test_18_an_interrupt_is_nobodys_outcome():
    def program():
        yield now()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begun(program)


def asks_for_ever():
    while True:
        yield now()


def gathers_for_ever():
    while True:
        yield gather()


@pytest.mark.parametrize("program", [asks_for_ever, gathers_for_ever])
def test_17_a_program_that_only_asks_blocks(program):
    with pytest.raises(BrokenProgram, match=r"it asked 100,001 times without waiting for anything"):
        begun(program)


def test_38_arguments_are_encoded_when_they_are_asked():
    items = [1]

    def program():
        call = step(charged, items)
        items.append(2)
        one = yield gather(call)
        items.append(3)
        yield sleep("1s")
        return one

    life = begun(program)
    assert [pending.issued.command.arguments for pending in life.run.open.values()] == [b"[[[1,2]],{}]"]
    life.answer("1.1", 5)
    assert life.run.open == {}


@pytest.mark.parametrize("forgotten", [a_charge(), step(charge), sleep("1s"), helper(), gather()])
def test_38_a_command_is_not_a_value(forgotten):
    def program():
        yield step(optional, forgotten)

    with pytest.raises(Unencodable, match=f"(?s){HERE}: in the call of .*optional, a.* was `yield` forgotten?"):
        begun(program)


def test_45_an_uncalled_step_is_a_call_only_if_nothing_is_required():
    def program():
        return (yield step(optional))

    life = begun(program)
    life.answer("1", 5)
    life.commit()
    assert life.result == 5


@pytest.mark.parametrize("verb", [gather, race])
def test_45_the_same_generator_asked_twice_is_refused(verb):
    again = "a generator can be asked once: call its function again for a new one"

    def at_once():
        one = helper()
        yield verb(one, one)

    def later():
        one = helper()
        yield verb(one)
        yield verb(one)

    def begun_by_hand():
        one = helper()
        next(one)
        yield verb(one)

    for program in (at_once, begun_by_hand):
        with pytest.raises(NotACommand, match=again):
            begun(program)
    life = begun(later)
    life.now += 1_000
    with pytest.raises(NotACommand, match=again):
        life.ring()


def test_63_a_generator_that_asks_while_it_is_closed_is_closed_all_the_same():
    asked = []

    def program():
        try:
            yield a_charge()
        finally:
            try:
                asked.append("one")
                yield a_charge("dropped")
            finally:
                asked.append("two")
                yield a_charge("dropped too")

    life = begun(program)
    life.execution.close()
    assert asked == ["one", "two"]
    assert life.execution.waiting() == ()


def test_63_one_that_ignores_it_for_ever_is_kept_and_said_once():
    obeys = []

    def ignores():
        while not obeys:
            try:
                yield
            except GeneratorExit:
                continue

    generators = [ignores() for _ in range(2)]
    for generator in generators:
        next(generator)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for generator in generators:
            let_go(generator)
    assert [("would not end" in str(warning.message)) for warning in caught] == [True]
    del generator, generators
    gc.collect()  # deleting one would raise again: pytest would tell
    obeys.append(True)


def test_63_what_fails_while_it_is_closed_is_nobodys():
    def program():
        try:
            yield gather(inner(), inner())
        finally:
            raise ValueError("nobody is left to be told")

    def inner():
        try:
            yield a_charge()
        finally:
            yield a_charge("dropped")

    begun(program).execution.close()


def test_an_error_in_the_arguments_names_the_step_and_the_place():
    def program():
        yield step(ship, Order("o", gift="yes"))

    with pytest.raises(Unencodable, match=r"in the call of tests.rulings.steps:ship, order.*gift"):
        begun(program)


def test_an_execution_without_events_has_nothing_to_say():
    execution = Life(helper).execution
    assert execution.decide() == ()
    assert execution.waiting() == ()
    execution.close()


def test_63_an_interrupt_while_closing_is_nobodys_to_swallow():
    def interrupted():
        try:
            yield
        finally:
            raise KeyboardInterrupt

    generator = interrupted()
    next(generator)
    with pytest.raises(KeyboardInterrupt):
        let_go(generator)
