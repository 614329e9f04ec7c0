"""Each record of a run is taken away or falsified by hand: doctor says so, --repair mends it, and the run ends."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from attrs import evolve

from tests.doctor import flows
from tests.doctor.conftest import RedisHands, SqliteHands, Ward
from yieldflow import App
from yieldflow.codec.packing import pack
from yieldflow.core.asks import WorkflowCall
from yieldflow.core.events import AttemptFailed, CommandResolved, HookReceived, RunFinished
from yieldflow.core.outcome import Ok
from yieldflow.core.questions import hook_token
from yieldflow.core.run import fold
from yieldflow.doctor import Report, examine
from yieldflow.doctor.healing import Repair
from yieldflow.doctor.places import keeper_of
from yieldflow.errors import RunEnded, UnknownRun
from yieldflow.ports import Commit, Free, Head, Mark
from yieldflow.stores.records import Records

RUN = "hurt"
DAY = 86_400.0


def wrong(report: Report) -> list[str]:
    """What is said of runs."""
    return [finding.says for finding in report.findings if finding.check in ("runs", "damaged log", "hints")]


def findings(app: App, repair: Repair = "no") -> list[str]:
    report = examine(app, repair=repair)
    return [one for one in wrong(report) if not one.startswith("all ")]


def waiting(ward: Ward, call: WorkflowCall[object], run_id: str = RUN) -> None:
    """A run that has done what it can."""
    ward.app.start(call, run_id=run_id)
    ward.app.runtime.tend(run_id)


def until(asked: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not asked():
        assert time.monotonic() < end
        time.sleep(0.005)


def finish(ward: Ward) -> object:
    with ward.app.worker(2):
        return ward.app.get(RUN).result(timeout=20)


def mended(ward: Ward, *, says: str, puts: str = "put right") -> None:
    """Found; not changed by looking; said and not done by a dry run; done once; and then nothing is left to do."""
    before = examine(ward.app)
    assert [says in one for one in wrong(before)] == [True], before.findings
    assert not before.is_well
    dry = examine(ward.app, repair="dry-run")
    assert [says in one and "would" in one for one in dry.repairs] == [True]
    assert findings(ward.app), "a dry run has changed something"
    done = examine(ward.app, repair="yes")
    assert [says in one and one.endswith(puts) for one in done.repairs] == [True], done.repairs
    again = examine(ward.app, repair="yes")
    assert again.repairs == []
    assert findings(ward.app) == []


def test_a_store_that_is_well_has_no_finding(ward: Ward) -> None:
    waiting(ward, flows.asks())
    ward.app.run(flows.has_children(3))
    report = examine(ward.app)
    assert (report.known, report.looked_at) == (5, 5)
    assert wrong(report) == ["all 5 runs as the logs say"]
    assert report.is_well


def test_a_work_table_that_is_gone_is_put_back(ward: Ward) -> None:
    flows.failed_once.clear()
    waiting(ward, flows.faltering())
    (entry,) = ward.app.store.work(RUN)
    ward.hands.no_work(RUN)
    mended(ward, says="its work table lacks path 1")
    assert ward.app.store.work(RUN) == (entry,)
    assert finish(ward) == "second time"
    assert flows.failed_once == {RUN}


def test_work_that_its_log_does_not_have_open_goes(ward: Ward) -> None:
    waiting(ward, flows.asks())
    head = ward.app.store.read(RUN)
    assert head is not None
    stray = Free((7,), "yieldflow", 2, 1, 10_000)
    ward.app.store.commit([Commit(RUN, "by-hand", Head(head.head), put=(stray,))])
    mended(ward, says="its work table has path 7, which its log does not have open")
    assert ward.app.store.work(RUN) == ()


def test_an_alarm_that_is_gone_is_set_again(ward: Ward) -> None:
    waiting(ward, flows.sleeps(0.2))
    ward.hands.no_alarm(RUN)
    mended(ward, says="alarm")
    assert finish(ward) == "slept"


def test_an_alarm_that_is_years_too_late_is_set_again(ward: Ward) -> None:
    waiting(ward, flows.sleeps(0.2))
    ward.hands.late_alarm(RUN)
    mended(ward, says="too late")
    assert finish(ward) == "slept"


def test_a_run_that_nobody_has_looked_at_and_that_has_no_alarm_is_found(ward: Ward) -> None:
    ward.app.start(flows.doubles(1), run_id=RUN)
    ward.hands.no_alarm(RUN)
    mended(ward, says="alarm")
    assert finish(ward) == 2


def test_a_log_that_is_not_listed_is_listed_again(ward: Ward) -> None:
    waiting(ward, flows.asks())
    ward.hands.no_summary(RUN)
    says = "has a log and no record" if isinstance(ward.hands, SqliteHands) else "has a log and is not listed"
    assert says.replace("has", "it has") in "".join(findings(ward.app))
    assert ward.app.runs().runs == () or isinstance(ward.hands, RedisHands)
    examine(ward.app, repair="yes")
    assert findings(ward.app) == []
    (listed,) = ward.app.runs(status="running").runs
    assert (listed.run_id, listed.workflow) == (RUN, "tests.doctor.flows:asks")
    ward.app.send(RUN, flows.ANSWER, "yes")
    assert finish(ward) == "yes"


def test_a_run_that_is_not_listed_holds_up_no_other_run(ward: Ward) -> None:
    for number in range(4):
        ward.app.start(flows.doubles(1), run_id=f"r{number}")
    ward.hands.no_summary("r2")
    with ward.app.worker(2):
        assert [ward.app.get(f"r{number}").result(timeout=20) for number in (0, 1, 3)] == [2, 2, 2]
        with pytest.raises(UnknownRun):
            ward.app.get("r2")
        examine(ward.app, repair="yes")
        assert ward.app.get("r2").result(timeout=20) == 2


def test_a_status_that_the_log_does_not_say_is_put_right(ward: Ward) -> None:
    waiting(ward, flows.asks())
    ward.hands.other_status(RUN)
    mended(ward, says="it is listed as completed, and its log says running")
    assert [run.run_id for run in ward.app.runs(status="running").runs] == [RUN]
    assert ward.app.runs(status="completed").runs == ()
    ward.app.send(RUN, flows.ANSWER, "yes")
    assert finish(ward) == "yes"


def test_hooks_that_no_token_opens_are_opened_again(ward: Ward) -> None:
    waiting(ward, flows.asks())
    token = hook_token(fold(ward.app.get(RUN).history()), "answer")
    ward.hands.no_hooks(RUN)
    mended(ward, says="nobody finds its hook answer by a token")
    ward.app.resume_hook(token, "by a link")
    assert finish(ward) == "by a link"


def test_a_hook_whose_token_another_run_has_by_now_keeps_nothing_else_from_being_put_right(ward: Ward) -> None:
    waiting(ward, flows.reserves("t"))
    ward.hands.no_hooks(RUN)
    waiting(ward, flows.reserves("t"), "other")
    ward.hands.other_payloads(RUN)
    done = examine(ward.app, repair="yes")
    assert [one for one in wrong(done) if "its hook mine has lost its token to another run" in one]
    (repaired,) = done.repairs
    assert "it counts 999 unread payloads" in repaired
    (left,) = findings(ward.app)
    assert "counts" not in left
    ward.app.terminate("other")
    assert "nobody finds its hook mine" in examine(ward.app, repair="yes").repairs[0]
    ward.app.resume_hook("t", "by a link")
    assert finish(ward) == "by a link"


def test_a_count_of_unread_payloads_that_is_wrong_is_put_right(ward: Ward) -> None:
    waiting(ward, flows.asks())
    ward.hands.other_payloads(RUN)
    mended(ward, says="it counts 999 unread payloads, and its log has 0")
    ward.app.send(RUN, flows.ANSWER, "fits")
    assert finish(ward) == "fits"


def test_a_delivery_whose_key_is_forgotten_still_counts_once(ward: Ward) -> None:
    waiting(ward, flows.asks())
    ward.app.send(RUN, "other", 1, key="once")
    ward.hands.no_keys(RUN)
    mended(ward, says="1 delivery could come a second time")
    ward.app.send(RUN, "other", 1, key="once")
    ward.app.send(RUN, flows.ANSWER, "yes")
    assert finish(ward) == "yes"
    assert [type(event) for event in ward.app.get(RUN).history()].count(HookReceived) == 2


def test_an_alarm_that_a_delivery_has_set_and_that_does_not_ring_is_set_again(ward: Ward) -> None:
    waiting(ward, flows.asks())
    ward.app.send(RUN, flows.ANSWER, "yes")
    ward.hands.no_ring(RUN)
    mended(ward, says="it has no alarm")
    assert finish(ward) == "yes"


def test_a_tag_under_which_nobody_finds_a_run_finds_it_again(ward: Ward) -> None:
    ward.app.start(flows.asks(), run_id=RUN, tags={"team": "shop"})
    ward.app.runtime.tend(RUN)
    ward.hands.no_tags(RUN)
    assert ward.app.runs(tag=("team", "shop")).runs == ()
    mended(ward, says="it is missing in the list of tag")
    assert [run.run_id for run in ward.app.runs(tag=("team", "shop")).runs] == [RUN]


def test_a_summary_of_another_queue_is_put_right(ward: Ward) -> None:
    waiting(ward, flows.asks())
    ward.hands.other_queue(RUN)
    mended(ward, says="its summary is not what its log says: queue")
    assert ward.app.get(RUN).summary().queue == "yieldflow"


@pytest.mark.parametrize("has_ended", [False, True])
def test_what_has_ended_is_kept_as_ended_and_what_has_not_is_not(ward: Ward, has_ended: bool) -> None:
    waiting(ward, flows.doubles(1) if has_ended else flows.asks())
    ward.hands.other_end(RUN)
    mended(ward, says="its log has ended, and it is kept as open" if has_ended else "it is kept as ended")
    ward.hands.other_end(RUN)
    assert len(findings(ward.app)) == 1, "it had been turned back"
    examine(ward.app, repair="yes")
    if has_ended:
        with pytest.raises(RunEnded):
            ward.app.send(RUN, "other", 1)
    else:
        ward.app.send(RUN, flows.ANSWER, "yes")
        assert finish(ward) == "yes"


def test_a_lease_that_is_gone_is_over(ward: Ward) -> None:
    if not isinstance(ward.hands, RedisHands):
        return  # there it is part of the claim
    flows.failed_once.add(RUN)
    ward.app.start(flows.trains(), run_id=RUN)
    ward.app.serving(("yieldflow",)).tend(RUN)
    assert ward.app.store.claim(RUN, ["gpu"], "nobody", ["token"]).grants
    ward.hands.client.delete(f"yieldflow:leases:{RUN}")
    mended(ward, says="the set of leases is not what its work table says")
    ward.app.serving(("yieldflow", "gpu")).tend(RUN)
    assert [type(event) for event in ward.app.get(RUN).history()].count(AttemptFailed) == 1
    ward.app.client.zadd("yieldflow:alarms", {RUN: 1})
    assert finish(ward) == 3


def test_records_are_rebuilt_only_at_the_head_that_was_read(ward: Ward) -> None:
    waiting(ward, flows.asks())
    keeper = keeper_of(ward.app)
    ward.hands.other_end(RUN)
    for head in (None, Mark(2, "another"), Mark(1, "")):
        assert not keeper.reindex(RUN, head, ended=False)
    assert len(findings(ward.app)) == 1
    (kept,) = keeper.records([RUN])
    assert isinstance(kept, Records)
    assert keeper.reindex(RUN, kept.head, ended=False)
    assert findings(ward.app) == []
    keeper.close()


def test_a_listing_without_a_log_is_taken_away(ward: Ward) -> None:
    waiting(ward, flows.sleeps(DAY))
    waiting(ward, flows.sleeps(DAY), "other")
    ward.hands.no_log(RUN)
    mended(ward, says="it is listed, and has no log")
    assert [run.run_id for run in ward.app.runs().runs] == ["other"]
    assert ward.app.store.next_alarm()[0] is not None, "that of the other run"


def test_a_damaged_log_is_named_and_never_touched(ward: Ward) -> None:
    waiting(ward, flows.asks())
    ward.hands.damaged_log(RUN)
    before = ward.app.store.read(RUN)
    report = examine(ward.app, repair="yes")
    (finding,) = [one for one in report.findings if one.check == "damaged log"]
    assert (finding.level, finding.run_id) == ("error", RUN)
    assert report.repairs == []
    after = ward.app.store.read(RUN)
    assert before is not None
    assert after is not None
    assert (after.events, after.summary, after.alarm) == (before.events, before.summary, before.alarm)


def test_a_parent_whose_child_has_ended_and_told_nobody_is_told(ward: Ward) -> None:
    app = ward.app
    waiting(ward, flows.has_a_patient_child())
    until(lambda: len(app.runs().runs) == 2)
    (child,) = [run.run_id for run in app.runs().runs if run.run_id != RUN]
    until(lambda: len(app.get(child).history()) == 2)
    app.runtime.tend(child)
    log = app.store.read(child)
    assert log is not None
    slept, ended = CommandResolved(log.now, (1,), Ok(b"null")), RunFinished(log.now, Ok(b"5"))
    listed = evolve(log.summary, status="completed", finished_at=log.now)
    app.store.commit([Commit(child, "end", Head(log.head), (pack(slept), pack(ended)), summary=listed, done=True)])
    mended(ward, says=f"it has ended, and its parent {RUN} waits", puts="it is looked at again")
    assert finish(ward) == 5
