"""A store that tells observers what is done on it. It changes no call and no answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

from attrs import define, field

from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.engine.requests import Body, Execute, ExecuteLocal, Returned, Threw
from yieldflow.errors import StoreError
from yieldflow.observing.books import Books
from yieldflow.observing.closing import closed, ended, nothing, of_interest, reported
from yieldflow.observing.harmless import harmless
from yieldflow.observing.told import Leave, Observer, RunBegan, RunEnded, Told
from yieldflow.ports import (
    NO_EVENTS,
    Beat,
    Commit,
    Conflict,
    Done,
    Due,
    Entry,
    Filter,
    Granted,
    Head,
    Heard,
    Holding,
    Log,
    Look,
    Mark,
    Page,
    Refused,
    Reply,
    Store,
)

T = TypeVar("T")

_ANEW = Head(None)


@define(eq=False)
class ObservedStore:
    """*store*, with *observers* who are told of it."""

    store: Store
    observers: tuple[Observer, ...]
    books: Books = field(init=False)
    _follows: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.books = Books(self.store)
        self._follows = any(observer.follows for observer in self.observers)

    @property
    def client(self) -> Any:
        """Of a store on a server."""
        return getattr(self.store, "client")  # noqa: B009 - the port does not know it

    # --- what others ask of observers -------------------------------------------------------------------------------

    def around(self, request: Execute | ExecuteLocal, run: Callable[[], Body], now: Millis) -> Body:
        """Run a body, with the observers told before and after it; *now*: the store's time."""
        with harmless:
            self.books.begins(request)
        leaves: list[Leave] = []
        for observer in self.observers:
            with harmless:
                leaves.append(observer.begins(request, self.books.born, now))
        body: Body | None = None
        try:
            body = run()
        finally:
            for leave in reversed(leaves):
                with harmless:
                    leave(body)
            if isinstance(body, Returned | Threw):
                self.books.begins(request, body)
            else:
                self.books.ends(request.run_id, request.path)
        return body

    def flush(self) -> None:
        for observer in self.observers:
            with harmless:
                observer.flush()

    # --- what is told -----------------------------------------------------------------------------------------------

    def _heard(self, commits: Sequence[Commit], replies: Sequence[Reply]) -> None:
        for commit, reply in zip(commits, replies, strict=True):
            with harmless:
                self._answered(commit, reply)

    def _answered(self, commit: Commit, reply: Reply) -> None:
        doubts = self.books.doubts
        match reply:
            case Done(head):
                if doubts:
                    doubts.over(commit)
                self._applied(commit, reply, head.length - len(commit.events))
            case Conflict(tail=tail) if doubts and commit.on == _ANEW and doubts.answered(commit):
                if tail[:1] == commit.events[:1]:
                    self._applied(commit, reply)
                else:
                    self._tell(commit, reply)
            case Refused() if isinstance(commit.on, Holding):
                if doubts and doubts.answered(commit) and self.books.was_applied(commit):
                    self._applied(commit, reply)
                else:
                    self._tell(commit, reply)
                self.books.ends(commit.run_id, commit.on.path)
            case Refused("twice", position=int(position)) if position and commit.run_id in doubts:
                self._tell(commit, reply)
                with suppress(StoreError):  # one of ours, whose reply was lost, or somebody else's
                    self._seen(commit.run_id, self.store.read(commit.run_id, Mark(position - 1, "")))
                    doubts.over(commit)
            case _:
                self._tell(commit, reply)

    def _read(self, run_id: str, after: Mark | None, log: Log | None) -> None:
        with harmless:
            if self._follows and log is not None and (after is None or log.gap):
                self.books.note_birth(log.events)
            if run_id in self.books.doubts:
                with suppress(StoreError):
                    self._seen(run_id, log)

    def _seen(self, run_id: str, log: Log | None, events: Iterable[bytes] | None = None) -> None:
        """Commits in doubt may be among these events, or those of this part of the log. Raises `StoreError`."""
        if log is None:
            return
        whole = partial(self.books.packed, run_id)
        for commit in self.books.doubts.shown(run_id, log.events if events is None else events, whole):
            self._tell(commit, Done(log.head, log.now), self._told(commit, commit.events, None))
            if commit.done:
                self.books.forget(run_id)

    def _applied(self, commit: Commit, reply: Reply, before: int | None = None) -> None:
        """*before*: so long was the log without it, where that is known."""
        run_id, books = commit.run_id, self.books
        packed = books.doubts.untold(run_id, commit.events) if books.doubts else commit.events
        if commit.done and run_id in books.doubts:  # they are told now, or never
            with suppress(StoreError):
                self._seen(run_id, self.store.read(run_id, NO_EVENTS), books.packed(run_id))
        self._tell(commit, reply, self._told(commit, packed, before))
        if commit.done:
            books.forget(run_id)

    def _tell(self, commit: Commit, reply: Reply, told: Iterable[Told] = ()) -> None:
        heard: list[Told] = []
        with harmless:
            heard.extend(told)
        for observer in self.observers:
            with harmless:
                observer.committed(commit, reply, heard, self.books.born)

    def _told(self, commit: Commit, packed: tuple[bytes, ...], before: int | None) -> Iterator[Told]:
        run_id, summary, books = commit.run_id, commit.summary, self.books
        if commit.on == _ANEW:  # what is copied into it was told of the generation that it was copied from
            if self._follows:
                books.note_birth(packed)
            if self._follows and len(commit.events) == 1:
                books.noted(run_id, 0, 1)
            if summary is not None and packed and not commit.done:  # done: it is an import, of what has ended elsewhere
                yield RunBegan(summary)
            return
        waited = partial(books.waited, run_id, before) if self._follows else nothing
        for data in packed:
            if (told := reported(run_id, data, books.bodies)) is not None:
                books.ends(run_id, told.path)
                yield told
            elif (event := of_interest(data, follows=self._follows)) is not None:
                ending = closed(run_id, event, partial(books.begun, run_id), waited)
                books.note(run_id, event)
                if ending is not None:
                    yield ending
        if self._follows and before is not None:
            books.noted(run_id, before, before + len(commit.events))
        if commit.done and packed and summary is not None and (end := ended(packed[-1])) is not None:
            yield RunEnded(summary, end.at, end.outcome)

    def _doubt(self, commits: Sequence[Commit]) -> None:
        with harmless:
            self.books.doubts.add(commits)

    def _called(self, call: str, began: float, answered: bool = True) -> None:
        seconds = perf_counter() - began
        for observer in self.observers:
            with harmless:
                observer.called(call, seconds, answered)

    def _calling(self, call: str, ask: Callable[[], T]) -> T:
        began, answered = perf_counter(), False
        try:
            answer = ask()
            answered = True
        finally:
            self._called(call, began, answered)
        return answer

    # --- the port ---------------------------------------------------------------------------------------------------

    def read(self, run_id: str, after: Mark | None = None, *, replaying: Sequence[str] | None = ()) -> Log | None:
        log = self._calling("read", partial(self.store.read, run_id, after, replaying=replaying))
        self._read(run_id, after, log)
        return log

    def read_each(self, looks: Sequence[Look]) -> tuple[Log | None, ...]:
        _, logs = self.begin((), looks)()
        return logs

    def newest(self, chain: str) -> str:
        return self._calling("newest", partial(self.store.newest, chain))

    def work(self, run_id: str) -> tuple[Entry, ...]:
        return self._calling("work", partial(self.store.work, run_id))

    def commit(self, commits: Sequence[Commit]) -> tuple[Reply, ...]:
        began = perf_counter()
        try:
            replies = self.store.commit(commits)
        except StoreError:
            self._doubt(commits)
            self._called("commit", began, answered=False)
            raise
        self._called("commit", began)
        self._heard(commits, replies)
        return replies

    def begin(self, commits: Sequence[Commit], looks: Sequence[Look]) -> Callable[[], Heard]:
        began = perf_counter()
        try:
            hear = self.store.begin(commits, looks)
        except StoreError:
            self._doubt(commits)
            self._called("commit" if commits else "read", began, answered=False)
            raise
        return partial(self._hear, commits, looks, hear, began)

    def _hear(self, commits: Sequence[Commit], looks: Sequence[Look], hear: Callable[[], Heard], began: float) -> Heard:
        call = "commit" if commits else "read"
        try:
            replies, logs = hear()
        except StoreError:
            self._doubt(commits)
            self._called(call, began, answered=False)
            raise
        self._called(call, began)
        self._heard(commits, replies)
        for look, log in zip(looks, logs, strict=True):
            self._read(look.run_id, look.after, log)
        return replies, logs

    def claim(self, run_id: str, queues: Sequence[str], worker: str, tokens: Sequence[str]) -> Granted:
        return self._calling("claim", partial(self.store.claim, run_id, queues, worker, tokens))

    def renew(self, beats: Sequence[Beat]) -> tuple[Mark | None, ...]:
        return self._calling("renew", partial(self.store.renew, beats))

    def release(self, run_id: str, path: Path, token: str, not_before: Millis = 0) -> None:
        self._calling("release", partial(self.store.release, run_id, path, token, not_before))

    def due(self, limit: int) -> tuple[Due, ...]:
        return self._calling("due", partial(self.store.due, limit))

    def next_alarm(self) -> tuple[Millis | None, Millis]:
        return self._calling("next_alarm", self.store.next_alarm)

    def find(self, wanted: Filter, cursor: str | None = None) -> Page:
        return self._calling("find", partial(self.store.find, wanted, cursor))

    def resolve(self, token_hash: str) -> tuple[str, str] | None:
        return self._calling("resolve", partial(self.store.resolve, token_hash))

    def wait(self, run_id: str, head: Mark | None, seconds: float, *, end: bool = False) -> bool:
        """Not counted: it takes as long as the run does."""
        return self.store.wait(run_id, head, seconds, end=end)

    def delete(self, run_id: str) -> None:
        self._calling("delete", partial(self.store.delete, run_id))
        with harmless:
            self.books.forget(run_id)

    def close(self) -> None:
        self.store.close()
