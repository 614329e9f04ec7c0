"""Which spans a log owes, counted from its events alone, and whether just those were exported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from yieldflow import App
from yieldflow.core.chain import chain_of
from yieldflow.core.commands import CallStep, Receive
from yieldflow.core.events import (
    AttemptFailed,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    Event,
    ForkOf,
    RetryOf,
    RunFinished,
    RunStarted,
)
from yieldflow.core.path import show

Key = tuple[object, ...]


def histories(app: App) -> list[Sequence[Event]]:
    """Of all generations of all runs."""
    return [app.get(chain).history(number) for chain, number in generations(app)]


def generations(app: App) -> list[tuple[str, int]]:
    return [chain_of(run.run_id) for run in app.runs(limit=1_000).runs]


def owed(history: Sequence[Event]) -> Counter[Key]:
    """(run id, generation, name, path, attempt) of each."""
    started, issued, found = history[0], {}, Counter[Key]()
    assert isinstance(started, RunStarted)
    place = chain_of(started.run_id)
    copied = started.cause.position if isinstance(started.cause, RetryOf | ForkOf) else 0
    for position, event in enumerate(history, 1):
        if isinstance(event, CommandIssued):
            issued[event.path] = event.command
        if position <= copied:
            continue
        match event:
            case RunFinished():
                found[*place, f"run {started.workflow}", None, None] += 1
            case CommandResolved(path=path, attempt=attempt) | AttemptFailed(path=path, attempt=attempt) if isinstance(
                issued[path], CallStep
            ):
                found[*place, f"step {issued[path].name}", show(path), attempt] += 1
            case CommandResolved(path=path) | CommandAbandoned(path=path) if isinstance(issued[path], Receive):
                found[*place, f"hook {issued[path].hook}", show(path), None] += 1
            case _:
                pass
    return found


def sent(spans: Iterable[Mapping[str, Any]]) -> Counter[Key]:
    """Of our own among them."""
    found = Counter[Key]()
    for span in spans:
        told = span["attributes"]
        if "yieldflow.run_id" in told:
            place = told["yieldflow.run_id"], told["yieldflow.generation"]
            found[*place, span["name"], told.get("yieldflow.path"), told.get("yieldflow.attempt")] += 1
    return found


def expect_exactly(spans: Sequence[Mapping[str, Any]], histories: Iterable[Sequence[Event]]) -> None:
    """Each span that the logs owe, once; each below the run's own; and no id twice."""
    wanted = sum(map(owed, histories), Counter[Key]())
    got = sent(spans)
    assert got == wanted, f"missing {wanted - got}, too many {got - wanted}"
    ids = [(span["trace"], span["span"]) for span in spans]
    assert len(ids) == len(set(ids))
    runs = {place(span): span for span in spans if span["name"].startswith("run ")}
    for span in spans:
        if "yieldflow.run_id" in span["attributes"] and span["name"][:4] in ("step", "hook"):
            run = runs[place(span)]
            assert (span["trace"], span["parent"]) == (run["trace"], run["span"])
            assert run["start"] <= span["start"] <= span["end"] <= run["end"]


def place(span: Mapping[str, Any]) -> tuple[Any, Any]:
    return span["attributes"]["yieldflow.run_id"], span["attributes"]["yieldflow.generation"]
