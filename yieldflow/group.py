"""Drives several tenders in one thread; what they have ready to commit, or to read, is one call of the store.

Bodies run here one at a time, as in any worker. No report waits for more than a few short bodies of other runs. One
that takes its time holds nobody up: what the others have ready is then committed, what they have not begun is left to
whoever takes their hints. A tender that is alone does as under `drive`.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any

from attrs import define, field

from yieldflow.drive import Ports, insist, resume
from yieldflow.engine.requests import Execute, ExecuteLocal, Offer, Read, Request, Save, Tended, Wait
from yieldflow.engine.state import Asking
from yieldflow.errors import StoreError, UnknownRun
from yieldflow.ports import Commit, Heard, Holding, Look

_LOG = logging.getLogger("yieldflow.worker")

MOST = 64  # runs at a time: half of them in one call, while the others go on
MOST_BYTES = 8 << 20  # of events in one call
PATIENCE = 0.005  # seconds that what is ready waits for short bodies of other runs
SLOW = 0.02  # seconds of a body; less, and a process that has lost its turn on the CPU would look like one


@define(eq=False)
class Flight:
    """One tender under way. *close* lets go of what its bodies held."""

    run_id: str
    tending: Asking[Tended]
    ports: Ports
    close: Callable[[], None]
    saw: Callable[[str, Tended], None]  # is told how its tender has ended
    wants: Save | Read | Wait | None = None
    on_its_way: bool = False  # what it wants has been sent
    ended: bool = False
    again: bool = False  # another hint came for its run
    leaving: bool = False  # it begins no body any more, and is the business of whoever said so
    _reply: Any = None
    _lost: StoreError | None = None

    def answered(self, reply: Any = None, lost: StoreError | None = None) -> None:
        self._reply, self._lost, self.wants, self.on_its_way = reply, lost, None, False

    def ask(self) -> Request | None:
        """Its next request; None: it has ended."""
        reply, lost, self._reply, self._lost = self._reply, self._lost, None, None
        try:
            return resume(self.tending, reply, lost)
        except StopIteration as ended:
            self.saw(self.run_id, ended.value)
        except StoreError as error:
            _LOG.warning("run %s is left for later: %s", self.run_id, error)
        except Exception:  # noqa: BLE001 - the loop of a service: one run must not stop the others
            _LOG.exception("run %s is left for later", self.run_id)
        self.end()
        return None

    def perform(self, request: Request) -> None:
        try:
            self.answered(insist(request, self.ports))
        except StoreError as error:  # the tender may go on without that, or else ends with it
            self.answered(lost=error)

    def run(self, request: Execute | ExecuteLocal) -> None:
        self.answered(self.ports.execute(request))

    def end(self) -> None:
        self.ended, self.wants = True, None
        self.tending.close()
        self.close()


@define(eq=False)
class Sent:
    """What some flights want to commit, and others to read, on its way."""

    saving: Sequence[Flight]
    reading: Sequence[Flight]
    heard: Callable[[], Heard]

    def hear(self) -> None:
        try:
            replies, logs = self.heard()
        except StoreError as error:
            _lost((*self.saving, *self.reading), error)
            return
        for answers in (replies, logs):
            if answers and (last := answers[-1]) is not None:
                self.flight.ports.clock.heard(last.now)
        for flight, answer in zip((*self.saving, *self.reading), (*replies, *logs), strict=True):
            flight.answered(answer)

    @property
    def flight(self) -> Flight:
        """Any of them: they have one store and one clock."""
        return (*self.saving, *self.reading)[0]


@define(eq=False)
class Group:
    """*begin* makes the flight of a run; its tender asks the function it is given whether to stop.

    The commits of some are on their way while the others go on, so that neither this thread nor the store is idle.
    One thread drives it. Another one watches how long bodies take, while there is more than one flight.
    """

    begin: Callable[[str, Callable[[], bool]], Flight]
    stopping: Callable[[], bool]
    most: int = MOST
    patience: float = PATIENCE
    slow: float = SLOW
    _flights: list[Flight] = field(factory=list, init=False)
    _sent: deque[Sent] = field(factory=deque, init=False)  # in the order of sending
    _lock: Lock = field(factory=Lock, init=False)  # of them while a body runs, and of what follows
    _body: tuple[Flight, float] | None = field(default=None, init=False)  # whose body runs, and since when
    _width: int = field(default=MOST, init=False)
    _several: Flag = field(factory=Flag, init=False)
    _taking: Lock = field(factory=Lock, init=False)  # who watches has it while it takes flights away
    _watcher: Thread | None = field(default=None, init=False)

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def room(self) -> int:
        """How many more runs may come: fewer, where bodies have lately been slow."""
        return min(self.most, self._width) - len(self._flights)

    @property
    def has_space(self) -> bool:
        """Whether it is worth a look for more runs: there is room for several, or nothing else to do."""
        return self.room * 4 >= min(self.most, self._width) or not self._flights

    @property
    def run_ids(self) -> tuple[str, ...]:
        return tuple(flight.run_id for flight in self._flights)

    def add(self, run_ids: Iterable[str]) -> None:
        """A run that is under way is looked at once more when its tender has ended."""
        under_way = {flight.run_id: flight for flight in self._flights}
        for run_id in run_ids:
            if run_id in under_way:
                under_way[run_id].again = True
                continue
            with suppress(UnknownRun):  # a hint that anybody may have left
                under_way[run_id] = flight = self._begun(run_id)
                self._flights.append(flight)

    def round(self) -> None:
        """Hear what became of the commits that were sent first; have each tender that may go on do so until it wants to
        read or commit, or has ended; then do that for all.
        """
        if len(self._flights) > 1:
            self._watch()
        self._hear()
        while len(self._sent) > 1:  # or small parts would stay small
            self._hear()
        since = time.monotonic()
        for flight in tuple(self._flights):
            if flight.leaving or flight.wants is not None:  # another one's, since a body took its time; or on its way
                continue
            self._advance(flight)
            if time.monotonic() - since > self.patience:  # what is ready waits no longer
                self._send()
                since = time.monotonic()
        self._send()
        self._width = min(self.most, self._width + 1)
        ended = [flight for flight in self._flights if flight.ended]
        if ended:
            self._flights = [flight for flight in self._flights if not flight.ended]
            self.add(flight.run_id for flight in ended if flight.again)
        self._rest()

    def leave(self) -> None:
        """Leave all runs to others: this thread has something else to do."""
        while self._sent:
            self._hear()
        others, self._flights = self._flights, []
        for flight in others:
            flight.leaving = True
        _leave(others)
        self._rest()

    def close(self) -> None:
        """Let go of all. What was begun is found again in the log and the work table."""
        while self._sent:
            self._hear()
        for flight in self._flights:
            flight.end()
        self._flights = []
        self._rest()
        with self._taking:  # what was taken away is not cut off: this process may be about to end
            pass

    def _begun(self, run_id: str) -> Flight:
        flight = self.begin(run_id, lambda: flight.leaving or self.stopping())
        return flight

    def _advance(self, flight: Flight) -> None:
        while (request := flight.ask()) is not None:
            match request:
                case Save() | Read() | Wait():
                    flight.wants = request
                    return
                case Execute() | ExecuteLocal():
                    self._body = (flight, time.monotonic())
                    try:
                        flight.run(request)
                    finally:
                        with self._lock:  # or the others are being taken away
                            self._body = None
                case _:
                    flight.perform(request)

    def _hear(self) -> None:
        if self._sent:
            self._sent.popleft().hear()

    def _send(self) -> None:
        """What is ready; in two parts, if nothing else is on its way: when the first one is answered, its tenders go on
        while the store has the second.
        """
        flights = [flight for flight in self._flights if not flight.leaving]
        ready = [flight for flight in flights if isinstance(flight.wants, Save | Read) and not flight.on_its_way]
        half = len(ready) // 2 if not self._sent else 0
        for part in (ready[:half], ready[half:]):
            for some in _loads(part):
                if (sent := _sent(some)) is not None:
                    self._sent.append(sent)
        _wait(flights)

    # --- slow bodies ------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        self._several.set()
        if self._watcher is None or not self._watcher.is_alive():  # also after a fork
            self._watcher = Thread(target=self._look, name="yieldflow group", daemon=True)
            self._watcher.start()

    def _rest(self) -> None:
        """Who watches sleeps until there is more than one flight again."""
        if len(self._flights) < 2 and self._several.is_set():
            self._several.clear()

    def _look(self) -> None:
        """Until there was but one flight for a minute."""
        while self._several.wait(60):
            time.sleep(self.slow)
            with self._taking:
                if (found := self._others()) is not None:
                    others, sent = found
                    for one in sent:
                        one.hear()
                    _leave(others)

    def _others(self) -> tuple[list[Flight], deque[Sent]] | None:
        """If a body takes its time: the flights that it holds up, and what is on its way: they are ours from now on."""
        with self._lock:
            if self._body is None or time.monotonic() - self._body[1] < self.slow:
                return None
            slow, _ = self._body
            others = [flight for flight in self._flights if flight is not slow]
            self._flights = [flight for flight in self._flights if flight is slow]
            for flight in others:
                flight.leaving = True
            self._width = max(1, self._width // 2)
            sent, self._sent = self._sent, deque()
            return others, sent


def _leave(flights: Sequence[Flight]) -> None:
    """Do what they want; then each gives back what it has not begun, and leaves a hint."""
    while waiting := [flight for flight in flights if not flight.ended]:
        _together(waiting)
        for flight in waiting:
            match flight.ask():
                case None:
                    pass
                case Save() | Read() | Wait() as request:
                    flight.wants = request
                case request:
                    flight.perform(request)
    for flight in flights:
        if flight.again:  # what it was for may have come after the tender's last look
            queues = flight.ports.me.queues
            flight.perform(Offer(flight.run_id, queues[0] if queues else "", 1))


def _together(flights: Sequence[Flight]) -> None:
    for some in _loads([flight for flight in flights if isinstance(flight.wants, Save | Read)]):
        if (sent := _sent(some)) is not None:
            sent.hear()
    _wait([flight for flight in flights if not flight.ended])


def _wait(flights: Sequence[Flight]) -> None:
    """For who holds what they want, if there is nothing else to do."""
    flights = [flight for flight in flights if not flight.ended]
    waits = [flight.wants for flight in flights if isinstance(flight.wants, Wait)]
    if waits and len(waits) == len(flights):
        waits[0].block(PATIENCE)
    for flight in flights:
        if isinstance(flight.wants, Wait):
            flight.answered()


def _sent(flights: Sequence[Flight]) -> Sent | None:
    """None: they could not be sent."""
    saving = [flight for flight in flights if isinstance(flight.wants, Save)]
    reading = [flight for flight in flights if isinstance(flight.wants, Read)]
    commits = [flight.wants.commit for flight in saving if isinstance(flight.wants, Save)]
    wanted = [flight.wants for flight in reading if isinstance(flight.wants, Read)]
    looks = [Look(look.run_id, look.after, look.replaying) for look in wanted]
    try:
        sent = Sent(saving, reading, flights[0].ports.store.begin(commits, looks))
    except StoreError as error:
        _lost(flights, error)
        return None
    for flight in flights:
        flight.on_its_way = True
    return sent


def _lost(flights: Iterable[Flight], error: StoreError) -> None:
    """What may be asked twice is, by itself: reads and reports. What became of other commits, tenders find out."""
    for flight in flights:
        match flight.wants:
            case Read() | Save(Commit(on=Holding())) as request:
                flight.perform(request)
            case _:
                flight.answered(lost=error)


def _loads(flights: Sequence[Flight]) -> Iterator[list[Flight]]:
    """As many as one call may carry."""
    some, size = list[Flight](), 0
    for flight in flights:
        some.append(flight)
        for event in flight.wants.commit.events if isinstance(flight.wants, Save) else ():
            size += len(event)
        if size > MOST_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some
