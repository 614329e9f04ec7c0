"""One app's machinery in this process: store, codec, cache, heart and pool, and how a run is tended with them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from threading import Event as Flag
from threading import Thread

from attrs import define, field

from yieldflow import identity
from yieldflow.alarms import ring
from yieldflow.authoring.loaded import loaded
from yieldflow.authoring.registry import Registry
from yieldflow.body import Heart, execute
from yieldflow.codec import JsonCodec
from yieldflow.core.times import Millis
from yieldflow.drive import Clock, Ports, drive
from yieldflow.engine.live import Cache
from yieldflow.engine.requests import Body, Execute, Inline, Tended, Worker
from yieldflow.engine.tend import Tools, tend
from yieldflow.errors import StoreError
from yieldflow.pool import Pool
from yieldflow.ports import Queue, Store

SLICE: Millis = 1_000  # how long one hint may keep a worker, the last body apart
RUNS_A_TURN = 10


def fresh() -> str:
    """64 random bits as text: claim tokens and commit ids."""
    return secrets.token_hex(8)


@define(eq=False)
class Runtime:
    """What tends runs here. *queues*: whose work this process may take; None: all."""

    store: Store
    codec: JsonCodec
    registry: Registry
    queues: tuple[str, ...] | None
    hints: Queue | None = None  # where hints go; None: to the pool of this process
    threads: int = 4
    clock: Clock = field(factory=Clock, init=False)
    cache: Cache = field(factory=Cache, init=False)
    pool: Pool = field(init=False)
    heart: Heart = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.pool = Pool(self._pump, self.threads)
        queue = self.queues[0] if self.queues else ""
        self.heart = Heart(self.store, lambda run_id: (self.hints or self.pool).offer(run_id, queue))

    def tend(
        self,
        run_id: str,
        *,
        stopping: Callable[[], bool] = lambda: False,
        inline: Inline = "always",
        hints: Queue | None = None,
        slice_: Millis = SLICE,
    ) -> Tended:
        """Do all that can be done now for a run, in this thread. Raises `StoreError`."""
        me = Worker(
            identity.name(), self.queues, self.clock.now, fresh, identity.gone, stopping, slice=slice_, inline=inline
        )
        tools = Tools(me, self.cache, self.registry, self.codec, loaded)
        queue = hints or self.hints or self.pool
        return drive(tend(run_id, tools), Ports(me, self.store, queue, self.clock, self._execute))

    def work_on(self, run_id: str, stopping: Callable[[], bool] = lambda: False) -> None:
        """Tend a run, then those of our queues that are due, until a time slice is over. Raises `StoreError`."""
        queue, until = self.hints or self.pool, self.clock.now() + SLICE
        self.tend(run_id, stopping=stopping)
        while self.clock.now() < until and not stopping():
            due = self.store.due(RUNS_A_TURN)
            for run in due:
                if (self.queues is None or run.queue in self.queues) and self.clock.now() < until:
                    self.tend(run.run_id, stopping=stopping)
                else:
                    queue.offer(run.run_id, run.queue)
            if not due:
                return

    def abandon(self, grace: float = 5.0) -> None:
        """Interrupted: bodies in threads have *grace* seconds to end; others are given back, and count as nothing."""
        if not self.pool.stop(grace):
            for beat in self.heart.holding():
                with suppress(StoreError):
                    self.store.release(beat.run_id, beat.path, beat.token)

    def ring(self, stop: Flag, room: Callable[[str], int] = lambda _: 1) -> None:
        """Be the timer service of the store until *stop* is set; what the store cannot answer is asked again."""
        queue = self.hints or self.pool
        while not stop.is_set():
            with suppress(StoreError):
                ring(self.store, queue, room, stop.wait)
            stop.wait(0.5)

    def serve(self, stop: Flag) -> Thread:
        """Be the timer service in a thread of its own."""
        thread = Thread(target=self.ring, args=(stop,), name="yieldflow alarms", daemon=True)
        thread.start()
        return thread

    def _pump(self, run_id: str) -> None:
        tended = self.tend(run_id, stopping=self.pool.stopping, hints=self.pool)
        if tended.state == "stopped" and not self.pool.stopping():
            self.pool.offer(run_id, "")

    def _execute(self, request: Execute) -> Body:
        try:
            return execute(request, self.heart, self.codec, self.clock.now)
        except KeyboardInterrupt:  # the body is not running any more: somebody may begin again at once
            with suppress(StoreError):
                self.store.release(request.run_id, request.claim.path, request.claim.token)
            raise
