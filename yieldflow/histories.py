"""A run as a file, its log with an event a line, and from there into a store.

What a store keeps beside a log (open work, alarm, hooks, summary, keys of deliveries) is made of the log, as the
commits of a run had made it. All files of a call are judged before the first is written: one that is broken
changes nothing. Nothing is read of what a value means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never

from attrs import evolve, frozen

from yieldflow.codec.packing import pack, unpack
from yieldflow.core.chain import chain_of, expect_possible, generation
from yieldflow.core.events import CancelRequested, Event, HookReceived, RunPaused, RunResumed, RunStarted
from yieldflow.core.outcome import ContinuedAs
from yieldflow.core.questions import hook_hashes
from yieldflow.core.run import Run, fold
from yieldflow.core.times import Millis
from yieldflow.engine.aftermath import owes_something
from yieldflow.engine.planning import child_id, open_work, summary
from yieldflow.errors import (
    HookTokenTaken,
    ImpossibleEvent,
    ReplyLost,
    StoreUnreachable,
    Undecodable,
    UnknownRun,
    UsageError,
    error,
    shortened,
)
from yieldflow.inspection.reading import whole
from yieldflow.ports import HINT_AFTER, NO_EVENTS, Commit, Conflict, Done, Head, Refused, Reply, Status, Store, Summary
from yieldflow.reach import refuse_in_a_workflow
from yieldflow.runtime import fresh

if TYPE_CHECKING:
    from yieldflow.app import App

IMPORTED = "imported"  # the reason of the pause
_LONGEST_REASON = 200  # characters
_TRIES = 3  # of a call whose reply is lost


@error
class BrokenHistory(UsageError):
    """*event*: the number of the first one that is wrong."""

    place: str
    event: int
    reason: str

    def __str__(self) -> str:
        return f"{self.place} is no whole history: event {self.event:,} {self.reason}; nothing was changed"


@error
class OtherLog(UsageError):
    run_id: str
    place: str
    event: int

    def __str__(self) -> str:
        return (
            f"run {self.run_id!r} is there already, and from event {self.event:,} on its log is another one than in "
            f"{self.place}; nothing was changed"
        )


@error
class LeftOut(UsageError):
    """A run that cannot come without another one."""

    run_id: str
    needs: str
    advice: str

    def __str__(self) -> str:
        return f"run {self.run_id!r} {self.needs}; {self.advice}; nothing was changed"


@frozen
class History:
    """A log that folds, as it is written in a file: of thousands, no more than that is kept. *place*: where it was
    read, for messages. *successor*: the generation that it went on as. *awaits*: the children that it waits for.
    """

    place: str
    content: bytes
    started: RunStarted
    has_ended: bool
    successor: str | None
    awaits: tuple[str, ...]

    @property
    def run_id(self) -> str:
        return self.started.run_id

    @property
    def packed(self) -> tuple[bytes, ...]:
        return tuple(self.content.split(b"\n"))

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(map(unpack, self.packed))


Mode: TypeAlias = Literal["paused", "going on"]


@frozen
class Imported:
    """*new*: it was not there. *status*: as the store lists it now."""

    run_id: str
    status: Status
    new: bool


# --- reading ----------------------------------------------------------------------------------------------------------


def read(lines: Iterable[bytes], place: str = "what was given") -> History:
    """The history that these lines are, one packed event each. Raises `BrokenHistory`."""
    packed = [line for line in map(bytes.strip, lines) if line]
    run = Run()
    for number, line in enumerate(packed, 1):
        try:
            run.add(unpack(line))
        except Undecodable as wrong:
            raise BrokenHistory(place, number, f"cannot be read ({_reason(wrong.reason)})") from wrong
        except ImpossibleEvent as wrong:
            raise BrokenHistory(place, number, f"cannot come there ({wrong.reason})") from wrong
    if run.started is None:
        raise BrokenHistory(place, 1, "is missing")
    try:
        expect_possible(run.started.run_id)
    except UnknownRun as wrong:
        raise BrokenHistory(place, 1, "has a run id that no run can have") from wrong
    outcome = run.outcome
    return History(
        place,
        b"\n".join(packed),
        run.started,
        has_ended=run.ended is not None,
        successor=outcome.run_id if isinstance(outcome, ContinuedAs) else None,
        awaits=tuple(chain_of(child_id(run.started, path, command))[0] for path, command in run.children.items()),
    )


def kept(store: Store, run_id: str) -> History | None:
    """The history of one generation as a store has it; None: it has none. Raises `BrokenHistory`."""
    try:
        return read(whole(store, run_id)[1], f"the log of run {run_id!r}")
    except UnknownRun:
        return None


def generations(store: Store, run_id: str) -> list[str]:
    """The ids of all generations of a run that are there, the first one first."""
    chain, _ = chain_of(run_id)
    _, last = chain_of(store.newest(chain))
    ids = (generation(chain, number) for number in range(1, last + 1))
    return [one for one in ids if store.read(one, NO_EVENTS) is not None]


# --- importing --------------------------------------------------------------------------------------------------------


def import_histories(app: App, histories: Iterable[History], mode: Mode = "paused") -> list[Imported]:
    """Put these runs into the store of *app*, under their own ids.

    One that has not ended is paused, so that nothing is done in two stores; with "going on" it goes on, also where it
    was paused. A run that is there with this log, or has gone on from it, stays as it is. Raises `OtherLog`, `LeftOut`,
    `HookTokenTaken`.

    Example: `import_histories(app, [read(Path("order-42.jsonl").read_bytes().splitlines())])`
    """
    refuse_in_a_workflow("import_histories()")
    given = _each_once(histories)
    present = {run_id for run_id, history in given.items() if _is_there(app.store, history)}
    new = {run_id: history for run_id, history in given.items() if run_id not in present}
    tokens = dict[str, tuple[str, str]]()
    for history in new.values():
        _expect_its_chain(app.store, history, given)
        _expect_its_tokens(app.store, history, tokens)
        if mode == "going on":
            _expect_its_children(app.store, history, given)
    for _, chain in groupby(sorted(new.values(), key=_place), lambda history: chain_of(history.run_id)[0]):
        _write(app, list(chain), mode)
    return [Imported(run_id, _listed(app.store, run_id), run_id in new) for run_id in given]


def _expect_its_tokens(store: Store, history: History, others: dict[str, tuple[str, str]]) -> None:
    """*others*: hooks of what is imported with it, by their tokens; its own are put there. Raises `HookTokenTaken`."""
    run, (chain, _) = fold(history.events), chain_of(history.run_id)
    for token_hash, name in hook_hashes(run).items() if run.ended is None else ():
        holders = {store.resolve(token_hash), others.setdefault(token_hash, (chain, name))}
        if not holders <= {None, (chain, name)}:
            raise HookTokenTaken(name)


def _write(app: App, chain: Sequence[History], mode: Mode) -> None:
    """The generations of one run in one call, the first one first: each takes over keys of the one before."""
    now = app.runtime.clock.now()
    commits = [founding(history, mode, fresh(), now) for history in chain]
    for history, commit, reply in zip(chain, commits, _append(app, commits), strict=True):
        ours = isinstance(reply, Conflict) and reply.head is not None and reply.head.commit == commit.commit
        if isinstance(reply, Refused) and reply.reason == "taken":
            raise HookTokenTaken(", ".join(sorted(commit.hooks.values())))
        if not isinstance(reply, Done) and not ours:
            raise OtherLog(history.run_id, history.place, 1)  # somebody started it meanwhile
        if commit.alarm is not None:
            app.hint(history.run_id, history.started.queue)


def _append(app: App, commits: Sequence[Commit]) -> Sequence[Reply]:
    """What is lost is asked for again: a commit that was applied is known by its id."""
    for _ in range(_TRIES):
        try:
            replies = app.store.commit(commits)
        except ReplyLost as wrong:
            lost = wrong
        else:
            app.runtime.clock.heard(replies[-1].now)
            return replies
    raise StoreUnreachable(app.settings.url, lost.reason)


def founding(history: History, mode: Mode, commit: str, at: Millis) -> Commit:
    """The commit that makes a run of its log: all that its own commits had left beside it."""
    events = history.events
    run = fold(events)
    switch = _switch(run, mode, at)
    for event in switch:
        run.add(event)
    ended = run.ended
    return Commit(
        history.run_id,
        commit,
        Head(None),
        events=(*history.packed, *map(pack, switch)),
        put=open_work(run) if ended is None else (),
        alarm=_looks(run, at),
        summary=_as_listed(run),
        hooks=hook_hashes(run) if ended is None else {},
        keys=_keys(events),
        payloads=len(run.unread),
        done=ended is not None,
    )


def _switch(run: Run, mode: Mode, at: Millis) -> tuple[Event, ...]:
    if run.ended is not None:
        return ()
    match mode:
        case "paused":
            return () if run.paused else (RunPaused(at, reason=IMPORTED),)
        case "going on":
            return (RunResumed(at),) if run.paused else ()
        case _:
            assert_never(mode)


def _looks(run: Run, at: Millis) -> Millis | None:
    """When to look at it. One that was continued owes nothing: its next generation came with it."""
    if run.ended is not None:
        owes = not isinstance(run.outcome, ContinuedAs) and owes_something(run)
        return at + HINT_AFTER if owes else None
    return None if run.paused else at + HINT_AFTER


def _as_listed(run: Run) -> Summary:
    assert run.started is not None
    if run.ended is not None:
        return summary(run.started, run.ended.outcome, run.ended.at)
    return evolve(summary(run.started, None, run.started.at), status="paused" if run.paused else "running")


def _keys(events: Sequence[Event]) -> dict[str, int]:
    """Of what came from outside, and counts once: where it is."""
    found = {}
    for position, event in enumerate(events, 1):
        match event:
            case HookReceived(key=key):
                found[f"hook:{key}"] = position
            case CancelRequested(key=key):
                found[f"cancel:{key}"] = position
            case _:
                pass
    return found


# --- what cannot come -------------------------------------------------------------------------------------------------


def _each_once(histories: Iterable[History]) -> dict[str, History]:
    given: dict[str, History] = {}
    for history in histories:
        former = given.setdefault(history.run_id, history)
        if former.content != history.content and former.events != history.events:
            raise OtherLog(history.run_id, history.place, _parts(former.events, history.events))
    return given


def _is_there(store: Store, history: History) -> bool:
    """With this log, or one that goes on from it. Raises `OtherLog`."""
    there = kept(store, history.run_id)
    if there is None:
        return False
    mine, theirs = history.events, there.events
    if theirs[: len(mine)] != mine:
        raise OtherLog(history.run_id, history.place, _parts(theirs, mine))
    return True


def _parts(one: Sequence[Event], other: Sequence[Event]) -> int:
    """The number of the first event that differs."""
    alike = (index for index, (mine, theirs) in enumerate(zip(one, other, strict=False), 1) if mine != theirs)
    return next(alike, min(len(one), len(other)) + 1)


def _expect_its_chain(store: Store, history: History, given: Mapping[str, History]) -> None:
    """Nobody may start a generation that is elsewhere already. Raises `LeftOut`."""
    chain, number = chain_of(history.run_id)
    newest = store.newest(chain)
    here = store.read(newest, NO_EVENTS)
    _, last = chain_of(newest) if here is not None else (chain, 0)
    others = {chain_of(one)[1]: other for one, other in given.items() if chain_of(one)[0] == chain}
    if last > number:
        advice = "import the generations of a run together"
        raise LeftOut(history.run_id, f"comes before {newest!r}, which is there already", advice)
    if 1 not in others and store.read(chain, NO_EVENTS) is None:
        needs = f"is a later generation of {chain!r}, whose first one is neither there nor among the files"
        raise LeftOut(history.run_id, needs, "import both together")
    if history.successor is not None and max(others) == number:
        needs = f"went on as {history.successor!r}, which is neither there nor among the files"
        raise LeftOut(history.run_id, needs, "import both together")
    alive = [one.run_id for earlier, one in others.items() if earlier < number and not one.has_ended]
    if here is not None and here.summary.finished_at is None:
        alive.append(newest)
    if alive:
        raise LeftOut(history.run_id, f"begins where {alive[0]!r} ends, which has not ended", "export that one again")


def _expect_its_children(store: Store, history: History, given: Mapping[str, History]) -> None:
    """One that is elsewhere would be started here once more. Raises `LeftOut`."""
    for child in history.awaits:
        among = any(chain_of(run_id)[0] == child for run_id in given)
        if not among and store.read(store.newest(child), NO_EVENTS) is None:
            needs = f"waits for its child {child!r}, which is neither there nor among the files"
            raise LeftOut(history.run_id, needs, "import both together, or this one paused")


# --- small parts ------------------------------------------------------------------------------------------------------


def _place(history: History) -> tuple[str, int]:
    return chain_of(history.run_id)


def _listed(store: Store, run_id: str) -> Status:
    found = store.read(run_id, NO_EVENTS)
    if found is None:
        raise UnknownRun(run_id)
    return found.summary.status


def _reason(text: str) -> str:
    return shortened(" ".join(text.split()), _LONGEST_REASON)
