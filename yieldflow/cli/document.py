"""An inspection as one JSON document, for scripts. Values only if they were asked for, tokens likewise."""

from __future__ import annotations

from typing import Any

from yieldflow import identity
from yieldflow.cli.outcome import plain
from yieldflow.core.path import show
from yieldflow.core.times import Millis
from yieldflow.inspection import Inspection
from yieldflow.inspection.branches import Waiting
from yieldflow.inspection.phrases import error, iso
from yieldflow.inspection.timeline import Item
from yieldflow.inspection.words import Told
from yieldflow.ports import Claimed


def document(seen: Inspection, *, payloads: bool, tokens: bool, events: bool) -> dict[str, Any]:
    summary = seen.summary
    found: dict[str, Any] = {
        "run_id": seen.run_id,
        "workflow": summary.workflow,
        "version": seen.version,
        "queue": summary.queue,
        "tags": dict(summary.tags),
        "status": seen.status,
        "why": seen.why,
        "position": seen.position,
        "length": seen.length,
        "at": iso(seen.now),
        "started_at": iso(summary.started_at),
        "finished_at": _instant(summary.finished_at if seen.position == seen.length else None),
        "next_look": _instant(seen.alarm),
        "code": seen.code,
        "branches": [_branch(branch, seen) for branch in seen.branches],
        "timeline": [_item(item, payloads=payloads) for item in seen.items],
        "hooks": [
            {"name": hook.name, "since": iso(hook.since), "token": hook.token if tokens else None}
            for hook in seen.hooks
        ],
        "unread": [
            {"position": position, "hook": event.name, "at": iso(event.at), **_value(event.payload, payloads)}
            for position, event in seen.unread.items()
        ],
        "claims": [_claim(claim) for claim in seen.claims],
        "free": dict(seen.free),
    }
    return found | ({"events": [_told(event, payloads=payloads) for event in seen.events]} if events else {})


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
        "frames": [
            {
                "file": line.file,
                "line": line.line,
                "function": line.function,
                "source": [{"line": number, "text": text} for number, text in line.source],
            }
            for line in branch.lines
        ],
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
        **(_values(item) if payloads else {}),
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


def _told(event: Told, *, payloads: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"position": event.position, "at": iso(event.at), "event": event.what}
    named = {"path": event.path, "name": event.whom, "text": event.rest}
    found |= {name: text for name, text in named.items() if text}
    return found | (_value(event.value, payloads) if event.value is not None else {})


def _value(encoded: bytes, payloads: bool) -> dict[str, Any]:
    return {"value": plain(encoded)} if payloads else {}


def _instant(at: Millis | None) -> str | None:
    return None if at is None else iso(at)
