"""Plays rows with Celery: bare tasks, nothing durable. Run by its own environment, also as the app of its worker."""

# ruff: noqa: ANN001, ANN003, ANN201, ARG001 - another environment runs it, no checker of types sees it

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from celery import Celery, group

app = Celery("bench", broker=os.environ.get("BENCH_URL"), backend=os.environ.get("BENCH_URL"))
app.conf.update(worker_prefetch_multiplier=64, broker_connection_retry_on_startup=True)


@app.task(name="nothing")
def nothing(number):
    return number


def sequential(url, runs, steps, processes, **_):
    """A task is what a step is elsewhere; all of them are queued, and their results fetched."""
    with working(processes):
        group(nothing.s(number) for number in range(20)).apply_async().get(timeout=60)
        since = time.monotonic()
        results = group(nothing.s(number) for number in range(runs * steps)).apply_async()
        results.get(timeout=200)
        seconds = time.monotonic() - since
    return {"steps/s": runs * steps / seconds}


@contextmanager
def working(processes):
    command = [sys.executable, "-m", "celery", "-A", "celery_rows", "worker", "-c", str(processes), "-l", "ERROR"]
    command += ["-P", "prefork", "--without-gossip", "--without-mingle"]
    worker = subprocess.Popen(command, cwd=Path(__file__).parent, stdout=sys.stderr, stderr=sys.stderr)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(20)


if __name__ == "__main__":
    asked = json.loads(sys.argv[2])
    os.environ["BENCH_URL"] = asked["url"]
    app.conf.update(broker_url=asked["url"], result_backend=asked["url"])
    print(json.dumps({"sequential": sequential}[sys.argv[1]](**asked)))
