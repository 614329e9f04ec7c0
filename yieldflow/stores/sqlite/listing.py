"""Questions over all runs: who is due, which generation is the newest, whose hook a token opens. Each is an index."""

from __future__ import annotations

from sqlite3 import Connection

from yieldflow.core.times import Millis
from yieldflow.ports import Due
from yieldflow.stores import rules


def ring(db: Connection, limit: int, now: Millis) -> tuple[Due, ...]:
    query = "SELECT id, run_id, queue, rings, base FROM run WHERE alarm <= ? ORDER BY alarm, run_id LIMIT ?"
    due = db.execute(query, (now, limit)).fetchall()
    put_off = [
        (*rules.put_off(base, _lease_end(db, number, now), rings, now), number) for number, _, _, rings, base in due
    ]
    db.executemany("UPDATE run SET base = ?, alarm = ?, rings = rings + 1 WHERE id = ?", put_off)
    return tuple(Due(run_id, queue) for _, run_id, queue, _, _ in due)


def _lease_end(db: Connection, run: int, now: Millis) -> Millis | None:
    query = "SELECT min(until) FROM work WHERE run = ? AND claimed = 1 AND until > ?"
    (until,) = db.execute(query, (run, now)).fetchone()
    return None if until is None else int(until)


def next_alarm(db: Connection) -> Millis | None:
    (alarm,) = db.execute("SELECT min(alarm) FROM run WHERE alarm IS NOT NULL").fetchone()
    return None if alarm is None else int(alarm)


def resolve(db: Connection, token_hash: str) -> tuple[str, str] | None:
    query = "SELECT chain, name FROM hook WHERE token_hash = ?"
    row = db.execute(query, (token_hash,)).fetchone()
    return None if row is None else (row[0], row[1])


def newest(db: Connection, chain: str) -> str:
    row = db.execute("SELECT run_id FROM run WHERE chain = ? ORDER BY generation DESC LIMIT 1", (chain,)).fetchone()
    return chain if row is None else str(row[0])
