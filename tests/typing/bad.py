"""What authors may write by mistake. Both type checkers reject every marked line, and no other."""

from use import Order, charge, checkout, io, ping, send_invoice, upload

from yieldflow import gather, hook, race, sleep, step, workflow

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


@workflow  # E: not a generator
def not_a_generator(x: int) -> int:
    return x
