"""Hooks that wait for somebody, found over all runs of a real store, and what it costs to look again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from yieldflow import App, Flow, continue_as_new, gather, hook, open_hook, race, sleep, timeout, workflow
from yieldflow.codec.packing import unpack
from yieldflow.core.commands import Receive
from yieldflow.core.run import fold
from yieldflow.errors import UnknownRun
from yieldflow.inspection import awaiting
from yieldflow.inspection.awaiting import MOST_OF_RUN, Awaited, Board, Hooks, Page, Wait, board_of, read_on
from yieldflow.inspection.reading import whole
from yieldflow.ports import LIVE, Commit, Done, Filter, Head, Log, Look, Mark, Summary
from yieldflow.stores.memory import MemoryStore

APPROVAL = hook("approval", bool)
OLDEST = Filter(LIVE, oldest_first=True)


@workflow
def asks() -> Flow[bool]:
    return (yield from APPROVAL)


@workflow
def asks_until(end: str) -> Flow[Any]:
    return (yield from APPROVAL.options(timeout=end, default=None))


@workflow
def asks_both() -> Flow[Any]:
    return (yield from gather(hook("first"), hook("second"), hook("second")))


@workflow
def asks_one_after_the_other() -> Flow[Any]:
    first = yield from hook("first")
    second = yield from hook("second")
    return [first, second]


@workflow
def opens_and_sleeps() -> Flow[Any]:
    yield open_hook("late")
    yield sleep("1h")


@workflow
def lets_go() -> Flow[Any]:
    yield from race(hook("loser"), hook("winner"))
    return (yield from timeout(hook("after"), "1h"))


@workflow
def goes_round(number: int) -> Flow[Any]:
    yield hook("again")
    return (yield from continue_as_new(goes_round(number + 1)))


@pytest.fixture
def app(store_url: str) -> Iterator[App]:
    app = App(store_url)
    yield app
    app.close()


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[App]:
    """Where the store makes no difference."""
    app = App("memory:")
    yield app
    app.close()


def begun(app: App, call: Any, run_id: str) -> str:
    app.start(call, run_id=run_id)
    app.runtime.tend(run_id)
    return run_id


def found(app: App, wanted: Filter = OLDEST, **options: Any) -> list[tuple[str, str]]:
    page = board_of(app).page(app.store, wanted, **options)
    return [(one.summary.run_id, one.hook.name) for one in page.found]


def test_every_hook_that_a_run_waits_at_is_found_and_nothing_else(app: App):
    begun(app, asks(), "one")
    begun(app, asks_both(), "two")
    begun(app, opens_and_sleeps(), "opened only")
    app.start(asks(), run_id="not begun")
    assert found(app) == [("one", "approval"), ("two", "first"), ("two", "second")]


def test_a_hook_is_told_with_its_moments_and_how_often_it_is_asked(app: App):
    begun(app, asks_until("1h"), "a")
    begun(app, asks_both(), "b")
    one, _, twice = board_of(app).page(app.store, OLDEST).found
    assert one.hook.until == one.hook.since + 3_600_000
    assert (one.hook.asked, one.hook.answered) == (1, None)
    assert (twice.hook.until, twice.hook.asked) == (None, 2)


def test_what_was_answered_is_found_no_more_and_what_is_asked_then_is(app: App):
    begun(app, asks_one_after_the_other(), "r")
    assert found(app) == [("r", "first")]
    app.send("r", "first", 1)
    (waiting,) = board_of(app).page(app.store, OLDEST).found
    assert waiting.hook.answered is not None  # it came, and no worker has looked
    app.runtime.tend("r")
    assert found(app) == [("r", "second")]
    app.send("r", "second", 2)
    app.runtime.tend("r")
    assert found(app) == []


def test_a_receive_that_was_let_go_waits_for_nobody(app: App):
    begun(app, lets_go(), "r")
    app.send("r", "winner", 1)
    app.runtime.tend("r")
    assert found(app) == [("r", "after")]


def test_a_payload_that_does_not_fit_leaves_the_hook_waiting_and_is_told(app: App):
    begun(app, asks(), "r")
    app.send("r", "approval", {"not": "a bool"})
    (waiting,) = board_of(app).page(app.store, OLDEST).found
    assert (waiting.hook.came, waiting.hook.answered is None) == (1, False)
    app.runtime.tend("r")
    (waiting,) = board_of(app).page(app.store, OLDEST).found
    assert (waiting.hook.came, waiting.hook.answered) == (1, None)


def test_a_payload_that_was_skipped_answers_nothing_when_another_alarm_is_due(app: App):
    begun(app, asks_until("50ms"), "r")
    app.send("r", "approval", {"not": "a bool"})
    app.runtime.tend("r")
    for _ in range(2):
        (waiting,) = board_of(app).page(app.store, OLDEST).found
        assert (waiting.hook.came, waiting.hook.answered) == (1, None)
        time.sleep(0.06)
        app.store.due(10)  # it rings, and nobody comes


def test_a_payload_for_which_was_rung_in_vain_is_still_an_answer(lite: App):
    begun(lite, asks(), "r")
    lite.send("r", "approval", True)
    lite.store.due(10)
    log, packed = whole(lite.store, "r")
    assert log.rings == 1
    for entries, is_answer in ((0, True), (1, False)):  # with work of its own, that may be what rings
        later = evolve(log, events=packed, alarm=log.now + 600_000, rings=8, entries=entries)
        (hook,) = read_on(Hooks(), later).awaited
        assert (hook.came, hook.answered is not None) == (1, is_answer)


def test_of_a_run_that_goes_on_in_another_log_that_one_counts(app: App):
    begun(app, goes_round(1), "r")
    app.send("r", "again", 1)
    app.runtime.tend("r")
    app.runtime.tend("r~2")
    assert found(app) == [("r~2", "again")]
    assert board_of(app).of(app.store, "r").awaited[0].name == "again"
    assert board_of(app).of(app.store, "r").received == {}


def test_schedules_wait_for_no_person(app: App):
    app.schedule(asks(), every="1h", schedule_id="hourly")
    app.runtime.tend("hourly")
    begun(app, asks(), "r")
    assert found(app) == [("r", "approval")]


def test_runs_that_are_paused_are_found_too_and_those_that_ended_are_not(app: App):
    for run_id in ("paused", "cancelled", "terminated"):
        begun(app, asks(), run_id)
    app.pause("paused")
    app.cancel("cancelled")
    app.runtime.tend("cancelled")
    app.terminate("terminated")
    assert found(app) == [("paused", "approval")]


def test_it_can_be_narrowed_to_a_hook_and_to_a_workflow(app: App):
    begun(app, asks(), "one")
    begun(app, asks_both(), "two")
    assert found(app, name="second") == [("two", "second")]
    assert found(app, evolve(OLDEST, workflow=f"{__name__}:asks")) == [("one", "approval")]
    assert found(app, name="none") == []


@pytest.mark.parametrize(("limit", "most"), [(1, 100), (3, 100), (100, 2), (100, 1), (2, 3)])
def test_each_is_on_one_page_however_many_are_looked_at_in_a_call(lite: App, limit: int, most: int):
    for number in range(9):
        begun(lite, asks_both() if number % 3 == 0 else opens_and_sleeps(), f"r{number}")
    pages: list[Page] = []
    while not pages or pages[-1].cursor is not None:
        cursor = pages[-1].cursor if pages else None
        pages.append(board_of(lite).page(lite.store, evolve(OLDEST, limit=limit), cursor=cursor, most=most))
        assert len(pages) < 50
    assert [(one.summary.run_id, one.hook.name) for page in pages for one in page.found] == [
        (f"r{number}", name) for number in (0, 3, 6) for name in ("first", "second")
    ]
    assert sum(page.looked for page in pages) == 9


def test_what_is_no_cursor_and_what_is_no_run_are_refused(lite: App):
    with pytest.raises(ValueError, match="no cursor"):
        board_of(lite).page(lite.store, OLDEST, cursor="nonsense")
    with pytest.raises(UnknownRun):
        board_of(lite).of(lite.store, "nobody")


def test_looking_again_reads_nothing_of_the_logs_that_stand_still(redis_url: str):
    app = App(redis_url)
    try:
        for number in range(30):
            begun(app, asks(), f"r{number:02}")
        assert len(found(app)) == 30
        app.client.config_resetstat()
        assert len(found(app)) == 30
        stats = app.client.info("commandstats")
        assert stats["cmdstat_evalsha"]["calls"] == 1 + 30  # a page, and how each of its runs stands
        assert "cmdstat_lrange" not in stats
    finally:
        app.close()


def test_who_is_waited_for_is_told_in_one_call_and_of_all_by_and_by(redis_url: str):
    app = App(redis_url)
    try:
        for number in range(30):
            begun(app, asks_both(), f"r{number:02}")
        runs = app.store.find(OLDEST).runs
        board = board_of(app)
        first = board.waited(app.store, runs)
        assert list(first) == [f"r{number:02}" for number in range(20)]
        assert set(first.values()) == {("first", "second")}
        assert len(board.waited(app.store, runs)) == 30
        app.client.config_resetstat()
        assert len(board.waited(app.store, runs)) == 30
        assert app.client.info("commandstats")["cmdstat_evalsha"]["calls"] == 30
        assert board.waited(app.store, []) == {}
    finally:
        app.close()


def test_a_run_that_was_deleted_and_begun_again_is_read_anew(lite: App):
    begun(lite, asks_one_after_the_other(), "r")
    lite.send("r", "first", 1)
    lite.runtime.tend("r")
    assert found(lite) == [("r", "second")]
    lite.terminate("r")
    lite.store.delete("r")
    lite.runtime.cache.clear()
    begun(lite, asks(), "r")
    assert found(lite) == [("r", "approval")]


def test_a_log_with_an_event_that_cannot_be_read_hides_no_other_run(lite: App):
    begun(lite, asks(), "r")
    log, packed = whole(lite.store, "r")
    broken = evolve_log(log, (*packed[:1], b"?", *packed[1:]))
    assert [one.name for one in read_on(Hooks(), broken).awaited] == ["approval"]


def evolve_log(log: Log, events: tuple[bytes, ...]) -> Log:
    head = Mark(len(events), "c")
    summary = Summary("r", "w", "q", "running", 0)
    return Log(head, events, (), {}, 0, summary, None, log.now)


@given(cuts=st.lists(st.integers(1, 4), max_size=12))
@settings(max_examples=50, deadline=None)
def test_read_in_any_pieces_it_comes_to_what_the_fold_of_the_core_says(cuts: list[int]):
    app = App("memory:")
    try:
        begun(app, lets_go(), "r")
        for name in ("winner", "other", "after"):
            if name != "after":
                app.send("r", name, 1)
            app.runtime.tend("r")
        log, packed = whole(app.store, "r")
        known, at = Hooks(), 0
        for size in [*cuts, len(packed)]:
            known = read_on(known, evolve_log(log, tuple(packed[at : at + size])))
            known = evolve(known, mark=Mark(min(at + size, len(packed)), ""))
            at = min(at + size, len(packed))
        run = fold([unpack(one) for one in packed])
        asked = {path for path, one in run.open.items() if isinstance(one.issued.command, Receive)}
        assert set(known.waits) == asked
        assert set(known.unread) == set(run.unread)
        assert set(known.opened) == {"loser", "winner", "after"}
    finally:
        app.close()


class Walked(dict[Any, Any]):
    """How often somebody went through it."""

    walks = 0

    def values(self) -> Any:
        self.walks += 1
        return super().values()


def test_a_run_that_waits_at_many_hooks_is_gone_through_once():
    waits = Walked({(at,): Wait(f"h{at // 2}", at, at + 5) for at in range(2_000)})
    unread = Walked({at: (f"h{at}", at) for at in range(1_000)})
    hooks = Hooks(waits=waits, unread=unread, unseen=7)
    assert hooks.awaited[7] == Awaited("h7", 14, 19, asked=2, came=1, answered=7)
    assert len(hooks.awaited) == len(hooks.by_name) == 1_000
    assert (waits.walks, unread.walks) == (1, 1)


@workflow
def asks_many(count: int) -> Flow[Any]:
    return (yield from gather(*[hook(f"h{number}") for number in range(count)]))


def test_of_a_run_that_waits_at_very_many_hooks_the_first_are_found_and_the_others_counted(lite: App):
    begun(lite, asks_many(MOST_OF_RUN + 7), "many")
    begun(lite, asks(), "one")
    page = board_of(lite).page(lite.store, evolve(OLDEST, limit=500))
    assert [one.hook.name for one in page.found] == [*(f"h{at}" for at in range(MOST_OF_RUN)), "approval"]
    assert page.more == {"many": 7}
    assert found(lite, name=f"h{MOST_OF_RUN + 6}") == [("many", f"h{MOST_OF_RUN + 6}")]


class Counting(MemoryStore):
    """How many events were read of it."""

    events = 0

    def read_each(self, looks: Sequence[Look]) -> tuple[Log | None, ...]:
        logs = super().read_each(looks)
        self.events += sum(len(log.events) for log in logs if log is not None)
        return logs


def long_ones(app: App, number: int) -> Counting:
    """Runs whose logs are longer than what one call of a store answers."""
    begun(app, asks_many(1_500), "r0")
    store, (log, packed) = Counting(), whole(app.store, "r0")
    for at in range(number):
        summary = evolve(log.summary, run_id=f"r{at}", started_at=log.summary.started_at + at)
        events = tuple(one.replace(b'"r0"', b'"r%d"' % at) for one in packed)
        (reply,) = store.commit([Commit(f"r{at}", "c", Head(None), events, summary=summary)])
        assert isinstance(reply, Done)
    return store


@pytest.mark.parametrize(("together", "of_a_page", "most"), [(2, 200, 5_000), (2, 2, 5_000), (12, 200, 12_600)])
def test_a_look_at_long_logs_that_are_new_reads_so_many_events_and_goes_on_from_there(
    lite: App, monkeypatch: Any, together: int, of_a_page: int, most: int
):
    store, board = long_ones(lite, 12), Board()
    monkeypatch.setattr(awaiting, "MOST_EVENTS", 3_000)
    monkeypatch.setattr(awaiting, "_UNREAD", together)
    monkeypatch.setattr(awaiting, "_PAGE", of_a_page)
    pages: list[Page] = []
    while not pages or pages[-1].cursor is not None:
        before = store.events
        pages.append(board.page(store, evolve(OLDEST, limit=10_000), cursor=pages[-1].cursor if pages else None))
        assert store.events - before <= most
        assert pages[-1].looked > 0
    assert [one.summary.run_id for page in pages for one in page.found] == [
        f"r{at}" for at in range(12) for _ in range(MOST_OF_RUN)
    ]
    assert len(pages) > 1
    assert store.events == 12 * 1_501  # each event was read once
    again = board.page(store, evolve(OLDEST, limit=10_000))
    assert (again.looked, again.cursor, store.events) == (12, None, 12 * 1_501)


def test_boards_are_one_for_each_app():
    one, other = App("memory:"), App("memory:")
    assert board_of(one) is board_of(one)
    assert board_of(one) is not board_of(other)
    assert isinstance(board_of(one), Board)
