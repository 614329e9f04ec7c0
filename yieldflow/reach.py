"""How an app reaches runs from outside: one commit on the newest generation, known by its key if a reply is lost.

Nothing of a workflow may call it: there it is a command that does such things.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, get_args

from attrs import frozen

from yieldflow.authoring.options import is_name, is_position
from yieldflow.authoring.scope import inside
from yieldflow.core.asks import Hook, OpenHookCommand, ReceiveCommand
from yieldflow.core.chain import expect_possible
from yieldflow.core.times import Millis, instant
from yieldflow.core.values import Annotation, Codec
from yieldflow.engine.outside import check_hook, delivery
from yieldflow.engine.reaching import deliver
from yieldflow.engine.state import Asking, Tending
from yieldflow.errors import (
    BadPayload,
    InboxFull,
    InsideWorkflow,
    ReplyLost,
    RunEnded,
    StoreUnreachable,
    Unencodable,
    UnknownRun,
    UsageError,
    shown,
)
from yieldflow.ports import Commit, Done, Due, Filter, Refused, Reply, Status
from yieldflow.runtime import Runtime, fresh

T = TypeVar("T")

LONGEST_REASON = 1_000  # characters
_TRIES = 3  # of a call whose reply is lost


def refuse_in_a_workflow(verb: str) -> None:
    """Raises `InsideWorkflow`."""
    if inside.get() == "workflow":
        raise InsideWorkflow(verb)


def expect_key(key: object) -> None:
    """Raises `UsageError`."""
    if not is_name(key):
        raise UsageError(f"{shown(key)} cannot be a key: use 1 to 200 printable characters")


def expect_text(reason: str | None) -> None:
    """Raises `UsageError` for a reason that cannot be kept and shown."""
    if reason is None:
        return
    if not isinstance(reason, str) or len(reason) > LONGEST_REASON or not reason.replace("\n", "").isprintable():
        raise UsageError(f"{shown(reason)} cannot be a reason: use up to {LONGEST_REASON:,} printable characters")


def wanted(
    status: Status | Sequence[Status] | None,
    workflow: str | None,
    tag: tuple[str, str] | Mapping[str, str] | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    *,
    oldest_first: bool = False,
) -> Filter:
    """Raises `UsageError`."""
    statuses = _statuses(status)
    if not is_position(limit, 1):
        raise UsageError(f"limit={shown(limit)} must be a whole number from 1")
    if not (tag is None or isinstance(tag, Mapping) or (isinstance(tag, tuple) and len(tag) == 2)):
        raise UsageError(f"tag={shown(tag)} must be a pair, such as ('team', 'shop'), or a dict of several")
    tags = tag if isinstance(tag, Mapping) else {} if tag is None else dict((tag,))
    if not all(isinstance(word, str) and word.isprintable() for pair in tags.items() for word in pair):
        raise UsageError(f"tag={shown(tag)} is no tag: use printable characters")
    if workflow is not None and not is_name(workflow, LONGEST_REASON):
        raise UsageError(f"workflow={shown(workflow)} is not the name of one; spell it as module:name")
    return Filter(statuses, workflow, tags, _instant("since", since), _instant("until", until), limit, oldest_first)


def _statuses(status: Status | Sequence[Status] | None) -> tuple[Status, ...]:
    named = () if status is None else tuple(status) if isinstance(status, list | tuple) else (status,)
    if all(one in get_args(Status) for one in named):
        return named
    raise UsageError(f"{shown(status)} is no status; there are {', '.join(get_args(Status))}")


def _instant(name: str, moment: datetime | None) -> Millis | None:
    if moment is None:
        return None
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise UsageError(f"{name}= must be an aware datetime, such as datetime.now(UTC)")
    return instant(moment)


def hook_of(hook: str | ReceiveCommand[Any] | OpenHookCommand[Any] | Hook[Any]) -> tuple[str, Annotation]:
    """Name and type; a name alone tells no type. Raises `BadPayload` for what cannot be one."""
    match hook:
        case ReceiveCommand(hook=name, type=kind) | OpenHookCommand(name=name, type=kind) | Hook(name=name, type=kind):
            return name, kind
        case _:
            check_hook(hook)
            return hook, Any


def encoded(hook: str, payload: object, kind: Annotation, codec: Codec) -> bytes:
    """Raises `BadPayload`."""
    try:
        return codec.encode(payload, kind)
    except Unencodable as error:
        raise BadPayload(hook, str(error)) from error


@frozen
class Hints:
    """A queue that leaves hints as the app does."""

    hint: Callable[[str, str], None]

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:  # noqa: ARG002 - one is enough
        self.hint(run_id, queue)

    def offer_each(self, runs: Sequence[Due]) -> None:
        for run in runs:
            self.offer(run.run_id, run.queue)


@frozen
class Reach:
    """*hint(run id, queue)*: have somebody look at that run; *hints()*: whether those who work can hear it.

    *url* is for messages.
    """

    url: str
    runtime: Callable[[], Runtime]
    hint: Callable[[str, str], None]
    hints: Callable[[], bool] = lambda: True

    def send(self, run_id: str, hook: str, payload: bytes, key: str | None, by: str | None, inbox: int) -> int:
        """The position in the log; 0: that key was delivered in an earlier generation."""
        refuse_in_a_workflow("send()")
        expect_possible(run_id)
        if key is not None and key != "":
            expect_key(key)
        once = key or fresh()

        def asked(target: str, at: Millis) -> Commit:
            hinted = self.hints()
            return delivery(target, fresh(), hook, payload, key=once, by=by, inbox=inbox, at=at, hinted=hinted)

        match self._on_newest(run_id, asked):
            case Done(head):
                return head.length
            case Refused("twice", position=position):
                return position or 0
            case Refused("ended"):
                raise RunEnded(run_id)
            case Refused("inbox"):
                raise InboxFull(run_id, inbox)
            case _:
                raise UnknownRun(run_id)

    def operate(self, verb: str, run_id: str, asking: Callable[[Tending], Asking[T]]) -> T:
        refuse_in_a_workflow(verb)
        expect_possible(run_id)
        return self.runtime().ask(run_id, asking, Hints(self.hint))

    def _on_newest(self, run_id: str, asked: Callable[[str, Millis], Commit]) -> Reply:
        for _ in range(_TRIES):
            reply = self.runtime().ask(run_id, lambda t: deliver(t, run_id, asked), Hints(self.hint))
            if reply is not None:
                return reply
        raise StoreUnreachable(self.url, "its replies are lost")

    def append(self, commits: Sequence[Commit]) -> Sequence[Reply]:
        """What is lost is asked for again: the caller has to know its own commits."""
        runtime = self.runtime()
        for _ in range(_TRIES):
            try:
                replies = runtime.store.commit(commits)
            except ReplyLost as error:
                lost = error
            else:
                runtime.clock.heard(replies[-1].now)
                return replies
        raise StoreUnreachable(self.url, lost.reason)
