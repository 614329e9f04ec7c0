"""Wakes the threads of this process that wait for a run. It knows no heads: who is woken looks for itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event, Lock


class Bell:
    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[str, list[Event]] = {}

    def ring(self, run_ids: Iterable[str]) -> None:
        if not self._waiting:  # whoever comes now looks for itself before it waits
            return
        with self._lock:
            for run_id in run_ids:
                for heard in self._waiting.get(run_id, ()):
                    heard.set()

    def wait(self, run_id: str, moved: Callable[[], bool], seconds: float, *, look_every: float) -> bool:
        """Block until *moved* answers True, asked at each ring and every so many seconds; False: the time is over."""
        end = time.monotonic() + seconds
        with self._listening(run_id) as heard:
            while not moved():
                left = end - time.monotonic()
                if left <= 0:
                    return False
                heard.wait(min(left, look_every))
                heard.clear()
        return True

    @contextmanager
    def _listening(self, run_id: str) -> Iterator[Event]:
        heard = Event()
        with self._lock:
            self._waiting.setdefault(run_id, []).append(heard)
        try:
            yield heard
        finally:
            with self._lock:
                self._waiting[run_id].remove(heard)
                if not self._waiting[run_id]:
                    del self._waiting[run_id]
