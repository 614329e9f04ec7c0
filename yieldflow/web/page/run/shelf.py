"""Histories that were read before, so that whoever slides through one does not have it read again and again.

Each request still asks the store how the run stands, and for what has come since: nothing here is ever out of date.
Bounded in bytes; safe to share among threads.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, MutableMapping
from threading import Lock
from weakref import WeakKeyDictionary

from attrs import define, evolve, field, frozen

from yieldflow.app import App
from yieldflow.core.events import CommandAbandoned, CommandResolved
from yieldflow.core.path import Path
from yieldflow.errors import ImpossibleEvent, UnknownRun
from yieldflow.inspection.reading import History, history, meant, read_on
from yieldflow.inspection.timeline import Timeline
from yieldflow.inspection.words import Told, told
from yieldflow.ports import Store

MOST = 64 << 20  # bytes, about
_EVENT = 1_000  # bytes, about, that an event takes beside its values


@frozen
class Story:
    """A whole history, its fold, and each event in words. All of it is read only: several threads look at it."""

    known: History
    timeline: Timeline
    words: tuple[Told, ...]
    answers: Mapping[Path, int]  # the positions of the events that ended what was asked

    @property
    def weight(self) -> int:
        return len(self.words) * _EVENT + self.timeline.run.bytes


@define(eq=False)
class Shelf:
    """The stories of one app, those that were asked for last."""

    _most: int = MOST
    _kept: OrderedDict[str, Story] = field(factory=OrderedDict, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def read(self, store: Store, run_id: str) -> Story:
        """Of the generation that a run id means, as it is now. Raises `UnknownRun`, `StoreError`."""
        name = meant(store, run_id)
        with self._lock:
            kept = self._kept.get(name)
        try:
            story = _grown(store, name, kept)
        except UnknownRun:
            with self._lock:
                self._kept.pop(name, None)
            raise
        self._keep(name, story)
        return story

    def _keep(self, name: str, story: Story) -> None:
        with self._lock:
            self._kept[name] = story
            self._kept.move_to_end(name)
            weight = sum(one.weight for one in self._kept.values())
            while weight > self._most:
                weight -= self._kept.popitem(last=False)[1].weight

    def __len__(self) -> int:
        return len(self._kept)


_SHELVES: MutableMapping[App, Shelf] = WeakKeyDictionary()
_MAKING = Lock()


def shelf_of(app: App) -> Shelf:
    with _MAKING:
        return _SHELVES.setdefault(app, Shelf())


def _grown(store: Store, run_id: str, kept: Story | None) -> Story:
    if kept is None:
        return _story(history(store, run_id))
    known = read_on(store, kept.known)
    if known.log.head == kept.known.log.head and known.problem == kept.known.problem:
        return evolve(kept, known=evolve(known, events=kept.known.events))
    return _story(known)


def _story(known: History) -> Story:
    """Anew each time: the former fold may be under somebody's eyes."""
    timeline, words, answers = Timeline(), list[Told](), dict[Path, int]()
    for number, event in enumerate(known.events, 1):
        try:
            timeline.add(event)
        except ImpossibleEvent:
            break
        words.append(told(event, timeline))
        if isinstance(event, CommandResolved | CommandAbandoned):
            answers[event.path] = number
    return Story(known, timeline, tuple(words), answers)
