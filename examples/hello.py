"""The smallest workflow: two steps and a sleep. `yieldflow run examples/hello.py:hello '"World"'`."""

from yieldflow import Flow, sleep, step, workflow


@step
def greet(name: str) -> str:
    return f"Hello, {name}"


@step
def shout(text: str) -> str:
    return text.upper() + "!"


@workflow
def hello(name: str = "World") -> Flow[str]:
    greeting = yield from greet(name)
    yield sleep("100ms")
    return (yield from shout(greeting))
