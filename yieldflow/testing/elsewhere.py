"""Replays in interpreters of their own: sets of strings have another order there, and nothing is left in memory.

They are started once, when they are first needed, and end with this process. A workflow that they cannot import is not
replayed there; nothing is said to be wrong with it.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from threading import Timer
from typing import Any

from attrs import define, field

from yieldflow.authoring.signatures import home
from yieldflow.codec.packing import pack
from yieldflow.core.asks import WorkflowDefinition
from yieldflow.core.events import Event
from yieldflow.testing.replaying import Differs

LONGEST = 60.0  # seconds for one replay, the import of its module among them
_SEEDS = ("1", "2", "3")  # of the hashes of strings; of two words, each order comes with some of them
_THERE = (
    "that is in another interpreter: sets have another order there, and nothing is patched or left from before "
    "(elsewhere=False does without)"
)


@define(eq=False)
class Elsewhere:
    _processes: list[subprocess.Popen[str]] = field(factory=list, init=False)
    _not_there: dict[str, str] = field(factory=dict, init=False)  # workflow -> why it is not replayed

    def why_not(self, workflow: WorkflowDefinition) -> str | None:
        """Why *workflow* cannot be replayed elsewhere, as far as is known."""
        if "<locals>" in workflow.fn.__qualname__:
            return f"{workflow.fn.__name__} is defined inside a function: nobody else can import it"
        return self._not_there.get(workflow.name)

    def replay(self, workflow: WorkflowDefinition, events: Sequence[Event]) -> None:
        """Raises `Differs`."""
        if self.why_not(workflow) is not None:
            return
        asked = {
            "path": _path(),
            "module": home(workflow.fn),
            "workflow": workflow.name,
            "events": [pack(event).decode() for event in events],
        }
        for process in self._begun():
            answer = _ask(process, asked)
            if answer is None:
                self.close()
            if answer is None or "cannot" in answer:
                ended = {"cannot": f"the interpreter ended, or took longer than {LONGEST:g} s"}
                self._not_there[workflow.name] = (answer or ended)["cannot"]
                return
            if "differs" in answer:
                raise Differs(f"{answer['differs']}\n{_THERE}")

    def close(self) -> None:
        """The next replay starts others."""
        processes, self._processes = self._processes, []
        for process in processes:
            process.kill()
            process.communicate()

    def _begun(self) -> list[subprocess.Popen[str]]:
        if not self._processes:
            self._processes = [_start(seed) for seed in _SEEDS]
        return self._processes


@cache
def elsewhere() -> Elsewhere:
    """One for this process."""
    there = Elsewhere()
    atexit.register(there.close)
    return there


def _start(seed: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "yieldflow.testing.fresh"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(_path())},
        text=True,
        encoding="utf-8",
    )


def _path() -> list[str]:
    return [place or str(Path.cwd()) for place in sys.path]


def _ask(process: subprocess.Popen[str], asked: dict[str, Any]) -> dict[str, str] | None:
    """None: it has ended, or took too long."""
    assert process.stdin is not None
    assert process.stdout is not None
    limit = Timer(LONGEST, process.kill)
    limit.start()
    try:
        print(json.dumps(asked), file=process.stdin, flush=True)
        line = process.stdout.readline()
    except BrokenPipeError:
        return None
    finally:
        limit.cancel()
    answer: dict[str, str] | None = json.loads(line) if line else None
    return answer
