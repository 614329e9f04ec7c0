"""What is told when the reply of a commit is lost: that it was applied is seen in the log, and told once."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from tests.observing import flows
from tests.observing.test_spans import Scope, expect_all, scope
from yieldflow import App, Handle, WorkflowCall
from yieldflow.errors import ReplyLost, StoreUnreachable
from yieldflow.ports import Commit, Heard, Look, Reply, Store
from yieldflow.stores.memory import MemoryStore


class Forgetful:
    """*store*, some of whose commits are not answered: applied already, or never."""

    def __init__(self, store: Store, chance: random.Random, share: float) -> None:
        self.store, self.chance, self.share, self.lost = store, chance, share, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def commit(self, commits: Sequence[Commit]) -> tuple[Reply, ...]:
        return self._maybe(lambda: self.store.commit(commits))

    def begin(self, commits: Sequence[Commit], looks: Sequence[Look]) -> Callable[[], Heard]:
        return lambda: self._maybe(lambda: self.store.begin(commits, looks)())

    def _maybe(self, perform: Callable[[], Any]) -> Any:
        fate = self.chance.random()
        if fate < self.share / 2:
            self.lost += 1
            raise ReplyLost("it was never sent")
        answered = perform()
        if fate < self.share:
            self.lost += 1
            raise ReplyLost("it was applied")
        return answered


def started(app: App, call: WorkflowCall[Any], run_id: str) -> Handle[Any]:
    while True:
        with suppress(StoreUnreachable):  # it gives up after some replies that are lost in a row
            return app.start(call, run_id=run_id)


@pytest.mark.parametrize("seed", range(8))
def test_each_span_once_whatever_replies_are_lost(seed: int):
    here: Scope = scope()
    app = App("memory:", observe=[here.tracing])
    store = Forgetful(MemoryStore(), random.Random(seed), 0.15)
    app.store = store  # type: ignore[assignment]
    with app.worker():
        calls = (flows.several(), flows.parent(2), flows.plain(6), flows.generations(2))
        handles = [started(app, call, f"run-{number}") for number, call in enumerate(calls)]
        for handle in handles:
            handle.result(timeout=60)
        for run in app.runs().runs:
            app.get(run.run_id).result(timeout=60)
    assert store.lost > 0
    expect_all(here, app)
    app.close()
