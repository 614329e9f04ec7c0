"""Bodies that are `async def`: one loop of the process, never the caller's."""

import asyncio
import os
import signal
import threading
import time
import warnings
from contextlib import suppress

import pytest

from yieldflow import App, Flow, Retry, StepTimeout, current_step, gather, step, workflow
from yieldflow.core.events import AttemptFailed, CommandResolved
from yieldflow.errors import RunFailed, StepFailed
from yieldflow.interrupting import Guard
from yieldflow.loop import finish

SECONDS = 10.0


def asking(body):
    """A workflow of this one step."""

    @workflow(name=f"asks {body.definition.name}")
    def program() -> Flow[object]:
        return (yield body())

    return program()


def test_all_share_one_loop_that_is_not_the_callers(app: App):
    met = []

    @step(retry=1)
    async def meets(number: int) -> str:
        met.append((threading.current_thread(), asyncio.get_running_loop()))
        await asyncio.sleep(0.01)
        return f"{number} of {current_step().path}"

    @workflow
    def program() -> Flow[list[str]]:
        return [(yield meets(1)), *(yield gather(meets(2), meets(3)))]

    async def notebook() -> list[str]:
        return app.run(program())  # a cell runs in a loop

    assert asyncio.run(notebook()) == ["1 of 1", "2 of 2.1", "3 of 2.2"]
    assert len(set(met)) == 1
    assert met[0][0] is not threading.main_thread()


@step(retry=1, timeout="200ms")
async def sleeps() -> None:
    await asyncio.sleep(SECONDS)


@step(retry=1, timeout="200ms")
async def swallows() -> str:
    for _ in range(2):
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(SECONDS)
    return "too late"


@step(retry=1, heartbeat="200ms")
async def falls_silent() -> None:
    await asyncio.sleep(0.03)
    current_step().heartbeat()
    await asyncio.sleep(SECONDS)


@pytest.mark.parametrize("body", [sleeps, swallows, falls_silent], ids=lambda body: body.fn.__name__)
@pytest.mark.parametrize("threads", [1, 2])
def test_50_a_coroutine_whose_time_is_up_is_cancelled_until_it_ends(app: App, body, threads: int):
    @workflow(name=f"{body.fn.__name__} {threads}")
    def program() -> Flow[list[str]]:
        ends = yield gather(*[body() for _ in range(threads)], return_exceptions=True)
        return [type(end).__name__ for end in ends]

    begun = time.monotonic()
    assert app.run(program()) == [StepTimeout.__name__] * threads
    assert app.runtime.pool.stop(SECONDS)
    assert time.monotonic() - begun < SECONDS / 4


def test_the_failure_shows_where_the_coroutine_was(app: App):
    with pytest.raises(RunFailed) as failed:
        app.run(asking(sleeps))
    cause = failed.value.__cause__
    assert isinstance(cause, StepTimeout)
    assert isinstance(cause.__cause__, StepFailed)
    assert "await asyncio.sleep(SECONDS)" in cause.__cause__.traceback


def test_a_coroutine_that_asks_to_exit_ends_nothing_but_its_attempt(app: App):
    @step(retry=Retry(attempts=2, delay=0, jitter=0, retry_on=BaseException))
    async def exits() -> str:
        if current_step().attempt == 1:
            raise SystemExit(3)
        await asyncio.sleep(0)
        return "done"

    assert app.run(asking(exits)) == "done"


def test_ctrl_c_cancels_the_coroutine_and_gives_its_claim_back(app: App):
    ended = []

    @step(retry=1)
    async def interrupted() -> str:
        if ended:
            return "done"
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            await asyncio.sleep(SECONDS)
        finally:
            ended.append(threading.current_thread().name)
        raise AssertionError

    begun, handle = time.monotonic(), app.start(asking(interrupted), run_id="run")
    with pytest.raises(KeyboardInterrupt):
        handle.drive()
    assert time.monotonic() - begun < SECONDS / 4
    assert ended == ["yieldflow loop"]
    assert app.run(asking(interrupted), run_id="run") == "done"
    log = app.get("run").history()
    assert not [event for event in log if isinstance(event, AttemptFailed)]
    assert [event.attempt for event in log if isinstance(event, CommandResolved)] == [1]


def test_ctrl_c_does_not_wait_for_ever_nor_give_back_what_still_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("yieldflow.loop._PATIENCE", 0.05)
    release = threading.Event()

    async def stubborn():
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)

    guard = Guard()
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        guard.run(lambda: finish(stubborn(), guard))
    assert guard.left_running
    release.set()


@pytest.mark.parametrize("limited", [True, False])
def test_a_coroutine_that_is_interrupted_before_it_begins_ends(limited: bool):
    guard, ended = Guard(0.0 if limited else None), []

    async def late():
        raise AssertionError

    def body():
        guard.interrupt()  # thrown into this thread, on the way to the loop
        return finish(late(), guard)

    def calls():
        coroutine = late()
        with pytest.raises(BaseException, match=r"^$"):
            guard.run(body)
        coroutine.close()
        ended.append(True)

    if limited:
        calls()
    else:  # nothing is thrown into the main thread then
        thread = threading.Thread(target=calls)
        thread.start()
        thread.join(SECONDS)
    assert ended


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_has_a_loop_of_its_own():
    async def answer() -> int:
        return 7

    assert finish(answer(), Guard()) == 7
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons warn of threads that a fork does not have
        child = os.fork()
    if child == 0:
        threading.Timer(5, os._exit, (2,)).start()
        os._exit(0 if finish(answer(), Guard()) == 7 else 1)
    assert os.waitpid(child, 0)[1] == 0
