"""Views of the page, calls of strangers, and the few threads that they share: code that loops stops nobody else."""

import re
import signal
import threading
import time
from contextlib import suppress

import pytest

from tests.web import shop
from tests.web.conftest import Client, opened, served, wait_until
from tests.web.page.browser import Browser
from tests.web.test_serving import ROOT, web
from yieldflow import App, Flow, open_hook, workflow
from yieldflow.inspection import kinds
from yieldflow.inspection.kinds import Kind, kinds_of
from yieldflow.web import Bounds, desk
from yieldflow.web.page import wellness
from yieldflow.web.threads import Threads

LOOPS, NEVER, INSIDE = threading.Event(), threading.Event(), threading.Semaphore(0)


@workflow
def stuck() -> Flow[int]:
    go = yield from open_hook("go", int)
    if LOOPS.is_set():
        INSIDE.release()
    while LOOPS.is_set():
        NEVER.wait(0.005)  # as a line that was deployed and never ends
    return (yield from go)


@pytest.fixture
def looping(lite, monkeypatch):
    """An app whose runs a, b, c loop from now on when they are replayed; d has a hook and does not."""
    monkeypatch.setattr(desk, "_PATIENCE", 0.1)
    monkeypatch.setattr(kinds, "_PATIENCE", 0.1)
    tokens = {name: opened(lite, stuck(), name)["go"] for name in "abc"}
    tokens["d"] = opened(lite, shop.untyped(9), "d")["anything"]
    while INSIDE.acquire(blocking=False):
        pass
    LOOPS.set()
    try:
        yield lite, tokens
    finally:
        LOOPS.clear()


class Asking:
    """Requests that take as long as they take; answers their statuses at the end."""

    def __init__(self):
        self.threads, self.statuses = [], []

    def begin(self, ask):
        thread = threading.Thread(target=lambda: self.statuses.append(ask().status))
        thread.start()
        self.threads.append(thread)

    def end(self):
        LOOPS.clear()
        for thread in self.threads:
            thread.join(20)
        return sorted(self.statuses)


def test_a_run_that_loops_is_replayed_for_one_view_at_a_time(looping):
    app, tokens = looping
    asking = Asking()
    with served(app, page=True, bounds=Bounds(threads=4)) as client:
        browser = Browser(client)
        for _ in range(8):
            asking.begin(lambda: browser.get("runs/a"))
        wait_until(lambda: len(asking.statuses) == 7)
        assert asking.statuses == [503] * 7
        refused = browser.get("runs/a~1")  # another name of it
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert "Too much is asked at once" in refused.text
        assert browser.get("runs/d").status == 200
        assert client.post(f"/hooks/{tokens['d']}", 1).status == 202
        assert browser.post("runs/a/terminate").status == 303  # what helps is not held up
        assert asking.end() == [200] + [503] * 7
        assert browser.get("runs/a").status == 200


def test_views_have_half_of_the_threads(looping):
    app, tokens = looping
    asking = Asking()
    with served(app, page=True, bounds=Bounds(threads=4)) as client:
        browser = Browser(client)
        for name in "ab":
            asking.begin(lambda name=name: browser.get(f"runs/{name}"))
        assert all(INSIDE.acquire(timeout=10) for _ in "ab")
        assert browser.get("runs/c").status == 503
        assert browser.get("runs").status == 503
        assert client.api("GET", "/runs").status == 200
        assert client.post(f"/hooks/{tokens['d']}", 1).status == 202
        assert asking.end() == [200, 200]
        assert browser.get("runs").status == 200


def test_strangers_have_code_replayed_for_few_of_them_at_once(looping, monkeypatch):
    app, tokens = looping
    monkeypatch.setattr(kinds, "_AT_ONCE", 2)
    asking = Asking()
    with served(app, bounds=Bounds(threads=4)) as client:
        for name in "aaaabbbbcccc":
            asking.begin(lambda name=name: client("GET", f"/hooks/{tokens[name]}"))
        wait_until(lambda: len(asking.statuses) == 10)
        assert client.post(f"/hooks/{tokens['c']}", "no number").status == 202  # the run itself will see
        assert client.post(f"/hooks/{tokens['d']}", 1).status == 202
        assert asking.end() == [200] * 12
    monkeypatch.setattr(kinds, "_AGAIN", 0.0)
    assert kinds_of(app).of(app, "a", "go") == Kind(int)


