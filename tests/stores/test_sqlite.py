"""The SQLite store keeps the contract and answers like the model; and what else a file on a disk asks for."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import settings

from yieldflow.errors import StoreUnreachable, StoreUnsuitable
from yieldflow.ports import Commit, Done, Filter, Head
from yieldflow.stores.sqlite import SqliteStore
from yieldflow.testing.contracts import StoreContract
from yieldflow.testing.contracts.harness import (
    RUN,
    Embedded,
    FakeClock,
    append,
    change,
    claim,
    free,
    log,
    start,
    summary,
)

from .machine import Comparison


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def harness(file):
    clock = FakeClock()
    store = SqliteStore(file, clock)
    yield Embedded(store, clock)
    store.close()


class TestSqliteStore(StoreContract): ...


class SqliteComparison(Comparison):
    def open(self, clock: FakeClock) -> SqliteStore:
        self.folder = tempfile.mkdtemp()
        return SqliteStore(Path(self.folder, "store.db"), clock)

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)


TestSqliteAnswersLikeTheModel = SqliteComparison.TestCase
TestSqliteAnswersLikeTheModel.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)


# --- the file --------------------------------------------------------------------------------------------------------


def test_what_was_written_is_there_when_the_file_is_opened_again(harness: Embedded, file: Path):
    start(harness, b"a", put=(free(),), hooks={"hash": "approval"}, alarm=7)
    before = log(harness)
    harness.store.close()
    again = SqliteStore(file, harness.clock)
    assert again.read(RUN) == before
    assert again.resolve("hash") == (RUN, "approval")
    again.close()


def test_the_tags_of_a_run_go_with_it(harness: Embedded, file: Path):
    start(harness, summary=summary(tags={"team": "shop", "n": "1"}))
    append(harness, summary=summary(tags={"team": "shop"}, started_at=2_000))
    with sqlite3.connect(file) as other:
        assert other.execute("SELECT name, value, started_at, run_id FROM tag").fetchall() == [
            ("team", "shop", 2_000, RUN)
        ]
        harness.store.delete(RUN)
        assert other.execute("SELECT count(*) FROM tag").fetchone() == (0,)
    other.close()


@pytest.mark.parametrize("cell", ["{x", "[1", "1", "", "null"])
def test_a_cell_that_somebody_has_spoilt_is_lost_and_the_run_is_not(harness: Embedded, file: Path, cell: str):
    start(harness, put=(free(),), summary=summary(tags={"team": "shop"}))
    with sqlite3.connect(file) as other:
        other.execute("UPDATE run SET tags = ?, note = ?, anew = ?, replays = ?", (cell,) * 4)
    other.close()
    found = log(harness)
    assert (found.head.length, found.replays, found.summary.note) == (1, (), None)
    assert [run.run_id for run in harness.store.find(Filter()).runs] == [RUN]
    assert claim(harness).work == free()
    append(harness, b"and it goes on")


def test_a_closed_store_says_so_and_closes_again(harness: Embedded):
    harness.store.close()
    harness.store.close()
    with pytest.raises(StoreUnreachable, match="it was closed"):
        harness.store.read(RUN)


def test_a_missing_directory_is_named(tmp_path: Path):
    with pytest.raises(StoreUnsuitable, match=r"there is no directory .*missing; create it"):
        SqliteStore(tmp_path / "missing" / "store.db")


def test_a_directory_is_no_store(tmp_path: Path):
    with pytest.raises(StoreUnsuitable, match="it is a directory"):
        SqliteStore(tmp_path)


def test_a_file_of_something_else_is_left_alone(file: Path):
    file.write_text("Dear diary, " * 100)
    with pytest.raises(StoreUnsuitable, match="not an SQLite database"):
        SqliteStore(file)
    assert file.read_text().startswith("Dear diary")


def test_an_sqlite_database_of_something_else_is_left_alone(file: Path):
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE run (mine TEXT)")
    other.close()
    before = file.read_bytes()
    with pytest.raises(StoreUnsuitable, match="of something else"):
        SqliteStore(file)
    assert file.read_bytes() == before


def test_a_newer_schema_is_refused(harness: Embedded, file: Path):
    harness.store.close()
    other = sqlite3.connect(file)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(StoreUnsuitable, match="schema 99 and this yieldflow knows 4"):
        SqliteStore(file)


def test_a_directory_that_may_not_be_written_is_named(tmp_path: Path):
    tmp_path.chmod(0o500)
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)  # root may write everywhere, nobody may not
    try:
        with pytest.raises(StoreUnsuitable, match="no permission"):
            SqliteStore(tmp_path / "store.db")
    finally:
        os.seteuid(me)


def test_a_store_in_the_memory_of_sqlite_is_refused():
    with pytest.raises(StoreUnsuitable, match="use memory: instead"):
        SqliteStore(":memory:")


def test_a_relative_path_means_the_directory_of_its_opening(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = SqliteStore("store.db")
    monkeypatch.chdir("/")
    harness = Embedded(store, FakeClock())
    start(harness)
    Thread(target=lambda: append(harness, b"in another thread")).start()
    assert store.wait(RUN, log(harness).head, 5) or log(harness).head.length == 2
    store.close()
    assert (tmp_path / "store.db").exists()


# --- locks -----------------------------------------------------------------------------------------------------------


def test_a_file_that_another_process_has_locked_is_waited_for(harness: Embedded, file: Path):
    start(harness)
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")

    def let_go() -> None:
        time.sleep(0.1)
        other.execute("COMMIT")
        other.close()

    thread = Thread(target=let_go)
    thread.start()
    assert append(harness, b"b").length == 2
    thread.join()


def test_a_file_that_stays_locked_is_reported_in_words(harness: Embedded, file: Path):
    start(harness)
    hasty = SqliteStore(file, harness.clock, patience=0.05)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert hasty.read(RUN) == log(harness)  # a writer keeps no reader out
    with pytest.raises(StoreUnreachable, match=r"another process kept it locked for 0\.05 s"):
        hasty.due(1)
    other.close()
    hasty.close()


def test_a_call_that_fails_halfway_changes_nothing(harness: Embedded):
    head = start(harness, b"a")
    impossible = (free((2**40,)),)
    with pytest.raises(struct.error):
        change(harness, Head(head), b"b", put=impossible)
    assert (log(harness).head, log(harness).entries) == (head, 0)
    assert append(harness, b"b").length == 2


# --- several processes -----------------------------------------------------------------------------------------------


@contextmanager
def python(program: str, *args: object) -> Iterator[subprocess.Popen[str]]:
    """Another process: *program* finds `store` opened on the file that is its first argument."""
    prologue = """
        import sys
        from yieldflow.ports import *
        from yieldflow.stores.sqlite import SqliteStore
        store = SqliteStore(sys.argv[1])
    """
    code = textwrap.dedent(prologue) + textwrap.dedent(program)
    command = [sys.executable, "-c", code, *map(str, args)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_of_two_processes_that_race_for_each_head_exactly_one_wins(file: Path):
    program = """
        summary = Summary("run-1", "w", "q", "running", 1)
        name, other, head, wins, turn = *sys.argv[2:], None, 0, 0
        store.commit([Commit(name, "c", Head(None), (b"ready",), summary=Summary(name, "w", "q", "running", 1))])
        store.wait(other, None, 30)
        while head is None or head.length < 200:
            turn += 1
            commit = Commit("run-1", f"{name}-{turn}", Head(head), (name.encode(),), summary=summary)
            (reply,) = store.commit([commit])
            wins += isinstance(reply, Done)
            head = reply.head
        print(wins)
    """
    with python(program, file, "a", "b") as one, python(program, file, "b", "a") as other:
        wins = {name: int(racer.communicate(timeout=60)[0]) for name, racer in [("a", one), ("b", other)]}
    store = SqliteStore(file)
    events = store.read(RUN).events
    store.close()
    assert len(events) == sum(wins.values())
    assert {name: events.count(name.encode()) for name in "ab"} == wins


def test_what_was_acknowledged_survives_kill_9(file: Path):
    program = """
        summary = Summary("run-1", "w", "q", "running", 1)
        head = None
        while True:
            work = Free((1,), "q", 1, 1, 1000)
            commit = Commit("run-1", "c", Head(head), (b"a", b"b"), summary=summary, put=(work,))
            (reply,) = store.commit([commit])
            head = reply.head
            print(head.length, flush=True)
    """
    with python(program, file) as process:
        acknowledged = [process.stdout.readline() for _ in range(50)]
        process.kill()
        acknowledged += process.stdout.readlines()
    store = SqliteStore(file)
    found = store.read(RUN)
    (reply,) = store.commit([Commit(RUN, "next", Head(found.head), (b"c",))])
    store.close()
    assert len(found.events) == found.head.length
    assert found.head.length % 2 == 0
    assert found.head.length >= int([line for line in acknowledged if line.endswith("\n")][-1])
    assert isinstance(reply, Done)


def test_a_wait_ends_when_another_process_moves_the_head(harness: Embedded, file: Path):
    head = start(harness)
    with python('store.commit([Commit("run-1", "c", Open("k"), (b"payload",))])', file) as process:
        assert harness.store.wait(RUN, head, 30)
        assert process.wait(30) == 0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_store_works_on_both_sides_of_a_fork(harness: Embedded):
    head = start(harness, b"a")
    child = os.fork()
    if child == 0:
        try:
            append(harness, b"child")
            os._exit(0)
        finally:
            os._exit(1)
    assert harness.store.wait(RUN, head, 10)
    assert os.waitpid(child, 0)[1] == 0
    append(harness, b"parent")
    assert log(harness).events == (b"a", b"child", b"parent")
    assert set(harness.store._connections._processes) == {os.getpid()}


def test_threads_that_come_and_go_leave_few_connections(harness: Embedded):
    start(harness)
    for _ in range(20):
        thread = Thread(target=lambda: log(harness))
        thread.start()
        thread.join()
    assert len(harness.store._connections._here().idle) == 1
