from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Generator, Iterator
from typing import TYPE_CHECKING, Annotated, Any

from yieldflow import Flow, sleep, step, workflow
from yieldflow.core.values import Parameters

if TYPE_CHECKING:
    from nowhere import Ghost


@step
def charge(order: Order, /, cents: int, *more: float, note: str | None = None, **rest: bytes) -> Receipt:
    return Receipt()


@step
def haunt(ghost: Ghost, times: int) -> list[Ghost]:
    return [ghost] * times


@step
def silent(a, b=1):
    return a


@workflow
def checkout(order: Order) -> Flow[Receipt]:
    yield sleep(1)
    return Receipt()


class Order:
    """Defined below the functions that name it."""


class Receipt:
    """Defined below the functions that name it."""


def test_every_kind_of_parameter_has_its_annotation():
    assert charge.definition.parameters == Parameters(
        names=("order", "cents"),
        annotations={"order": Order, "cents": int, "note": str | None},
        rest=float,
        others=bytes,
        required=("order", "cents"),
        defaults={"note": None},
        unnamed=1,
    )


def test_classes_may_be_defined_below():
    assert charge.definition.returns is Receipt
    assert checkout.definition.parameters.annotations == {"order": Order}


def test_flow_gives_what_the_workflow_answers():
    assert checkout.definition.returns is Receipt


def test_one_hint_that_cannot_be_resolved_does_not_spoil_the_others():
    assert haunt.definition.parameters.annotations == {"ghost": Any, "times": int}
    assert haunt.definition.returns is Any


def test_no_annotation_is_any():
    assert silent.definition.parameters.annotations == {"a": Any, "b": Any}
    assert silent.definition.parameters.required == ("a",)
    assert silent.definition.returns is Any


def test_awaitables_give_what_awaiting_them_gives():
    async def fetch() -> list[int]:
        return []

    def fetching() -> Coroutine[Any, Any, int]:
        raise NotImplementedError

    def awaiting() -> Awaitable[str]:
        raise NotImplementedError

    answers = [step(retry=1)(fn).definition.returns for fn in (fetch, fetching, awaiting)]
    assert answers == [list[int], int, str]


def test_workflow_annotated_otherwise_answers_anything():
    def iterates() -> Iterator[int]:
        yield sleep(1)

    def generates() -> Generator[Any, Any, int]:
        yield sleep(1)

    def silent():
        yield sleep(1)

    assert [workflow(fn).definition.returns for fn in (iterates, generates, silent)] == [Any, int, Any]


def test_extras_of_annotated_are_kept():
    @step
    def bounded(n: Annotated[int, "positive"]) -> None:
        pass

    assert bounded.definition.parameters.annotations == {"n": Annotated[int, "positive"]}
    assert bounded.definition.returns is type(None)


def test_classes_that_the_function_closes_over_are_found():
    class Local:
        pass

    @step
    def make(source: Local) -> Local:
        return Local()

    assert make.definition.returns is Local
    assert make.definition.parameters.annotations == {"source": Local}


def test_definitions_are_equal_whether_or_not_their_hints_were_looked_at():
    def make(n: int) -> int:
        return n

    one, other = step(make).definition, step(make).definition
    assert one.parameters.names == ("n",)
    assert one == other
    assert repr(one) == repr(other)


def test_definition_has_no_other_attributes():
    assert not hasattr(charge.definition, "colour")