def test_what_the_doctor_found_is_shown_for_some_seconds(lite, monkeypatch):
    with served(lite, page=True) as client:
        browser = Browser(client)
        said = lambda: browser.page("workers/doctor").one(class_="note").text
        assert "0 runs" in said()
        opened(lite, shop.approval(), "a")
        assert "0 runs" in said()
        monkeypatch.setattr(wellness, "_KEPT", {})
        assert "1 run " in said()


# --- threads ----------------------------------------------------------------------------------------------------------


def test_there_are_no_more_threads_than_are_needed_nor_than_there_may_be():
    threads, gate = Threads(3), threading.Event()
    for number in range(20):
        assert threads.submit(int, str(number)).result(5) == number
        wait_until(lambda: threads._idle == 1)
    assert threads._alive == 1
    told = [threads.submit(gate.wait, 10) for _ in range(10)]
    wait_until(lambda: len(threads._calls) == 7)
    assert threads._alive == 3
    gate.set()
    assert all(one.result(5) for one in told)


def test_what_found_no_thread_is_refused_and_counts_no_longer_once_there_are_some(lite, monkeypatch):
    def none_left(_):
        raise RuntimeError("can't start new thread")

    with served(lite, page=True, bounds=Bounds(queued=2)) as client:
        with monkeypatch.context() as full:
            full.setattr("yieldflow.web.threads.Thread.start", none_left)
            for _ in range(3):
                got = client.api("GET", "/runs")
                assert (got.status, got.headers["retry-after"]) == (503, "1")
                assert Browser(client).get("runs").status == 503
        assert client.api("GET", "/runs").status == 200
        assert Browser(client).get("runs").status == 200


def test_what_a_call_raises_is_told_and_the_thread_goes_on():
    threads = Threads(1)
    with pytest.raises(ValueError, match="no number"):
        threads.submit(int, "no number").result(5)
    with pytest.raises(SystemExit):
        threads.submit(exit, 1).result(5)
    assert threads.submit(int, "7").result(5) == 7


def test_idle_threads_end(monkeypatch):
    monkeypatch.setattr("yieldflow.web.threads._IDLE", 0.01)
    threads = Threads(2)
    assert threads.submit(int, "7").result(5) == 7
    wait_until(lambda: threads._alive == 0)
    assert threads.submit(int, "8").result(5) == 8


FLOWS = """
import threading
from pathlib import Path
from yieldflow import Flow, open_hook, workflow

@workflow
def stuck() -> Flow[int]:
    go = yield from open_hook("go", int)
    if Path("loops").exists():
        Path("inside").touch()
        threading.Event().wait()
    return (yield from go)
"""


def looked(browser, path):
    """Whatever becomes of it."""
    with suppress(OSError):
        browser.get(path)


def test_a_thread_that_loops_does_not_keep_the_process_from_ending(tmp_path):
    (tmp_path / "looping.py").write_text(FLOWS)
    token = "a-token-of-the-tests"
    with web(tmp_path, "-m", "looping.py", "--token", token, PYTHONPATH=str(ROOT)) as process:
        client = Client(re.search(r"http://[^;]+", process.stderr.readline())[0])
        client.api("POST", "/runs", {"workflow": "looping:stuck", "run_id": "a"})
        with_code = App(f"sqlite:///{tmp_path}/web.db", modules=[str(tmp_path / "looping.py")])
        with_code.runtime.tend("a")
        with_code.close()
        (tmp_path / "loops").touch()
        browser = Browser(client, token)
        looking = threading.Thread(target=looked, args=(browser, "runs/a"))
        looking.start()
        wait_until((tmp_path / "inside").exists)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)  # the second one waits for nothing that is being answered
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)
    looking.join(10)
    assert process.returncode == 130
