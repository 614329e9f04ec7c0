"""The tables of a store file, and the check that a file is one. A file of another schema is refused."""

from __future__ import annotations

from sqlite3 import Connection

VERSION = 4
_APPLICATION = 0x79666C77  # "yflw", in the file's header: tells a store from any other SQLite file

_TABLES = (
    """CREATE TABLE run (
        id INTEGER PRIMARY KEY,
        run_id TEXT NOT NULL UNIQUE,
        chain TEXT NOT NULL,
        generation INTEGER NOT NULL,
        length INTEGER NOT NULL,
        head TEXT NOT NULL,            -- the id of the commit that wrote the last event
        done INTEGER NOT NULL,
        base INTEGER,                  -- the alarm without the ends of leases
        alarm INTEGER,
        rings INTEGER NOT NULL,
        payloads INTEGER NOT NULL,
        entries INTEGER NOT NULL,      -- how many rows of `work` it has
        replays TEXT,                  -- a JSON list of instants; NULL: none
        workflow TEXT NOT NULL,
        queue TEXT NOT NULL,
        status TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        finished_at INTEGER,
        tags TEXT,                     -- a JSON object; NULL: none
        note TEXT,                     -- a JSON list: reason, length, version
        parent TEXT,
        anew TEXT                      -- a JSON list of positions; NULL: none
    )""",
    "CREATE INDEX run_chain ON run (chain, generation)",
    "CREATE INDEX run_alarm ON run (alarm, run_id) WHERE alarm IS NOT NULL",
    "CREATE INDEX run_place ON run (started_at, run_id)",
    "CREATE INDEX run_status ON run (status, started_at, run_id)",
    "CREATE INDEX run_workflow ON run (workflow, status, started_at, run_id)",
    """CREATE TABLE tag (
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        started_at INTEGER NOT NULL,   -- the run's, as all but the first two
        run_id TEXT NOT NULL,
        run INTEGER NOT NULL,
        PRIMARY KEY (name, value, started_at, run_id)
    ) WITHOUT ROWID""",
    """CREATE TABLE event (            -- in the order of writing: what is committed together is written to few pages
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        position INTEGER NOT NULL,
        writer TEXT NOT NULL,          -- the id of the commit that wrote it
        bytes BLOB NOT NULL
    )""",
    "CREATE UNIQUE INDEX event_place ON event (run, position)",
    """CREATE TABLE work (
        run INTEGER NOT NULL,
        claimed INTEGER NOT NULL,      -- 0 or 1: the few that are claimed lie together
        path BLOB NOT NULL,            -- four bytes a number, so that it sorts as numbers
        until INTEGER,                 -- with token and all after that: NULL while it is free
        queue TEXT NOT NULL,
        event INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        lease INTEGER NOT NULL,
        not_before INTEGER NOT NULL,
        timeout INTEGER,
        losses INTEGER NOT NULL,
        accepts TEXT,
        details BLOB,
        token TEXT,
        worker TEXT,
        since INTEGER,
        deadline INTEGER,
        PRIMARY KEY (run, claimed, path)
    ) WITHOUT ROWID""",
    "CREATE INDEX work_free ON work (run, queue, not_before, path) WHERE claimed = 0",
    "CREATE INDEX work_due ON work (run, not_before) WHERE claimed = 0",
    """CREATE TABLE delivery (
        run INTEGER NOT NULL,
        once TEXT NOT NULL,
        position INTEGER NOT NULL,     -- 0 or less, from the last one down: in an earlier generation
        PRIMARY KEY (run, once)
    ) WITHOUT ROWID""",
    """CREATE TABLE hook (
        token_hash TEXT PRIMARY KEY,   -- the hook that had it first has it, until its run ends
        chain TEXT NOT NULL,
        name TEXT NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX hook_chain ON hook (chain)",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)
TABLES_OF_A_RUN = ("event", "work", "delivery")


def prepare(db: Connection) -> str | None:
    """Make the tables in an empty file; answers why the file cannot be used, if so."""
    if _number(db, "application_id") == 0 and not _number(db, "schema_version"):
        _create(db)
    if _number(db, "application_id") != _APPLICATION:
        return "the file is an SQLite database of something else; name another file"
    version = _number(db, "user_version")
    if version != VERSION:
        return f"the file has schema {version} and this yieldflow knows {VERSION}; install the yieldflow that wrote it"
    return None


def _create(db: Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        if not _number(db, "schema_version"):  # nobody else made them in between
            for statement in _TABLES:
                db.execute(statement)
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _number(db: Connection, pragma: str) -> int:
    (number,) = db.execute(f"PRAGMA {pragma}").fetchone()
    return int(number)
