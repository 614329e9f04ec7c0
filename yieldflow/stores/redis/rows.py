"""How the values of the ports look in Redis: JSON for what the scripts read, paths that sort as numbers.

It knows no key and sends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

import orjson

from yieldflow.core.chain import chain_of, predecessor
from yieldflow.core.path import Path
from yieldflow.ports import Beat, Claimed, Commit, Free, Head, Holding, Mark, Note, On, Open, Status, Summary


def key_of(path: Path) -> str:
    """Each number after its count of digits (2 is "12", 10 is "210"), so that text sorts as the numbers do."""
    return ".".join(f"{chr(ord('0') + len(str(number)))}{number}" for number in path)


def path_of(key: bytes) -> Path:
    return tuple(int(part[1:]) for part in key.split(b".")) if key else ()


def plan(commit: Commit) -> bytes:
    """All of a commit but its events, which need not be text. ValueError: the commit cannot be kept."""
    if " " in commit.commit:
        raise ValueError(f"a commit id has no spaces: {commit.commit!r}")
    chain, number = chain_of(commit.run_id)
    content: dict[str, Any] = {
        **_condition(commit.on),
        "commit": commit.commit,
        "revoke": [[key_of(revoke.path), revoke.token, revoke.gone] for revoke in commit.revoke],
        "drop": [key_of(path) for path in commit.drop],
        "put": [[key_of(work.path), work.queue, work.not_before, entry(work).decode()] for work in commit.put],
        "claim": [[key_of(claim.path), claim.token] for claim in commit.claim],
        "worker": commit.worker,
        "hooks": dict(commit.hooks),
        "inbox": commit.inbox,
        "entries": commit.entries,
        "keys": dict(commit.keys),
        "keeps_replays": commit.keeps_replays,
        "keeps_rings": commit.keeps_rings,
        "done": commit.done,
        "chain": chain,
        "generation": number,
        "former": predecessor(commit.run_id),
    }
    if commit.after is not None:
        content["after"] = [commit.after.length, commit.after.commit]
    if commit.payloads is not None:
        content["payloads"] = commit.payloads
    if commit.alarm is not None:  # a script would take null for something
        content["alarm"] = commit.alarm
    if commit.summary is not None:
        content["summary"] = _listed(commit.summary)
    return orjson.dumps(content)


def _condition(on: On) -> dict[str, Any]:
    match on:
        case Head(at):
            return {"on": "head"} if at is None else {"on": "head", "at": [at.length, at.commit]}
        case Holding(path, token):
            return {"on": "holding", "path": key_of(path), "token": token}
        case Open(once):
            return {"on": "open", "once": once}
        case _:
            assert_never(on)


def beat(one: Beat) -> tuple[str | int, ...]:
    """The words of `renew` after the run; what is not given is an empty word."""
    details = "" if one.details is None else "=" + _text(one.details)
    return (key_of(one.path), one.token, details, "" if one.deadline is None else one.deadline)


def _text(details: bytes) -> str:
    """Any bytes as text, each a character: JSON has no bytes."""
    return details.decode("latin-1")


def entry(work: Free) -> bytes:
    timeout = False if work.timeout is None else work.timeout  # a script would take null for something
    accepts = False if work.accepts is None else work.accepts
    details = False if work.details is None else _text(work.details)
    fields = [work.queue, work.event, work.attempt, work.lease, timeout, work.not_before, work.losses]
    return orjson.dumps([*fields, accepts, details])


def free(key: bytes, text: bytes) -> Free:
    queue, issued, attempt, lease, timeout, not_before, losses, accepts, details = orjson.loads(text)
    return Free(
        path_of(key),
        queue,
        issued,
        attempt,
        lease,
        not_before,
        None if timeout is False else timeout,
        losses,
        None if accepts is False else accepts,
        None if details is False else details.encode("latin-1"),
    )


def claimed(key: bytes, text: bytes, claim: bytes, until: int) -> Claimed:
    token, worker, since, deadline = orjson.loads(claim)
    return Claimed(free(key, text), token, worker, since, until, None if deadline is False else deadline)


def _listed(summary: Summary) -> dict[str, Any]:
    about = [summary.run_id, summary.workflow, summary.queue, summary.started_at, summary.finished_at]
    note = summary.note
    return {
        "about": orjson.dumps([*about, dict(summary.tags), summary.parent, summary.anew]).decode(),
        "status": summary.status,
        "note": "" if note is None else orjson.dumps([note.reason, note.length, note.version]).decode(),
        "queue": summary.queue,
        "started": summary.started_at,
    }


def summary(about: bytes, status: bytes, note: bytes | None) -> Summary:
    run_id, workflow, queue, started_at, finished_at, tags, parent, anew = orjson.loads(about)
    named: Status = status.decode()  # type: ignore[assignment]  # only `_listed` and the scripts write it
    blocked = Note(*orjson.loads(note)) if note else None
    return Summary(run_id, workflow, queue, named, started_at, finished_at, tags, blocked, parent, tuple(anew))


def mark(length: int, commit: bytes) -> Mark | None:
    return Mark(length, commit.decode()) if length else None


def event(item: bytes) -> bytes:
    """An item of the log without the id of its commit."""
    return item[item.index(b" ") + 1 :]


def events(items: Sequence[bytes]) -> tuple[bytes, ...]:
    return tuple(map(event, items))
