"""A trip: flight, hotel and car are booked, then it is paid. If anything fails, or the run is cancelled, all is undone.

`hasty_trip` has a mistake that tests of the usual kind never meet; `trip` is its fix.

    yieldflow run examples/saga.py:trip '"trip-1"' '"oslo"'
    python examples/explore_saga.py hasty_trip      # finds the mistake, and tells when it happens; needs Hypothesis
    python examples/explore_saga.py trip
"""

from yieldflow import Cancelled, Flow, Retry, compensations, gather, step, timeout, workflow


@step
def book(what: str, place: str) -> str:
    print(f"book a {what} in {place}")
    return f"{what} in {place}"


@step(retry=Retry(attempts=20, delay="1m"))  # an undo has patience
def cancel(booking: str) -> None:
    print(f"cancel the {booking}")


@step(timeout="30s")
def charge(trip: str, cents: int) -> str:
    print(f"charge {cents / 100:.2f} for {trip}")  # a bank that is given the same trip again has charged it already
    return f"payment for {trip}"


@step(retry=Retry(attempts=20, delay="1m"))
def refund(trip: str) -> None:
    print(f"refund {trip}")  # also what is charged for it only later, and nothing where nothing was


@workflow
def hasty_trip(trip: str, place: str) -> Flow[str]:
    saga = compensations()
    try:
        yield from saga.do(book("flight", place), undo=cancel)
        yield gather(
            saga.do(book("hotel", place), undo=cancel),
            saga.do(book("car", place), undo=cancel),
        )
        return (yield from timeout(charge(trip, 42_000), "1m"))  # "if it fails, there is nothing to refund"
    except (Exception, Cancelled):
        yield from saga.undo()
        raise


@workflow
def trip(trip: str, place: str) -> Flow[str]:
    saga = compensations()
    try:
        yield from saga.do(book("flight", place), undo=cancel)
        yield gather(
            saga.do(book("hotel", place), undo=cancel),
            saga.do(book("car", place), undo=cancel),
        )
        saga.add(refund(trip))  # before it is charged: who waits no longer does not know whether it is
        return (yield from timeout(charge(trip, 42_000), "1m"))
    except (Exception, Cancelled):
        yield from saga.undo()
        raise
