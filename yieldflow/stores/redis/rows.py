"""How the values of the ports look in Redis: JSON for what the scripts read, paths that sort as numbers.

It knows no key and sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, assert_never

import orjson

from yieldflow.core.chain import chain_of, predecessor
from yieldflow.core.path import Path
from yieldflow.errors import StoreUnsuitable, shown
from yieldflow.ports import Beat, Claimed, Commit, Entry, Free, Head, Holding, Mark, Note, Open, Status, Summary

_BY_DEFAULT = (0, None, 0, None, None)
_NO_REST: tuple[None, Mapping[str, str], None, tuple[int, ...]] = (None, {}, None, ())


@lru_cache(10_000)
def key_of(path: Path) -> str:
    """Each number after its count of digits (2 is "12", 10 is "210"), so that text sorts as the numbers do."""
    return ".".join([chr(ord("0") + len(digits)) + digits for digits in map(str, path)])


def line(word: str) -> str:
    """What stands on a line of its own. ValueError: it cannot."""
    if "\n" in word:
        raise ValueError(f"a claim's token and worker have no line breaks: {word!r}")
    return word


def path_of(key: bytes) -> Path:
    return tuple(int(part[1:]) for part in key.split(b".")) if key else ()


def plan(commit: Commit) -> bytes:
    """All of a commit but its events, without what is as by default. ValueError: it cannot be kept."""
    content = _condition(commit)
    if commit.revoke:
        content["revoke"] = [[key_of(revoke.path), revoke.token, revoke.gone] for revoke in commit.revoke]
    if commit.drop:
        content["drop"] = [key_of(path) for path in commit.drop]
    if commit.put:
        content["put"] = [[key_of(work.path), entry(work)] for work in commit.put]
    if commit.claim:
        content["claim"] = [[key_of(claim.path), line(claim.token)] for claim in commit.claim]
        content["worker"] = line(commit.worker)
    if commit.payloads is not None:
        content["payloads"] = commit.payloads
    if commit.keys:
        content["keys"] = dict(commit.keys)
    if commit.hooks:
        content["hooks"] = dict(commit.hooks)
    if commit.done:
        content["done"] = True
    if commit.hooks or commit.done:
        content["chain"] = chain_of(commit.run_id)[0]
    if isinstance(commit.on, Head):
        content |= _on_head(commit)
    elif commit.after is not None:
        content["after"] = [commit.after.length, commit.after.commit]
    return orjson.dumps(content)


def _condition(commit: Commit) -> dict[str, Any]:
    match commit.on:
        case Head(at):
            return {"on": "head"} if at is None else {"on": "head", "at": [at.length, at.commit]}
        case Holding(path, token):
            return {"on": "holding", "path": key_of(path), "token": token}
        case Open(once):
            soon = {} if commit.alarm is None else {"alarm": commit.alarm}
            return {"on": "open", "once": once, "inbox": commit.inbox, **soon}
        case _:
            assert_never(commit.on)


def _on_head(commit: Commit) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if commit.on == Head(None) and (former := predecessor(commit.run_id)):
        content["former"] = former
        content["chain"], content["generation"] = chain_of(commit.run_id)
    if commit.alarm is not None:
        content["alarm"] = commit.alarm
    if commit.entries:
        content["entries"] = commit.entries
    if commit.keeps_rings:
        content["keeps_rings"] = True
    if commit.keeps_replays:
        content["keeps_replays"] = True
    if commit.summary is not None:
        content["summary"] = _listed(commit.summary)
    return content


def beat(one: Beat) -> tuple[str | int, ...]:
    """The words of `renew` after the run; what is not given is an empty word."""
    details = "" if one.details is None else "=" + _text(one.details)
    return (key_of(one.path), one.token, details, "" if one.deadline is None else one.deadline)


def _text(details: bytes) -> str:
    """Any bytes as text, each a character: JSON has no bytes."""
    return details.decode("latin-1")


def entry(work: Free) -> str:
    fields: list[Any] = [work.queue, work.event, work.attempt, work.lease]
    others = (work.not_before, work.timeout, work.losses, work.accepts, work.details)
    if others != _BY_DEFAULT:
        details = None if work.details is None else _text(work.details)
        fields += [False if value is None else value for value in (*others[:4], details)]
    return orjson.dumps(fields).decode()


def _or_none(value: Any) -> Any:
    return None if value is False else value


def free(key: bytes, text: bytes) -> Free:
    queue, issued, attempt, lease, *others = orjson.loads(text)
    if not others:
        return Free(path_of(key), queue, issued, attempt, lease)
    not_before, timeout, losses, accepts, details = others
    return Free(
        path_of(key),
        queue,
        issued,
        attempt,
        lease,
        not_before or 0,
        _or_none(timeout),
        losses or 0,
        _or_none(accepts),
        None if details is False else details.encode("latin-1"),
    )


def claimed(key: bytes, text: bytes, until: int) -> Claimed:
    """*text*: the entry, and its claim in lines; *until*: the end of its lease."""
    fields, token, since, deadline, worker = text.split(b"\n")
    work = free(key, fields)
    return Claimed(work, token.decode(), worker.decode(), int(since), until, int(deadline) if deadline else None)


def any_entry(key: bytes, text: bytes, leases: Mapping[bytes, int]) -> Entry:
    """A lease that was lost is over."""
    return claimed(key, text, leases.get(key, 0)) if b"\n" in text else free(key, text)


def _listed(summary: Summary) -> dict[str, Any]:
    """The fields that are listed."""
    note = summary.note
    rest = (summary.finished_at, dict(summary.tags), summary.parent, summary.anew)
    return {
        "workflow": summary.workflow,
        "queue": summary.queue,
        "status": summary.status,
        "started": summary.started_at,
        "note": "" if note is None else orjson.dumps([note.reason, note.length, note.version]).decode(),
        "rest": "" if rest == _NO_REST else orjson.dumps(rest).decode(),
    }


def summary(run_id: str, about: Sequence[bytes]) -> Summary:
    workflow, queue, status, started, rest, note = about
    finished_at, tags, parent, anew = orjson.loads(rest) if rest else _NO_REST
    named: Status = status.decode()  # type: ignore[assignment]  # only `_listed` and the scripts write it
    blocked = Note(*orjson.loads(note)) if note else None
    started_at = int(started)
    return Summary(
        run_id, workflow.decode(), queue.decode(), named, started_at, finished_at, tags, blocked, parent, tuple(anew)
    )


@contextmanager
def readable(run_id: str) -> Iterator[None]:
    """What is kept of a run may have been written by somebody else. Raises `StoreUnsuitable`."""
    try:
        yield
    except (ValueError, TypeError) as error:
        reason = (
            f"what it keeps of run {shown(run_id)} cannot be read ({error}); `yieldflow doctor` looks at all of them"
        )
        raise StoreUnsuitable("redis", reason) from error


def mark(length: int, commit: bytes) -> Mark | None:
    return Mark(length, commit.decode()) if length else None


def items(commit: Commit) -> list[bytes]:
    """The events as they stand in the log. ValueError: the commit cannot be kept."""
    if " " in commit.commit:
        raise ValueError(f"a commit id has no spaces: {commit.commit!r}")
    head = commit.commit.encode() + b" "
    return [head + event for event in commit.events]


def event(item: bytes) -> bytes:
    """An item of the log without the id of its commit."""
    return item[item.index(b" ") + 1 :]


def events(items: Sequence[bytes]) -> tuple[bytes, ...]:
    return tuple(map(event, items))
