"""What must hold after a server was rebuilt: of the logs that it has, and of the bodies that were carried out since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from tests.deep.redis_prefixes_flows import Body, Workload, encoded
from tests.deep.redis_prefixes_stream import commands
from yieldflow import App
from yieldflow.authoring.loaded import loaded
from yieldflow.core.chain import chain_of
from yieldflow.core.events import AttemptFailed, CommandIssued, CommandResolved, Event, HookReceived, RunStarted
from yieldflow.core.interpreter import Execution
from yieldflow.core.outcome import Cancelled, Ok
from yieldflow.core.path import show
from yieldflow.core.run import fold

Logs: TypeAlias = Mapping[str, tuple[Event, ...]]


def expect_right_ends(workload: Workload, logs: Logs) -> None:
    ended = {run_id: fold(events).outcome for run_id, events in logs.items()}
    assert {chain_of(run_id)[0] if run_id not in workload.ends else run_id for run_id in ended} == set(workload.ends)
    newest: dict[str, str] = {}
    for run_id in sorted(ended, key=lambda name: chain_of(name)[1]):
        newest[run_id if run_id in workload.ends else chain_of(run_id)[0]] = run_id
    for name, result in workload.ends.items():
        outcome = ended[newest[name]]
        if result is None:
            assert isinstance(outcome, Cancelled), f"{name}: {outcome}"
            expect_undone(name, logs[newest[name]])
        else:
            assert outcome == Ok(encoded(result)), f"{name}: {outcome}"


def expect_undone(name: str, log: Sequence[Event]) -> None:
    done = Counter(
        event.command.name.rpartition(":")[2]
        for event in log
        if isinstance(event, CommandIssued) and hasattr(event.command, "name")
    )
    outcomes = [event for event in log if isinstance(event, CommandResolved) and event.attempt > 0]
    assert done["book"] == done["unbook"], f"{name}: {done}"
    assert len(outcomes) == done["book"] + done["unbook"], f"{name}: {outcomes}"


def resolved(logs: Logs) -> set[tuple[str, str]]:
    return {
        (run_id, show(event.path))
        for run_id, events in logs.items()
        for event in events
        if isinstance(event, CommandResolved) and event.attempt > 0
    }


def copied(events: Sequence[Event]) -> int:
    """How many events a retry or a fork has taken over: their attempts do not count."""
    started = events[0]
    assert isinstance(started, RunStarted)
    return max(started.anew, default=0)


def expect_no_body_twice(before: Logs, after: Logs, bodies: Sequence[Body]) -> None:
    """A body begins again only if its end lies behind the prefix; and nothing has died since."""
    twice = [body for body, count in Counter(bodies).items() if count > 1]
    assert not twice, f"carried out twice: {[(body, before.get(body[0]), after[body[0]]) for body in twice]}"
    done = resolved(before)
    again = [body for body in bodies if body[:2] in done]
    assert not again, f"carried out again, though their outcome was there: {again}"
    failed = {
        (run_id, show(event.path), event.attempt)
        for run_id, events in before.items()
        for event in events[copied(events) :]
        if isinstance(event, AttemptFailed)
    }
    assert not failed & set(bodies), f"the same attempt again: {failed & set(bodies)}"


def expect_a_commit_is_a_unit(units: Sequence[bytes]) -> None:
    """Log, work, alarm and listing of a commit: all of it is in one unit, and a unit holds no two commits."""
    seen: set[bytes] = set()
    for unit in units:
        pushed = [words for words, _ in commands(unit) if words[:1] == [b"RPUSH"] and b":log:" in words[1]]
        ids = {item.partition(b" ")[0] for words in pushed for item in words[2:]}
        assert len(ids) <= 1, unit
        assert not ids & seen, f"a commit in two units: {ids}"
        assert not ids or unit.startswith(b"*1\r\n$5\r\nMULTI") or len([*commands(unit)]) == 1, unit
        seen |= ids


def expect_grown(before: dict[str, list[bytes]], after: dict[str, list[bytes]]) -> None:
    """What was there is still there, as it was."""
    for run_id, items in before.items():
        assert after[run_id][: len(items)] == items, f"{run_id} has another history"


def expect_each_delivery_once(logs: Logs) -> None:
    for run_id, events in logs.items():
        keys = Counter(event.key for event in events if isinstance(event, HookReceived))
        assert not [key for key, count in keys.items() if count > 1], f"{run_id}: {keys}"


def expect_programs_to_agree(app: App, logs: Logs) -> None:
    """With every log, from its first event to its end."""
    for run_id, events in logs.items():
        started = events[0]
        assert isinstance(started, RunStarted)
        program = app.registry.workflow(started.workflow)
        assert program is not None
        execution = Execution(program, app.codec, loaded)
        try:
            execution.feed(events)
            assert not execution.decide(), f"{run_id}: its program says otherwise"
        finally:
            execution.close()
