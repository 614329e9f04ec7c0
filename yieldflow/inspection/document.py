"""An inspection as one JSON document, for scripts: docs/inspect.schema.json says what is in it.

Values only if they were asked for, tokens likewise. Fields are only ever added.
"""

from __future__ import annotations

from typing import Any, assert_never

from yieldflow import identity
from yieldflow.core.events import Cause, ForkOf, Next, Parent, RetryOf
from yieldflow.core.path import show
from yieldflow.core.times import Millis
from yieldflow.inspection import Inspection
from yieldflow.inspection.branches import Line, Waiting
from yieldflow.inspection.family import Kin
from yieldflow.inspection.phrases import error, iso
from yieldflow.inspection.plain import plain
from yieldflow.inspection.timeline import Item, Try
from yieldflow.inspection.words import Told
from yieldflow.ports import Claimed, Summary


def document(seen: Inspection, *, payloads: bool, tokens: bool, events: bool) -> dict[str, Any]:
    summary, started = seen.summary, seen.timeline.run.started
    return {
        "run_id": seen.run_id,
        "workflow": summary.workflow,
        "version": seen.version,
        "queue": summary.queue,
        "tags": dict(summary.tags),
        "status": seen.status,
        "why": seen.why,
        "advice": list(seen.advice),
        "position": seen.position,
        "length": seen.length,
        "at": iso(seen.now),
        "started_at": iso(summary.started_at),
        "finished_at": _instant(summary.finished_at if seen.position == seen.length else None),
        "next_look": _instant(seen.alarm),
        "exported": not seen.stored,
        "parent": None if started is None or started.parent is None else _parent(started.parent),
        "cause": None if started is None else _cause(started.cause),
        "deadline": _instant(None if started is None else started.deadline),
        "code": seen.code,
        "code_version": seen.newer or seen.version,
        **_parts(seen, payloads=payloads, tokens=tokens),
        **({"events": [event_document(event, payloads=payloads) for event in seen.events]} if events else {}),
    }


def run_document(summary: Summary) -> dict[str, Any]:
    """What is listed of a run."""
    return {
        "run_id": summary.run_id,
        "status": summary.status,
        "workflow": summary.workflow,
        "queue": summary.queue,
        "started_at": iso(summary.started_at),
        "finished_at": _instant(summary.finished_at),
        "tags": dict(summary.tags),
        "parent": summary.parent,
        "blocked": None if summary.note is None else summary.note.reason,
    }


def _parts(seen: Inspection, *, payloads: bool, tokens: bool) -> dict[str, Any]:
    return {
        "branches": [_branch(branch, seen) for branch in seen.branches],
        "raised": [_frame(line) for line in seen.raised],
        "children": [_kin(kin) for kin in seen.children.children],
        "more_children": seen.children.more,
        "timeline": [_item(item, payloads=payloads) for item in seen.items],
        "hooks": [
            {"name": hook.name, "since": iso(hook.since), "token": hook.token if tokens else None}
            for hook in seen.hooks
        ],
        "data": [{"key": key, **_value(value, payloads)} for key, value in seen.timeline.run.data.items()],
        "patches": [item.name for item in seen.items if item.kind == "patch"],
        "unread": [
            {"position": position, "hook": event.name, "at": iso(event.at), **_value(event.payload, payloads)}
            for position, event in seen.unread.items()
        ],
        "claims": [_claim(claim) for claim in seen.claims],
        "free": dict(seen.free),
    }


def _branch(branch: Waiting, seen: Inspection) -> dict[str, Any]:
    texts = {one.item.path: one for one in seen.situations}
    return {
        "path": show(branch.path),
        "waits_for": branch.waits_for,
        "open": [
            {"path": show(path), "state": texts[path].doing, "text": texts[path].text}
            for path in branch.open
            if path in texts
        ],
        "frames": [_frame(line) for line in branch.lines],
    }


def _frame(line: Line) -> dict[str, Any]:
    return {
        "file": line.file,
        "line": line.line,
        "function": line.function,
        "source": [{"line": number, "text": text} for number, text in line.source],
        "variables": [{"name": variable.name, "text": variable.text} for variable in line.variables],
    }


def _parent(parent: Parent) -> dict[str, Any]:
    return {"run_id": parent.run_id, "path": show(parent.path), "detached": parent.detached}


def _cause(cause: Cause | None) -> dict[str, Any] | None:
    match cause:
        case None:
            return None
        case Next(run_id):
            return {"kind": "next", "run_id": run_id, "position": None, "replaced": []}
        case RetryOf(run_id, position):
            return {"kind": "retry", "run_id": run_id, "position": position, "replaced": []}
        case ForkOf(run_id, position, replaced=replaced):
            return {"kind": "fork", "run_id": run_id, "position": position, "replaced": list(map(show, replaced))}
        case _:
            assert_never(cause)


def _kin(kin: Kin) -> dict[str, Any]:
    return {
        "run_id": kin.run_id,
        "workflow": kin.item.name,
        "path": show(kin.item.path),
        "detached": kin.item.detached,
        "state": kin.state,
        "status": kin.status,
        "started_at": _instant(kin.since),
        "finished_at": _instant(kin.until),
        "blocked": kin.blocked,
        "children": [_kin(child) for child in kin.children],
        "more_children": kin.more,
    }


def _item(item: Item, *, payloads: bool) -> dict[str, Any]:
    return {
        "path": show(item.path),
        "kind": item.kind,
        "name": item.name,
        "label": item.label,
        "position": item.position,
        "state": item.state,
        "attempt": item.tries,
        "attempts": item.attempts,
        "lost": item.losses,
        "queue": item.queue,
        "issued_at": iso(item.issued_at),
        "began_at": _instant(item.began_at),
        "ended_at": _instant(item.ended_at),
        "wakes_at": _instant(item.wakes_at if item.ended_at is None else None),
        "error": None if item.error is None else error(item.error, 10_000),
        "failed_attempts": [_try(one) for one in item.failed],
        "run_id": item.run_id,
        **(_values(item) if payloads else {}),
    }


def _try(one: Try) -> dict[str, Any]:
    return {
        "attempt": one.number,
        "at": iso(one.at),
        "took_ms": one.took,
        "lost": one.lost,
        "worker": None if one.worker is None else identity.short(one.worker),
        "error": error(one.failure, 10_000),
    }


def _values(item: Item) -> dict[str, Any]:
    return {
        "arguments": None if item.given is None else plain(item.given),
        "answer": None if item.answer is None else plain(item.answer),
    }


def _claim(claim: Claimed) -> dict[str, Any]:
    return {
        "path": show(claim.path),
        "worker": identity.short(claim.worker),
        "attempt": claim.work.attempt,
        "since": iso(claim.since),
        "until": iso(claim.until),
    }


def event_document(event: Told, *, payloads: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"position": event.position, "at": iso(event.at), "event": event.what}
    named = {"path": event.path, "name": event.whom, "text": event.rest}
    found |= {name: text for name, text in named.items() if text}
    return found | (_value(event.value, payloads) if event.value is not None else {})


def _value(encoded: bytes, payloads: bool) -> dict[str, Any]:
    return {"value": plain(encoded)} if payloads else {}


def _instant(at: Millis | None) -> str | None:
    return None if at is None else iso(at)
