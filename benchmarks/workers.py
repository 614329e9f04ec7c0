"""Worker processes: ours, and those of RQ. Each is ready when its block begins, and gone when it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis
from rq import Worker

from benchmarks import flows
from benchmarks.servers import stop
from yieldflow import App

ROOT = Path(__file__).parents[1]
SECONDS = 600.0  # no worker lives longer, whatever happens
LOG = "workers.log"
RQ = str(Path(sys.executable).with_name("rq"))  # its console script

Process = subprocess.Popen[bytes]


@contextmanager
def ours(url: str, count: int, folder: Path) -> Iterator[list[Process]]:
    """`yieldflow worker`, *count* times. On Redis they have worked on a few runs already."""
    command = [sys.executable, "-m", "yieldflow", "worker", flows.__name__, "--url", url]
    with running([command] * count, folder) as processes:
        if not url.startswith("sqlite"):
            _expect_workers(url, count, folder)
            warm_up(url)
        yield processes


@contextmanager
def rq_workers(url: str, queue: str, count: int, folder: Path, *options: str) -> Iterator[None]:
    """`rq worker`; by default it forks for each job."""
    command = [RQ, "worker", "--quiet", "-u", url, *options, queue]
    with running([command] * count, folder, YIELDFLOW_MODULES=flows.__name__):
        _expect_workers(url, count, folder)
        yield


def warm_up(url: str, runs: int = 20) -> None:
    app = App(url, modules=[flows.__name__])
    for handle in [app.start(flows.chain(5)) for _ in range(runs)]:
        watch(app, handle.run_id)
    app.close()


def watch(app: App, run_id: str, seconds: float = 120.0) -> None:
    """Wait for the end of a run by the work of others: `result()` of an embedded store would work on it, too."""
    until(lambda: app.get(run_id).status() != "running", seconds, run_id, pause=0.002)


@contextmanager
def running(commands: Sequence[Sequence[str]], folder: Path, **env: str) -> Iterator[list[Process]]:
    """They run in *folder*, where they find no pyproject.toml."""
    with (folder / LOG).open("ab") as log:
        processes = [
            subprocess.Popen(
                command, cwd=folder, env=environment(**env), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
            for command in commands
        ]
    timers = [threading.Timer(SECONDS, process.kill) for process in processes]
    for timer in timers:
        timer.daemon = True
        timer.start()
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()  # all at once; then wait for each
        for process, timer in zip(processes, timers, strict=True):
            stop(process)
            timer.cancel()


def environment(**more: str) -> Mapping[str, str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path, **more}


def until(asked: Callable[[], object], seconds: float, what: str, pause: float = 0.005) -> None:
    """Raises `TimeoutError`."""
    end = time.monotonic() + seconds
    while not asked():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(pause)


def _expect_workers(url: str, count: int, folder: Path) -> None:
    with redis.Redis.from_url(url) as client:
        try:
            until(lambda: Worker.count(connection=client) >= count, 30, f"{count} workers")
        except TimeoutError as error:
            raise RuntimeError(f"{error}; they said: {(folder / LOG).read_text()[-2_000:]}") from None
