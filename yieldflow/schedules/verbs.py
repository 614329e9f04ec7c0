"""What is done with schedules from outside: `App.schedule` and `app.schedules`. Each is a run like any other.

Whatever changes one is a payload for it, so it is done once, in order, and survives whoever asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import evolve, field, frozen

from yieldflow.authoring.registry import Registry
from yieldflow.core.asks import WorkflowCall
from yieldflow.core.events import Event, RunFinished
from yieldflow.core.outcome import Ok
from yieldflow.core.times import Duration
from yieldflow.errors import NotFoundError, RunExists, UnknownRun, UnreadableLog, UsageError, error, shown
from yieldflow.inspection.reading import History, history, newest
from yieldflow.ports import LIVE, Status, Summary
from yieldflow.reach import expect_key, expect_text, refuse_in_a_workflow
from yieldflow.schedules.asking import Asked, asked_of, expect_id, instant_of, target_of
from yieldflow.schedules.declaring import DECLARED
from yieldflow.schedules.occurrences import between, by_name, named
from yieldflow.schedules.plan import (
    DELETE,
    MOST_WAITING,
    RESUME,
    TAG,
    Backfill,
    Order,
    Overlap,
    Pause,
    Plan,
    State,
    Trigger,
    Update,
)
from yieldflow.schedules.program import ORDERS, STEPS, is_started_by, schedule
from yieldflow.schedules.reading import backlog, last_plan, last_state, upcoming

if TYPE_CHECKING:
    from yieldflow.app import App

NAME = schedule.definition.name
KEEP: Any = object()  # what `update` leaves as it is
LISTED = 100
ENOUGH, MOST_PAGES = 25, 10  # of what it has started; what has many children is looked for among them
Standing: TypeAlias = Literal["active", "paused", "blocked", "over", "deleted", "stopped"]
"""over: it is never due again · stopped: its run was cancelled or terminated, or has failed."""


@error
class UnknownSchedule(NotFoundError):
    schedule_id: object

    def __str__(self) -> str:
        return f"there is no schedule {shown(self.schedule_id)}; `yieldflow schedule list` lists those that there are"


@error
class ScheduleExists(UsageError):
    schedule_id: str

    def __str__(self) -> str:
        return f"schedule {self.schedule_id!r} exists already, and says otherwise: update it, or choose another id"


@frozen
class Shown:
    """How a schedule stands. *next*: when it is due, five times at most, and never while it is paused; *recent*: what
    it has started, newest first.
    """

    schedule_id: str
    standing: Standing
    plan: Plan
    state: State
    next: tuple[datetime, ...]
    recent: tuple[Summary, ...]


@frozen
class Schedule:
    """One schedule: `schedule_id`, and what may be done with it. Who asks for a change does not wait for it.

    What is asked of one that is over raises `RunEnded`.
    """

    schedule_id: str
    _app: App = field(repr=False)

    def show(self) -> Shown:
        """How it stands. Raises `UnknownSchedule`, and `UnreadableLog` as all of these do."""
        known, codec = self._known(), self._app.codec
        plan, state, standing = last_plan(known.events, codec), last_state(known.events, codec), self._stands(known)
        if standing == "active" and state.paused:
            standing = "paused"
        due = upcoming(plan, state, self._app.workshop.now()) if standing == "active" else ()
        return Shown(self.schedule_id, standing, plan, state, due, self._recent())

    def pause(self, reason: str | None = None) -> None:
        """Start nothing by itself until it is resumed, from this moment on. What passes meanwhile is not made up for:
        `backfill` does. Raises `UsageError` for a *reason* of more than 1,000 characters, or that cannot be shown.
        """
        expect_text(reason)
        self._tell(Pause(reason))

    def resume(self) -> None:
        """Go on with what is due from now on. Nothing happens if it is not paused."""
        self._tell(RESUME)

    def trigger(self, *, key: str | None = None) -> str:
        """Start it now, whatever runs, also while it is paused; answers the run id. With the same *key* (1 to 200
        printable characters) it is started once, however often it is asked for. Raises `UsageError`.
        """
        at = self._app.workshop.now()
        if key is None:
            self._tell(Trigger(at))
            return named(self.schedule_id, at)
        expect_key(key)
        name = sha256(key.encode()).hexdigest()[:32]
        self._tell(Trigger(at, name), f"trigger:{name}")
        return by_name(self.schedule_id, name)

    def backfill(self, since: datetime, until: datetime) -> tuple[str, ...]:
        """Start what was due from *since* on and before *until*, one after the other (with overlap="allow_all" all at
        once); answers their run ids. What was started already is not started again, what is still to come is left to
        its time. At most a thousand, with those that still wait. Raises `UsageError`.
        """
        events, codec = self.history(), self._app.codec
        begin, end = instant_of("since", since), min(instant_of("until", until), self._app.workshop.now())
        found = tuple(islice(between(last_plan(events, codec).times, begin, end), MOST_WAITING + 1))
        if len(found) > MOST_WAITING:
            raise UsageError(f"more than {MOST_WAITING:,} occurrences lie between since= and until=: take a part")
        if found and (waiting := backlog(events, codec)) + len(found) > MOST_WAITING:
            raise UsageError(
                f"{waiting:,} that were asked for still wait, of at most {MOST_WAITING:,}: ask again later"
            )
        if found:
            self._tell(Backfill(found))
        return tuple(named(self.schedule_id, occurrence) for occurrence in found)

    def update(
        self,
        call: WorkflowCall[Any] | None = None,
        *,
        cron: str | None = None,
        every: Any = None,
        at: Iterable[datetime] | None = None,
        tz: str = KEEP,
        overlap: Any = KEEP,
        jitter: Any = KEEP,
        catch_up: Any = KEEP,
        start: datetime | None = KEEP,
        end: datetime | None = KEEP,
        limit: int | None = KEEP,
    ) -> None:
        """Change what is given, from now on: the call, when it is due, or an option. What was due before is started as
        it was planned then; what runs and waits stays, and a paused schedule stays paused. Of two updates at once both
        hold, and where they give the same, the later one. Raises as `App.schedule` does.
        """
        plan = last_plan(self.history(), self._app.codec)
        rule = {"cron": cron, "every": every, "at": at}
        rest = {"tz": tz, "overlap": overlap, "jitter": jitter, "catch_up": catch_up, "start": start, "end": end}
        given = {name: value for name, value in {**rest, "limit": limit}.items() if value is not KEEP}
        parts: list[Any] = [*given, *(() if call is None else ("target",))]
        if any(value is not None for value in rule.values()):
            given, parts = given | rule, [*parts, "rule"]
        target = plan.target if call is None else target_of(call, self._app.codec.plain)
        self._change(plan, Update(evolve(asked_of(plan), **given).plan(target), tuple(parts)))

    def delete(self) -> None:
        """End it; what it has started goes on. Its id may be used again."""
        self._tell(DELETE)

    def put(self, plan: Plan) -> None:
        """Make it this one."""
        self._change(last_plan(self.history(), self._app.codec), Update(plan))

    # --- how it is done -----------------------------------------------------------------------------------------------

    def _change(self, known: Plan, update: Update) -> None:
        if update.plan != known:
            self._tell(update)

    def _tell(self, order: Order, key: str | None = None) -> None:
        refuse_in_a_workflow("schedule()")
        self.expect()
        self._app.send(self.schedule_id, ORDERS, order, key=key)

    def expect(self) -> None:
        """Raises `UnknownSchedule`, as the others do."""
        self._known()

    def history(self) -> tuple[Event, ...]:
        return self._known().events

    def _known(self) -> History:
        """Its newest log, which says all that is asked of it."""
        store = self._app.store
        try:
            known = history(store, newest(store, self.schedule_id))
        except UnknownRun:
            raise UnknownSchedule(self.schedule_id) from None
        if known.log.summary.workflow != NAME:
            raise UnknownSchedule(self.schedule_id)
        if known.problem is not None:
            raise UnreadableLog(f"that of schedule {shown(self.schedule_id)}: inspect its run")
        return known

    def standing(self) -> Standing:
        return self._stands(self._known())

    def _stands(self, known: History) -> Standing:
        match known.log.summary.status, known.events[-1]:
            case "blocked" | "paused" as standing, _:
                return standing
            case "completed", RunFinished(outcome=Ok(value)):
                return "deleted" if self._app.codec.decode(value, str) == "deleted" else "over"
            case "failed" | "cancelled", _:
                return "stopped"
            case _:
                return "active"

    def _recent(self) -> tuple[Summary, ...]:
        """Not its former logs: they would take the places of all others."""
        found, cursor = list[Summary](), None
        for _ in range(MOST_PAGES):
            page = self._app.runs(tag=(TAG, self.schedule_id), status=_ANY, limit=LISTED, cursor=cursor)
            found += [run for run in page.runs if is_started_by(self.schedule_id, run)]
            if (cursor := page.cursor) is None or len(found) >= ENOUGH:
                break
        return tuple(found[:LISTED])


def shown_each(schedules: Iterable[Schedule]) -> Iterator[tuple[str, Shown | None]]:
    """Of those that are still there. None: its log cannot be read, which hides none of the others."""
    for one in schedules:
        with suppress(UnknownSchedule):  # it was pruned meanwhile
            try:
                shown = one.show()
            except UnreadableLog:
                shown = None
            yield one.schedule_id, shown


@frozen
class Schedules:
    """The schedules of an app's store: `app.schedules`."""

    _app: App

    def get(self, schedule_id: str) -> Schedule:
        """Raises `UnknownSchedule`."""
        found = Schedule(schedule_id, self._app)
        found.expect()
        return found

    def list(self, *, ended: bool = False) -> tuple[Schedule, ...]:
        """Those that there are, by their ids; *ended*: also those that are over or deleted."""
        found = {run.tags.get(TAG, run.run_id) for run in self._newest(_ANY if ended else LIVE)}
        moving = self._app.runs(workflow=NAME, status="continued", limit=LISTED).runs  # former logs: there are many
        for schedule_id in {run.tags.get(TAG, run.run_id) for run in moving} - found:
            with suppress(UnknownSchedule, UnreadableLog):  # it was pruned meanwhile, or is blocked and found as such
                if Schedule(schedule_id, self._app).standing() == "active":  # its next log is about to begin
                    found.add(schedule_id)
        return tuple(Schedule(schedule_id, self._app) for schedule_id in sorted(found))

    def _newest(self, status: tuple[Status, ...]) -> Iterator[Summary]:
        cursor = None
        while True:
            page = self._app.runs(workflow=NAME, status=status, limit=LISTED, cursor=cursor)
            yield from page.runs
            if (cursor := page.cursor) is None:
                return

    def add(self, schedule_id: str, plan: Plan) -> Schedule:
        """As `App.schedule`."""
        refuse_in_a_workflow("schedule()")
        expect_id(schedule_id)
        found = Schedule(schedule_id, self._app)
        if not self._begun(schedule_id, plan):
            known = last_plan(found.history(), self._app.codec)
            standing = found.standing()
            if standing in ("deleted", "stopped") or (standing == "over" and known != plan):
                self._app.prune("0s", workflow=NAME, tag=(TAG, schedule_id))
                self._begun(schedule_id, plan)
            elif known != plan:
                raise ScheduleExists(schedule_id)
        return found

    def declare(self) -> tuple[Schedule, ...]:
        """Put those in place that all `@scheduled` functions of this process ask for; one that says otherwise is
        changed. A worker does so, when it begins, for the packages of its app's `modules`.
        """
        return tuple(self._declared(schedule_id, found.plan) for schedule_id, found in DECLARED.items())

    def of_modules(self) -> None:
        """`declare`, for those packages alone: what else this process has imported may be another app's."""
        modules = self._app.settings.modules
        self._app.registry.load(modules)
        packages = {Path(one).stem if one.endswith(".py") else one.partition(".")[0] for one in modules}
        for schedule_id, found in tuple(DECLARED.items()):
            if found.package in packages:
                with suppress(UnreadableLog):  # it is blocked, and listed as such: the others are to go on
                    self._declared(schedule_id, found.plan)

    def _declared(self, schedule_id: str, plan: Plan) -> Schedule:
        try:
            return self.add(schedule_id, plan)
        except ScheduleExists:
            found = Schedule(schedule_id, self._app)
            found.put(plan)
            return found

    def _begun(self, schedule_id: str, plan: Plan) -> bool:
        """Whether it is there, new or as it was asked for first; and goes on as it is. Raises `RunExists`."""
        try:
            run = self._app.start(schedule(plan, State()), run_id=schedule_id, tags={TAG: schedule_id})
        except RunExists:
            if self._app.get(schedule_id).summary().workflow != NAME:
                raise
            return False
        found = Schedule(schedule_id, self._app)
        return run.summary().finished_at is None and last_plan(found.history(), self._app.codec) == plan


