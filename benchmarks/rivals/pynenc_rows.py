"""Plays rows with Pynenc on Redis, its pauses tuned. Run by its own environment: `python pynenc_rows.py VERB JSON`."""

# ruff: noqa: ANN001, ANN003, ANN201, E402 - another environment runs it, no checker of types sees it; it reads its settings when it is imported

import json
import os
import sys
import threading
import time
from importlib import import_module

if __name__ == "__main__":
    import_module("pynenc_rows").main()  # which does not return: tasks must not be those of `__main__`

URL = json.loads(sys.argv[2])["url"]
os.environ.update(
    PYNENC__CACHED_STATUS_TIME="0.001",
    PYNENC__RUNNER_LOOP_SLEEP_TIME_SEC="0.01",
    PYNENC__INVOCATION_WAIT_RESULTS_SLEEP_TIME_SEC="0.01",
    PYNENC__LOGGING_LEVEL="error",
)

from pynenc import PynencBuilder

app = PynencBuilder().app_id("bench").redis(url=URL).thread_runner().build()


@app.task
def nothing(number: int) -> int:
    return number


@app.task
def chain(steps: int) -> int:
    last = 0
    for number in range(steps):
        last = nothing(number).result
    return last


def sequential(runs, steps, **_):
    threading.Thread(target=app.runner.run, daemon=True).start()
    _ = chain(1).result
    since = time.monotonic()
    for invocation in [chain(steps) for _ in range(runs)]:
        _ = invocation.result
    return {"steps/s": runs * steps / (time.monotonic() - since)}


def main():
    print(json.dumps({"sequential": sequential}[sys.argv[1]](**json.loads(sys.argv[2]))), flush=True)
    os._exit(0)  # its threads do not end by themselves
