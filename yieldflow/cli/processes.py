"""Processes that serve until they are stopped, and those that they start."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread
from types import FrameType

from yieldflow.cli.errors import DONE, NO_STORE, NOT_FOUND, WRONG_USAGE

_RESTART = 1.0  # seconds before a worker that died is started again
_GRACE = 15.0  # seconds for workers to finish the bodies that run


def supervise(commands: list[list[str]], say: Callable[[str], None], *, restart: bool) -> int:
    """Keep one process a command; a worker that dies is started again, one that cannot begin is not. Answers an exit
    code: that of such a one.
    """
    with stopped_by_signals() as stop:
        running, again, code = [_child(command) for command in commands], set[int](), DONE
        while not stop.wait(0.2):
            dead = [number for number, process in enumerate(running) if process.poll() is not None]
            code = _cannot_begin(running, again)
            if code != DONE or (len(dead) == len(running) and not restart):
                break
            for number in dead if restart else ():
                lost = running[number]
                say(f"{commands[number][3]} {lost.pid} ended with {lost.returncode}; starting another")
                _let_go(lost)
                stop.wait(_RESTART)
                running[number] = _child(commands[number])
                again.add(number)
        end(running)
    return code


@contextmanager
def kept(commands: list[list[str]]) -> Iterator[None]:
    """A process a command, beside what is done here."""
    running = [_child(command) for command in commands]
    try:
        yield
    finally:
        end(running)


def end_with_supervisor() -> None:
    """Stop as if told to when who started us is gone, however it died: we hold the other end of a pipe to it."""

    def watch() -> None:
        while os.read(0, 1 << 16):  # not of `sys.stdin`: a process that ends wants the lock of its buffer
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=watch, name="yieldflow supervisor", daemon=True).start()


def _cannot_begin(running: Sequence[subprocess.Popen[bytes]], again: Collection[int]) -> int:
    """The exit code of one that would end so each time, or 0. A store that was there once is waited for."""
    for number, process in enumerate(running):
        code = process.returncode
        if code in (WRONG_USAGE, NOT_FOUND) or (code == NO_STORE and number not in again):
            return int(code)
    return DONE


def _child(command: list[str]) -> subprocess.Popen[bytes]:
    """In a process group of its own: Ctrl-C is for us, and we tell it to stop, once."""
    return subprocess.Popen(command, process_group=0, stdin=subprocess.PIPE)  # noqa: S603 - our own command


def end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + _GRACE
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _let_go(process)


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """Of one that has ended: until then its pipe says that we live."""
    if process.stdin is not None:
        process.stdin.close()


@contextmanager
def stopped_by_signals() -> Iterator[Flag]:
    """A flag that SIGTERM and Ctrl-C set; a second one interrupts at once."""
    stop = Flag()

    def ask(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    former = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
