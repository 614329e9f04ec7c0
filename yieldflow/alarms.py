"""The timer service: it only rings. Whoever takes the hint looks what is due."""

from __future__ import annotations

from collections.abc import Callable

from yieldflow.core.times import Millis
from yieldflow.ports import Queue, Store

TICK: Millis = 250  # the longest time between two looks: an alarm that is set meanwhile may be earlier
QUICK_TICK: Millis = 50  # of a store where an alarm is all that another process can leave
SHORTEST_PAUSE: Millis = 10
RUNS_A_LOOK = 200


def ring(
    store: Store,
    queue: Queue,
    room: Callable[[str], int],
    wait: Callable[[float], bool],
    *,
    tick: Millis = TICK,
    most: Callable[[], int] = lambda: RUNS_A_LOOK,
) -> None:
    """Ring until *wait(seconds)* answers True: stop. Raises `StoreError`.

    *room* tells how many hints a queue still takes: where there is none, alarms stay due, they are the truth. *most* is
    how many runs are looked at together: what one process leaves, others may take.
    """
    while True:
        earliest, now = store.next_alarm()  # only reads, where a look that finds nothing due would write
        left = tick if earliest is None else earliest - now
        if left <= 0 and (count := most()) > 0:
            ring_once(store, queue, room, count)
            left = 0
        elif left < SHORTEST_PAUSE:
            left = SHORTEST_PAUSE
        if wait(min(left, tick) / 1_000):
            return


def ring_once(store: Store, queue: Queue, room: Callable[[str], int], most: int = RUNS_A_LOOK) -> int:
    """One look; answers how many runs were due."""
    due = store.due(most)
    rooms = {name: room(name) for name in {run.queue for run in due}}
    queue.offer_each([run for run in due if rooms[run.queue] > 0])
    return len(due)
