"""Two people are asked, one after the other, and neither for ever.

    yieldflow run examples/approval.py:approval 250 --run-id trip

It prints how to answer, from another terminal. It may be stopped meanwhile: questions and time-outs wait in the log.
"""

from yieldflow import Duration, Flow, current_step, hook, race, sleep, step, workflow

DIRECTOR = hook("director", bool)  # a command is a value: here the question is declared …


@step
def ask(who: str, amount: int) -> None:
    run = current_step().run_id
    print(f"{who}: may {amount} be spent? Answer with: yieldflow send {run} {who} true")


@workflow
def approval(amount: int, patience: Duration = "60s") -> Flow[str]:
    yield ask("manager", amount)
    answer = yield from hook("manager", bool, timeout=patience, default=None)
    if answer is not None:
        return f"the manager says {'yes' if answer else 'no'}"

    yield ask("director", amount)
    match (yield from race(DIRECTOR, sleep(patience))):  # … and here it is asked, against a clock
        case (0, yes):
            return f"the director says {'yes' if yes else 'no'}"
        case _:
            return "nobody has answered: no"
