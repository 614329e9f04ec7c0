"""Plays rows with PyWorkflow, in one process. Run by its own environment: `python pyworkflow_rows.py VERB JSON`."""

# ruff: noqa: ANN001, ANN003, ANN201, ANN202, ASYNC110 - another environment runs it, no checker of types sees it; it only polls

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import pyworkflow
from loguru import logger
from pyworkflow import start, step, workflow
from pyworkflow.engine.executor import get_workflow_run
from pyworkflow.storage.memory import InMemoryStorageBackend
from pyworkflow.storage.sqlite import SQLiteStorageBackend

logger.remove()


@step()
async def nothing(number):
    return number


@workflow(durable=True)
async def chain(steps):
    last = 0
    for number in range(steps):
        last = await nothing(number)
    return last


async def _embedded(runs, steps, store):
    pyworkflow.configure(default_runtime="local", default_durable=True, storage=store)
    if hasattr(store, "connect"):
        await store.connect()
    await _ended(await start(chain, 2), store)
    free = asyncio.Semaphore(8)

    async def one():
        async with free:
            await _ended(await start(chain, steps), store)

    since = time.monotonic()
    await asyncio.gather(*(one() for _ in range(runs)))
    return {"steps/s": runs * steps / (time.monotonic() - since)}


async def _ended(run_id, store):
    while (await get_workflow_run(run_id, storage=store)).status.value != "completed":
        await asyncio.sleep(0.001)


def embedded(runs, steps, store, **_):
    with tempfile.TemporaryDirectory() as folder:
        made = InMemoryStorageBackend() if store == "memory" else SQLiteStorageBackend(str(Path(folder) / "runs.db"))
        return asyncio.run(_embedded(runs, steps, made))


if __name__ == "__main__":
    print(json.dumps({"embedded": embedded}[sys.argv[1]](**json.loads(sys.argv[2]))), flush=True)
    os._exit(0)  # the thread of its database does not end by itself
