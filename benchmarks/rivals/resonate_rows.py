"""Plays rows with Resonate and its store in memory. Run by its own environment: `python resonate_rows.py VERB JSON`."""

# ruff: noqa: ANN001, ANN003, ANN201 - another environment runs it, no checker of types sees it

import json
import os
import sys
import time

from resonate import Resonate
from resonate.stores.local import LocalStore

resonate = Resonate(store=LocalStore())


def nothing(_, number):
    return number


@resonate.register
def chain(ctx, steps):
    last = 0
    for number in range(steps):
        last = yield ctx.lfc(nothing, number)
    return last


def embedded(runs, steps, **_):
    chain.run("warm", 3).result()
    since = time.monotonic()
    for handle in [chain.run(f"run-{number}", steps) for number in range(runs)]:
        handle.result()
    return {"steps/s": runs * steps / (time.monotonic() - since)}


if __name__ == "__main__":
    print(json.dumps({"embedded": embedded}[sys.argv[1]](**json.loads(sys.argv[2]))), flush=True)
    os._exit(0)  # its threads do not end by themselves
