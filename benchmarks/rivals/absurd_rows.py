"""Plays rows with Absurd. Run by its own environment: `python absurd_rows.py VERB JSON`."""

# ruff: noqa: ANN001, ANN003, ANN201, ANN202 - another environment runs it, no checker of types sees it

import json
import multiprocessing
import os
import sys
import time
from contextlib import contextmanager
from itertools import pairwise

import psycopg
from absurd_sdk import Absurd
from absurdctl import BUNDLED_SCHEMA_SQL  # the schema comes with its command, not with the library

QUEUE = "bench"
POLL, BATCH = 0.25, 10  # its default, and what was best here


def registered(url):
    app = Absurd(url, queue_name=QUEUE)

    @app.register_task("chain")
    def chain(params, ctx):
        last = 0
        for number in range(params["steps"]):
            last = ctx.step(f"s{number}", lambda number=number: number)
        return last

    @app.register_task("stamped")
    def stamped(params, ctx):
        return [ctx.step(f"s{number}", time.monotonic) for number in range(params["steps"])]

    return app


def work(url, poll, ready):
    app = registered(url)
    ready.release()
    app.start_worker(batch_size=BATCH, poll_interval=poll)


def sequential(url, runs, steps, workers, **_):
    with database(url) as own, working(own, workers, POLL) as app:
        since = time.monotonic()
        for _ in range(runs):
            app.spawn("chain", {"steps": steps})
        until_done(own, runs)
        seconds = time.monotonic() - since
    return {"steps/s": runs * steps / seconds}


def starts(url, starts, **_):
    """Its workers poll: here each 10 ms, where the default is 250 ms."""
    took = []
    with database(url) as own, working(own, 1, 0.01) as app:
        for _ in range(starts):
            time.sleep(0.005)
            since = time.monotonic()
            task = app.spawn("chain", {"steps": 1})["task_id"]
            while app.fetch_task_result(task).state != "completed":
                time.sleep(0.0005)
            took.append(time.monotonic() - since)
    return milliseconds(took)


def inside(url, steps, **_):
    with database(url) as own, working(own, 1, 0.01) as app:
        task = app.spawn("stamped", {"steps": steps})["task_id"]
        times = app.await_task_result(task, timeout=60).result
    return milliseconds([after - before for before, after in pairwise(times)])


@contextmanager
def database(url):
    """A new one with its schema, so that no round finds the runs of another one."""
    name = f"absurd_{os.getpid()}"
    execute(f"{url}/postgres", f"CREATE DATABASE {name}")
    execute(f"{url}/{name}", BUNDLED_SCHEMA_SQL)
    yield f"{url}/{name}"
    execute(f"{url}/postgres", f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def working(url, count, poll):
    app = registered(url)
    app.create_queue(QUEUE)
    ready = multiprocessing.Semaphore(0)
    workers = [multiprocessing.Process(target=work, args=(url, poll, ready)) for _ in range(count)]
    for worker in workers:
        worker.start()
    for _ in workers:
        ready.acquire()
    time.sleep(0.3)
    try:
        yield app
    finally:
        for worker in workers:
            worker.terminate()
            worker.join(10)
        app.close()


def until_done(url, count):
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            (done,) = connection.execute(f"SELECT count(*) FROM absurd.t_{QUEUE} WHERE state = 'completed'").fetchone()
            if done >= count:
                return
            time.sleep(0.01)


def execute(url, statement):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def milliseconds(took):
    ordered = sorted(took)
    return {f"p{p} ms": ordered[max(0, -(-len(ordered) * p // 100) - 1)] * 1_000 for p in (50, 99)}


VERBS = {"sequential": sequential, "starts": starts, "inside": inside}

if __name__ == "__main__":
    print(json.dumps(VERBS[sys.argv[1]](**json.loads(sys.argv[2]))))
