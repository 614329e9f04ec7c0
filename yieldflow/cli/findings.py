"""What is found in a history, as a document: it goes from process to process, and is told as JSON or in sentences."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, TypeAlias

from yieldflow.checking import Finding
from yieldflow.core.events import Event, RunStarted
from yieldflow.core.frames import Frame
from yieldflow.errors import NonDeterminism

Document: TypeAlias = Mapping[str, Any]
_ENDLESS = "ReplayEndless"


def document(place: str, finding: Finding) -> Document:
    """*place*: the run, or the file that it was exported to."""
    problem = finding.problem
    found: dict[str, Any] = {
        "history": place,
        "run_id": finding.run_id,
        "workflow": finding.workflow,
        "would": finding.would,
        "error": type(problem).__name__,
        "text": str(problem),
    }
    if isinstance(problem, NonDeterminism):
        file, line = problem.line or (None, None)
        found |= {"path": problem.path, "file": file, "line": line, "recorded": problem.recorded}
        found |= {"asked": problem.asked, "details": list(problem.details), "change": problem.change}
    return found


def lost(place: str, code: int | None) -> Document:
    """Of a history whose replay ended the process."""
    text = f"the process that replayed it ended with {code}: an endless recursion, exhausted memory or a crash?"
    return {"history": place, "run_id": place, "workflow": "?", "would": "block", "error": "ReplayLost", "text": text}


def endless(place: str, first: Event, timeout: float, frame: Frame | None) -> Document:
    """Of a history whose replay took longer than *timeout*, in seconds; *frame*: where it was then."""
    workflow, run_id = (first.workflow, first.run_id) if isinstance(first, RunStarted) else ("?", place)
    text = f"workflow {workflow} neither asks nor ends: its replay was stopped after {timeout:g} s\n"
    text += "" if frame is None else f"  at:       {frame}\n"
    text += "  likely:   a loop that waits for something without a yield\n"
    text += "  to do:    ask in it, such as sleep(…) or until(…); or give a long replay more time with --timeout"
    found = {"history": place, "run_id": run_id, "workflow": workflow, "would": "block", "error": _ENDLESS}
    return found | {"text": text} | ({} if frame is None else {"file": frame.file, "line": frame.line})


def sort(found: Document) -> Hashable:
    """What is the same for a reader, whatever the values are."""
    if found["error"] == _ENDLESS:
        return found["workflow"], _ENDLESS
    if "path" in found:
        return tuple(found[key] for key in ("workflow", "path", "file", "line", "change"))
    return found["workflow"], found["text"]
