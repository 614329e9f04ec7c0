"""The stores answer as the model does, and no two of those who fight for a run ever both win."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deep.nursery import Nursery
from tests.deep.stores import CALLS, PROCESSES, THREADS, contended, contended_by_threads, on_redis, on_sqlite, opened
from tests.servers import Server
from yieldflow.stores.memory import MemoryStore

ODD = pytest.mark.parametrize("number", [1, 2], ids=["one is killed", "nobody is killed"])


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with opened() as n:
        yield n


def test_sqlite_answers_as_the_model_does_however_long_it_is_asked():
    assert on_sqlite(1, sequences=6, steps=80).counts["calls"] > 8_000


def test_redis_answers_as_the_model_does_however_long_it_is_asked(server: Server):
    assert on_redis(1, server.url, sequences=6, steps=80).counts["calls"] > 8_000


@ODD
def test_processes_that_fight_for_runs_on_sqlite_never_both_win(nursery: Nursery, number: int, tmp_path: Path):
    fight(nursery, f"sqlite:///{tmp_path}/store.db", tmp_path / "journal", number)


@ODD
def test_processes_that_fight_for_runs_on_redis_never_both_win(
    nursery: Nursery, server: Server, number: int, tmp_path: Path
):
    fight(nursery, server.url, tmp_path / "journal", number)


def fight(nursery: Nursery, url: str, journal: Path, number: int) -> None:
    counts = contended(nursery, url, journal, number).counts
    print(f"\n{url}: {dict(counts)}")
    assert counts["calls"] > 0.9 * CALLS * THREADS * (PROCESSES - number % 2)
    assert min(counts["commits"], counts["conflicts"], counts["refusals"]) > 200
    assert counts["kills"] == number % 2


def test_threads_that_fight_for_runs_in_memory_never_both_win(tmp_path: Path):
    counts = contended_by_threads(MemoryStore(), tmp_path / "journal", 1).counts
    assert min(counts["commits"], counts["conflicts"], counts["refusals"]) > 100
