"""Histories that are replayed by several processes at once, one for each core."""

from __future__ import annotations

import json
import os
import subprocess
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import TypeAlias

from attrs import define, field

from yieldflow.cli.corpus import Item
from yieldflow.cli.findings import lost
from yieldflow.cli.replaying import READY, Order, Replayed, command
from yieldflow.errors import StoreError

_SHARE = 8  # items that a process is told at a time
_MOMENT = 5.0  # seconds, for a thread to see that its process is gone

Result: TypeAlias = tuple[Item, Replayed]


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_processes(items: Sequence[Item], number: int, order: Order) -> Iterator[Result]:
    """In the order in which they are done. One that ends its process is found, and the others go on. Raises
    `StoreError`.
    """
    todo, results = deque(items), SimpleQueue[Result | StoreError | None]()
    processes = [_Process(command(order)) for _ in range(min(number, len(items)))]
    threads = [Thread(target=_share, args=(process, todo, results), daemon=True) for process in processes]
    for thread in threads:
        thread.start()
    left = len(threads)
    try:
        while left:
            match results.get():
                case None:
                    left -= 1
                case StoreError() as failed:
                    raise failed
                case result:
                    yield result
    finally:
        todo.clear()
        for process in processes:
            process.kill()
        for thread, process in zip(threads, processes, strict=True):
            thread.join(_MOMENT)
            process.kill()
            process.let_go()


def _share(process: _Process, todo: deque[Item], results: SimpleQueue[Result | StoreError | None]) -> None:
    try:
        while share := _taken(todo):
            while share:
                for item, replayed in process.ask(share):
                    results.put((item, replayed))
                    share = share[1:]
    except StoreError as failed:
        results.put(failed)
    finally:
        results.put(None)


def _taken(todo: deque[Item]) -> list[Item]:
    share: list[Item] = []
    with suppress(IndexError):
        while len(share) < _SHARE:
            share.append(todo.popleft())
    return share


@define(eq=False)
class _Process:
    command: list[str]
    _running: subprocess.Popen[str] | None = None
    _ended: bool = field(default=False, init=False)

    def ask(self, items: Sequence[Item]) -> Iterator[Result]:
        """As many as it answers; the last one may be the one that ended it. Raises `StoreError`."""
        process = self._begun()
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):  # then it does not answer, either
            process.stdin.write("".join(json.dumps(item) + "\n" for item in items))
            process.stdin.flush()
        for item in items:
            answer = process.stdout.readline()
            if not answer.endswith("\n"):
                yield item, Replayed(1, lost(item[1], self.let_go()))
                return
            found = json.loads(answer)
            if "failed" in found:
                raise StoreError(found["failed"])
            yield item, Replayed(**found)

    def kill(self) -> None:
        """It begins no more."""
        self._ended = True
        if self._running is not None:
            self._running.kill()

    def let_go(self) -> int | None:
        """Wait for its end; with what it ended."""
        if self._running is None:
            return None
        process, self._running = self._running, None
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):  # what it was not told any more
                pipe.close()
        return code

    def _begun(self) -> subprocess.Popen[str]:
        if self._ended:
            raise StoreError("the replay was stopped")
        if self._running is None:
            pipe = subprocess.PIPE
            self._running = process = subprocess.Popen(  # noqa: S603 - our own command; Ctrl-C is for us, and we end it
                self.command, process_group=0, stdin=pipe, stdout=pipe, text=True, encoding="utf-8"
            )
            assert process.stdout is not None
            if process.stdout.readline() != READY:
                raise StoreError(f"a process that was to replay histories ended with {self.let_go()}")
        return self._running
