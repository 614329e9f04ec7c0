"""What to say of something that was yielded and is no command: what it is, and what was probably meant."""

from __future__ import annotations

from types import GeneratorType

from yieldflow.errors import shown


def described(item: object) -> str:
    if isinstance(item, GeneratorType):
        return f"the generator {item.__qualname__}()"
    if item is None or isinstance(item, bool | int | float | str | bytes):
        return f"{shown(item) if isinstance(item, int) else _cut(repr(item))} ({type(item).__name__})"
    return f"an object of the type {type(item).__qualname__}"  # its own text may be anything, also an error


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:80] + "…"


def advice(item: object) -> str:
    if isinstance(item, GeneratorType):
        return f"write `yield from {item.__name__}(…)`, or ask it in gather() or race()"
    if hasattr(item, "__await__"):
        return "a workflow is a plain generator: make that function a step and yield its call"
    if isinstance(item, list | tuple | set):
        return "to ask several things at once: `yield gather(*asks)`, with the star"
    if callable(item):
        name = getattr(item, "__name__", "it")
        return f"call it, or make it a step: `yield step({name}, …)`"
    return "yield a command, such as a step's call, sleep(), hook(), gather() or race()"
