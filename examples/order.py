"""An order: reserve, charge, ship. The bank fails at first; what cannot be shipped is undone, the last thing first.

    yieldflow run examples/order.py:order '"book"' 4200 --run-id order-1
    yieldflow run examples/order.py:order '"piano"' 99900 --run-id order-2

Kill it anywhere: the same command goes on from there.
"""

from yieldflow import Cancelled, FatalError, Flow, Retry, compensations, current_step, step, workflow


@step
def reserve(item: str) -> str:
    print(f"reserve {item}")
    return f"reservation of {item}"


@step
def release(reservation: str) -> None:
    print(f"release {reservation}")


@step(retry=Retry(attempts=5, delay="200ms"))  # between attempts nothing runs: only the log knows when to try again
def charge(item: str, cents: int) -> str:
    me = current_step()
    if me.attempt < 3:
        raise ConnectionError("the bank does not answer")  # any error is tried again …
    print(f"charge {cents / 100:.2f} for {item}, attempt {me.attempt}, key {me.idempotency_key}")
    return f"payment for {item}"  # the key is the same on every attempt: a bank knows by it what it has done


@step
def refund(payment: str) -> None:
    print(f"refund {payment}")


@step
def ship(item: str) -> str:
    if item == "piano":
        raise FatalError("no carrier takes a piano")  # … but not this one
    print(f"ship {item}")
    return f"parcel with {item}"


@workflow
def order(item: str, cents: int) -> Flow[str]:
    saga = compensations()
    try:  # what is done is recorded: a restart does not reserve or charge again
        yield from saga.do(reserve(item), undo=release)  # a cancellation waits until it is known what to undo
        yield from saga.do(charge(item, cents), undo=refund)  # waits through all attempts, and through a restart
        return (yield from ship(item))
    except (Exception, Cancelled):  # the last failure of a step, or somebody cancels the run
        yield from saga.undo()  # the last thing first, each recorded: a crash in here goes on with the rest
        raise  # the run ends as failed, with that error
