"""Whatever happens to an SQLite file, its users see one clear sentence of ours, and never what SQLite says."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.deep import stores_contenders, stores_trouble
from tests.deep.nursery import Nursery, nursery
from tests.deep.stores import await_notes, runs
from tests.deep.stores_account import account
from yieldflow import App, Flow, step, workflow
from yieldflow.errors import StoreError, StoreUnreachable, StoreUnsuitable
from yieldflow.ports import Beat, Commit, Filter, Open, Store
from yieldflow.stores.sqlite import SqliteStore
from yieldflow.testing.contracts.harness import QUEUE, RUN, Embedded, FakeClock, append, free, log, start

TROUBLE = stores_trouble.__name__


@pytest.fixture(scope="module")
def n() -> Iterator[Nursery]:
    with nursery([TROUBLE, "yieldflow.stores.sqlite"]) as n:
        yield n


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def harness(file: Path) -> Iterator[Embedded]:
    clock = FakeClock()
    store = SqliteStore(file, clock, patience=0.1)
    yield Embedded(store, clock)
    store.close()


def holds(n: Nursery, file: Path, seconds: float, mode: str = "NORMAL") -> int:
    """A process that keeps the file locked; the lock is there when this answers."""
    ready = file.with_name("ready")
    pid = n.fork(f"{TROUBLE}:lock", [str(file), seconds, str(ready), mode])
    await_notes(ready, 0)
    return pid


WRITES: dict[str, Callable[[Store], object]] = {
    "commit": lambda store: store.commit([Commit(RUN, "c", Open("key"), (b"x",))]),
    "claim": lambda store: store.claim(RUN, [QUEUE], "w", ["t"]),
    "renew": lambda store: store.renew([Beat(RUN, (1,), "t")]),
    "release": lambda store: store.release(RUN, (1,), "t"),
    "due": lambda store: store.due(1),
    "delete": lambda store: store.delete(RUN),
    "read before a replay": lambda store: store.read(RUN, replaying=None),
}
READS: dict[str, Callable[[Store], object]] = {
    "read": lambda store: store.read(RUN),
    "work": lambda store: store.work(RUN),
    "newest": lambda store: store.newest(RUN),
    "next_alarm": lambda store: store.next_alarm(),
    "find": lambda store: store.find(Filter()),
    "resolve": lambda store: store.resolve("hash"),
    "wait": lambda store: store.wait(RUN, None, 0),
}
VERBS = WRITES | READS

# --- locks -----------------------------------------------------------------------------------------------------------


def test_nobody_sees_a_lock_while_others_write_read_long_check_point_and_vacuum(n: Nursery, file: Path):
    with closing(SqliteStore(file)) as store:
        disturber = n.fork(f"{TROUBLE}:disturb", [str(file), 3.0])
        journal = file.with_name("journal")
        args = [[f"sqlite:///{file}", "", str(journal), f"p{one}", 2, 300, 3, 1] for one in range(3)]
        pids = [n.fork(f"{stores_contenders.__name__}:contend", arg) for arg in args]
        assert [n.wait(pid) for pid in pids] == [0, 0, 0]  # what they see ends them
        assert account(store, journal, runs()[:3])["commits"] > 200
    assert n.wait(disturber) == 0


def test_who_holds_the_file_for_a_second_is_waited_for(n: Nursery, file: Path, harness: Embedded):
    start(harness)
    patient = SqliteStore(file)
    holder = holds(n, file, 1.0)
    began = time.monotonic()
    (reply,) = patient.commit([Commit(RUN, "c", Open("key"), (b"x",))])
    assert time.monotonic() - began > 0.5
    assert reply.head.length == 2
    patient.close()
    assert n.wait(holder) == 0


@pytest.mark.parametrize("verb", VERBS)
def test_who_holds_the_file_for_longer_is_named_as_the_reason(n: Nursery, file: Path, harness: Embedded, verb: str):
    start(harness, put=(free(),))
    holder = holds(n, file, 30)
    if verb in READS:
        VERBS[verb](harness.store)  # who writes keeps no reader out
    else:
        with pytest.raises(StoreUnreachable) as seen:
            VERBS[verb](harness.store)
        reason = "another process kept it locked for 0.1 s; end that one, or try again"
        assert str(seen.value) == f"the store sqlite:///{file} cannot be reached ({reason})"
    n.kill(holder)
    n.wait(holder)
    VERBS[verb](harness.store)


def test_who_opens_a_file_that_is_kept_from_all_others_is_told_so(n: Nursery, file: Path):
    SqliteStore(file).close()
    holder = holds(n, file, 30, "EXCLUSIVE")
    with pytest.raises(StoreUnreachable, match="another process kept it locked"):
        SqliteStore(file, patience=0.1)
    n.kill(holder)
    n.wait(holder)
    SqliteStore(file, patience=0.1).close()


@step
def locks_and_answers(n: int) -> int:
    return n


@workflow
def in_trouble(n: int) -> Flow[int]:
    first = yield from locks_and_answers(n)
    return first + (yield from locks_and_answers(first))


def test_a_run_meets_a_locked_file_with_our_error_and_goes_on_when_it_is_free(n: Nursery, file: Path):
    with closing(App(f"sqlite:///{file}")) as app:
        app.store = SqliteStore(file, patience=0.1)
        assert app.run(in_trouble(1), run_id="before") == 2
        holder = holds(n, file, 30)
        with pytest.raises(StoreUnreachable, match="another process kept it locked"):
            app.run(in_trouble(2), run_id="meanwhile")
        n.kill(holder)
        n.wait(holder)
        assert app.run(in_trouble(2), run_id="meanwhile") == 4


# --- the disk --------------------------------------------------------------------------------------------------------


def test_a_full_disk_changes_nothing_and_is_named(harness: Embedded):
    head = start(harness)
    connections = harness.store._connections
    (pages,) = connections.read(lambda db: db.execute("PRAGMA page_count").fetchone())
    connections.read(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    with pytest.raises(StoreUnsuitable, match="the disk is full; nothing was changed"):
        append(harness, b"x" * 100_000)
    assert log(harness).head == head
    connections.read(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
    assert append(harness, b"x" * 100_000).length == 2


def test_a_disk_that_does_not_write_is_named_and_loses_nothing_that_was_acknowledged(n: Nursery, file: Path, capfd):
    with closing(SqliteStore(file)) as store, nursery([TROUBLE], output=file.with_name("output")) as loud:
        journal = file.with_name("journal")
        args = [1 << 20, f"sqlite:///{file}", "", str(journal), "p", 2, 2_000, 2, 1]
        assert loud.wait(loud.fork(f"{TROUBLE}:contend_in_little_space", args)) == 1
        assert account(store, journal, runs()[:2])["commits"] > 20
    said = file.with_name("output").read_text().splitlines()[-1]
    assert said.startswith("yieldflow.errors.usage.StoreUnsuitable: ")
    assert "the disk cannot be read or written" in said


@pytest.fixture
def nobody() -> Iterator[None]:
    """Root may write everywhere."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    yield
    os.seteuid(me)


