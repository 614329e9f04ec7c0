"""Plays rows with DBOS. Run by its own environment: `python dbos_rows.py VERB JSON`."""

# ruff: noqa: ANN001, ANN003, ANN201, ANN202 - another environment runs it, no checker of types sees it

import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import psycopg
import sqlalchemy
from dbos import DBOS, DBOSConfig


@DBOS.step()
def nothing(number):
    return number


@DBOS.step()
async def nothing_async(number):
    return number


@DBOS.step()
def stamp():
    return time.monotonic()


@DBOS.workflow()
def chain(steps):
    last = 0
    for number in range(steps):
        last = nothing(number)
    return last


@DBOS.workflow()
def stamped(steps):
    return [stamp() for _ in range(steps)]


@DBOS.workflow()
async def spread(steps):
    return len(await asyncio.gather(*map(nothing_async, range(steps))))


@DBOS.workflow()
async def nap(due):
    await DBOS.sleep_async(max(0.0, due - time.time()))
    return time.time() - due


def sequential(url, runs, steps, processes, **_):
    """Each process carries out its share, one run after the other."""
    with _database(url) as own:
        _launch(own)  # the schema is there before the processes come
        DBOS.destroy()
        ready, go, done = (multiprocessing.Semaphore(0) for _ in range(3))
        share = runs // processes
        children = [
            multiprocessing.Process(target=_share, args=(own, share, steps, ready, go, done)) for _ in range(processes)
        ]
        for child in children:
            child.start()
        for _ in children:
            ready.acquire()
        since = time.monotonic()
        for _ in children:
            go.release()
        for _ in children:
            done.acquire()
        seconds = time.monotonic() - since
        for child in children:
            child.join(30)
    return {"steps/s": share * processes * steps / seconds}


def _share(url, runs, steps, ready, go, done):
    _launch(url)
    chain(2)
    ready.release()
    go.acquire()
    for _ in range(runs):
        chain(steps)
    done.release()
    DBOS.destroy()


def embedded(runs, steps, journal, **_):
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'dbos.sqlite'}"
        engine = None
        if journal == "wal":
            engine = sqlalchemy.create_engine(url)
            sqlalchemy.event.listen(engine, "connect", _wal)
        _launch(url, engine)
        chain(2)
        since = time.monotonic()
        for _ in range(runs):
            chain(steps)
        seconds = time.monotonic() - since
        DBOS.destroy()
    return {"steps/s": runs * steps / seconds}


def _wal(connection, _):
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def starts(url, starts, **_):
    """A direct call: queued runs are polled for once a second."""
    with _database(url) as own:
        _launch(own)
        chain(1)
        took = []
        for _ in range(starts):
            time.sleep(0.005)
            since = time.monotonic()
            chain(1)
            took.append(time.monotonic() - since)
        DBOS.destroy()
    return _milliseconds(took)


def inside(url, steps, **_):
    with _database(url) as own:
        _launch(own)
        chain(2)
        times = stamped(steps)
        DBOS.destroy()
    return _milliseconds([after - before for before, after in pairwise(times)])


def spread_out(url, steps, **_):
    async def play():
        await spread(2)
        since = time.monotonic()
        await spread(steps)
        return time.monotonic() - since

    with _database(url) as own:
        _launch(own)
        seconds = asyncio.run(play())
        DBOS.destroy()
    return {"s": seconds, "µs a step": seconds / steps * 1e6}


def waking(url, count, settle, **_):
    async def play():
        due = time.time() + settle
        handles = [await DBOS.start_workflow_async(nap, due) for _ in range(count)]
        if time.time() > due:
            raise SystemExit("they did not fall asleep in time")
        return [await handle.get_result() for handle in handles]

    with _database(url) as own:
        _launch(own)
        late = asyncio.run(play())
        DBOS.destroy()
    return _milliseconds(late)


@contextmanager
def _database(url):
    """A new one, so that no round finds the runs of another one."""
    name = f"dbos_{os.getpid()}"
    _execute(url, f"CREATE DATABASE {name}")
    yield f"{url}/{name}"
    _execute(url, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(url, statement):
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(statement)


def _launch(url, engine=None):
    config: DBOSConfig = {"name": "bench", "system_database_url": url, "run_admin_server": False, "log_level": "ERROR"}
    if engine is not None:
        config["system_database_engine"] = engine
    DBOS(config=config)
    DBOS.launch()


def _milliseconds(took):
    ordered = sorted(took)
    return {f"p{p} ms": ordered[max(0, -(-len(ordered) * p // 100) - 1)] * 1_000 for p in (50, 99)}


VERBS = {
    "sequential": sequential,
    "embedded": embedded,
    "starts": starts,
    "inside": inside,
    "spread": spread_out,
    "waking": waking,
}

if __name__ == "__main__":
    print(json.dumps(VERBS[sys.argv[1]](**json.loads(sys.argv[2]))))
