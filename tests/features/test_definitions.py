"""What can be a step, by what name it is found, and what its arguments and answers are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from attrs import frozen

from tests.features.moments import SOON, failure
from tests.features.shop import add, charge, note
from yieldflow import App, BadDefinition, Flow, get_data, set_data, step, workflow


class Shop:
    def method(self) -> None: ...

    @staticmethod
    def generator():
        yield 1


async def coroutine():
    yield 1


WRONG = [Shop.method, Shop.generator, coroutine, Shop, "a text", 5]


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_a_step_is_refused_with_a_sentence(wrong):
    with pytest.raises(TypeError):
        step(wrong)
    with pytest.raises(TypeError):
        step(retry=5)(wrong)


def test_outside_of_a_workflow_a_step_is_its_function():
    assert charge.fn("o", 5).cents == 5
    assert add.fn(1, 2) == 3


def test_a_step_that_is_registered_again_replaces_the_former(app: App):
    def cell(answer: int):
        @step
        def redefined() -> int:
            return answer

        @workflow
        def asks_it() -> Flow[int]:
            return (yield from redefined())

        return asks_it

    cell(1)
    assert app.start(cell(2)()).result(timeout=SOON) == 2


def test_two_steps_of_one_name_are_refused():
    @step(name="taken-name")
    def mine() -> None: ...

    with pytest.raises(BadDefinition, match="taken-name"):

        @step(name="taken-name")
        def yours() -> None: ...


def test_a_step_call_that_is_made_inside_a_step_is_refused(app: App):
    @step(retry=1)
    def meddles() -> object:
        return add(1, 2)

    @workflow
    def asks_it() -> Flow[None]:
        yield from meddles()

    error = failure(app.start(asks_it()))
    assert isinstance(error, TypeError)
    assert str(error) == "inside a step call add.fn(...)"


@frozen
class Parcel:
    order: str
    weight: float | None = None
    sent: datetime | None = None


@step
def weigh(parcel: Parcel, *, tags: set[str]) -> Parcel:
    assert isinstance(parcel, Parcel)
    assert isinstance(tags, set)
    return Parcel(parcel.order, 1.5, datetime(2026, 1, 1, tzinfo=UTC))


@workflow
def weighs(parcel: Parcel) -> Flow[Parcel]:
    items = ["a"]
    ask = note(",".join(items))
    items.append("b")  # the command is a value: it asks what it was made of
    yield set_data("asked", (yield ask))
    assert (yield get_data("asked")) == "a"
    return (yield from weigh(parcel, tags={"x", "y"}))


def test_arguments_and_answers_are_of_their_annotated_types(app: App):
    parcel = app.start(weighs(Parcel("o"))).result(timeout=SOON)
    assert parcel == Parcel("o", 1.5, datetime(2026, 1, 1, tzinfo=UTC))
