"""A store that tells observers what is done on it. It changes no call and no answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import Any, TypeVar

from attrs import define, field

from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.engine.requests import Body, Execute, ExecuteLocal, Returned, Threw
from yieldflow.errors import StoreError
from yieldflow.observing.books import Books
from yieldflow.observing.closing import closed, ended, of_interest, reported
from yieldflow.observing.told import Leave, Observer, RunBegan, RunEnded, Told
from yieldflow.ports import (
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

_LOG = logging.getLogger("yieldflow.observing")
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
        self.books.begins(request)
        leaves: list[Leave] = []
        for observer in self.observers:
            with _harmless:
                leaves.append(observer.begins(request, self.books.born, now))
        body: Body | None = None
        try:
            body = run()
        finally:
            for leave in reversed(leaves):
                with _harmless:
                    leave(body)
            if isinstance(body, Returned | Threw):
                self.books.begins(request, body)
            else:
                self.books.ends(request.run_id, request.path)
        return body

    def flush(self) -> None:
        for observer in self.observers:
            with _harmless:
                observer.flush()

    # --- what is told -----------------------------------------------------------------------------------------------

    def _heard(self, commits: Sequence[Commit], replies: Sequence[Reply]) -> None:
        for commit, reply in zip(commits, replies, strict=True):
            doubted = self.books.is_unsure and self.books.doubted(commit)
            match reply:
                case Done():
                    if self.books.is_unsure:
                        self.books.decided(commit)
                    self._tell(commit, reply, applied=True)
                case Conflict(tail=tail) if doubted and commit.on == _ANEW and tail[:1] == commit.events[:1]:
                    self._tell(commit, reply, applied=True)
                case Refused() if isinstance(commit.on, Holding):
                    self._tell(commit, reply, applied=doubted and self.books.was_applied(commit))
                    self.books.ends(commit.run_id, commit.on.path)
                case _:
                    self._tell(commit, reply, applied=False)

    def _read(self, run_id: str, after: Mark | None, log: Log | None) -> None:
        if self._follows and after is None and log is not None:
            self.books.note_birth(log.events)
        if log is not None and self.books.is_unsure:
            while (commit := self.books.cleared(run_id, log)) is not None:
                self._tell(commit, Done(log.head, log.now), applied=True)

    def _tell(self, commit: Commit, reply: Reply, *, applied: bool) -> None:
        told = [*self._told(commit)] if applied else []
        for observer in self.observers:
            with _harmless:
                observer.committed(commit, reply, told, self.books.born)
        if applied and commit.done:
            self.books.forget(commit.run_id)

    def _told(self, commit: Commit) -> Iterator[Told]:
        run_id, summary, books = commit.run_id, commit.summary, self.books
        packed = books.untold(run_id, commit.events)
        if commit.on == _ANEW:  # what is copied into it was told of the generation that it was copied from
            if self._follows:
                books.note_birth(commit.events)
            if summary is not None and packed:
                yield RunBegan(summary)
            return
        for data in packed:
            if (told := reported(run_id, data, books.bodies)) is not None:
                books.ends(run_id, told.path)
                yield told
            elif (event := of_interest(data, follows=self._follows)) is not None:
                ending = closed(run_id, event, partial(books.begun, run_id))
                books.note(run_id, event)
                if ending is not None:
                    yield ending
        if commit.done and packed and summary is not None and (end := ended(packed[-1])) is not None:
            yield RunEnded(summary, end.at, end.outcome)

    def _called(self, call: str, began: float, answered: bool = True) -> None:
        seconds = perf_counter() - began
        for observer in self.observers:
            with _harmless:
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
            self.books.doubt(commits)
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
            self.books.doubt(commits)
            self._called("commit" if commits else "read", began, answered=False)
            raise
        return partial(self._hear, commits, looks, hear, began)

    def _hear(self, commits: Sequence[Commit], looks: Sequence[Look], hear: Callable[[], Heard], began: float) -> Heard:
        call = "commit" if commits else "read"
        try:
            replies, logs = hear()
        except StoreError:
            self.books.doubt(commits)
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

    def close(self) -> None:
        self.store.close()


class _Harmless:
    """What an observer raises within it is logged, and keeps nobody from working."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        _LOG.error("an observer was told something, and failed", exc_info=error)
        return True


_harmless = _Harmless()
