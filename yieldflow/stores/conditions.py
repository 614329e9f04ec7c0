"""When a commit may be applied, for stores that decide in Python. It only looks; it writes nothing.

What holds is checked in this order: the run is there, the condition, the revocations, the tokens of hooks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias, assert_never

from yieldflow.core.chain import chain_of
from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.ports import Claimed, Commit, Conflict, Done, Head, Holding, Mark, Open, Refused, Revoke


class Standing(Protocol):
    """A run as it stands before the commit."""

    @property
    def head(self) -> Mark: ...
    @property
    def done(self) -> bool: ...
    @property
    def payloads(self) -> int: ...
    def size(self) -> int:
        """How many entries its work table has."""
        ...

    def has(self, mark: Mark) -> bool:
        """Whether the log went through *mark*; one with an empty commit id is taken at its length."""
        ...

    def tail(self, length: int) -> tuple[bytes, ...]: ...
    def claim_at(self, path: Path) -> Claimed | None: ...
    def accepts(self, path: Path) -> str | None:
        """The token under which others may report the end of that work."""
        ...

    def delivered(self, once: str) -> int | None:
        """Where; 0 or less: in an earlier generation."""
        ...


Holder: TypeAlias = Callable[[str], tuple[str, str] | None]
"""The chain and the name of the open hook that has the token with that hash."""


def against(commit: Commit, run: Standing | None, now: Millis, holder: Holder) -> Conflict | Refused | None:
    """Why the commit cannot be applied."""
    if run is None:
        return _without_a_run(commit, now) or _taken(commit, now, holder)
    return _condition(commit, run, now) or _revocation(commit, run, now) or _taken(commit, now, holder)


def applied(commit: Commit, run: Standing, now: Millis, claimed: tuple[Path, ...]) -> Done:
    """The answer once *run* stands as the commit left it."""
    if isinstance(commit.on, Head) or commit.after is None:
        return Done(run.head, now, claimed=claimed, entries=run.size())
    gap = not run.has(commit.after)
    return Done(run.head, now, () if gap else run.tail(commit.after.length), claimed, gap, run.size())


def _without_a_run(commit: Commit, now: Millis) -> Conflict | Refused | None:
    match commit.on:
        case Head(None):
            return Refused("revoked", now) if commit.revoke else None
        case Head():
            return Conflict(None, now, gap=True)
        case Holding() | Open():
            return Refused("unknown", now)
        case _:
            assert_never(commit.on)


def _condition(commit: Commit, run: Standing, now: Millis) -> Conflict | Refused | None:
    match commit.on:
        case Head(at):
            return _conflict(at, run, now)
        case Holding(path, token):
            if run.done:
                return Refused("ended", now)
            held = _held(run.claim_at(path), token) or token == run.accepts(path)
            return None if held else Refused("resolved", now)
        case Open(once):
            return _not_open(once, commit, run, now)
        case _:
            assert_never(commit.on)


def _conflict(at: Mark | None, run: Standing, now: Millis) -> Conflict | None:
    if at == run.head:
        return None
    if at is None:
        return Conflict(run.head, now, run.tail(0))
    gap = not at.commit or not run.has(at)
    return Conflict(run.head, now, () if gap else run.tail(at.length), gap)


def _not_open(once: str, commit: Commit, run: Standing, now: Millis) -> Refused | None:
    position = run.delivered(once)
    if position is not None:  # before "ended": who lost the first reply must learn that it was delivered
        return Refused("twice", now, max(position, 0))
    if run.done:
        return Refused("ended", now)
    full = bool(commit.payloads) and run.payloads + (commit.payloads or 0) > commit.inbox
    return Refused("inbox", now) if full else None


def _revocation(commit: Commit, run: Standing, now: Millis) -> Refused | None:
    if not commit.revoke:
        return None
    return None if all(_revocable(revoke, run, now) for revoke in commit.revoke) else Refused("revoked", now)


def _taken(commit: Commit, now: Millis, holder: Holder) -> Refused | None:
    chain, _ = chain_of(commit.run_id)
    holders = [(holder(token), name) for token, name in commit.hooks.items()]
    return None if all(found in (None, (chain, name)) for found, name in holders) else Refused("taken", now)


def _revocable(revoke: Revoke, run: Standing, now: Millis) -> bool:
    claim = run.claim_at(revoke.path)
    return claim is not None and _held(claim, revoke.token) and (revoke.gone or claim.until <= now)


def _held(claim: Claimed | None, token: str) -> bool:
    return claim is not None and claim.token == token
