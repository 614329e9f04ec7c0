"""The command line, called in this process or as a process of its own, on a store of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.cli.shop import asks
from yieldflow import App
from yieldflow.cli.commands import yieldflow

ROOT = Path(__file__).parents[2]


class Shell:
    """A directory with a store and `flows.py`, in which commands are given."""

    def __init__(self, home):
        self.home, self.path = home, str(ROOT)
        self.url = f"sqlite:///{home}/shop.db"
        self.env = {"YIELDFLOW_URL": self.url, "YIELDFLOW_MODULES": "", "COLUMNS": "100", "NO_COLOR": "1"}
        shutil.copy(Path(__file__).with_name("shop.py"), home / "flows.py")

    def __call__(self, *args, stdin=None, **env):
        return CliRunner().invoke(yieldflow, [*args], input=stdin, env=self.env | env)

    def start(self, *args):
        """As a process of its own."""
        env = os.environ | self.env | {"PYTHONPATH": self.path, "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "yieldflow", *args]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.home, env=env, text=True, stdout=pipe, stderr=pipe)

    def run(self, *args):
        process = self.start(*args)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def histories(self):
        """All that is in the store: what a wrong call must not change."""
        app = App(self.url)
        try:
            return {run.run_id: (run, app.get(run.run_id).history()) for run in app.runs(limit=1000).runs}
        finally:
            app.close()


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)


@pytest.fixture
def checkout(shell):
    """A shell in which run `o1` waits for its hook."""
    app = App(shell.url)
    handle = app.start(asks("o1"), run_id="o1")
    app.runtime.tend("o1")
    assert handle.status() == "running"
    app.close()
    return shell
