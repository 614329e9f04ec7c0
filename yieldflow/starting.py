"""Starting runs: what is written first, checked before anything is, and hundreds of them in one call of the store."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from attrs import frozen

from yieldflow.authoring.options import span
from yieldflow.codec.packing import unpack
from yieldflow.core.asks import WorkflowCall
from yieldflow.core.events import Limits, RunStarted
from yieldflow.core.times import Duration, Millis
from yieldflow.core.values import Codec
from yieldflow.engine.outside import check_run_id, check_tags, expect_same, opening, started
from yieldflow.errors import RunExists, StoreError, UsageError, shown
from yieldflow.ports import Commit, Conflict, Done, Due, Reply
from yieldflow.runtime import fresh

T = TypeVar("T")

STARTS_A_CALL = 64  # more, and those who work on the first ones would wait for the last


@frozen
class Start(Generic[T]):
    """A run that is to be started."""

    event: RunStarted
    call: WorkflowCall[T]


@frozen
class Starter:
    """What the runs of one app start with. *append* commits, and asks again for replies that are lost."""

    queue: str
    limits: Limits
    base_url: str | None
    codec: Codec
    now: Callable[[], Millis]
    append: Callable[[Sequence[Commit]], Sequence[Reply]]
    carried: Callable[[], Mapping[str, str]] = dict  # tags for what is started here and now

    def asked(
        self, call: WorkflowCall[T], run_id: str | None, tags: Mapping[str, str] | None, timeout: Duration | None
    ) -> Start[T]:
        """Raises `UsageError`, `BadRunId`, `BadArguments`."""
        if not isinstance(call, WorkflowCall):
            raise UsageError(f"start() takes the call of a workflow, such as checkout(order), not {shown(call)}")
        asked = call.changed
        name = asked.run_id if run_id is None else run_id
        name = f"{call.definition.fn.__name__}-{fresh()}" if name is None else name
        check_run_id(name)
        check_tags(tags or {})
        event = started(
            call,
            name,
            at=self.now(),
            seed=secrets.token_bytes(16),
            queue=asked.queue or self.queue,
            limits=self.limits,
            tags={**self.carried(), **asked.tags, **(tags or {})},
            timeout=asked.timeout if timeout is None else span(timeout),
            base_url=self.base_url,
            codec=self.codec,
        )
        return Start(event, call)

    def open(
        self, starts: Sequence[Start[Any]], hint: Callable[[Sequence[Due]], None], *, hinted: bool
    ) -> RunExists | None:
        """Start runs, or find those that are there; answers why the first one that could not be was not.

        *hint* has somebody look at them; *hinted*: who works hears of it, and need not wait for the alarm.
        """
        refused = None
        for at in range(0, len(starts), STARTS_A_CALL):
            some = starts[at : at + STARTS_A_CALL]
            replies = self.append([opening(start.event, fresh(), hinted=hinted) for start in some])
            due: list[Due] = []
            for start, reply in zip(some, replies, strict=True):
                if (error := self._refused(start, reply)) is None:
                    due.append(Due(start.event.run_id, start.event.queue))
                refused = refused or error
            hint(due)
        return refused

    def _refused(self, start: Start[Any], reply: Reply) -> RunExists | None:
        """A start is known by its seed: ours may have been applied already, and its reply lost."""
        match reply:
            case Done():
                return None
            case Conflict(tail=tail) if tail:
                existing = unpack(tail[0])
            case _:
                raise StoreError(f"run {start.event.run_id!r} could not be started: {reply}")
        if isinstance(existing, RunStarted) and existing.seed != start.event.seed:
            try:
                expect_same(existing, start.call, self.codec)
            except RunExists as error:
                return error
        return None
