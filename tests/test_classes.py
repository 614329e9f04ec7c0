"""Steps and workflows written as classes do what decorated functions do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from yieldflow import App, BadDefinition, Flow, Retry, gather, hook
from yieldflow.authoring.registry import DEFAULT
from yieldflow.classes import Step, Workflow
from yieldflow.testing import rehearse


class CreateGreeting(Step):
    retry = 5
    timeout = "30s"
    queue = "greetings"

    def execute(self, name: str, *, loud: bool = False) -> str:
        return self.shown(name).upper() if loud else self.shown(name)

    def shown(self, name: str) -> str:
        return f"Hello, {name}!"


class Fetch(Step):
    name = "shop:fetch"
    also_known_as = "shop:get"

    async def execute(self, urls: tuple[str, ...]) -> tuple[str, ...]:
        await asyncio.sleep(0)
        return urls


class Flaky(Step):
    retry = Retry(attempts=2, delay="1ms", jitter=0)
    tries = 0

    def execute(self) -> int:
        type(self).tries += 1
        if type(self).tries < 2:
            raise ValueError("again")
        return type(self).tries


class Greet(Workflow):
    version = "2"

    def run(self, name: str) -> Flow[tuple[str, str]]:
        quiet, loud = yield from gather(CreateGreeting()(name), CreateGreeting()(name, loud=True))
        return quiet, loud


class Family(Workflow):
    queue = "families"
    timeout = "1h"

    def run(self, names: list[str]) -> Flow[int]:
        self.greeted = 0  # of this execution alone
        for name in names:
            yield from Greet()(name)
            self.greeted += 1
        urls = yield from Fetch()(("a", "b"))
        assert isinstance(urls, tuple)
        return self.greeted + (yield from Flaky()())


@pytest.fixture
def app() -> Iterator[App]:
    app = App("memory:")
    yield app
    app.close()


def test_a_workflow_of_classes_runs(app: App):
    assert app.run(Greet()("Ada")) == ("Hello, Ada!", "HELLO, ADA!")
    assert app.start(Greet()("Bo")).result(timeout=10) == ("Hello, Bo!", "HELLO, BO!")


def test_children_async_steps_retries_and_objects_of_ones_own(app: App):
    Flaky.tries = 0
    assert app.run(Family()(["Ada", "Bo"]), run_id="f") == 4
    assert app.run(Family()([]), run_id="g") == 3
    started = app.get("f").history()[0]
    assert (started.queue, started.deadline - started.at) == ("families", 3_600_000)


def test_options_are_attributes_of_the_class():
    definition = DEFAULT.step("tests.test_classes:CreateGreeting")
    assert definition is not None
    assert (definition.retry.attempts, definition.options.timeout, definition.options.queue) == (5, 30_000, "greetings")
    assert DEFAULT.step("shop:fetch") is DEFAULT.step("shop:get") is not None
    assert DEFAULT.workflow("tests.test_classes:Greet").version == "2"


def test_a_subclass_inherits_what_is_not_a_name():
    class FetchAgain(Fetch):
        retry = 1

    class FetchSlowly(FetchAgain):
        timeout = "1h"

    definition = FetchSlowly()(("a",)).definition
    assert (definition.name.rpartition(".")[2], definition.also_known_as) == ("FetchSlowly", ())
    assert (definition.retry.attempts, definition.options.timeout) == (1, 3_600_000)


def test_a_call_is_a_value_with_the_name_of_the_class():
    assert repr(CreateGreeting()("Ada", loud=True)) == "CreateGreeting('Ada', loud=True)"
    assert CreateGreeting()("Ada") == CreateGreeting()(name="Ada")
    assert repr(Greet()("Ada")) == "Greet('Ada')"
    with pytest.raises(TypeError, match=r"CreateGreeting\(\): missing a required argument: 'name'"):
        CreateGreeting()()
    with pytest.raises(TypeError, match=r"Greet\(\): got an unexpected keyword argument 'age'"):
        Greet()("Ada", age=3)


def test_a_program_is_rehearsed():
    script = [(CreateGreeting()("Ada"), "hi"), (CreateGreeting()("Ada", loud=True), "HI")]
    assert rehearse(Greet()("Ada"), script) == ("hi", "HI")


def test_a_constructor_that_takes_something_is_refused():
    with pytest.raises(BadDefinition, match=r"Charge takes nothing when it is made.*Charge\(\)\(\.\.\.\)"):

        class Charge(Step):
            def __init__(self, cents: int) -> None:
                self.cents = cents

            def execute(self) -> int:
                return self.cents

    with pytest.raises(TypeError, match="Greet takes nothing when it is made"):
        Greet("Ada")
    with pytest.raises(TypeError, match="Greet takes nothing when it is made"):
        Greet(name="Ada")


def test_a_constructor_without_arguments_is_fine(app: App):
    class Prepared(Step):
        def __init__(self) -> None:
            self.prefix = "Dr. "

        def execute(self, name: str) -> str:
            return self.prefix + name

    class Addressed(Workflow):
        def run(self, name: str) -> Flow[str]:
            return (yield from Prepared()(name))

    assert app.run(Addressed()("Ada")) == "Dr. Ada"


def test_what_decorators_refuse_is_refused():
    with pytest.raises(BadDefinition, match="is a generator, which cannot be a step"):

        class Many(Step):
            def execute(self):
                yield 1

    with pytest.raises(BadDefinition, match="Silent yields nothing"):

        class Silent(Workflow):
            def run(self):
                return 1

    with pytest.raises(BadDefinition, match="Waits is async"):

        class Waits(Workflow):
            async def run(self):
                return 1

    with pytest.raises(BadDefinition, match=r"Static\.execute must be a plain method"):

        class Static(Step):
            @staticmethod
            def execute():
                return 1

    with pytest.raises(BadDefinition, match="is never yielded"):

        class Forgets(Workflow):
            def run(self):
                hook("approval")
                yield hook("other")


def test_a_class_without_a_method_is_a_base_for_others():
    class Urgent(Step):
        retry = 1

    class Page(Urgent):
        def execute(self) -> int:
            return 1

    assert Page()().definition.retry.attempts == 1
    with pytest.raises(BadDefinition, match=r"Urgent has no execute\(\)"):
        Urgent()()


def test_a_class_defined_again_replaces_the_former():
    def define(answer: int) -> type[Step]:
        class Cell(Step):
            def execute(self) -> int:
                return answer

        return Cell

    define(1)
    again = define(2)
    name = "tests.test_classes:test_a_class_defined_again_replaces_the_former.<locals>.define.<locals>.Cell"
    assert DEFAULT.step(name).fn() == 2
    assert again()().definition.fn() == 2


def test_an_object_inside_a_step_calls_nothing_by_itself(app: App):
    class Outer(Step):
        retry = 1

        def execute(self) -> str:
            return CreateGreeting()("Ada")

    class Nested(Workflow):
        def run(self) -> Flow[str]:
            return (yield from Outer()())

    with pytest.raises(Exception, match="Nested") as failed:
        app.run(Nested()())
    assert "inside a step call" in str(failed.value.__cause__)