def knowing_schedules(registry: Registry) -> Registry:
    """It, with what schedules are made of; where they are known nothing is touched, for others may be reading."""
    if registry.workflow(NAME) is not schedule.definition:
        registry.add_workflow(schedule.definition)
    for step in STEPS:
        if registry.step(step.definition.name) is not step.definition:
            registry.add_step(step.definition)
    return registry


_ANY: tuple[Status, ...] = (*LIVE, "completed", "failed", "cancelled")


def placed(
    app: App,
    call: WorkflowCall[Any],
    *,
    cron: str | None = None,
    every: Duration | None = None,
    at: Iterable[datetime] | None = None,
    tz: str = "UTC",
    overlap: Overlap = "skip",
    jitter: Duration | None = None,
    catch_up: Duration = "1h",
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int | None = None,
    schedule_id: str | None = None,
) -> Schedule:
    """Start *call* again and again: each occurrence is a run of its own, `schedule_id@2026-03-29T02:00:00Z`.

    One of *cron* (minute, hour, day, month, weekday), *every* (counted from *start*, default 1970 in UTC) and *at*
    (aware datetimes). *tz*: the IANA zone of a cron line; a time that its clocks skip is due at the first instant after
    the gap, one that they repeat once, the first time. *overlap*: what happens when the former occurrence still runs:
    skip (the new one), buffer_one, buffer_all, cancel_other, terminate_other, allow_all. *jitter*: each begins up to so
    much later. *catch_up*: one that could not begin so long after it was due is left out. From *start* on, before
    *end*, at most *limit* of them. *schedule_id*: default the name of the workflow's function.

    The same schedule again answers the one that is there. Raises `ScheduleExists` for another one of that id,
    `RunExists`, `BadArguments`, `UsageError`.
    """
    target = target_of(call, app.codec.plain)
    name = call.definition.fn.__name__ if schedule_id is None else schedule_id
    asked = Asked(cron, every, at, tz, overlap, jitter, catch_up, start, end, limit)
    return app.schedules.add(name, asked.plan(target))
