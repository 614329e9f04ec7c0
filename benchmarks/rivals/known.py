"""Which systems there are, what they are installed from, and which rows they play."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from attrs import frozen

from benchmarks.measure import Sizes

Asked: TypeAlias = Mapping[str, Any]

EACH_COMMIT = "PostgreSQL, fsync at each commit"
NO_PERSISTENCE = "Redis, no persistence"


@frozen
class Rival:
    """*packages* from PyPI, *npm* from npm; *shows*: whose versions stand in the tables."""

    name: str
    script: str
    packages: tuple[str, ...]
    shows: tuple[str, ...]
    npm: tuple[str, ...] = ()

    def python(self, folder: Path) -> Path:
        return folder / self.name / "bin" / "python"

    def is_installed(self, folder: Path) -> bool:
        return self.python(folder).exists() and all(
            (folder / self.name / "node_modules" / package).exists() for package in self.npm
        )


@frozen
class Play:
    """A mode of a rival in one row. *asks* makes the arguments of its script from the sizes."""

    name: str
    rival: str
    durability: str
    verb: str
    asks: Callable[[Sizes], Asked]
    server: Literal["", "postgres", "redis"] = ""


RIVALS = {
    rival.name: rival
    for rival in (
        Rival("dbos", "dbos_rows.py", ("dbos", "psycopg[binary]"), ("dbos", "psycopg", "SQLAlchemy")),
        Rival(
            "absurd",
            "absurd_rows.py",
            ("absurd-sdk", "absurdctl", "psycopg[binary]"),
            ("absurd-sdk", "absurdctl", "psycopg"),
        ),
        Rival(
            "restate",
            "restate_rows.py",
            ("restate-sdk", "hypercorn", "httpx"),
            ("restate-sdk", "hypercorn"),
            npm=("@restatedev/restate-server",),
        ),
        Rival(
            "pyworkflow",
            "pyworkflow_rows.py",
            ("pyworkflow-engine", "aiosqlite"),
            ("pyworkflow-engine",),
        ),
        Rival("pynenc", "pynenc_rows.py", ("pynenc>=0.1", "pynenc-redis"), ("pynenc", "pynenc-redis")),
        Rival("resonate", "resonate_rows.py", ("resonate-sdk",), ("resonate-sdk",)),
        Rival("durabletask", "durabletask_rows.py", ("durabletask",), ("durabletask", "grpcio")),
        Rival("celery", "celery_rows.py", ("celery", "redis", "packaging"), ("celery",)),
    )
}


def _chain(sizes: Sizes, **more: Any) -> Asked:
    return {"runs": sizes.runs, "steps": sizes.steps, **more}


def _sequential(**more: Any) -> Callable[[Sizes], Asked]:
    return lambda sizes: _chain(sizes, **more)


def _starts(**more: Any) -> Callable[[Sizes], Asked]:
    return lambda sizes: {"starts": sizes.starts, **more}


def _inside(**more: Any) -> Callable[[Sizes], Asked]:
    return lambda sizes: {"steps": sizes.inside, **more}


def _spread(**more: Any) -> Callable[[Sizes], Asked]:
    return lambda sizes: {"steps": sizes.spread[0], **more}


def _herd(**more: Any) -> Callable[[Sizes], Asked]:
    return lambda sizes: {"count": sizes.herd, "settle": sizes.settle, **more}


def _few(sizes: Sizes) -> Asked:
    """So slow that a part of it says enough."""
    return {"runs": min(sizes.runs, 20), "steps": sizes.steps}


NOTHING = "nothing (memory)"
ROCKS = "RocksDB with a WAL, fsync, one node"
FILES = {"wal": "SQLite, WAL, synchronous=NORMAL", "default": "SQLite, rollback journal, synchronous=FULL"}

PLAYS: Mapping[str, tuple[Play, ...]] = {
    "sequential": (
        Play("Restate, 16 runs at a time", "restate", ROCKS, "sequential", _sequential(at_once=16)),
        Play("Absurd, 2 workers", "absurd", EACH_COMMIT, "sequential", _sequential(workers=2), "postgres"),
        Play(
            "DBOS on PostgreSQL, 2 processes", "dbos", EACH_COMMIT, "sequential", _sequential(processes=2), "postgres"
        ),
        Play("Celery tasks, 2 processes", "celery", NO_PERSISTENCE, "sequential", _sequential(processes=2), "redis"),
        Play("Pynenc, threads", "pynenc", NO_PERSISTENCE, "sequential", _few, "redis"),
    ),
    "embedded": (
        Play("DBOS on SQLite, WAL", "dbos", FILES["wal"], "embedded", _sequential(journal="wal")),
        Play("DBOS on SQLite, as it comes", "dbos", FILES["default"], "embedded", _sequential(journal="default")),
        Play("PyWorkflow on SQLite", "pyworkflow", FILES["default"], "embedded", _sequential(store="sqlite")),
        Play("PyWorkflow in memory", "pyworkflow", NOTHING, "embedded", _sequential(store="memory")),
        Play("Resonate, local store", "resonate", NOTHING, "embedded", _sequential()),
        Play("durabletask, backend in memory", "durabletask", NOTHING, "embedded", _sequential()),
    ),
    "starts": (
        Play("DBOS on PostgreSQL", "dbos", EACH_COMMIT, "starts", _starts(), "postgres"),
        Play("Restate", "restate", ROCKS, "starts", _starts()),
        Play("Absurd, polling each 10 ms", "absurd", EACH_COMMIT, "starts", _starts(), "postgres"),
    ),
    "inside": (
        Play("Absurd", "absurd", EACH_COMMIT, "inside", _inside(), "postgres"),
        Play("Restate", "restate", ROCKS, "inside", _inside()),
        Play("DBOS on PostgreSQL", "dbos", EACH_COMMIT, "inside", _inside(), "postgres"),
    ),
    "growth": (),
    "spread": (
        Play("Restate, gather of ctx.run", "restate", ROCKS, "spread", _spread()),
        Play("DBOS on PostgreSQL, gather of steps", "dbos", EACH_COMMIT, "spread", _spread(), "postgres"),
    ),
    "waking": (
        Play("Restate: 2,000 due at one instant", "restate", ROCKS, "waking", _herd()),
        Play("DBOS on PostgreSQL, async: 2,000 due at one instant", "dbos", EACH_COMMIT, "waking", _herd(), "postgres"),
    ),
}
