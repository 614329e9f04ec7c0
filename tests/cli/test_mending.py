"""`cancel`, `pause`, `resume`, `terminate`, `retry`, `fork` and `prune` as they are typed: for one run and for many."""

import json
import os
import pty
import subprocess
import sys

import pytest

from tests.cli.conftest import ROOT, Shell
from tests.cli.shop import asks, checkout, refused
from yieldflow import App, RunFailed
from yieldflow.core.chain import chain_of

SHOP = "tests.cli.shop"


@pytest.fixture
def busy(shell: Shell):
    """Three runs wait for their hooks, one has failed."""
    app = App(shell.url)
    for number in range(3):
        app.start(asks(f"o{number}"), run_id=f"o{number}", tags={"n": str(number), "shop": "eu"})
        app.runtime.tend(f"o{number}")
    with pytest.raises(RunFailed):
        app.run(refused("x"), run_id="bad")
    app.close()
    return shell


def statuses(shell):
    return {run_id: run.status for run_id, (run, _) in shell.histories().items()}


def on_a_terminal(shell, answer, *args):
    """As somebody types it, who is asked and answers."""
    ours, theirs = pty.openpty()
    env = os.environ | shell.env | {"PYTHONPATH": str(ROOT)}
    os.write(ours, answer.encode())
    try:
        command = [sys.executable, "-m", "yieldflow", *args]
        return subprocess.run(
            command, cwd=shell.home, env=env, stdin=theirs, capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        os.close(ours)
        os.close(theirs)


# --- by name ------------------------------------------------------------------------------------------------------


def test_several_runs_may_be_named(busy):
    done = busy("pause", "o0", "o2", "--reason", "lunch")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "run o0 is paused\nrun o2 is paused\n"
    assert statuses(busy) == {"o0": "paused", "o1": "running", "o2": "paused", "bad": "failed"}
    assert busy("resume", "o0", "o2").stderr == "run o0 goes on\nrun o2 goes on\n"
    assert busy("terminate", "o1").stderr == "run o1 was ended\n"
    assert statuses(busy) == {"o0": "running", "o1": "cancelled", "o2": "running", "bad": "failed"}


@pytest.mark.parametrize(
    ("names", "code", "said"),
    [
        (["o0", "nobody", "o2"], 3, "there is no run 'nobody'"),
        (["o0", "bad", "o2"], 2, "run 'bad' has ended and takes nothing any more"),
    ],
)
def test_one_bad_id_among_several_keeps_the_others_from_nothing_and_is_told(busy, names, code, said):
    dry = busy("cancel", *names, "--dry-run")
    assert (dry.exit_code, dry.stdout.split()) == (code, ["o0", "o2"])
    assert said in dry.stderr
    done = busy("cancel", *names)
    assert done.exit_code == code
    assert said in done.stderr
    assert "run o0 was asked to stop\nrun o2 was asked to stop\n" in done.stderr
    assert {run_id for run_id, (_, log) in busy.histories().items() if "Cancel" in str(log)} == {"o0", "o2"}


def test_a_failed_run_is_retried_and_no_other(busy):
    done = busy("retry", "bad", "o0", "--json")
    assert done.exit_code == 2
    document = json.loads(done.stdout)
    assert (document["verb"], document["dry_run"], document["run_ids"]) == ("retry", False, ["bad"])
    (refusal,) = document["refused"]
    assert (refusal["run_id"], refusal["error"]) == ("o0", "NotFailed")
    assert "has not failed" in refusal["message"]
    assert statuses(busy)["bad~2"] == "running"


# --- by filter ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (["--workflow", f"{SHOP}:asks"], ["o2", "o1", "o0"]),
        (["--status", "running"], ["o2", "o1", "o0"]),
        (["--status", "running", "--status", "failed", "--tag", "n=1"], ["o1"]),
        (["--tag", "shop=eu", "--tag", "n=2"], ["o2"]),
        (["--status", "completed"], []),
        (["--since", "1h"], ["o2", "o1", "o0"]),
        (["--until", "1h"], []),
        (["--since", "2026-01-31", "--until", "2999-01-31T12:00 UTC"], ["o2", "o1", "o0"]),
        (["--since", "1h ago", "--until", "1h"], []),
    ],
)
def test_a_dry_run_lists_what_fits_and_changes_nothing(busy, filters, names):
    before = busy.histories()
    dry = busy("cancel", *filters, "--dry-run")
    assert (dry.exit_code, dry.stdout.split()) == (0, names)
    assert f"cancel would be done to {len(names)} run" in dry.stderr
    assert busy.histories() == before


