"""Child processes: each bounded in time, stopped by its own pid, its output in the folder of its test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from tests.e2e import families, flows
from tests.e2e.journal import FOLDER

ROOT = Path(__file__).parents[2]
SECONDS = 280.0  # no child lives longer, whatever happens: a little less than a test may take
SECONDS_TO_STOP = 10.0
RQ = str(Path(sys.executable).with_name("rq"))  # its console script
OURS = [RQ, "worker", "-w", "yieldflow.rq.Worker"]
STOCK = [RQ, "worker", "-S", "json"]
CLI = find_spec("yieldflow.__main__") is not None

Process = subprocess.Popen[bytes]


def environment(folder: Path, **more: str) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    own = {"PYTHONPATH": path, "YIELDFLOW_MODULES": f"{flows.__name__},{families.__name__}", FOLDER: str(folder)}
    return {**os.environ, **own, **more}


def start(*command: str, folder: Path, env: Mapping[str, str] | None = None, seconds: float = SECONDS) -> Process:
    """Its working directory is *folder*, where it finds no pyproject.toml."""
    with (folder / "output").open("ab") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=dict(env or environment(folder)), stdout=output, stderr=output
        )
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    return process


def stop(*processes: Process) -> None:
    """One SIGTERM each, then SIGKILL. A horse of RQ's does not outlive its worker."""
    horses = [horse for process in processes for horse in children(process.pid)]
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(SECONDS_TO_STOP)
    for horse in horses:
        kill(horse)


@contextmanager
def running(
    *command: str, folder: Path, count: int = 1, env: Mapping[str, str] | None = None
) -> Iterator[list[Process]]:
    processes = [start(*command, folder=folder, env=env) for _ in range(count)]
    try:
        yield processes
    finally:
        stop(*processes)


def our_worker(url: str) -> list[str]:
    return [sys.executable, "-m", "yieldflow", "worker", "--url", url] if CLI else [*OURS, "-u", url, "yieldflow"]


def stock_worker(url: str) -> list[str]:
    """The workflows are its settings: imported once, not by each of its horses."""
    return [*STOCK, "-c", families.__name__, "-u", url, "yieldflow"]


def children(pid: int) -> list[int]:
    return [int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _parent(stat) == pid]


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def until(asked, seconds: float, what: str):
    """The first answer that is true."""
    end = time.monotonic() + seconds
    while not (answer := asked()):
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
        time.sleep(0.01)
    return answer


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
