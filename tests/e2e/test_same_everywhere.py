"""Fourteen workflows, on every store and under every kind of worker: the same results from the same histories."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest
import redis
from attrs import frozen

from tests.e2e import families, flows
from tests.e2e.processes import our_worker, running, stock_worker, until
from tests.servers import Server
from yieldflow import App, Handle, RunCancelled, RunFailed, WorkflowCall
from yieldflow.codec.packing import pack
from yieldflow.core.commands import Receive
from yieldflow.core.events import CommandIssued

SECONDS = 60.0
LEGS = ("sqlite", "our worker", "stock worker")


@frozen
class Scenario:
    """A call, and what somebody does while it runs."""

    call: WorkflowCall[Any]
    meanwhile: Callable[[Handle[Any]], object] = lambda handle: None


def waits(handle: Handle[Any], hook: str, count: int = 1) -> bool:
    events = handle.history()
    return sum(isinstance(e, CommandIssued) and e.command == Receive(hook) for e in events) == count


def approve(handle: Handle[Any]) -> None:
    until(lambda: waits(handle, "approval"), SECONDS, "waiting for the approval")
    handle.send(flows.APPROVAL, "yes", key="the first")
    handle.send(flows.APPROVAL, "yes", key="the first")  # counts once


def cancel(handle: Handle[Any]) -> None:
    until(lambda: waits(handle, "never", 2), SECONDS, "waiting in both branches")
    handle.cancel("no longer wanted")


def cancel_in_a_shield(handle: Handle[Any]) -> None:
    until(lambda: waits(handle, "approval"), SECONDS, "waiting in the shield")
    handle.cancel("too late")
    handle.send(flows.APPROVAL, "booked", key="the only one")


IN_A_ROW = {
    "sequential": Scenario(flows.sequential("a")),
    "retried": Scenario(flows.retried("b")),
    "compensated": Scenario(flows.compensated("c")),
    "waiting": Scenario(flows.waiting("d"), approve),
}
AT_ONCE = {
    "fanned": Scenario(flows.fanned("e")),
    "raced": Scenario(flows.raced("f")),
    "nested": Scenario(flows.nested("g")),
    "cancelled": Scenario(flows.cancelled("h"), cancel),
}
FAMILIES = {
    "family": Scenario(families.family("i")),
    "chained": Scenario(families.chained(1, 5)),
    "receiver": Scenario(families.receiver(3)),
    "sender": Scenario(families.sender("receiver")),
    "bounded": Scenario(families.bounded("j")),
    "shielded": Scenario(families.shielded("k"), cancel_in_a_shield),
}
ALL = IN_A_ROW | AT_ONCE | FAMILIES

RESULTS = {
    "sequential": ["a", 3, 43, True, True, True, 4, True],
    "retried": "b",
    "compensated": ["no room for c", "no invoice", "c", 4200, "StepFailed"],
    "waiting": ["d", "yes", "nobody", "yes"],
    "fanned": ["e", 111, 112, 113, 114, "a", "b", "c"],
    "raced": ["f", [1, None], [0, 23]],
    "nested": ["g", 1, "after it all"],
    "cancelled": "cancelled: no longer wanted",
    "family": ["i", [1, 12, 123], ["i", 1, "RunFailed"], "on its own"],
    "chained": [5, "chained", 1 + 2 + 3 + 4 + 5],
    "sender": [["accepted", "accepted", "accepted"], "UnknownRun"],
    "receiver": [0, 10, 20],
    "bounded": ["j", 3, "late", ["TimedOut", "no hotel"], 2],
    "shielded": "cancelled: too late",
}


@frozen
class Record:
    result: Any
    log: tuple[dict[str, Any], ...]


# --- the legs ---------------------------------------------------------------------------------------------------


@cache
def on_memory() -> dict[str, Record]:
    app = App("memory:")
    with app.worker(threads=4):
        return performed(app)


def on_sqlite(folder: Path) -> dict[str, Record]:
    app = App(f"sqlite:///{folder}/runs.db")
    with app.worker(threads=4):
        records = performed(app)
    app.close()
    return records


def on_our_worker(folder: Path, url: str) -> dict[str, Record]:
    with running(*our_worker(url), folder=folder, count=2):
        return performed(App(url))


def on_stock_worker(folder: Path, url: str) -> dict[str, Record]:
    app = App(url)
    with ExitStack() as stack, running(*stock_worker(url), folder=folder, count=2):
        stack.callback(ringing(app))
        return performed(app)


def ringing(app: App) -> Callable[[], None]:
    """Be the alarm service until what it answers is called."""
    stop = Flag()
    thread = Thread(target=app.serving((app.queue,)).ring, args=(stop, app.room), daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(10)

    return end


def performed(app: App) -> dict[str, Record]:
    handles = {name: app.start(scenario.call, run_id=name) for name, scenario in ALL.items()}
    for name, scenario in ALL.items():
        scenario.meanwhile(handles[name])
    records = {name: recorded(handle) for name, handle in handles.items()}
    for run_id in descendants(app):
        records[run_id] = recorded(app.get(run_id))
    return records


def recorded(handle: Handle[Any]) -> Record:
    return Record(result(handle), tuple(map(scrubbed, handle.history())))


def descendants(app: App) -> list[str]:
    """The children, and theirs; those of an earlier test of the same server are gone."""
    return sorted(run.run_id for run in app.runs(limit=500).runs if run.parent)


def result(handle: Handle[Any]) -> Any:
    try:
        return handle.result(timeout=SECONDS)
    except RunCancelled as error:
        return f"cancelled: {error.reason}"
    except RunFailed as error:
        return f"failed: {error}"


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory, shared_server: Server) -> Iterator[dict[str, dict[str, Record]]]:
    with pytest.MonkeyPatch.context() as patch, redis.Redis.from_url(shared_server.url) as client:
        took = {}
        records = {}
        for leg in LEGS:
            folder = tmp_path_factory.mktemp(leg.replace(" ", "-"))
            patch.setenv("E2E_FOLDER", str(folder))
            client.flushall()
            began = time.monotonic()
            match leg:
                case "sqlite":
                    records[leg] = on_sqlite(folder)
                case "our worker":
                    records[leg] = on_our_worker(folder, shared_server.url)
                case _:
                    records[leg] = on_stock_worker(folder, shared_server.url)
            took[leg] = round(time.monotonic() - began, 1)
        print(f"\nseconds by leg: {took}")
        yield records


@pytest.fixture
def memory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> dict[str, Record]:
    monkeypatch.setenv("E2E_FOLDER", str(tmp_path_factory.mktemp("memory")))
    return on_memory()


# --- what of a history must be the same -------------------------------------------------------------------------

OF_THE_OCCASION = {"at", "started_at", "retry_at", "worker", "seed", "token_seed", "run", "traceback"}


def scrubbed(event: Any) -> dict[str, Any]:
    """An event without times, ids and workers; what a workflow drew by lot stands in angle brackets."""
    text = re.sub(r"<[^<>]*>", "<drawn>", pack(event).decode())
    scrub: dict[str, Any] = json.loads(text, object_hook=without_the_occasion)
    return scrub


def without_the_occasion(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key not in OF_THE_OCCASION}


def by_path(log: tuple[dict[str, Any], ...]) -> dict[str, list[dict[str, Any]]]:
    """What was asked, tried and answered at each path, wherever in the log it stands."""
    paths: dict[str, list[dict[str, Any]]] = {}
    for event in log:
        paths.setdefault(event.get("path", event["e"]), []).append(
            {key: value for key, value in event.items() if key != "position"}
        )
    for asked, *answers in paths.values():
        if asked.get("command", {}).get("do") == "send":
            for answer in answers:
                answer.pop("value", None)  # a position in the log of another run
    return paths


# --- the tests --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_memory_gives_the_result_that_the_program_says(memory: dict[str, Record], name: str):
    assert memory[name].result == RESULTS[name]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("leg", LEGS)
def test_the_result_is_the_same_everywhere(legs, leg: str, name: str):
    assert legs[leg][name].result == RESULTS[name]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("leg", LEGS)
def test_path_by_path_the_commands_and_outcomes_are_the_same_everywhere(legs, memory, leg: str, name: str):
    assert by_path(legs[leg][name].log) == by_path(memory[name].log)


@pytest.mark.parametrize("leg", LEGS)
def test_every_child_is_the_same_everywhere(legs, memory, leg: str):
    children = set(memory) - set(ALL)
    assert len(children) == 10
    assert set(legs[leg]) == set(memory)
    for name in children:
        assert legs[leg][name].result == memory[name].result
        assert by_path(legs[leg][name].log) == by_path(memory[name].log)


@pytest.mark.parametrize("name", IN_A_ROW)
@pytest.mark.parametrize("leg", LEGS)
def test_a_sequential_workflow_writes_the_same_log_everywhere(legs, memory, leg: str, name: str):
    assert legs[leg][name].log == memory[name].log
