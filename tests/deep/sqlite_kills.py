"""SQLite and kill -9: processes that run workflows on one file die at each commit, before any statement, at any moment.

After each death the file is sound, each log folds strictly, and the table of open work is what the logs say. Then the
next process goes on; at the end each result is right, and no body has begun whose outcome had been acknowledged.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from itertools import count, product
from pathlib import Path

from attrs import define, field

from tests.deep import sqlite_victims
from tests.deep.nursery import Nursery, nursery
from tests.deep.rounds import Figures
from tests.deep.sqlite_victims import Place, tear
from tests.e2e.account import account, where_it_was
from tests.e2e.journal import FOLDER, Line, lines
from yieldflow.codec.packing import unpack
from yieldflow.core.events import Event
from yieldflow.core.run import fold
from yieldflow.engine.planning import open_work
from yieldflow.ports import NEVER, Claimed, Filter, Free, Store
from yieldflow.stores.sqlite import SqliteStore

FILES, DEATHS = 12, 20  # of one round: files, and processes that die on each
AT_A_TIME = 4  # files; their processes wait more than they work
MEMORY = Path("/dev/shm")  # what a killed process wrote is there, flushed to a disk or not; so nobody waits for one
SECONDS = 30.0  # that a process may take
OPENING = 40  # statements: to make the tables, and to start the first run
SIZES = {"alone": 3, "together": 1}  # of the workflows
SHARES = 2  # of the commits of a run: who works on one need not wait for another
AT_COMMITS: tuple[Place, ...] = ("before a commit", "in a commit", "after a commit")
BY_CHANCE: dict[Place, int] = {  # and how far away a kill is, in the mean; moments: in tenths of milliseconds
    "moment": 200,
    "statement": 120,
    "before a commit": 8,
    "in a commit": 8,
    "after a commit": 8,
}


def one_round(seed: int) -> Figures:
    figures = Figures()
    with opened() as n, ThreadPoolExecutor(AT_A_TIME) as threads:
        for one in threads.map(lambda number: by_chance(n, seed * FILES + number), range(FILES)):
            figures.add(one)
    return figures


def by_chance(n: Nursery, seed: int) -> Figures:
    """On every third file a neighbour works, too, whom nobody kills."""
    chance = random.Random(seed)
    with begun(n, chance.choice(sorted(SIZES)), seed) as case:
        if seed % 3 == 0:
            case.neighbour = case.fork("neighbour", "moment", 0)
        case.let_one_die("statement", chance.randint(1, OPENING))
        while case.kills.total() < DEATHS:
            place = chance.choice(["statement", "moment", *BY_CHANCE])
            if case.neighbour is not None and place == "in a commit":
                place = "statement"  # what is torn is the end of the log, and must be one's own
            case.let_one_die(place, int(chance.expovariate(1 / BY_CHANCE[place])) + 1)
        return case.end()


def each_commit(n: Nursery, flow: str) -> Figures:
    """Dead at the first commit of a run, at the second, and so on; before, in and after it."""
    figures = Figures()
    shares = list(product(AT_COMMITS, range(1, 1 + SHARES)))
    with ThreadPoolExecutor(len(shares)) as threads:
        for one in threads.map(lambda share: each_commit_at(n, flow, *share), shares):
            figures.add(one)
    return figures


def each_commit_at(n: Nursery, flow: str, place: Place, first: int) -> Figures:
    figures, late = Figures(), 0
    for number in count(first, SHARES):
        with begun(n, flow, number) as case:
            late = 0 if case.let_one_die(place, number) else late + 1
            figures.add(case.end())
        if late == 2:  # once is not enough: two processes do not make the same commits, if threads work in them
            break
    return figures


@contextmanager
def opened() -> Iterator[Nursery]:
    with nursery([sqlite_victims.__name__, "yieldflow.stores.sqlite"]) as n:
        yield n


@contextmanager
def begun(n: Nursery, flow: str, seed: int) -> Iterator[Case]:
    folder = Path(tempfile.mkdtemp(prefix="yieldflow-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        yield Case(n, folder, flow, seed)
    except BaseException as error:
        error.add_note(f"{flow}, seed {seed}; what was left is in {folder}")
        raise
    shutil.rmtree(folder)


@define
class Case:
    """One file, and the processes that work on it, one after the other: on one run until it ends, then on the next."""

    nursery: Nursery
    folder: Path
    flow: str
    seed: int
    neighbour: int | None = None
    runs: int = 1
    kills: Counter[str] = field(factory=Counter)

    @property
    def file(self) -> Path:
        return self.folder / "runs.db"

    def fork(self, run_id: str, place: Place, number: int) -> int:
        args = [str(self.file), self.flow, run_id, SIZES[self.flow], place, number, self.seed]
        env = {FOLDER: str(self.folder)}
        return self.nursery.fork(f"{sqlite_victims.__name__}:victim", args, env=env, seconds=SECONDS)

    def let_one_die(self, place: Place, number: int) -> bool:
        """False: its run has ended before it came there. The number of a moment is tenths of milliseconds."""
        pid = self.fork(f"run-{self.runs}", place, number)
        if place == "moment":
            time.sleep(number / 10_000)
            self.nursery.kill(pid)
        code = self.nursery.wait(pid)
        assert code in (0, -signal.SIGKILL), f"a process ended with {code}: see what it has printed"
        if code == 0:
            self.runs += 1
            return False
        tear(self.file)
        self._count(pid, place)
        self.expect_sound()
        return True

    def end(self) -> Figures:
        """Nobody dies any more."""
        assert not self.let_one_die("statement", 1 << 40), "a process did not end"
        if self.neighbour is not None:
            assert self.nursery.wait(self.neighbour) == 0
            self.neighbour = None
        logs = self.expect_sound()
        told = account(lines(self.folder), dict(logs))
        counts = Counter({f"kills {place}": kills for place, kills in self.kills.items()})
        counts.update({"kills": self.kills.total(), "files": 1, "runs": len(logs), "bodies": told.bodies})
        counts["bodies that ran again"] = told.again
        return Figures(counts)

    def expect_sound(self) -> Mapping[str, Sequence[Event]]:
        """All logs. They are read from a copy: who comes next finds the file as it was left."""
        if self.neighbour is not None:
            return expect_sound(self.file, but="neighbour")
        copy = self.folder / "copy" / self.file.name
        shutil.rmtree(copy.parent, ignore_errors=True)
        copy.parent.mkdir()
        for end in ("", "-wal", "-journal"):  # the last until the file has become one with a write-ahead log
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{self.file}{end}", f"{copy}{end}")
        return expect_sound(copy)

    def _count(self, pid: int, place: Place) -> None:
        match place:
            case "moment":
                kind = "at any moment"
                self._note_the_death(pid)
            case "statement":
                kind = "before a statement"
            case _:
                kind = next(line.path for line in lines(self.folder) if line.what == "killed" and line.pid == pid)
        self.kills[kind] += 1

    def _note_the_death(self, pid: int) -> None:
        where = where_it_was(pid, lines(self.folder))
        line = Line("killed", where, run_id="", attempt=0, pid=pid, thread=0, at=time.time_ns() // 1_000_000)
        fields = (line.what, line.path, line.run_id, line.attempt, line.pid, line.thread, line.at)
        with (self.folder / "journal").open("a") as journal:
            journal.write(json.dumps(fields) + "\n")


# --- what a dead process leaves --------------------------------------------------------------------------------------


def expect_sound(file: Path, *, but: str = "\0") -> Mapping[str, Sequence[Event]]:
    """The logs of all runs. *but*: those whose names begin so go on meanwhile."""
    with closing(SqliteStore(file)) as store:
        with closing(sqlite3.connect(file)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        runs = [run.run_id for run in store.find(Filter(limit=10_000)).runs if not run.run_id.startswith(but)]
        return {run_id: expect_whole(store, run_id) for run_id in runs}


def expect_whole(store: Store, run_id: str) -> Sequence[Event]:
    """Its log folds strictly; the table of open work is what the fold says; somebody looks at what is owed."""
    log = store.read(run_id)
    assert log is not None
    events = [unpack(event) for event in log.events]
    assert len(events) == log.head.length
    run = fold(events)
    table = store.work(run_id)
    work = {entry.path: entry.work if isinstance(entry, Claimed) else entry for entry in table}
    owed = {} if run.ended is not None else {entry.path: entry for entry in open_work(run)}
    assert work.keys() == owed.keys(), f"{run_id}: {work.keys()} in the table, {owed.keys()} by the log"
    for path, entry in work.items():
        assert (entry.event, entry.attempt, entry.queue) == (owed[path].event, owed[path].attempt, owed[path].queue)
    awaited = {entry.path for entry in table if isinstance(entry, Free) and entry.not_before == NEVER}
    assert log.alarm is not None or owed.keys() <= awaited, f"{run_id}: nobody will look at {owed}"
    return events
