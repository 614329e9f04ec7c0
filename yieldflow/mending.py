"""What is done to many runs at once: to those that fit a filter, or to a list of them.

They are listed first, then it is done to each, many in one call of the store; a run that has changed since and takes it
no more stops no other. Whatever stops in the middle may be done again: what it has done needs nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from attrs import evolve, field, frozen

from yieldflow.core.chain import chain_of, expect_possible
from yieldflow.engine import control
from yieldflow.engine.outside import CANCEL
from yieldflow.engine.state import Asking, Tending
from yieldflow.errors import NotFailed, RunEnded, StoreError, UnknownRun, UsageError, YieldflowError
from yieldflow.ports import LIVE, NO_EVENTS, Due, Filter, Look, Page, Status, Store, Summary
from yieldflow.reach import expect_text, refuse_in_a_workflow
from yieldflow.runtime import Runtime, fresh

AT_ONCE = 64  # runs in a call; of some the whole log is read
LISTED = 500  # runs in a call


@frozen
class Verb:
    """What may be done to a run. *statuses*: of those to which it does something; *idle*: of those that take it all the
    same. Others refuse it as *refusal* says.
    """

    name: str
    statuses: tuple[Status, ...]
    asking: Callable[[Tending], Asking[object]]
    idle: tuple[Status, ...] = ("continued",)  # the next generation takes it
    refusal: Callable[[str], YieldflowError] = RunEnded


def cancelling(reason: str | None, *, again: bool, hinted: Callable[[], bool]) -> Verb:
    """*hinted*: as in `opening`. Raises `UsageError`, as the others do."""
    expect_text(reason)

    def asking(t: Tending) -> Asking[None]:
        return control.cancel(t, reason, fresh() if again else CANCEL, hinted=hinted())

    return Verb("cancel", LIVE, asking)


def pausing(reason: str | None) -> Verb:
    expect_text(reason)
    return Verb("pause", ("running", "blocked"), lambda t: control.pause(t, reason), ("continued", "paused"))


def resuming() -> Verb:
    return Verb("resume", ("paused",), control.resume, ("continued", "running", "blocked"))


def terminating(reason: str | None) -> Verb:
    expect_text(reason)
    return Verb("terminate", LIVE, lambda t: control.terminate(t, reason))


def retrying() -> Verb:
    return Verb("retry", ("failed",), control.retry, (), NotFailed)


@frozen
class Mended:
    """The runs that it was done to, or with *dry_run* would be, and why it was not done to others."""

    run_ids: tuple[str, ...] = ()
    refused: Mapping[str, YieldflowError] = field(factory=dict)


@frozen
class Mender:
    """*hint_each*: have somebody look at these runs; *hinted*: whether those who work hear it."""

    store: Callable[[], Store]
    runtime: Callable[[], Runtime]
    hint_each: Callable[[Sequence[Due]], None]
    hinted: Callable[[], bool]

    def page(self, wanted: Filter, cursor: str | None) -> Page:
        """Raises `UsageError` for what is no cursor."""
        try:
            return self.store().find(wanted, cursor)
        except ValueError as error:
            raise UsageError(str(error)) from error

    def mend(self, verb: Verb, run_ids: Iterable[str]) -> Mended:
        """Do it to each of them. Raises `StoreError`: what was done until then is done."""
        refuse_in_a_workflow(f"{verb.name}()")
        done, refused = list[str](), dict[str, YieldflowError]()
        for some in _parts(_possible(run_ids, refused)):
            answers = self.runtime().ask_each(some, verb.asking, _Hints(self.hint_each))
            for run_id, answer in zip(some, answers, strict=True):
                match answer:
                    case StoreError():
                        raise answer
                    case YieldflowError():
                        refused[run_id] = answer
                    case _:
                        done.append(run_id)
        return Mended(tuple(done), refused)

    def would_mend(self, verb: Verb, run_ids: Iterable[str]) -> Mended:
        """What `mend` would do, as they stand."""
        would, refused, store = list[str](), dict[str, YieldflowError](), self.store()
        for some in _parts(_possible(run_ids, refused)):
            looks = [Look(store.newest(chain_of(run_id)[0]), NO_EVENTS) for run_id in some]
            for run_id, log in zip(some, store.read_each(looks), strict=True):
                if log is None:
                    refused[run_id] = UnknownRun(run_id)
                elif log.summary.status in (*verb.statuses, *verb.idle):
                    would.append(run_id)
                else:
                    refused[run_id] = verb.refusal(run_id)
        return Mended(tuple(would), refused)

    def fitting(self, verb: Verb, wanted: Filter) -> tuple[str, ...]:
        """All runs that fit and that it would do something to."""
        asked = (wanted.status,) if isinstance(wanted.status, str) else wanted.status or verb.statuses
        statuses = tuple(status for status in verb.statuses if status in asked)
        if not statuses:
            return ()
        return self.taking(verb, _listed(self.store(), evolve(wanted, status=statuses, limit=LISTED)))

    def taking(self, verb: Verb, summaries: Iterable[Summary]) -> tuple[str, ...]:
        """Those that it would do something to: of a run that was retried, the newest generation alone."""
        taking = (summary for summary in summaries if summary.status in verb.statuses)
        return tuple(summary.run_id for summary in taking if self._is_newest(summary))

    def _is_newest(self, summary: Summary) -> bool:
        chain, _ = chain_of(summary.run_id)
        return summary.status != "failed" or self.store().newest(chain) == summary.run_id


@frozen
class Runs:
    """Runs that fit, newest first: `.runs`, those of a page, and `.cursor`, which is given back for the next page.

    What is done to them is done to **all that fit**, however many pages they take; where a `limit` or a `cursor` was
    asked for, to those of this page alone. Runs to which it would do nothing are left out.
    """

    page: Page
    _mender: Mender = field(repr=False, eq=False)
    _wanted: Filter | None = field(repr=False, eq=False)  # None: this page is meant

    @property
    def runs(self) -> tuple[Summary, ...]:
        return self.page.runs

    @property
    def cursor(self) -> str | None:
        return self.page.cursor

    def cancel(self, reason: str | None = None, *, again: bool = False, dry_run: bool = False) -> Mended:
        """Ask each to stop, as `App.cancel` does. *dry_run*: only answer which runs it would be done to.

        Who refuses it, having ended meanwhile, is in the answer. Raises `UsageError`, `StoreError`.
        """
        return self._do(cancelling(reason, again=again, hinted=self._mender.hinted), dry_run=dry_run)

    def pause(self, reason: str | None = None, *, dry_run: bool = False) -> Mended:
        """As `App.pause`, of each; else as `cancel`."""
        return self._do(pausing(reason), dry_run=dry_run)

    def resume(self, *, dry_run: bool = False) -> Mended:
        """As `App.resume`, of each; else as `cancel`."""
        return self._do(resuming(), dry_run=dry_run)

    def terminate(self, reason: str | None = None, *, dry_run: bool = False) -> Mended:
        """As `App.terminate`, of each; else as `cancel`."""
        return self._do(terminating(reason), dry_run=dry_run)

    def retry(self, *, dry_run: bool = False) -> Mended:
        """As `App.retry`, of each; else as `cancel`."""
        return self._do(retrying(), dry_run=dry_run)

    def _do(self, verb: Verb, *, dry_run: bool) -> Mended:
        refuse_in_a_workflow(f"{verb.name}()")
        mender, wanted = self._mender, self._wanted
        found = mender.taking(verb, self.runs) if wanted is None else mender.fitting(verb, wanted)
        return Mended(found) if dry_run else mender.mend(verb, found)


@frozen
class _Hints:
    """A queue that leaves hints as the app does."""

    offer_each: Callable[[Sequence[Due]], None]

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:  # noqa: ARG002 - one is enough
        self.offer_each([Due(run_id, queue)])


def _possible(run_ids: Iterable[str], refused: dict[str, YieldflowError]) -> Iterator[str]:
    for run_id in dict.fromkeys(run_ids):
        try:
            expect_possible(run_id)
        except UnknownRun as unknown:
            refused[run_id] = unknown
        else:
            yield run_id


def _parts(run_ids: Iterable[str]) -> Iterator[tuple[str, ...]]:
    rest = iter(run_ids)
    while some := tuple(islice(rest, AT_ONCE)):
        yield some


def _listed(store: Store, wanted: Filter) -> Iterator[Summary]:
    cursor = None
    while True:
        page = store.find(wanted, cursor)
        yield from page.runs
        if (cursor := page.cursor) is None:
            return
