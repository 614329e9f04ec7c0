"""What a page of a listing reads: as much in a store of many runs as in one of few, whatever the filter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Server
from yieldflow.ports import Commit, Filter, Head, Page, Store, Summary
from yieldflow.stores.redis import RedisStore, connect
from yieldflow.stores.redis.listing import LOOK
from yieldflow.stores.sqlite import SqliteStore
from yieldflow.testing.contracts.harness import new_id, summary

FEW, MANY = 1_000, 4_000
FILTERS = {
    "all": Filter(limit=20),
    "oldest": Filter(limit=20, oldest_first=True),
    "a common status": Filter(status="completed", limit=20),
    "a rare status": Filter(status="failed", limit=20),
    "two statuses": Filter(status=("failed", "completed"), limit=20),
    "a common workflow": Filter(workflow="common", limit=20),
    "a rare workflow": Filter(workflow="rare", limit=20),
    "a workflow and a status": Filter(workflow="common", status="failed", limit=20),
    "a common tag": Filter(tags={"team": "shop"}, limit=20),
    "a rare tag": Filter(tags={"order": "7"}, limit=20),
    "a common tag and a rare status": Filter(tags={"team": "shop"}, status="failed", limit=20),
    "a rare tag and a common one": Filter(tags={"team": "shop", "order": "7"}, limit=20),
    "a rare tag and all else": Filter(
        tags={"order": "7"}, status=("running", "completed"), workflow="common", since=100, until=9_000_000, limit=20
    ),
    "a span": Filter(since=10_400, until=10_500, limit=20),
    "a status in a span": Filter(status="completed", since=10_400, until=10_500, limit=20),
}


def one(number: int) -> Summary:
    """Of the first thousand: three have a tag of their own, four failed, five are of a rare workflow."""
    rare = number < FEW
    return summary(
        f"run-{number:06}",
        started_at=10_000 + number,
        status="failed" if rare and number % 250 == 1 else "completed",
        workflow="rare" if rare and number % 200 == 2 else "common",
        tags={"team": "shop"} | ({"order": "7"} if rare and number % 333 == 3 else {}),
    )


def fill(store: Store, first: int, beyond: int) -> None:
    runs = [one(number) for number in range(first, beyond)]
    for at in range(0, len(runs), 256):
        store.commit([Commit(run.run_id, new_id(), Head(None), (b"e",), summary=run) for run in runs[at : at + 256]])


def second_page(store: Store, wanted: Filter) -> Page:
    page = store.find(wanted)
    return page if page.cursor is None else store.find(wanted, page.cursor)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store.db")
    yield store
    store.close()


@pytest.fixture
def redis_store(server: Server) -> Iterator[RedisStore]:
    store = RedisStore(connect(server.url))
    yield store
    store.close()


def steps(store: SqliteStore, wanted: Filter) -> int:
    """Of SQLite's machine, in tens: each row that is looked at takes some."""
    count = 0

    def tick() -> None:
        nonlocal count
        count += 1

    store.find(wanted)
    store._connections.read(lambda db: db.set_progress_handler(tick, 10))
    second_page(store, wanted)
    store._connections.read(lambda db: db.set_progress_handler(None, 0))
    return count


def test_a_page_of_a_large_sqlite_file_takes_what_one_of_a_small_file_does(sqlite: SqliteStore):
    fill(sqlite, 0, FEW)
    few = {name: steps(sqlite, wanted) for name, wanted in FILTERS.items()}
    fill(sqlite, FEW, MANY)
    many = {name: steps(sqlite, wanted) for name, wanted in FILTERS.items()}
    for name in FILTERS:
        assert many[name] <= few[name] + 10, name
        assert few[name] < 500, name


def commands(store: RedisStore, wanted: Filter) -> int:
    def called() -> int:
        stats = store.client.info("commandstats")
        return sum(of["calls"] for name, of in stats.items() if name not in ("cmdstat_info", "cmdstat_evalsha"))

    store.find(wanted)  # the server learns the script
    before = called()
    second_page(store, wanted)
    return called() - before


def test_a_page_of_a_large_redis_store_takes_the_commands_of_one_of_a_small_store(redis_store: RedisStore):
    fill(redis_store, 0, FEW)
    few = {name: commands(redis_store, wanted) for name, wanted in FILTERS.items()}
    fill(redis_store, FEW, MANY)
    many = {name: commands(redis_store, wanted) for name, wanted in FILTERS.items()}
    for name in FILTERS:
        assert many[name] <= few[name] + 4, name  # places are found by halving
        assert few[name] < 200, name


def test_two_filters_that_fit_many_runs_but_few_together_are_looked_through_in_parts(redis_store: RedisStore):
    """No call holds the server up: it looks at so many runs, and lets others in."""
    count = 2 * LOOK + 100
    for at in range(0, count, 256):
        runs = [halved(number) for number in range(at, min(at + 256, count))]
        redis_store.commit([Commit(run.run_id, new_id(), Head(None), (b"e",), summary=run) for run in runs])
    redis_store.client.config_resetstat()
    page = redis_store.find(Filter(tags={"half": "0"}, status="completed", limit=20))
    assert [run.run_id for run in page.runs] == ["r00000"]
    assert redis_store.client.info("commandstats")["cmdstat_evalsha"]["calls"] == 2


def halved(number: int) -> Summary:
    """No run of the half that has the tag is completed but the oldest."""
    status = "completed" if number % 2 or number == 0 else "running"
    return summary(f"r{number:05}", started_at=number + 1, status=status, tags={"half": str(number % 2)})
