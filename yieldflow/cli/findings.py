"""What is found in a history, as a document: it goes from process to process, and is told as JSON or in sentences."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, TypeAlias

from yieldflow.checking import Finding
from yieldflow.errors import NonDeterminism

Document: TypeAlias = Mapping[str, Any]


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


def sort(found: Document) -> Hashable:
    """What is the same for a reader, whatever the values are."""
    if "path" in found:
        return tuple(found[key] for key in ("workflow", "path", "file", "line", "change"))
    return found["workflow"], found["text"]
