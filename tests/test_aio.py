"""The verbs of an app as coroutines, on each kind of store."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from yieldflow import (
    App,
    AsyncHandle,
    Flow,
    RunBlocked,
    RunCancelled,
    RunFailed,
    TimedOut,
    UnknownRun,
    gather,
    hook,
    open_hook,
    set_data,
    sleep,
    step,
    workflow,
)
from yieldflow.authoring.registry import Registry
from yieldflow.errors import UnknownData

GO = hook("go", str)


@step
def double(n: int) -> int:
    return n * 2


@step(retry=1)
def declines() -> None:
    raise ValueError("too poor")


@workflow
def doubled(n: int) -> Flow[int]:
    return (yield from double(n))


@workflow
def declined() -> Flow[None]:
    yield from declines()


@workflow
def listening() -> Flow[str]:
    yield set_data("listens", True)
    return (yield from GO)


@workflow
def naps(seconds: float) -> Flow[str]:
    yield sleep(seconds)
    return "rested"


@workflow
def families(count: int) -> Flow[list[str]]:
    rested = yield from gather(*[naps(0.02) for _ in range(count)])
    return list(rested)


@workflow
def telling_its_token() -> Flow[str]:
    opened = yield from open_hook("secret", str)
    yield set_data("token", opened.token)
    return (yield from opened)


@pytest.fixture
def app(store_url: str) -> Iterator[App]:
    """Nobody works on its runs; a Redis has a worker in another thread."""
    app = App(store_url)
    if app.embedded:
        yield app
    else:
        with app.worker(threads=2):
            yield app
    app.close()


@pytest.fixture
def embedded() -> Iterator[App]:
    app = App("memory:", threads=2)
    yield app
    app.close()


def test_start_and_result_are_awaited(app: App):
    async def main() -> int:
        handle = await app.aio.start(doubled(21), run_id="d", tags={"a": "b"})
        assert isinstance(handle, AsyncHandle)
        answer = await handle.result(timeout=10)
        assert await handle.status() == "completed"
        assert [summary.tags for summary in (await app.aio.runs(tag=("a", "b"))).runs] == [{"a": "b"}]
        assert (await handle.history())[-1] == app.get("d").history()[-1]
        return answer

    assert asyncio.run(main()) == 42


def test_a_conversation_is_awaited(app: App):
    async def main() -> str:
        handle = await app.aio.start(listening(), run_id="l")
        waiting = asyncio.create_task(handle.result(timeout=10))
        assert await handle.data("listens", bool, timeout=10) is True
        assert await handle.data() == {"listens": True}
        await handle.pause()
        assert await handle.status() == "paused"
        await handle.resume()
        await handle.send(GO, "now")
        return await waiting

    assert asyncio.run(main()) == "now"


def test_whoever_has_the_token_answers(app: App):
    async def main() -> str:
        handle = await app.aio.start(telling_its_token())
        waiting = asyncio.create_task(handle.result(timeout=10))
        assert await app.aio.resume_hook(await handle.data("token", str, timeout=10), "told") > 0
        return await waiting

    assert asyncio.run(main()) == "told"


def test_many_loops_one_after_the_other_use_one_app(app: App):
    for n in range(3):
        assert asyncio.run(app.aio.run(doubled(n))) == n * 2


def test_run_works_in_a_loop_that_goes_on_meanwhile(app: App):
    async def main() -> int:
        ticks = 0
        task = asyncio.create_task(app.aio.run(naps(0.2)))
        while not task.done():
            ticks += 1
            await asyncio.sleep(0.01)
        assert task.result() == "rested"
        return ticks

    assert asyncio.run(main()) > 5


def test_how_a_run_ended_is_raised_as_by_a_handle(app: App):
    async def main() -> None:
        with pytest.raises(RunFailed) as failed:
            await app.aio.run(declined())
        assert isinstance(failed.value.__cause__, ValueError)
        listens = await app.aio.start(listening())
        await listens.cancel("enough")
        with pytest.raises(RunCancelled, match="enough"):
            await listens.result(timeout=10)
        ended = await app.aio.start(listening())
        await ended.terminate("now")
        assert await ended.status() == "cancelled"
        with pytest.raises(UnknownRun):
            await app.aio.get("nobody")

    asyncio.run(main())


def test_past_its_timeout_an_await_gives_up_and_the_run_goes_on(app: App):
    async def main() -> None:
        handle = await app.aio.start(listening(), run_id="l")
        for timeout in (0, 0.05):
            with pytest.raises(TimedOut, match=f"'l' has not ended within {timeout:g} s; it is running"):
                await handle.result(timeout=timeout)
        with pytest.raises(TimedOut, match=r"has not set 'other' within 0\.05 s"):
            await handle.data("other", timeout=0.05)
        await handle.send("go", "on")
        assert await handle.result(timeout=10) == "on"
        assert await handle.result(timeout=0) == "on"
        with pytest.raises(UnknownData):
            await handle.data("other", timeout=1)

    asyncio.run(main())


def test_cancelling_an_await_does_nothing_to_the_run(app: App):
    async def main() -> None:
        handle = await app.aio.start(listening())
        waiting = asyncio.create_task(handle.result())
        await handle.data("listens", timeout=10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await handle.status() == "running"
        await handle.send(GO, "still here")
        assert await handle.result(timeout=10) == "still here"

    asyncio.run(main())


def test_the_alarms_of_what_is_awaited_are_rung_its_children_too(embedded: App):
    async def main() -> list[str]:
        return await (await embedded.aio.start(families(5))).result(timeout=5)

    assert asyncio.run(main()) == ["rested"] * 5


def test_a_payload_sent_by_others_is_seen_by_who_awaits(embedded: App):
    async def main() -> str:
        handle = await embedded.aio.start(listening(), run_id="l")
        waiting = asyncio.create_task(handle.result(timeout=10))
        await asyncio.sleep(0.15)
        embedded.send("l", GO, "from outside")
        return await waiting

    assert asyncio.run(main()) == "from outside"


def test_a_blocked_run_is_said_at_once(embedded: App):
    asyncio.run(embedded.aio.start(doubled(1), run_id="b"))
    other = App("memory:", registry=Registry())
    other.store = embedded.store

    async def main() -> None:
        with pytest.raises(RunBlocked, match="doubled"):
            await (await other.aio.get("b")).result(timeout=10)

    asyncio.run(main())


def test_a_thousand_awaits_need_no_thousand_threads(embedded: App):
    most = 0

    async def main() -> list[str]:
        nonlocal most
        handles = await embedded.aio.start_many(listening() for _ in range(1_000))
        waiting = [asyncio.create_task(handle.result(timeout=60)) for handle in handles]
        for _ in range(20):
            await asyncio.sleep(0.01)
            most = max(most, threading.active_count())
        for handle in handles:
            embedded.send(handle.run_id, GO, handle.run_id)
        answers = await asyncio.gather(*waiting)
        assert answers == [handle.run_id for handle in handles]
        return answers

    before = threading.active_count()
    asyncio.run(main())
    assert 0 < most < before + 45  # the loop has at most 32, the app its two; those of earlier tests may end meanwhile


def test_one_handle_serves_many_coroutines_at_once(app: App):
    async def main() -> list[str]:
        handle = await app.aio.start(listening())
        asked = [asyncio.create_task(handle.data("listens", timeout=10)) for _ in range(20)]
        waiting = [asyncio.create_task(handle.result(timeout=10)) for _ in range(20)]
        assert await asyncio.gather(*asked) == [True] * 20
        await handle.send(GO, "all")
        return await asyncio.gather(*waiting)

    assert asyncio.run(main()) == ["all"] * 20


def test_a_failed_run_is_retried_a_run_forked_what_is_old_pruned(app: App):
    async def main() -> None:
        handle = await app.aio.start(declined(), run_id="f")
        with pytest.raises(RunFailed):
            await handle.result(timeout=10)
        with pytest.raises(RunFailed):
            await (await app.aio.retry("f")).result(timeout=10)
        forked = await app.aio.fork("f", at=1, new_run_id="g")
        with pytest.raises(RunFailed):
            await forked.result(timeout=10)
        assert await app.aio.prune("1h") == []
        assert (await (await app.aio.runs(status="failed")).retry(dry_run=True)).run_ids == ("g", "f~2")

    asyncio.run(main())


def test_many_runs_are_paused_resumed_cancelled_and_terminated(app: App):
    async def main() -> None:
        for number in range(4):
            await app.aio.start(listening(), run_id=f"r-{number}")
        runs = await app.aio.runs(workflow=listening.definition.name)
        assert (len(runs.runs), runs.cursor) == (4, None)
        assert len((await runs.pause("lunch")).run_ids) == 4
        assert len((await (await app.aio.runs(status="paused")).resume()).run_ids) == 4
        assert (await (await app.aio.runs(limit=1)).terminate("enough")).run_ids == ("r-3",)
        assert len((await runs.cancel("no more")).run_ids) == 3

    asyncio.run(main())


def test_a_fork_may_have_other_answers(app: App):
    async def main() -> None:
        handle = await app.aio.start(doubled(2), run_id="p")
        assert await handle.result(timeout=10) == 4
        assert await (await app.aio.fork("p", replace={"1": 9})).result(timeout=10) == 9

    asyncio.run(main())
