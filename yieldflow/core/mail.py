"""The payloads of a run's hooks, and the receives that wait for them.

Waiters are served in the order of asking; payloads that come early or late stay for the next wait of that
name; a payload that does not fit the type asked for is skipped, and the hook goes on waiting.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from attrs import define, field

from yieldflow.errors import StillSealed, Undecodable

W = TypeVar("W")


@define
class Box(Generic[W]):
    payloads: deque[tuple[int, bytes]] = field(factory=deque)  # (position in the log, encoded)
    waiters: deque[W] = field(factory=deque)


@define
class Mail(Generic[W]):
    """*read* decodes a payload for a waiter, or raises `Undecodable`."""

    read: Callable[[W, bytes], object]
    boxes: dict[str, Box[W]] = field(factory=dict)
    rejected: list[int] = field(factory=list)  # positions of payloads that fitted no receive

    def put(self, name: str, position: int, payload: bytes) -> None:
        self._box(name).payloads.append((position, payload))

    def wait(self, name: str, waiter: W) -> None:
        self._box(name).waiters.append(waiter)

    def leave(self, name: str, waiter: W) -> None:
        self._box(name).waiters.remove(waiter)

    def deliver(self, name: str) -> Iterator[tuple[W, int, object]]:
        """What can be handed over now: (waiter, position, value)."""
        box = self._box(name)
        while box.payloads and box.waiters:
            position, payload = box.payloads.popleft()
            try:
                value = self.read(box.waiters[0], payload)
            except StillSealed:  # what was skipped for want of a key, another worker would take
                raise
            except Undecodable:
                self.rejected.append(position)
            else:
                yield box.waiters.popleft(), position, value

    def _box(self, name: str) -> Box[W]:
        if name not in self.boxes:
            self.boxes[name] = Box()
        return self.boxes[name]
