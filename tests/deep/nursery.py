"""One process that has imported everything, and forks others from itself at a few milliseconds each.

    with nursery(["tests.e2e.flows"]) as n:
        pid = n.fork("tests.deep.work:serve", [url], env={"E2E_FOLDER": str(folder)}, seconds=30)
        n.kill(pid)
        assert n.wait(pid) == -signal.SIGKILL

Whoever is forked lives *seconds* at most, and never longer than the nursery, which lives no longer than its `with`.
The nursery has one thread and opens nothing, so that a fork of it is as good as a fresh process.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from pathlib import Path
from threading import Condition, Thread
from typing import IO, Any

from attrs import define, field

ROOT = Path(__file__).parents[2]
SECONDS = 60.0  # that a child may live, and that an answer may take
PR_SET_PDEATHSIG = 1


@contextmanager
def nursery(imports: Sequence[str] = (), *, output: Path | None = None) -> Iterator[Nursery]:
    """*output*: the file that all of them write what they print to; None: where this process writes its errors."""
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH", ""), str(ROOT))))
    said: IO[bytes] | None = None if output is None else output.open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.deep.nursery", *imports],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        bufsize=0,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,  # Ctrl-C is for us; the nursery sees that we are gone
    )
    if said is not None:
        said.close()
    with process:
        one = Nursery(process)
        try:
            yield one
        finally:
            one.close()


@define(eq=False)
class Nursery:
    """Safe to share between threads."""

    process: subprocess.Popen[bytes]
    _ids: Iterator[int] = field(factory=lambda: count(1), init=False)
    _forked: dict[int, int] = field(factory=dict, init=False)  # by request
    _ended: dict[int, int] = field(factory=dict, init=False)  # how, by pid
    _gone: bool = field(default=False, init=False)
    _told: Condition = field(factory=Condition, init=False)
    _reader: Thread = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._reader = Thread(target=self._listen, name="nursery", daemon=True)
        self._reader.start()

    def fork(
        self, function: str, args: Sequence[Any] = (), *, env: Mapping[str, str] | None = None, seconds: float = SECONDS
    ) -> int:
        """The pid of a process that calls `module:function` with *args* (which JSON can say) and ends: with 0, or 1
        where that raises.
        """
        request = next(self._ids)
        self._say({"fork": function, "args": list(args), "env": dict(env or {}), "seconds": seconds, "id": request})
        with self._told:
            if not self._told.wait_for(lambda: request in self._forked or self._gone, SECONDS):
                raise TimeoutError("the nursery does not fork")
            if request not in self._forked:
                raise BrokenPipeError("the nursery is gone: see what it has printed")
            return self._forked.pop(request)

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """Send that signal, if the process is still there; it never meets another one of the same pid."""
        self._say({"kill": pid, "signal": int(number)})

    def wait(self, pid: int, seconds: float = SECONDS) -> int:
        """How it ended, as `Popen.returncode` says it: a signal is a negative number. Raises TimeoutError."""
        with self._told:
            if not self._told.wait_for(lambda: pid in self._ended or self._gone, seconds) or pid not in self._ended:
                raise TimeoutError(f"process {pid} has not ended within {seconds:g} s")
            return self._ended[pid]

    def ended(self, pid: int) -> int | None:
        """As `wait`, without waiting; None: it lives."""
        return self._ended.get(pid)

    def close(self) -> None:
        """All that were forked are killed."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()  # its children do not outlive it
        self._reader.join(10)

    def _say(self, request: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        with self._told:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            with self._told:
                if "id" in said:
                    self._ended.pop(said["pid"], None)  # of another one, long ago
                    self._forked[said["id"]] = said["pid"]
                else:
                    self._ended[said["pid"]] = said["code"]
                self._told.notify_all()
        with self._told:
            self._gone = True
            self._told.notify_all()


# --- the process itself ----------------------------------------------------------------------------------------------


@define(eq=False)
class Parent:
    """Forks, reaps and kills as it is told; one thread, one loop."""

    told: int  # where it is told what to do
    says: int  # where it says what came of it
    deadlines: dict[int, float] = field(factory=dict, init=False)  # by pid
    woken: tuple[int, int] = field(factory=os.pipe, init=False)  # by the death of a child
    alive: tuple[int, int] = field(factory=os.pipe, init=False)  # closed by our death

    def run(self) -> None:
        os.set_blocking(self.woken[1], False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.woken[1], warn_on_full_buffer=False)
        left = b""
        while True:
            ready, _, _ = select.select([self.told, self.woken[0]], [], [], self._pause())
            self._reap()
            self._bound()
            if self.woken[0] in ready:
                os.read(self.woken[0], 4096)
                self._reap()
            if self.told in ready:
                more = os.read(self.told, 1 << 16)
                if not more:
                    return self._end()
                *lines, left = (left + more).split(b"\n")
                for line in lines:
                    self._perform(json.loads(line))

    def _perform(self, asked: dict[str, Any]) -> None:
        if "kill" in asked:
            if asked["kill"] in self.deadlines:
                os.kill(asked["kill"], asked["signal"])
            return
        sys.stdout.flush()
        sys.stderr.flush()
        me, pid = os.getpid(), os.fork()
        if pid == 0:
            self._child(me, asked)
        self.deadlines[pid] = time.monotonic() + asked["seconds"]
        self._say({"id": asked["id"], "pid": pid})

    def _child(self, parent: int, asked: dict[str, Any]) -> None:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for file in (self.says, *self.woken, self.alive[1]):
                os.close(file)
            os.dup2(os.open(os.devnull, os.O_RDONLY), self.told)
            die_with(parent, self.alive[0])
            os.environ.update(asked["env"])
            module, _, name = asked["fork"].partition(":")
            getattr(import_module(module), name)(*asked["args"])
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        for pid in list(self.deadlines):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                del self.deadlines[pid]
                self._say({"pid": pid, "code": os.waitstatus_to_exitcode(status)})

    def _pause(self) -> float | None:
        return max(0.0, min(self.deadlines.values()) - time.monotonic()) if self.deadlines else None

    def _bound(self) -> None:
        for pid, end in self.deadlines.items():
            if end <= time.monotonic():
                os.kill(pid, signal.SIGKILL)
                self.deadlines[pid] = time.monotonic() + 1

    def _say(self, answer: Mapping[str, Any]) -> None:
        os.write(self.says, json.dumps(answer).encode() + b"\n")

    def _end(self) -> None:
        for pid in self.deadlines:
            os.kill(pid, signal.SIGKILL)
        for pid in self.deadlines:
            os.waitpid(pid, 0)


def die_with(parent: int, alive: int) -> None:
    """This process is killed when *parent* is gone: *alive* is a pipe that only that one could write to."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    else:
        Thread(target=_watch, args=(alive,), name="nursery", daemon=True).start()


def _watch(alive: int) -> None:
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGKILL)


def main(imports: Sequence[str]) -> None:
    says = os.dup(1)
    os.dup2(2, 1)  # what is printed does not come between
    for module in imports:
        import_module(module)
    gc.collect()
    gc.freeze()
    Parent(0, says).run()


if __name__ == "__main__":
    main(sys.argv[1:])
