"""What authors write who like classes. Both type checkers accept every line but the marked ones."""

from __future__ import annotations

from typing import assert_type

from use_app import app

from yieldflow import Flow, StepCall, WorkflowCall, gather
from yieldflow.classes import Step, Workflow


class CreateGreeting(Step):
    retry = 5
    timeout = "30s"

    def execute(self, name: str, *, loud: bool = False) -> str:
        return f"Hello, {name}!"


class Fetch(Step):
    name = "shop:fetch"

    async def execute(self, url: str) -> bytes:
        return b""


class Greet(Workflow):
    version = "2"

    def run(self, name: str) -> Flow[int]:
        greeting = yield from CreateGreeting()(name)
        assert_type(greeting, str)
        assert_type((yield from CreateGreeting()(name, loud=True).options(retry=1)), str)
        page = yield from Fetch()("https://x")
        assert_type(page, bytes)
        assert_type((yield from gather(CreateGreeting()("a"), Fetch()("b"))), tuple[str, bytes])
        return 1


class Twice(Workflow):
    def run(self) -> Flow[int]:
        one = yield from Greet()("Ada")
        assert_type(one, int)
        return one * 2


assert_type(CreateGreeting()("Ada"), StepCall[str])
assert_type(Greet()("Ada"), WorkflowCall[int])
assert_type(app.run(Twice()()), int)

CreateGreeting()(3)  # E: an argument of the wrong type
CreateGreeting()("Ada", quiet=True)  # E: no such argument
Fetch()()  # E: an argument is missing
Greet()(3)  # E: an argument of the wrong type
Greet("Ada")  # E: the argument goes with the call
