"""The timer service: it only rings. Whoever takes the hint looks what is due."""

from __future__ import annotations

from collections.abc import Callable

from yieldflow.core.times import Millis
from yieldflow.ports import Queue, Store

TICK: Millis = 250  # the longest time between two looks: an alarm that is set meanwhile may be earlier
RUNS_A_LOOK = 200


def ring(store: Store, queue: Queue, room: Callable[[str], int], wait: Callable[[float], bool]) -> None:
    """Ring until *wait(seconds)* answers True: stop. Raises `StoreError`.

    *room* tells how many hints a queue still takes: where there is none, alarms stay due, they are the truth.
    """
    while True:
        if not ring_once(store, queue, room):
            earliest, now = store.next_alarm()
            pause = TICK if earliest is None else min(TICK, max(10, earliest - now))
            if wait(pause / 1_000):
                return
        elif wait(0):
            return


def ring_once(store: Store, queue: Queue, room: Callable[[str], int]) -> int:
    """One look; answers how many runs were due."""
    due = store.due(RUNS_A_LOOK)
    rooms = {name: room(name) for name in {run.queue for run in due}}
    queue.offer_each([run for run in due if rooms[run.queue] > 0])
    return len(due)