def test_a_file_that_may_only_be_read_is_named(file: Path, request: pytest.FixtureRequest):
    SqliteStore(file).close()
    file.chmod(0o444)
    file.parent.chmod(0o555)
    request.getfixturevalue("nobody")
    with pytest.raises(StoreUnsuitable, match=r"no permission to write .*store\.db"):
        SqliteStore(file)


def remove(file: Path) -> None:
    file.unlink()


def move(file: Path) -> None:
    file.rename(file.with_name("elsewhere.db"))


def replace(file: Path) -> None:
    file.unlink()
    SqliteStore(file).close()


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("happens", [remove, move, replace])
def test_a_file_that_goes_away_under_a_store_is_missed_at_once(file: Path, harness: Embedded, happens, verb: str):
    """Else what is acknowledged would be written to a file that nobody finds again."""
    start(harness, put=(free(),))
    happens(file)
    for _ in range(2):
        with pytest.raises(StoreUnsuitable, match="the file that was opened is not there any more"):
            VERBS[verb](harness.store)
    if happens is remove:
        assert not file.exists()


def test_a_file_that_is_no_database_any_more_is_told_so(file: Path, harness: Embedded):
    start(harness)
    harness.store.close()
    for end in ("-wal", "-shm"):
        file.with_name(f"store.db{end}").unlink(missing_ok=True)
    file.write_bytes(b"Dear diary, " * 1_000)
    with pytest.raises(StoreUnsuitable, match="not an SQLite database"):
        SqliteStore(file)


def test_a_damaged_file_is_told_so(file: Path, harness: Embedded):
    start(harness, *[b"x" * 2_000] * 50)
    harness.store.close()
    with file.open("r+b") as broken:
        broken.seek(4096)
        broken.write(b"\xa5" * (file.stat().st_size - 4096))
    with pytest.raises(StoreUnsuitable, match="the file is damaged"), closing(SqliteStore(file)) as store:
        store.read(RUN)


@pytest.mark.parametrize("end", ["-journal", "-wal", "-shm"])
@pytest.mark.parametrize("content", [b"", b"\0" * 5_000, b"nonsense " * 1_000])
def test_what_lies_beside_the_file_and_is_not_of_it_does_no_harm(
    file: Path, harness: Embedded, end: str, content: bytes
):
    start(harness, b"a")
    before = log(harness)
    harness.store.close()
    file.with_name(f"store.db{end}").write_bytes(content)
    with closing(SqliteStore(file, harness.clock)) as again:
        assert again.read(RUN) == before
        assert append(Embedded(again, harness.clock), b"b").length == 2


def test_a_journal_that_was_left_behind_is_taken_back(file: Path, tmp_path: Path):
    """As by a process that died while it made the tables, before there was a write-ahead log."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA cache_size = 1")
        other.execute("CREATE TABLE mine (text)")
        other.execute("DROP TABLE mine")
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE run (mine)")
        for _ in range(50):
            other.execute("INSERT INTO run VALUES (?)", ["x" * 4_000])
        left = tmp_path / "left.db"
        for end in ("", "-journal"):
            shutil.copyfile(f"{file}{end}", f"{left}{end}")
    with pytest.raises(StoreUnsuitable, match="of something else"):  # it was there, before it was taken back
        SqliteStore(left)
    with closing(sqlite3.connect(left)) as found:
        assert found.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_all_that_a_file_may_do_to_its_users_is_a_store_error():
    assert issubclass(StoreUnsuitable, StoreError)
    assert issubclass(StoreUnreachable, StoreError)
