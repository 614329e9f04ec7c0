"""A run that is taken from one store to another is the same run there: nothing is lost, and nothing done again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest

from tests.servers import Server, valkey
from yieldflow import App, Flow, Retry, continue_as_new, gather, hook, set_data, sleep, step, workflow
from yieldflow.core.answers import token_hash
from yieldflow.core.events import CommandResolved
from yieldflow.core.outcome import Ok
from yieldflow.core.questions import hook_token
from yieldflow.core.run import fold
from yieldflow.errors import InboxFull, RunEnded
from yieldflow.histories import History, LeftOut, OtherLog, import_histories, kept, read
from yieldflow.ports import NO_EVENTS, Due, Free
from yieldflow.runtime import Runtime

BODIES: list[str] = []
GO = hook("go", str)
LATE = hook("late", str)


@step
def pack(order: str) -> str:
    BODIES.append(f"pack {order}")
    return f"{order} packed"


@step(retry=Retry(attempts=5, delay="1h"))
def charge(order: str) -> str:
    BODIES.append(f"charge {order}")
    raise ValueError("declined")


@workflow
def shop(order: str) -> Flow[str]:
    packed, _ = yield from gather(pack(order), sleep("5ms"))
    yield set_data("packed", packed)
    said = yield from GO
    ok = yield from GO.options(timeout="5ms", default="nobody")
    return f"{packed}, {said}, {ok}"


@workflow
def waits_for_much(order: str) -> Flow[None]:
    yield from gather(charge(order), charge(order).options(queue="elsewhere"), sleep("3 days"), GO, LATE, parcel(order))


@workflow
def parcel(order: str) -> Flow[str]:
    yield from pack(order)
    return (yield from GO)


@workflow
def counts_on(number: int) -> Flow[int]:
    said = yield from GO
    if said == "on":
        return (yield from continue_as_new(counts_on(number + 1)))
    return number


@pytest.fixture(scope="module")
def one_server() -> Iterator[Server]:
    with valkey() as server:
        yield server


@pytest.fixture(params=["memory", "sqlite", "redis"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], App]]:
    """Each call answers an app with an empty store of its own."""
    BODIES.clear()
    apps, numbers = list[App](), count(len(list(tmp_path.iterdir())))

    def another() -> App:
        number = next(numbers)
        match request.param:
            case "memory":
                app = App("memory:")
            case "sqlite":
                app = App(f"sqlite:///{tmp_path}/{number}.db")
            case _:
                server: Server = request.getfixturevalue("one_server")
                app = App(server.url, prefix=f"{tmp_path.name}{number}")
        apps.append(app)
        return app

    yield another
    for app in apps:
        app.close()


class Unheard:
    """Hints that nobody hears: what is done is done by who tends a run, here and now."""

    def offer(self, run_id: str, queue: str, count: int = 1) -> None: ...
    def offer_each(self, runs: Sequence[Due]) -> None: ...


def tended(app: App, *run_ids: str) -> None:
    """As a worker of one queue does that ends with it."""
    runtime = Runtime(app.store, app.codec, app.registry, (app.queue,), Unheard())
    for run_id in run_ids:
        runtime.tend(run_id)
    runtime.pool.stop()


def exported(app: App, run_id: str) -> History:
    history = kept(app.store, run_id)
    assert history is not None
    return history


def cut(history: History, length: int) -> History:
    return read(history.packed[:length])


def stands(app: App, run_id: str) -> tuple[object, ...]:
    """All that a store keeps of a run beside its log, but for the claims of workers and the moment of the alarm."""
    log = app.store.read(run_id, NO_EVENTS)
    work = [entry if isinstance(entry, Free) else entry.work for entry in app.store.work(run_id)]
    return log.summary, dict(log.free), log.alarm is None, sorted(work, key=lambda entry: entry.path)


def test_what_a_store_keeps_beside_the_log_is_made_anew(stores):
    one, other = stores(), stores()
    run = one.start(waits_for_much("o"), run_id="r", tags={"team": "shop"})
    one.send("r", LATE, "early", key="k")
    tended(one, "r", run.run_id)
    one.pause("r")
    (imported,) = import_histories(other, [exported(one, "r")])
    assert (imported.run_id, imported.status, imported.new) == ("r", "paused", True)
    before, after = stands(one, "r"), stands(other, "r")
    assert [entry.path for entry in before[-1]] == [(1, 1), (1, 2), (1, 6)]
    *steps, child = after[-1]
    assert steps == before[-1][:2]
    assert [entry.queue for entry in steps] == ["yieldflow", "elsewhere"]
    assert steps[0].attempt == 2
    assert (child.accepts, child.not_before) == ("child:r~1.1.6", 0)  # whoever starts it once more finds it running
    assert before[0] == after[0]
    assert before[2] == after[2]
    assert exported(other, "r").events == exported(one, "r").events


def test_a_run_that_goes_on_is_found_by_its_alarm(stores):
    one, other = stores(), stores()
    one.start(shop("o"), run_id="r")
    import_histories(other, [exported(one, "r")], "going on")
    log = other.store.read("r", NO_EVENTS)
    assert log.summary.status == "running"
    assert log.alarm - log.now <= 2_000
    assert exported(other, "r").events == exported(one, "r").events  # nothing is added


def test_hooks_and_keys_of_deliveries_come_along(stores):
    one, other = stores(), stores()
    one.start(waits_for_much("o"), run_id="r")
    position = one.send("r", GO, "hello", key="k")
    tended(one, "r")
    import_histories(other, [exported(one, "r")])
    assert other.send("r", GO, "hello", key="k") == position
    token = hook_token(fold(exported(one, "r").events), "late")
    assert one.store.resolve(token_hash(token)) == other.store.resolve(token_hash(token)) == ("r", "late")
    assert other.resume_hook(token, "by token") == len(exported(one, "r").events) + 2  # after the pause


def test_unread_payloads_still_fill_the_inbox(stores):
    one, other = stores(), stores()
    one.start(parcel("o"), run_id="r")
    for number in range(3):
        one.send("r", GO, str(number))
    import_histories(other, [exported(one, "r")])
    other._reach.send("r", "go", b'"4"', None, None, 4)
    with pytest.raises(InboxFull):
        other._reach.send("r", "go", b'"5"', None, None, 4)


def test_a_paused_run_does_nothing_until_it_is_resumed(stores):
    one, other = stores(), stores()
    one.start(shop("o"), run_id="r")
    import_histories(other, [exported(one, "r")])
    tended(other, "r")
    assert (BODIES, other.get("r").status()) == ([], "paused")
    assert exported(other, "r").events[-1].reason == "imported"
    other.resume("r")
    tended(other, "r")
    assert BODIES == ["pack o"]


def test_what_was_done_is_not_done_again(stores):
    one, other = stores(), stores()
    one.start(shop("o"), run_id="r")
    one.send("r", GO, "yes")
    tended(one, "r", "r")
    import_histories(other, [exported(one, "r")], "going on")
    for _ in range(20):
        tended(other, "r")
        if other.get("r").status() == "completed":
            break
    assert other.get("r").result(timeout=10) == "o packed, yes, nobody"
    assert BODIES == ["pack o"]


def test_a_run_that_was_paused_goes_on_if_that_is_asked_for(stores):
    one, other = stores(), stores()
    one.start(shop("o"), run_id="r")
    one.pause("r", "it moves")
    import_histories(other, [exported(one, "r")], "going on")
    assert other.get("r").status() == "running"
    tended(other, "r")
    assert BODIES == ["pack o"]


def test_a_run_that_has_ended_is_listed_with_its_result_and_takes_nothing(stores):
    one, other = stores(), stores()
    one.start(parcel("o"), run_id="r")
    one.send("r", GO, "yes")
    tended(one, "r")
    import_histories(other, [exported(one, "r")], "going on")
    assert stands(other, "r") == stands(one, "r")
    assert other.get("r").result(timeout=0) == "yes"
    with pytest.raises(RunEnded):
        other.send("r", GO, "more")


def test_the_same_again_changes_nothing_also_when_the_run_has_gone_on(stores):
    one, other = stores(), stores()
    one.start(parcel("o"), run_id="r")
    history = exported(one, "r")
    import_histories(other, [history])
    other.resume("r")
    tended(other, "r")
    before = exported(other, "r"), stands(other, "r")
    (again,) = import_histories(other, [history, history])
    assert (again.new, again.status) == (False, "running")
    assert (exported(other, "r"), stands(other, "r")) == before


def test_a_run_with_another_log_is_refused_and_so_are_the_files_beside_it(stores):
    one, other = stores(), stores()
    one.start(parcel("o"), run_id="r")
    one.start(parcel("o"), run_id="fine")
    other.start(parcel("another"), run_id="r")
    with pytest.raises(OtherLog, match="from event 1 on its log is another one") as refused:
        import_histories(other, [exported(one, "fine"), exported(one, "r")])
    assert (refused.value.run_id, refused.value.event) == ("r", 1)
    assert kept(other.store, "fine") is None


def test_a_log_that_the_store_has_only_the_beginning_of_is_another_one(stores):
    one, other = stores(), stores()
    one.start(parcel("o"), run_id="r")
    tended(one, "r")
    whole = exported(one, "r")
    import_histories(other, [cut(whole, 2)], "going on")
    with pytest.raises(OtherLog) as refused:
        import_histories(other, [whole])
    assert refused.value.event == 3


# --- several runs that belong together --------------------------------------------------------------------------------


def chain(app: App) -> list[History]:
    app.start(counts_on(1), run_id="c")
    app.send("c", GO, "on", key="first")
    tended(app, "c", "c~2")
    return [exported(app, "c"), exported(app, "c~2")]


def test_generations_come_together_and_in_any_order(stores):
    one, other = stores(), stores()
    first, second = chain(one)
    imported = import_histories(other, [second, first], "going on")
    assert [(run.run_id, run.status) for run in imported] == [("c~2", "running"), ("c", "continued")]
    assert other.store.newest("c") == "c~2"
    assert other.store.read("c", NO_EVENTS).alarm is None  # nobody starts the second one anew
    sent = len(exported(other, "c~2").events)
    assert other.send("c", GO, "on", key="first") == one.send("c", GO, "on", key="first")
    other._reach.send("c~2", "go", b'"on"', "first", None, 9)  # it came in an earlier generation
    assert len(exported(other, "c~2").events) == sent
    other.send("c", GO, "enough")
    tended(other, "c", "c~2")
    assert other.get("c").result(timeout=0) == 2


def test_a_generation_that_went_on_elsewhere_is_not_taken_without_the_next_one(stores):
    one, other = stores(), stores()
    first, second = chain(one)
    with pytest.raises(LeftOut, match="'c' went on as 'c~2', which is neither there nor among the files"):
        import_histories(other, [first])
    with pytest.raises(LeftOut, match="'c~2' is a later generation of 'c', whose first one is neither there nor among"):
        import_histories(other, [second])
    assert kept(other.store, "c~2") is None


def test_an_earlier_generation_does_not_come_after_a_later_one(stores):
    """Its end would close the hooks of the later one."""
    one, other = stores(), stores()
    first, second = chain(one)
    one.send("c", GO, "on")
    tended(one, "c~2", "c~3")
    third = exported(one, "c~3")
    import_histories(other, [first, third])  # the second was pruned, say
    assert other.get("c").status() == "paused"
    with pytest.raises(LeftOut, match="'c~2' comes before 'c~3', which is there already"):
        import_histories(other, [exported(one, "c~2")])
    assert second.events == exported(one, "c~2").events[: len(second.events)]


def test_a_generation_is_not_taken_where_the_one_before_is_still_going(stores):
    one, other = stores(), stores()
    first, second = chain(one)
    import_histories(other, [cut(first, 2)])
    with pytest.raises(LeftOut, match="'c~2' begins where 'c' ends, which has not ended"):
        import_histories(other, [second])


def test_a_run_whose_child_is_elsewhere_does_not_go_on(stores):
    one, other = stores(), stores()
    one.start(waits_for_much("o"), run_id="r")
    tended(one, "r", "r~1.1.6")
    parent, child = exported(one, "r"), exported(one, "r~1.1.6")
    with pytest.raises(LeftOut, match=r"waits for its child 'r~1\.1\.6', which is neither there nor among the files"):
        import_histories(other, [parent], "going on")
    assert kept(other.store, "r") is None
    BODIES.clear()
    import_histories(other, [parent, child], "going on")
    tended(other, "r", "r~1.1.6")
    assert BODIES == []
    other.send("r~1.1.6", GO, "delivered")
    tended(other, "r~1.1.6", "r")
    resolved = [event for event in exported(other, "r").events if isinstance(event, CommandResolved)]
    assert resolved[-1].outcome == Ok(b'"delivered"')


def test_what_an_ended_run_owes_to_its_parent_is_paid_in_the_new_store(stores):
    one, other = stores(), stores()
    one.start(waits_for_much("o"), run_id="r")
    tended(one, "r", "r~1.1.6")
    parent = exported(one, "r")
    one.send("r~1.1.6", GO, "delivered")
    tended(one, "r~1.1.6")
    import_histories(other, [parent, exported(one, "r~1.1.6")])
    assert other.store.read("r~1.1.6", NO_EVENTS).alarm is not None
    tended(other, "r~1.1.6")
    assert exported(other, "r").events[-1].outcome == Ok(b'"delivered"')
    assert other.store.read("r~1.1.6", NO_EVENTS).alarm is None


# --- every moment -----------------------------------------------------------------------------------------------------


def test_whatever_a_run_had_come_to_it_goes_on_in_another_store_to_the_same_end():
    """Every prefix of a log is a log; so is every moment of an export."""
    BODIES.clear()
    app = App("memory:")
    app.start(shop("o"), run_id="r")
    app.send("r", GO, "yes")
    assert app.get("r").result(timeout=10) == "o packed, yes, nobody"
    whole = exported(app, "r")
    app.close()
    for length in range(1, len(whole.events) + 1):
        other = App("memory:")
        import_histories(other, [cut(whole, length)], "going on")
        if not any(event.__class__.__name__ == "HookReceived" for event in whole.events[:length]):
            other.send("r", GO, "yes")
        assert other.get("r").result(timeout=10) == "o packed, yes, nobody", length
        other.close()
