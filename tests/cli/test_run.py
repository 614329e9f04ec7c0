"""`run` and `start`: from a target and JSON to a result on stdout."""

import json
import re
import signal
import time

import pytest

SHOP = "tests.cli.shop"


def test_result_is_one_line_of_json_and_nothing_else_on_stdout(shell):
    code, out, err = shell.run("run", "flows.py:hello", '"Ada"', "--kw", "times=2")
    assert (code, out) == (0, '["Ada packed", "Ada packed"]\n')
    assert "packing Ada" in err  # what bodies print
    assert "step pack done" in err


def test_a_module_of_the_current_directory_is_found(shell):
    assert shell.run("run", "flows:hello")[:2] == (0, '["World packed"]\n')


def test_the_id_of_a_finished_run_answers_its_result_again(shell):
    first = shell("run", f"{SHOP}:checkout", '"a"', "--run-id", "a")
    before = shell.histories()
    again = shell("run", f"{SHOP}:checkout", "--run-id", "a")
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert json.loads(first.stdout) == json.loads(again.stdout) == {"packed": "a packed", "paid": 500}
    assert shell.histories() == before


def test_a_retry_is_told_with_its_error(shell):
    result = shell("run", f"{SHOP}:checkout", '"b"', "7")
    assert "step charge failed, attempt 1, again in 0.0 s: CardTimeout: no answer for b" in result.stderr
    assert "step charge done, attempt 2 in" in result.stderr
    assert "1 attempt failed on the way" in result.stderr


def test_a_failing_run_shows_the_exception_its_step_and_the_remote_traceback(shell):
    result = shell("run", f"{SHOP}:refused", '"c"', "--run-id", "c")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "run 'c' failed: FatalError: c is refused" in result.stderr
    assert f"raised in step {SHOP}:refuse" in result.stderr
    assert 'raise FatalError(f"{order} is refused")' in result.stderr
    assert "yieldflow/body.py" not in result.stderr


def test_a_cancelled_run_ends_with_one(checkout):
    assert checkout("cancel", "o1", "--reason", "sold out").exit_code == 0
    result = checkout("run", f"{SHOP}:asks", "--run-id", "o1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "run 'o1' was cancelled: sold out" in result.stderr


def test_start_prints_the_id_and_runs_nothing(shell):
    result = shell("--url", shell.url, "start", f"{SHOP}:hello", "--run-id", "s")
    assert result.stdout == "s\n"
    assert len(shell.histories()["s"][1]) == 1
    assert f"yieldflow run {SHOP}:hello --run-id s --url {shell.url}" in result.stderr


def test_negative_numbers_are_arguments(shell):
    assert json.loads(shell("run", f"{SHOP}:checkout", '"n"', "-5").stdout)["paid"] == -5


def test_a_hook_is_answered_with_the_command_that_was_shown(shell):
    process = shell.start("run", "flows.py:asks", '"h"', "--run-id", "h")
    line = next(line for line in process.stderr if "waiting for hook" in line)
    token = re.search(r"yieldflow hook (\S+) JSON", line)[1]
    assert shell("hook", token, "true").exit_code == 0
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, '{"h": true}\n')
    assert "hook approval was answered" in err


def test_an_unfinished_run_is_continued_whatever_its_arguments(checkout):
    assert checkout("send", "o1", "approval", "false").exit_code == 0
    result = checkout("run", f"{SHOP}:asks", "--run-id", "o1")
    assert json.loads(result.stdout) == {"o1": False}
    assert "continuing run o1: 1 of 1 known steps were done" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_cut_off_is_continued_by_the_same_command(shell, number):
    process = shell.start("run", "flows.py:lingers", "3", "--run-id", "cut", "--threads", "3")
    until(lambda: len([*shell.home.glob("lingers-*")]) == 3)
    process.send_signal(number)
    if number == signal.SIGINT:
        until(lambda: "under way" in process.stderr.readline())
        process.send_signal(number)  # at once
    _, err = process.communicate(timeout=30)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "to continue it: yieldflow run flows.py:lingers --run-id cut" in err
    (shell.home / "hurry").touch()
    code, out, err = shell.run("run", "flows.py:lingers", "--run-id", "cut")
    assert (code, out) == (0, "3\n")
    assert "continuing run cut: 1 of 4 known steps were done, 3 bodies were cut off" in err


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