def test_without_a_terminal_many_are_done_only_with_yes_or_a_right_count(busy):
    before = busy.histories()
    asked = busy("cancel", "--status", "running")
    assert (asked.exit_code, asked.stdout) == (2, "")
    assert asked.stderr == (
        "yieldflow: nobody can be asked whether to cancel 3 runs: give --yes; --dry-run lists them\n"
    )
    wrong = busy("cancel", "--status", "running", "--expect", "4", "--yes")
    assert (wrong.exit_code, wrong.stderr) == (
        2,
        "yieldflow: 3 runs fit, not 4: nothing was done; --dry-run lists them\n",
    )
    assert busy.histories() == before
    assert busy("pause", "--status", "running", "--expect", "3").exit_code == 0
    assert busy("resume", "--status", "paused", "--yes").exit_code == 0
    assert busy("terminate", "--status", "running", "-y").exit_code == 0
    again = busy("terminate", "--status", "running")
    assert (again.exit_code, again.stderr) == (0, "0 runs were ended\n")  # there is nobody to ask about


def test_on_a_terminal_somebody_is_asked_for_the_count(busy):
    before = busy.histories()
    no = on_a_terminal(busy, "n\n", "terminate", "--workflow", f"{SHOP}:asks")
    assert no.stderr == "terminate 3 runs? [y/N]: nothing was done\n"
    assert (no.returncode, busy.histories()) == (1, before)
    yes = on_a_terminal(busy, "y\n", "terminate", "--workflow", f"{SHOP}:asks")
    assert yes.stderr.startswith("terminate 3 runs? [y/N]: run o2 was ended\n")
    assert yes.returncode == 0
    assert set(statuses(busy).values()) == {"cancelled", "failed"}


def test_of_many_only_the_number_is_told(shell):
    app = App(shell.url)
    app.start_many([asks("o").options(run_id=f"m{number}") for number in range(30)])
    app.close()
    assert shell("cancel", "--status", "running", "--yes").stderr == "30 runs were asked to stop\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["cancel"], "say which runs: their ids, or filters"),
        (["retry", "o0", "--status", "failed"], "not both"),
        (["pause", "--tag", "n"], "write --tag NAME=VALUE"),
        (["pause", "--tag", "n=1", "--tag", "n=2"], "no run has two values of one tag"),
        (["pause", "--since", "soon"], "'soon' is not a duration"),
        (["cancel", "o0", "--reason", "x" * 1_001], "cannot be a reason"),
        (["prune"], "missing option '--older-than'"),
        (["prune", "--older-than", "soon"], "'soon' is not a duration"),
        (["prune", "--older-than", "0s"], "nobody can be asked whether to delete 1 run: give --yes"),
        (["fork", "o0", "--replace", "1"], "write --replace PATH=JSON"),
        (["fork", "o0", "--replace", "1=x"], "--replace 1 is not JSON"),
        (["fork", "o0", "--replace", "x=1"], "'x' is no path"),
        (["fork", "o0", "--replace", "2=1"], "there are answers at 1"),
        (["fork", "o0", "-m", SHOP, "--replace", "1=5"], "cannot be the answer of tests.cli.shop:pack at path 1"),
        (["fork", "o0", "--at", "99"], "fork it at one from 1 to 4"),
        (["fork", "o0", "--run-id", "o1"], "run 'o1' exists already"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_and_changes_nothing(busy, args, said):
    before = busy.histories()
    result = busy(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert busy.histories() == before


# --- fork and prune -------------------------------------------------------------------------------------------------


def test_a_fork_with_another_answer(shell, monkeypatch):
    app = App(shell.url)
    assert app.run(checkout("o1"), run_id="o1") == {"packed": "o1 packed", "paid": 500}
    app.close()
    forked = shell("fork", "o1", "-m", SHOP, "--replace", '1="packed by hand"', "--run-id", "mended")
    assert (forked.exit_code, forked.stdout) == (0, "mended\n")
    assert forked.stderr == "it shares the first 3 events of run o1, but for the answers at 1\n"
    assert json.loads(shell("result", "mended", "-m", SHOP).stdout) == {"packed": "packed by hand", "paid": 500}
    document = json.loads(shell("fork", "o1", "--at", "5", "--json").stdout)
    assert (document["fork_of"], document["position"], document["replaced"]) == ("o1", 5, [])
    assert chain_of(document["run_id"])[0].startswith("o1-")


def test_what_has_ended_is_pruned(busy):
    dry = busy("prune", "--older-than", "0s", "--dry-run")
    assert (dry.exit_code, dry.stdout, dry.stderr) == (0, "bad\n", "1 run would be deleted\n")
    assert busy("prune", "--older-than", "1h", "--yes").stderr == "0 runs were deleted\n"
    assert json.loads(busy("prune", "--older-than", "0s", "--status", "completed", "--json", "-y").stdout) == {
        "verb": "prune",
        "dry_run": False,
        "run_ids": [],
    }
    assert busy("prune", "--older-than", "0s", "--expect", "1").stderr == "1 run was deleted\n"
    assert set(statuses(busy)) == {"o0", "o1", "o2"}


@pytest.mark.parametrize("command", ["cancel", "pause", "resume", "terminate", "retry", "fork", "prune"])
def test_the_help_of_each_has_an_example(shell, command):
    assert f"Example: yieldflow {command} " in shell(command, "--help").stdout
