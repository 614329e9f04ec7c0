# ruff: noqa: F841
"""What a saga would do or undo, and nobody asks: each mistake is found at the line that says so."""

from yieldflow import Compensations, Flow, compensations, sleep, step


@step
def charge(what: str) -> int:
    return 1


def forgets_from_before_an_undo():
    saga = compensations()
    try:
        yield from saga.do(charge("a"), undo=lambda _: charge("b"))
    except ValueError:
        saga.undo()  # found: saga.undo(...) is never yielded: write `yield from saga.undo(...)`


def forgets_from_before_what_is_undone():
    saga = compensations()
    yield saga.do(charge("a"), undo=lambda _: charge("b"))  # found: saga.do(...) is a generator


def drops_what_a_saga_would_ask():
    saga: Compensations = compensations()
    booking = saga.do(charge("a"), undo=charge)  # found: write `booking = yield from saga.do(...)`
    yield sleep(1)


def asks_whether_a_saga_does_it():
    saga = compensations()
    if saga.do(charge("a"), undo=charge):  # found: is a generator, no answer: write `(yield from saga.do(...))`
        yield sleep(1)


def is_given_a_saga(saga: Compensations):
    yield sleep(1)
    saga.undo()  # found: saga.undo(...) is never yielded: write `yield from saga.undo(...)`


def shares_a_saga_with_a_branch():
    saga = compensations()

    def books() -> Flow[None]:
        yield saga.do(charge("a"), undo=charge)  # found: write `yield from saga.do(...)`

    yield from books()
