"""The calls of the commit script that runs need, as a server saw them; and how fast they are without an engine.

As a program: `python -m benchmarks.script URL FILE` sends the calls of FILE when it is told to.
"""

from __future__ import annotations

import ast
import json
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import BinaryIO
from urllib.parse import urlsplit

import redis

from benchmarks import flows
from benchmarks.workers import environment, until
from yieldflow import App

PIPELINED = 32
WORDS = re.compile(rb'"((?:[^"\\]|\\.)*)"')
Call = list[str]  # bytes as latin-1: they travel as JSON


def captured(url: str, runs: int, steps: int) -> list[list[Call]]:
    """Of each run its calls, in order; the first is its start."""
    app = App(url, modules=[flows.__name__])
    with _monitored(url) as calls:
        handles = [app.start(flows.chain(steps)) for _ in range(runs)]
        until(lambda: not app.runs(status="running", limit=1).runs, 300, "all runs")
    app.close()
    found: dict[str, list[Call]] = {handle.run_id: [] for handle in handles}
    verb, _ = Counter(call[1] for call in calls).most_common(1)[0]
    for call in calls:
        if call[1] == verb and (run := next((word for word in call if word in found), None)) is not None:
            found[run].append(call)
    return list(found.values())


def sent_again(url: str, runs: Sequence[Sequence[Call]], processes: int, folder: Path) -> float:
    """Seconds for all calls but the first of each, which are made before."""
    with redis.Redis.from_url(url) as client:
        client.flushall()
        _send(client, _packed([run[0] for run in runs]))
    with ExitStack() as stack:
        children = [
            stack.enter_context(
                _sender(url, folder / f"calls-{number}.json", [run[1:] for run in runs[number::processes]])
            )
            for number in range(processes)
        ]
        for child in children:
            assert child.stdout is not None
            child.stdout.readline()  # it is ready
        since = time.monotonic()
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        for child in children:
            if child.wait(120) != 0:
                raise RuntimeError("the calls were refused when they were made again")
        return time.monotonic() - since


def _sender(url: str, file: Path, runs: Sequence[Sequence[Call]]) -> subprocess.Popen[str]:
    file.write_text(json.dumps(runs))
    command = [sys.executable, "-m", "benchmarks.script", url, str(file)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=file.parent, env=environment(), stdin=pipe, stdout=pipe, text=True)


def _main(url: str, file: str) -> None:
    """Each run's next call, of 32 runs in one round trip."""
    runs = json.loads(Path(file).read_text())
    groups = [runs[at : at + PIPELINED] for at in range(0, len(runs), PIPELINED)]
    rounds = [[run[turn] for run in group if turn < len(run)] for group in groups for turn in range(len(group[0]))]
    packed = [_packed(calls) for calls in rounds]
    with redis.Redis.from_url(url) as client:
        client.ping()
        print("ready", flush=True)
        sys.stdin.readline()
        for calls in packed:
            _send(client, calls)


def _packed(calls: Sequence[Call]) -> list[list[bytes]]:
    return [[word.encode("latin-1") for word in call] for call in calls]


def _send(client: redis.Redis, calls: Sequence[Sequence[bytes]]) -> None:
    """In one round trip."""
    with client.pipeline(transaction=False) as pipe:
        for call in calls:
            pipe.execute_command(*call)  # type: ignore[no-untyped-call]  # redis-py leaves it open
        replies = pipe.execute()
    for reply in replies:
        if reply[0] != b"done":
            raise RuntimeError(f"a call was refused: {reply!r}")


@contextmanager
def _monitored(url: str) -> Iterator[list[Call]]:
    """All scripts that clients call meanwhile."""
    calls = list[Call]()
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 0)) as watched:
        watched.sendall(b"MONITOR\r\n")
        with watched.makefile("rb") as lines:
            lines.readline()  # that it is one now
            reader = Thread(target=_read, args=(lines, calls), daemon=True)
            reader.start()
            yield calls
            with redis.Redis.from_url(url) as client:
                client.echo("that was all")
            reader.join(60)


def _read(lines: BinaryIO, calls: list[Call]) -> None:
    for line in lines:
        if b"that was all" in line:
            return
        if b" lua] " not in line and b'"EVALSHA"' in line:
            calls.append([ast.literal_eval(f'b"{word.decode()}"').decode("latin-1") for word in WORDS.findall(line)])


if __name__ == "__main__":
    _main(*sys.argv[1:])
