"""What one tend knows while it goes on. Nothing here asks for anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, TypeAlias, TypeVar, assert_never

from attrs import define, evolve, field

from yieldflow.authoring.registry import Registry
from yieldflow.core.agenda import wakes_at
from yieldflow.core.asks import StepDefinition
from yieldflow.core.commands import Recorded
from yieldflow.core.path import Path
from yieldflow.core.run import Run
from yieldflow.core.times import Millis
from yieldflow.core.values import Codec
from yieldflow.engine.live import Cache, Live
from yieldflow.engine.requests import Request, Wait, Worker
from yieldflow.ports import Claim, Claimed, Log, Mark, Summary

T = TypeVar("T")
Asking: TypeAlias = Generator[Request, Any, T]

LONGEST_WAIT: Millis = 30_000  # for somebody else in this process who has the execution
HELP = 16  # hints for one commit: each wakes a worker, which then pumps until its time is up


@define
class Tools:
    """What a tender works with in its process."""

    me: Worker
    cache: Cache
    registry: Registry
    codec: Codec
    loaded: Callable[[str], type[BaseException] | None]


@define
class Tending:
    run_id: str
    tools: Tools
    until: Millis  # no new body begins after it
    log: Log | None = None  # as it was last read
    live: Live | None = None  # none for a run of another queue: its steps are carried out without the program
    holding: bool = False  # nobody else has the execution until it is given back or dropped
    stale: bool = False  # it has lived through several looks at the log, so it may be out of date
    foreign: bool = False  # the run is of another queue
    left: Counter[str] = field(factory=Counter)  # free entries, by queue, as far as we know
    retry_at: Millis | None = None  # the first next attempt of what failed here: it may be due by the time we leave
    hinted: bool = False  # there was more to do, and a hint says so
    table: tuple[Mark, int] | None = None  # how many entries the work table had, and at which head
    decided: Mark | None = None  # the head at which all is written that the program has decided
    settled: bool = False  # the alarm is what the agenda wants
    mine: list[tuple[Claimed, Recorded]] = field(factory=list)  # claims whose work has not begun
    tokens: set[str] = field(factory=set)  # of all claims we asked for and have not reported
    me: Worker = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.me = self.tools.me

    # --- the execution is handed from tender to tender ----------------------------------------------------------

    def hold(self) -> Asking[None]:
        """Have the execution for ourselves, if there is one. Who comes second waits for the first; not for ever, for a
        second execution is harmless.
        """
        until = None
        while not self.holding:
            anyway = until is not None and self.me.now() >= until
            self.holding, live = self.tools.cache.take(self.run_id, anyway=anyway)
            if self.holding:
                self.live, self.stale = live, live is not None
            else:
                until = until or self.me.now() + LONGEST_WAIT
                yield Wait(self.run_id, partial(self.tools.cache.wait, self.run_id))

    def give_back(self) -> None:
        """To the next tender: it was fed exactly what the log holds."""
        if self.holding and self.live is not None:
            self.tools.cache.put(self.run_id, self.live)
            self.holding, self.live = False, None
        self.drop()

    def drop(self) -> None:
        """It is not to be fed again: it may know what the log does not hold."""
        if self.live is not None:
            self.live.execution.close()
        if self.holding:
            self.tools.cache.drop(self.run_id)
        self.holding, self.live = False, None

    def mended(self, run: Run) -> Summary | None:
        """What is to be listed of a run that goes on, if the list says that it does not; else None."""
        listed = None if self.log is None else self.log.summary
        if listed is None or (listed.note is None and (listed.status == "paused") == run.paused):
            return None
        return evolve(listed, status="paused" if run.paused else "running", note=None)

    # --- questions ------------------------------------------------------------------------------------------------

    def step(self, path: Path, name: str) -> StepDefinition | None:
        """What to run: the function that the program has asked for, else a decorated one of that name."""
        asked = None if self.live is None else self.live.execution.step(path)
        return self.tools.registry.step(name) if asked is None else asked

    def may_run(self, work: Callable[[], int], wake: Callable[[], Millis | None]) -> bool:
        """Whether bodies are run here, when so much *work* is open and the clock owes something at *wake*."""
        match self.me.inline:
            case "always":
                return True
            case "alone":
                return work() <= 1 and wake() is None
            case "never":
                return False
            case _:
                assert_never(self.me.inline)

    def may_run_now(self) -> bool:
        if self.live is None:
            return True
        run = self.live.execution.run
        return self.may_run(lambda: run.work, lambda: wakes_at(run, self.me.now()))

    def ours(self) -> dict[str, int]:
        """Of the free entries those of our queues."""
        queues = self.left if self.me.queues is None else self.me.queues
        return {queue: self.left[queue] for queue in queues if self.left[queue] > 0}

    def time_is_up(self) -> bool:
        return self.me.stopping() or self.me.now() >= self.until

    def claim(self, path: Path) -> Claim:
        return Claim(path, self.token())

    def token(self) -> str:
        token = self.me.fresh()
        self.tokens.add(token)
        return token
