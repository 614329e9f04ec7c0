"""Run data, and what a change of the code asks of runs that are under way."""

from __future__ import annotations

import pytest

from tests.features.moments import SOON, forgotten, until_it_waits, why_blocked
from tests.features.shop import GO, Receipt, add, note
from yieldflow import App, Flow, TimedOut, get_data, hook, patched, set_data, workflow
from yieldflow.core.commands import MarkPatch
from yieldflow.core.events import CommandIssued
from yieldflow.errors import UnknownData


@workflow
def sets_and_gets() -> Flow[list[object]]:
    before = [(yield get_data("list")), (yield get_data("list", default="none"))]
    yield set_data("list", [1, 2])
    first = yield get_data("list")
    first.append(3)  # a copy
    yield set_data("receipt", {"order": "o", "cents": 5})
    typed = yield from get_data("receipt", Receipt)
    yield set_data("list", [*(yield get_data("list")), 4])
    return [*before, first, (yield get_data("list")), repr(typed)]


def test_data_is_what_was_set_last_and_a_copy_each_time(app: App):
    handle = app.start(sets_and_gets())
    assert handle.result(timeout=SOON) == [None, "none", [1, 2, 3], [1, 2, 4], repr(Receipt("o", 5))]
    assert handle.data() == {"list": [1, 2, 4], "receipt": {"order": "o", "cents": 5}}
    assert handle.data("receipt", Receipt) == Receipt("o", 5)


@workflow
def shows_progress() -> Flow[None]:
    yield add(1, 1)
    yield set_data("progress", 0.5)
    yield GO
    yield set_data("progress", 1.0)


def test_data_is_read_from_outside_while_the_run_goes_on(app: App):
    handle = app.start(shows_progress())
    assert handle.data("progress", float, timeout=SOON) == 0.5
    with pytest.raises(TimedOut, match="has not set 'never'"):
        handle.data("never", timeout=0.01)
    handle.send(GO, "on")
    handle.result(timeout=SOON)
    assert app.get(handle.run_id).data() == {"progress": 1.0}
    with pytest.raises(UnknownData, match="never set 'never'"):
        handle.data("never")


@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb", 5])
def test_a_key_that_cannot_be_is_refused_at_the_call(key):
    with pytest.raises(ValueError, match="cannot be a key"):
        set_data(key, 1)
    with pytest.raises(ValueError, match="cannot be a key"):
        get_data(key)


# --- patched --------------------------------------------------------------------------------------------------


def deployed(changed: bool):
    """The same workflow, before and after a change of its second step."""

    @workflow(name="changing")
    def changing() -> Flow[list[object]]:
        told = [(yield from note("first"))]
        if changed and (yield from patched("new second")):
            told.append((yield from note("new second")))
        else:
            told.append((yield from note("old second")))
        told.append((yield from GO))
        told.append(changed and (yield from patched("new second")))
        return told

    return changing


def test_a_run_that_passed_the_point_keeps_to_the_old_way_and_a_later_one_takes_the_new(app: App):
    under_way = app.start(deployed(changed=False)())
    until_it_waits(under_way, "go")
    new = deployed(changed=True)
    forgotten(app, under_way)
    fresh = app.start(new())
    for handle in (under_way, fresh):
        handle.send(GO, "on")
    assert under_way.result(timeout=SOON) == ["first", "old second", "on", False]
    assert fresh.result(timeout=SOON) == ["first", "new second", "on", True]
    marks = [e.command for e in fresh.history() if isinstance(e, CommandIssued) and isinstance(e.command, MarkPatch)]
    assert marks == [MarkPatch("new second")]


def changed_without_a_patch(changed: bool):
    @workflow(name="broken")
    def broken() -> Flow[str]:
        first = yield from (note("other") if changed else note("first"))
        return first + (yield from hook("go", str))

    return broken


def test_a_change_without_a_patch_blocks_the_run_and_the_old_code_goes_on_with_it(app: App):
    handle = app.start(changed_without_a_patch(changed=False)())
    until_it_waits(handle, "go")
    changed_without_a_patch(changed=True)
    forgotten(app, handle)
    handle.send(GO, "!")
    assert "has changed under a running run" in why_blocked(handle)
    log = handle.history()
    changed_without_a_patch(changed=False)
    forgotten(app, handle)
    app.runtime.pool.offer(handle.run_id, "")
    assert handle.result(timeout=SOON) == "first!"
    assert handle.history()[: len(log)] == log
