"""What the calls of the SQLite store cost: how many statements, and that each finds its rows by an index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from yieldflow.ports import Beat, Claim, Commit, Head, Mark, Open
from yieldflow.stores.sqlite import SqliteStore
from yieldflow.testing.contracts.harness import (
    QUEUE,
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


@pytest.fixture
def harness(tmp_path: Path):
    clock = FakeClock()
    store = SqliteStore(tmp_path / "store.db", clock)
    yield Embedded(store, clock)
    store.close()


@contextmanager
def traced(harness: Embedded) -> Iterator[list[str]]:
    """The statements that are carried out meanwhile, by the one connection that there is."""
    statements: list[str] = []
    connections = harness.store._connections
    connections.read(lambda db: db.set_trace_callback(statements.append))
    del statements[:]
    yield statements
    connections.read(lambda db: db.set_trace_callback(None))
    del statements[-1:]  # the beginning of that one


def plans_of(harness: Embedded, statements: list[str]) -> dict[str, list[str]]:
    """How SQLite finds the rows of each."""

    def plan(statement: str) -> list[str]:
        read = harness.store._connections.read
        return [step[-1] for step in read(lambda db: db.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall())]

    asked = {statement for statement in statements if statement.startswith(("SELECT", "UPDATE", "DELETE"))}
    return {statement: plan(statement) for statement in asked}


def kinds(statements: list[str]) -> list[str]:
    """The verb and the table of each."""
    found = [re.match(r"(SELECT|INSERT|UPDATE|DELETE)(?: INTO|.*? FROM|) (\w+)", statement) for statement in statements]
    return [" ".join(kind.groups()) if kind else statement for kind, statement in zip(found, statements, strict=True)]


def one_step(number: int, head: Mark, run_id: str = RUN) -> Commit:
    """What a step after the other commits: the outcome of one, and the next one, claimed at once."""
    after = number + 1
    return Commit(
        run_id,
        f"step-{number}",
        Head(head),
        (b"resolved", b"issued"),
        drop=((number,),),
        put=(free((after,)),),
        claim=(Claim((after,), f"token-{after}"),),
        worker="w",
        entries=1,
    )


def test_a_step_after_the_other_is_six_statements_and_a_transaction(harness: Embedded):
    head = start(harness, put=(free((1,)),), claim=(Claim((1,), "token-1"),))
    with traced(harness) as statements:
        (reply,) = harness.store.commit([one_step(1, head)])
        (reply,) = harness.store.commit([one_step(2, reply.head)])
    assert reply.claimed == ((3,),)
    step = ["SELECT run", "INSERT event", "INSERT event", "DELETE work", "INSERT work", "UPDATE run"]
    assert kinds(statements) == ["BEGIN IMMEDIATE", *step, "COMMIT"] * 2


def test_the_steps_of_many_runs_are_one_transaction(harness: Embedded):
    names = [f"many-{number}" for number in range(32)]
    work = {"put": (free((1,)),), "claim": (Claim((1,), "token-1"),)}
    heads = {name: start(harness, run_id=name, **work) for name in names}
    with traced(harness) as statements:
        replies = harness.store.commit([one_step(1, heads[name], name) for name in names])
    assert [reply.claimed for reply in replies] == [((2,),)] * 32
    assert len(statements) == 2 + 6 * 32


def test_beats_of_one_run_read_it_and_write_it_once(harness: Embedded):
    paths = [(number,) for number in range(1, 33)]
    held = tuple(Claim(path, "token") for path in paths)
    start(harness, put=tuple(map(free, paths)), claim=held)
    with traced(harness) as statements:
        assert all(harness.store.renew([Beat(RUN, path, "token") for path in paths]))
    of_each = ["SELECT work", "UPDATE work"] * 32
    moved = ["SELECT work", "UPDATE run"]
    assert kinds(statements) == ["BEGIN IMMEDIATE", "SELECT run", *of_each, *moved, "COMMIT"]


def test_the_log_is_read_by_one_query(harness: Embedded):
    start(harness, *[b"event"] * 900)
    with traced(harness) as statements:
        assert len(log(harness).events) == 900
    assert kinds(statements) == ["BEGIN", "SELECT run", "SELECT event", "COMMIT"]


def test_no_call_of_a_step_looks_at_all_rows(harness: Embedded):
    """However many runs and entries there are: each statement finds its rows by an index, in order."""
    start(harness, put=tuple(free((number,), timeout=9) for number in range(1, 100)), alarm=1)
    with traced(harness) as statements:
        held = claim(harness)
        harness.store.renew([Beat(RUN, held.path, held.token)])
        change(harness, Head(log(harness).head), b"b", drop=(held.path,), claim=(Claim((2,), "t"),), alarm=1)
        harness.store.claim(RUN, [QUEUE, "gpu"], "w", ["a", "b"])
        harness.store.due(5)
        harness.store.next_alarm()
    plans = plans_of(harness, statements)
    assert len(plans) > 10
    for statement, steps in plans.items():
        assert all("SCAN" not in step or "run_alarm" in step for step in steps), (statement, steps)
        assert all("TEMP B-TREE" not in step for step in steps), (statement, steps)


def test_no_question_about_a_chain_looks_at_all_rows(harness: Embedded):
    """However many chains and hooks there are; only the keys of one generation are sorted when the next one begins."""
    start(harness, hooks={"hash": "approval"})
    change(harness, Open("hook:a:1"), b"payload")
    with traced(harness) as statements:
        harness.store.read(RUN, replaying=None)
        append(harness, b"end", done=True, summary=summary(status="continued"))
        start(harness, run_id=f"{RUN}~2", hooks={"late": "approval"})
        harness.store.newest(RUN)
        harness.store.resolve("hash")
        append(harness, b"end", run_id=f"{RUN}~2", done=True, summary=summary(f"{RUN}~2", status="completed"))
        harness.store.delete(f"{RUN}~2")
        harness.store.delete(RUN)
    plans = plans_of(harness, statements)
    (newest,) = (plan for statement, plan in plans.items() if "ORDER BY generation" in statement)
    assert newest == ["SEARCH run USING INDEX run_chain (chain=?)"]
    (closing,) = (plan for statement, plan in plans.items() if statement.startswith("DELETE FROM hook"))
    assert closing == ["SEARCH hook USING COVERING INDEX hook_chain (chain=?)"]
    for statement, steps in plans.items():
        assert all("SCAN" not in step for step in steps), (statement, steps)
        sorts = any("TEMP B-TREE" in step for step in steps)
        assert sorts == ("FROM delivery" in statement and "ORDER BY" in statement), (statement, steps)
