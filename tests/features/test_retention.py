"""What has ended long ago is deleted: by hand, or by and by by whoever rings."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.features.moments import SOON, eventually, until_it_is, until_it_waits
from tests.features.shop import listening
from yieldflow import App, FatalError, Flow, RunFailed, UnknownRun, continue_as_new, hook, pruning, step, workflow
from yieldflow.authoring.registry import Registry
from yieldflow.core.times import duration
from yieldflow.errors import UsageError
from yieldflow.ports import Commit, Filter, Head
from yieldflow.pruning import Sweeper

DAY = duration("1d")
DECLINED: list[bool] = []


@step
def pay() -> str:
    if DECLINED:
        raise FatalError("declined")
    return "paid"


@workflow
def paying() -> Flow[str]:
    return (yield from pay())


@workflow(retention="1h", also_known_as="tests.features:once_brief")
def brief() -> Flow[str]:
    return (yield from pay())


@workflow(retention={"failed": "90d"})
def counted(n: int) -> Flow[int]:
    yield from pay()
    if n < 4:
        return (yield from continue_as_new(counted(n + 1)))
    yield from hook("end")
    return n


@pytest.fixture
def declined():
    DECLINED.append(True)
    yield DECLINED
    DECLINED.clear()


def run(app: App, call, run_id: str) -> None:
    handle = app.start(call, run_id=run_id)
    with suppress(RunFailed):
        handle.result(timeout=SOON)
    eventually(lambda: app.store.read(run_id).alarm is None)


def listed(app: App) -> set[str]:
    return {run.run_id for run in app.runs().runs}


def sweep(app: App, later: str) -> int:
    """All turns of a sweep, as if it took place so much later."""
    now, deleted = app.workshop.now() + duration(later), 0
    sweeper = Sweeper(app.workshop.rules)
    for turn in range(1_000):
        deleted += sweeper.turn(app.store, now + turn * pruning.BETWEEN_TURNS)
        if not sweeper.is_under_way:
            return deleted
    raise AssertionError("it does not end")


# --- by hand ------------------------------------------------------------------------------------------------------


def test_only_what_fits_is_pruned(app: App, declined):
    run(app, paying(), "f")
    declined.clear()
    run(app, paying(), "p")
    run(app, brief(), "b")
    assert app.prune("0s", status="cancelled") == []
    assert app.prune("0s", workflow=brief.definition.name, dry_run=True) == ["b"]
    assert app.prune("0s", status="failed") == ["f"]
    assert sorted(app.prune("0s", status=("completed", "failed"))) == ["b", "p"]
    with pytest.raises(UsageError, match="is no status"):
        app.prune("0s", status="done")


def test_of_a_retried_run_the_last_generation_says_how_it_ended(app: App, declined):
    run(app, paying(), "r")
    declined.clear()
    app.retry("r").result(timeout=SOON)
    eventually(lambda: app.store.read("r~2").alarm is None)
    assert app.prune("0s", status="failed") == []
    assert app.prune("0s", status="completed") == ["r~2", "r"]
    assert listed(app) == set()


def test_a_chain_that_is_not_over_keeps_its_first_and_its_last_generation(app: App):
    handle = app.start(counted(1), run_id="c")
    eventually(lambda: handle.summary().run_id == "c~4")
    until_it_waits(handle, "end")
    assert app.prune("0s", status="completed") == []
    assert sorted(app.prune("0s")) == ["c~2", "c~3"]
    handle.send("end", None)
    assert handle.result(timeout=SOON) == 4
    eventually(lambda: app.store.read("c~4").alarm is None)
    assert app.prune("0s", status="completed") == ["c~4", "c"]


def test_the_age_of_a_run_is_counted_from_its_end(idle: App):
    handle = idle.start(listening(), run_id="r")
    eventually(lambda: idle.workshop.now() > handle.summary().started_at + 5)
    handle.terminate()
    summary = handle.summary()
    assert summary.started_at < summary.finished_at - 1
    assert list(pruning.prunable(idle.store, Filter(), summary.finished_at - 1)) == []
    assert list(pruning.prunable(idle.store, Filter(), summary.finished_at)) == ["r"]


def test_what_somebody_has_said_yes_to_is_deleted_and_nothing_else(idle: App):
    for run_id in ("a", "b"):
        idle.start(listening(), run_id=run_id).terminate()
    assert pruning.prune(idle.store, Filter(), idle.workshop.now() + 1, among={"a", "other"}) == ["a"]
    assert listed(idle) == {"b"}


def test_many_are_pruned_page_by_page(idle: App, monkeypatch):
    monkeypatch.setattr(pruning, "LISTED", 3)
    for handle in idle.start_many([listening().options(run_id=f"r-{n}") for n in range(10)]):
        handle.terminate()
    keeps = idle.start(listening(), run_id="live")
    assert sorted(idle.prune(0)) == [f"r-{n}" for n in range(10)]
    assert keeps.status() == "running"


# --- by and by ------------------------------------------------------------------------------------------------------


def test_nothing_is_deleted_unless_somebody_says_for_how_long_it_is_kept(app: App):
    run(app, paying(), "p")
    assert sweep(app, "1000d") == 0
    assert listed(app) == {"p"}


@pytest.fixture
def tidy(url: str):
    app = App(url, retention={"completed": "7d", "failed": "30d"})
    with app.worker():
        yield app
    app.close()


def test_an_app_keeps_each_as_long_as_it_says(tidy: App, declined):
    run(tidy, paying(), "f")
    declined.clear()
    run(tidy, paying(), "p")
    tidy.start(listening(), run_id="live")
    tidy.start(listening(), run_id="x").terminate()
    assert sweep(tidy, "6d") == 0
    assert sweep(tidy, "8d") == 1
    assert listed(tidy) == {"f", "live", "x"}
    assert sweep(tidy, "31d") == 1
    assert sweep(tidy, "1000d") == 0  # who was cancelled is kept for ever
    assert listed(tidy) == {"live", "x"}


def test_a_workflow_has_a_say_of_its_own(tidy: App, declined):
    run(tidy, counted(1), "c")
    declined.clear()
    run(tidy, paying(), "p")
    run(tidy, brief(), "b")
    assert sweep(tidy, "2h") == 1
    assert listed(tidy) == {"c", "p"}
    assert sweep(tidy, "31d") == 1
    assert sweep(tidy, "91d") == 1
    assert listed(tidy) == set()


def test_runs_that_began_under_a_former_name_of_their_workflow_are_among_its_own(tidy: App):
    spans = {rule.wanted.workflow: rule.span for rule in tidy.workshop.rules()}
    assert spans["tests.features:once_brief"] == spans[brief.definition.name] == duration("1h")


def test_runs_of_code_that_is_not_at_hand_are_kept(tidy: App):
    """Their workflow may have said that it keeps them for longer."""
    run(tidy, brief(), "b")
    stranger = App(tidy.settings.url, retention="1s", registry=Registry())
    stranger.store = tidy.store
    assert sweep(stranger, "1000d") == 0
    assert listed(tidy) == {"b"}


def test_what_owes_something_is_kept_until_it_has_paid(tidy: App):
    run(tidy, paying(), "p")
    log = tidy.store.read("p")
    tidy.store.commit([Commit("p", "owes", Head(log.head), alarm=log.now + 400 * DAY)])
    assert sweep(tidy, "300d") == 0
    tidy.store.commit([Commit("p", "paid", Head(log.head))])
    assert sweep(tidy, "300d") == 1


def test_a_turn_deletes_so_many_and_no_more(tidy: App, monkeypatch):
    monkeypatch.setattr(pruning, "A_TURN", 3)
    monkeypatch.setattr(pruning, "LISTED", 4)
    for n in range(10):
        run(tidy, paying(), f"p-{n}")
    sweeper, now = Sweeper(tidy.workshop.rules), tidy.workshop.now() + 8 * DAY
    turns = [sweeper.turn(tidy.store, now + at * pruning.BETWEEN_TURNS) for at in range(60)]
    assert max(turns) == 3
    assert sum(turns) == 10
    assert sweeper.turn(tidy.store, now) == 0  # it is not time


def test_who_dies_in_a_sweep_leaves_a_chain_that_is_swept_later(tidy: App, monkeypatch):
    handle = tidy.start(counted(1), run_id="c")
    eventually(lambda: handle.summary().run_id == "c~4")
    handle.terminate()
    until_it_is(handle, "cancelled")
    monkeypatch.setattr(pruning, "A_TURN", 1)
    for left in ({"c", "c~3", "c~4"}, {"c", "c~4"}, {"c"}, set()):
        tidy.store.delete(tidy.prune("0s", dry_run=True)[0])
        assert listed(tidy) == left
    with pytest.raises(UnknownRun):
        tidy.get("c")


def test_whoever_rings_sweeps(url: str, monkeypatch):
    monkeypatch.setattr(pruning, "BETWEEN_SWEEPS", 10)
    monkeypatch.setattr(pruning, "BETWEEN_TURNS", 1)
    app = App(url, retention={"completed": "100ms"})
    with app.worker():
        app.start(paying(), run_id="p")
        eventually(lambda: "p" not in listed(app))
        assert app.start(paying(), run_id="p").result(timeout=SOON) == "paid"  # the id is free
    app.close()


@pytest.mark.parametrize("kept", ["soon", 0, -1, {"completed": "never"}, {"done": "7d"}, {"running": "1d"}])
def test_a_retention_that_cannot_be_is_refused_where_it_is_said(kept):
    with pytest.raises(ValueError):
        App("memory:", retention=kept)
    with pytest.raises(ValueError):
        workflow(retention=kept)


def test_the_environment_may_say_it_too(monkeypatch):
    monkeypatch.setenv("YIELDFLOW_RETENTION", "30d")
    assert set(App("memory:").workshop.kept.values()) == {30 * DAY}
    assert App("memory:", retention={"failed": "1d"}).workshop.kept == {"failed": DAY}
    monkeypatch.setenv("YIELDFLOW_RETENTION", "a while")
    with pytest.raises(UsageError, match="the setting retention cannot be meant"):
        App("memory:")
