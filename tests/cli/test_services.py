"""`worker`, `alarms` and `dev`, as processes on a real server: they serve, restart what dies, and stop when told."""

import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from rq import Worker

from yieldflow import App, Flow, sleep, step, workflow

NAPS = """
import os
from yieldflow import Flow, sleep, step, workflow

@step
def who(n: int) -> int:
    return os.getpid()

@workflow
def naps(n: int) -> Flow[list[int]]:
    seen = []
    for number in range(n):
        seen.append((yield from who(number)))
        yield sleep("50ms")
    return seen
"""


@step(name="naps:who")
def who(n: int) -> int:
    raise AssertionError("only the services run it")


@workflow(name="naps:naps")
def naps(n: int) -> Flow[list[int]]:
    seen = []
    for number in range(n):
        seen.append((yield from who(number)))
        yield sleep("50ms")
    return seen


@pytest.fixture
def services(shell, server):
    (shell.home / "naps.py").write_text(NAPS)
    shell.env |= {"YIELDFLOW_URL": server.url, "YIELDFLOW_MODULES": "naps"}

    @contextmanager
    def serving(*command, program=(sys.executable, "-m", "yieldflow")):
        root = Path(__file__).parents[2]
        env = {**shell.env, "PATH": "/usr/bin:/bin", "PYTHONPATH": f"{root}:{shell.home}", "HOME": str(shell.home)}
        with (shell.home / "output").open("ab") as output:
            process = subprocess.Popen([*program, *command], cwd=shell.home, env=env, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            finally:
                process.kill()
                process.wait(5)
        assert process.returncode == 0, (shell.home / "output").read_text()

    return serving


@pytest.fixture
def app(server):
    app = App(server.url)
    yield app
    app.close()


def test_two_workers_serve_and_one_that_is_killed_is_started_again(services, app):
    with services("worker", "naps.py", "-n", "2"):
        (pid,) = set(app.start(naps(1)).result(timeout=30))
        subprocess.run(["kill", "-9", str(pid)], check=True)
        assert len(app.start(naps(5)).result(timeout=30)) == 5
        deadline = time.monotonic() + 20
        seen = set()
        while len(seen - {pid}) < 2 and time.monotonic() < deadline:
            for run in [app.start(naps(3)) for _ in range(4)]:
                seen.update(run.result(timeout=30))
        assert len(seen - {pid}) == 2


def test_workers_that_are_kept_end_in_peace(services, app, shell):
    with services("worker", "naps.py", "-n", "2"):
        app.start(naps(1)).result(timeout=30)
    assert "Fatal" not in (shell.home / "output").read_text()


def test_workers_end_when_who_keeps_them_is_killed(services, app, shell):
    with services("worker", "naps.py", "-n", "2") as supervisor:
        app.start(naps(1)).result(timeout=30)
        supervisor.kill()
        supervisor.wait(5)
        deadline = time.monotonic() + 20
        while (alive := Worker.count(app.client)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert alive == 0
        supervisor.returncode = 0  # it was us
    output = (shell.home / "output").read_text()
    assert f"queue yieldflow of {app.settings.url}, with naps.py; Ctrl-C ends it" in output


def test_the_alarm_service_rings_for_stock_workers(services, app):
    rq = str(Path(sys.executable).with_name("rq"))
    stock = ("worker", "-u", app.settings.url, "-S", "json", "-w", "rq.SimpleWorker", "yieldflow")
    with services("alarms"), services(*stock, program=(rq,)):
        assert len(app.start(naps(2)).result(timeout=40)) == 2


def test_dev_starts_a_store_and_workers(services, shell, app):
    del shell.env["YIELDFLOW_URL"]
    with services("dev", "naps.py", "-n", "1"):
        own = f"unix://{shell.home}/.yieldflow/valkey.sock"
        deadline = time.monotonic() + 20
        while "working with naps.py" not in (shell.home / "output").read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        said = (shell.home / "output").read_text
        while "the page: " not in said() and time.monotonic() < deadline:
            time.sleep(0.05)
        (link,) = re.findall(r"the page: (http://127\.0\.0\.1:\d+/ui/sign-in)#", said())
        with urlopen(link) as page:
            assert page.status == 200
        mine = App(own)
        assert len(mine.start(naps(2)).result(timeout=30)) == 2
        mine.close()
    assert not Path(f"{shell.home}/.yieldflow/valkey.sock").exists()


def test_a_burst_on_a_file_ends_when_nothing_can_be_done_now(shell):
    """Also while a run waits for somebody."""
    for run_id in ("waits", "goes", "goes-too"):
        assert shell.run("start", "flows.py:asks", '"book"', "--run-id", run_id)[0] == 0
    app = App(shell.url)
    for run_id in ("goes", "goes-too"):
        app.send(run_id, "approval", True)
    code, _, err = shell.run("worker", "flows.py", "--burst")
    assert code == 0, err
    assert {run.run_id: run.status for run in app.runs().runs} == {
        "waits": "running",
        "goes": "completed",
        "goes-too": "completed",
    }
    assert [type(event).__name__ for event in app.get("waits").history()][-1] == "CommandIssued"
    app.close()
