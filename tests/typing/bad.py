"""What authors may write by mistake. Both type checkers reject every marked line, and no other."""

from use import APPROVAL, Order, billing, charge, checkout, io, ping, send_invoice, ship, upload

from yieldflow import (
    Flow,
    compensations,
    continue_as_new,
    detach,
    gather,
    hook,
    patched,
    race,
    retrying,
    send,
    shield,
    sleep,
    spawn,
    step,
    timeout,
    until,
    workflow,
)

charge("a")  # E: an argument is missing
charge("a", "b")  # E: an argument of the wrong type
charge("a", 1, 2)  # E: an argument too many
charge("a", 1).options(retries=5)  # E: no such option
step(send_invoice, 3)  # E: an argument of the wrong type
step(send_invoice, "a", queue="io")  # E: options of a plain function go through .options()
step(ping)(1)  # E: an argument too many
step(retry="5")  # E: no retry policy
upload(3)  # E: an argument of the wrong type
checkout()  # E: an argument is missing
checkout("order-1")  # E: an argument of the wrong type
checkout(Order("1", "2"))  # E: an argument of the wrong type
sleep(None)  # E: neither a duration nor a datetime
hook(3)  # E: no name
gather(charge)(1)  # E: a command cannot be called
gather(3)  # E: not a command
race(charge("a", 1), 3)  # E: not a command
io(3)  # E: not a function
gather(charge("a", 1), limit="2")  # E: not a number
spawn(charge)("a")  # E: a command cannot be called
spawn(3)  # E: not a command
shield(send_invoice)  # E: not a command
timeout(charge("a", 1))  # E: no time
timeout(charge("a", 1), None)  # E: no time
timeout(3, "1s")  # E: not a command
until(3)  # E: not a function
detach(charge("a", 1))  # E: not a call of a workflow
detach(checkout)  # E: a workflow that was not called
continue_as_new(charge("a", 1))  # E: not a call of a workflow
continue_as_new(billing("next"))  # E: an argument of the wrong type
send(APPROVAL, "run", True)  # E: the run comes first
patched()  # E: no id
compensations().add(send_invoice)  # E: not a command
compensations().do(charge("a", 1))  # E: no undo
compensations().do(charge("a", 1), undo=send_invoice)  # E: an undo takes the answer, and makes a command
retrying(charge("a", 1))  # E: not a function that makes one
checkout(Order("1", 2)).options(on_parent_close="wait")  # E: no such choice
checkout(Order("1", 2)).options(retry=1)  # E: no such option


@workflow  # E: not a generator
def not_a_generator(x: int) -> int:
    return x


@workflow
def another_result(month: int) -> Flow[str]:
    yield from ship(Order("1", 2))
    return (yield from continue_as_new(billing(month)))  # E: the next one answers something else
