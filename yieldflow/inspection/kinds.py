"""The type of a hook, as only the program knows it: the workflow is replayed, where its code is at hand.

Remembered, for one name of a run has one type. Unknown where the code is elsewhere, where the run is at another
line, or where its history is long: a stranger shall not make us replay that. Few are replayed at once, for code may
never come to an end.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from threading import Condition, Lock
from time import monotonic
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from attrs import define, field, frozen

from yieldflow.authoring.loaded import loaded
from yieldflow.core.asks import Command, Hook, ReceiveCommand
from yieldflow.core.events import Event
from yieldflow.core.frames import frames
from yieldflow.core.interpreter import Execution
from yieldflow.core.telling import silence
from yieldflow.core.values import Annotation, Codec
from yieldflow.errors import BadPayload, CodeError, ImpossibleEvent, Undecodable
from yieldflow.inspection.reading import history, newest, stand
from yieldflow.reach import encoded

if TYPE_CHECKING:
    from yieldflow.app import App

LONGEST = 2_000  # events that are replayed
_KNOWN = 10_000  # hooks that are remembered
_AGAIN = 1.0  # seconds until an unknown one is looked for again
_AT_ONCE = 3  # runs that are replayed
_PATIENCE = 0.5  # seconds that one waits for others' replays


@frozen
class Kind:
    """*annotation* as `hook(name, type)` has it."""

    annotation: Annotation


@define(eq=False)
class Kinds:
    """Of one app."""

    _known: OrderedDict[tuple[str, str], tuple[Kind | None, float]] = field(factory=OrderedDict, init=False)
    _replayed: set[str] = field(factory=set, init=False)
    _changed: Condition = field(factory=Condition, init=False)

    def of(self, app: App, run_id: str, name: str) -> Kind | None:
        """None: nobody here can tell. Raises `UnknownRun`, `StoreError`."""
        key = (newest(app.store, run_id), name)
        with self._changed:
            self._changed.wait_for(lambda: self._is_known(key) or self._may_replay(key[0]), _PATIENCE)
            if self._is_known(key):
                return self._known[key][0]
            if not self._may_replay(key[0]):
                self._keep(key, None)
                return None
            self._replayed.add(key[0])
        try:
            found = _looked_for(app, *key)
            with self._changed:
                self._keep(key, found)
        finally:
            with self._changed:
                self._replayed.remove(key[0])
                self._changed.notify_all()
        return found

    def _is_known(self, key: tuple[str, str]) -> bool:
        kind, until = self._known.get(key, (None, 0.0))
        return kind is not None or monotonic() < until

    def _may_replay(self, run_id: str) -> bool:
        return run_id not in self._replayed and len(self._replayed) < _AT_ONCE

    def _keep(self, key: tuple[str, str], found: Kind | None) -> None:
        self._known[key] = (found, monotonic() + _AGAIN)
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)


_KINDS: MutableMapping[App, Kinds] = WeakKeyDictionary()
_MAKING = Lock()


def kinds_of(app: App) -> Kinds:
    """Those that are remembered for it."""
    with _MAKING:
        return _KINDS.setdefault(app, Kinds())


def expect_fitting(found: object, hook: str, kind: Kind | None, codec: Codec) -> None:
    """As the program will see it: without a type on its way in, with its type on its way out. Raises `BadPayload`."""
    packed = encoded(hook, found, Any, codec)
    if kind is None:
        return
    try:
        codec.decode(packed, kind.annotation)
    except Undecodable as error:
        raise BadPayload(hook, str(error)) from error


def _looked_for(app: App, run_id: str, name: str) -> Kind | None:
    log = stand(app.store, run_id)
    if log.head.length > LONGEST or app.registry.workflow(log.summary.workflow) is None:
        return None
    known = history(app.store, run_id)
    asked = (one for one in _asked(app, log.summary.workflow, known.events) if _name(one) == name)
    return next((Kind(one.type) for one in asked), None)


def _name(asked: ReceiveCommand[Any] | Hook[Any]) -> str:
    return asked.hook if isinstance(asked, ReceiveCommand) else asked.name


def _asked(app: App, name: str, events: tuple[Event, ...]) -> tuple[ReceiveCommand[Any] | Hook[Any], ...]:
    """What the program waits for, and the hooks that its lines hold."""
    workflow = app.registry.workflow(name)
    if workflow is None:
        return ()
    with silence():
        execution = Execution(workflow, app.codec, loaded)
        try:
            execution.feed(events)
            execution.decide()
            return (*_waits(execution), *_held(execution))
        except (CodeError, ImpossibleEvent):  # a run that this code cannot go on with
            return ()
        finally:
            execution.close()


def _waits(execution: Execution) -> Iterator[ReceiveCommand[Any]]:
    for leaf in execution.leaves.values():
        command: Command[Any] = leaf.command
        if isinstance(command, ReceiveCommand):
            yield command


def _held(execution: Execution) -> Iterator[Hook[Any]]:
    for branch in execution.waiting():
        for frame in frames(branch.generator):
            yield from (value for value in frame.variables.values() if type(value) is Hook)
