"""Questions to people, with the answers that it prints how to give."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from approval import DIRECTOR, approval

from yieldflow import App

ROOT = Path(__file__).parents[2]
YIELDFLOW = [sys.executable, "-m", "yieldflow"]


@pytest.mark.parametrize(("says", "answer"), [(True, "the manager says yes"), (False, "the manager says no")])
def test_the_manager_answers(says, answer):
    run = App("memory:").start(approval(250))
    run.send("manager", says)
    assert run.result(timeout=30) == answer


def test_the_director_is_asked_when_the_manager_is_silent():
    run = App("memory:").start(approval(250, patience="50ms"))
    run.send(DIRECTOR, True)  # early answers are kept
    assert run.result(timeout=30) == "the director says yes"


def test_nobody_answers():
    assert App("memory:").run(approval(250, patience="50ms")) == "nobody has answered: no"


def test_the_printed_command_answers(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    target = f"{ROOT}/examples/approval.py:approval"
    with subprocess.Popen(
        [*YIELDFLOW, "run", target, "250", "--run-id", "trip"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        try:
            asked = next(line for line in running.stdout if "Answer with: " in line)
            command = shlex.split(asked.partition("Answer with: ")[2])
            assert command[0] == "yieldflow"
            subprocess.run([*YIELDFLOW, *command[1:]], cwd=tmp_path, env=environment, check=True, timeout=60)
            rest = running.communicate(timeout=60)[0]
        finally:
            running.kill()
    assert running.returncode == 0
    assert '"the manager says yes"' in rest
