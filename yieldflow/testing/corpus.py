"""Histories that were kept, against the code at hand: what a deploy would do to such runs, as a test.

Nothing is carried out and nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from yieldflow.authoring.registry import DEFAULT, Registry
from yieldflow.authoring.workflow import Workflow
from yieldflow.checking import Finding, check_history, read_history
from yieldflow.codec import JsonCodec
from yieldflow.core.asks import WorkflowDefinition
from yieldflow.core.events import Event, RunFinished
from yieldflow.core.values import Codec
from yieldflow.errors import UnknownWorkflow, UnreadableLog, UsageError, YieldflowError
from yieldflow.inspection.phrases import count
from yieldflow.testing.replaying import replayed

History: TypeAlias = str | os.PathLike[str] | Iterable[bytes | str | Event]


def replay(
    workflow: Workflow[..., Any] | str, history: History, *, end: bool = False, codec: Codec | None = None
) -> None:
    """Replay *history* with *workflow*, or the one of that name. *history* is a file that `yieldflow export` made, the
    lines of one, or its events (`simulation.history`, `handle.history()`).

    With *end* a run that has ended must end alike, too; without it a fixed bug is no difference. Raises
    `NonDeterminism` and any other `CodeError` that would block the run, `FailsAtOnce` where the program raises what its
    log does not say, AssertionError for another end, `UnreadableLog`, `UnknownWorkflow`, and OSError for a file.

    >>> from yieldflow import Flow, sleep, workflow
    >>> from yieldflow.testing import simulate
    >>> @workflow
    ... def nap(span: str) -> Flow[None]:
    ...     yield sleep(span)
    >>> replay(nap, simulate(nap("1d")).history)
    """
    definition = DEFAULT.workflow(workflow) if isinstance(workflow, str) else workflow.definition
    if definition is None:
        raise UnknownWorkflow(str(workflow))
    _replay(definition, _events(history), codec or JsonCodec(), ends=end)


def assert_replays(
    *places: str | os.PathLike[str], modules: str | Iterable[str] = (), end: bool = False, codec: Codec | None = None
) -> int:
    """Replay all histories of these folders (`*.jsonl`) and files with the workflows that are known, as `replay` does;
    *modules* are imported first. Answers how many there were.

    AssertionError names each file that does not fit, and why. Raises `UsageError` where there is no history at all.

    Example: `assert_replays("tests/histories", modules="shop.flows")`
    """
    DEFAULT.load((modules,) if isinstance(modules, str) else tuple(modules))
    files = [file for place in places for file in _files(Path(place))]
    if not files:
        raise UsageError(f"there is no history in {', '.join(map(str, places)) or 'no folder'}")
    found = [f"{file}\n{_indented(said)}" for file in files if (said := _misfit(file, codec or JsonCodec(), ends=end))]
    if found:
        raise AssertionError(
            f"{count(len(found), 'history', 'histories')} of {len(files)} do not fit:\n" + "\n".join(found)
        )
    return len(files)


def _misfit(file: Path, codec: Codec, *, ends: bool) -> str | None:
    try:
        _replay(DEFAULT, _events(file), codec, ends=ends)
    except (YieldflowError, AssertionError) as problem:
        return f"{type(problem).__name__}: {problem}"
    return None


def _replay(code: WorkflowDefinition | Registry, events: Sequence[Event], codec: Codec, *, ends: bool) -> None:
    match check_history(code, events, codec):
        case Finding(problem=problem):
            raise problem
        case None if ends and isinstance(events[-1], RunFinished):
            workflow = code if isinstance(code, WorkflowDefinition) else code.workflow(_name(events))
            assert workflow is not None
            replayed(workflow, events, codec).close()
        case None:
            pass


def _name(events: Sequence[Event]) -> str:
    name: str = getattr(events[0], "workflow", "")
    return name


def _events(history: History) -> tuple[Event, ...]:
    if isinstance(history, str | os.PathLike):
        return read_history(Path(history).read_bytes().splitlines())
    given = tuple(history)
    lines = [line.encode() if isinstance(line, str) else line for line in given if isinstance(line, str | bytes)]
    if lines and len(lines) < len(given):
        raise UnreadableLog("a history is lines or events, not both")
    return read_history(lines) if lines else tuple(event for event in given if not isinstance(event, str | bytes))


def _files(place: Path) -> Iterator[Path]:
    """Raises `UsageError`."""
    if place.is_dir():
        yield from sorted(place.glob("*.jsonl"))
    elif place.exists():
        yield place
    else:
        raise UsageError(f"there is no file or folder {place}")


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())
