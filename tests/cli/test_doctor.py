"""`yieldflow doctor` as people and programs see it: sentences, exit codes, one JSON document."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest


def wound(shell):
    with closing(sqlite3.connect(shell.home / "shop.db")) as db, db:
        db.execute("UPDATE run SET status = 'completed'")


def test_a_store_that_is_well_is_said_to_be_well(checkout):
    done = checkout("doctor")
    assert done.exit_code == 0, done.output
    assert "as the logs say" in done.stdout
    assert done.stdout.splitlines()[-1] == "all is well; 1 of 1 run looked at"


def test_what_is_wrong_is_a_sentence_with_what_to_do_and_an_exit_code(checkout):
    wound(checkout)
    done = checkout("doctor")
    assert done.exit_code == 1
    said = " ".join(done.stdout.split())
    assert "run o1: it is listed as completed, and its log says running" in said
    assert "→ yieldflow doctor --repair puts it right" in said
    assert done.stdout.splitlines()[-1] == "1 error; 1 of 1 run looked at"


def test_repair_says_what_it_did_and_a_dry_run_does_nothing(checkout):
    wound(checkout)
    dry = checkout("doctor", "--repair", "--dry-run")
    assert "would be put right" in " ".join(dry.stdout.split())
    assert checkout("doctor").exit_code == 1
    done = checkout("doctor", "--repair")
    assert done.exit_code == 0
    assert "its log says running; put right" in " ".join(done.stdout.split())
    assert checkout("doctor").exit_code == 0
    assert checkout("send", "o1", "approval", "true").exit_code == 0
    ended = checkout("result", "o1", "-m", "flows.py")
    assert ended.stdout.strip() == '{"o1": true}', (ended.exit_code, ended.output)


def test_programs_get_one_json_document(checkout):
    wound(checkout)
    done = checkout("doctor", "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 1
    assert told["well"] is False
    assert told["runs"] == {"known": 1, "looked_at": 1}
    assert told["store"] == checkout.url
    levels = {one["check"]: one["level"] for one in told["findings"]}
    assert levels == {
        **dict.fromkeys(("integrity", "journal", "disk", "space", "permissions", "clock", "alarms"), "ok"),
        "runs": "error",
    }
    (error,) = [one for one in told["findings"] if one["level"] == "error"]
    assert set(error) == {"check", "level", "says", "do", "run_id"}
    assert error["run_id"] == "o1"
    assert told["repairs"] == []


def test_a_sample_is_said_to_be_one(checkout):
    done = checkout("doctor", "--sample", "0")
    assert done.exit_code == 0
    assert "0 of 1 run looked at" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--dry-run",), 2, "--dry-run says what --repair would do: give both"),
        (("--url", "memory:"), 2, "a memory: store is gone with its process: there is nothing to examine"),
        (("--url", "sqlite:///nowhere.db"), 4, "there is no store"),
        (("--url", "redis://127.0.0.1:1/0"), 4, "cannot be reached"),
        (("--sample", "-1"), 2, "--sample"),
    ],
)
def test_what_cannot_be_examined_is_one_sentence(shell, words, code, says):
    done = shell("doctor", *words)
    assert done.exit_code == code
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_many_findings_of_a_kind_are_summed_up_for_people_and_whole_for_programs(shell):
    for number in range(8):
        assert shell("start", "tests.cli.shop:asks", json.dumps(f"o{number}")).exit_code == 0
    wound(shell)
    done = shell("doctor")
    assert done.stdout.count("its log says running") == 5
    assert "and 3 more like it" in " ".join(done.stdout.split())
    assert sum(one["level"] == "error" for one in json.loads(shell("doctor", "--json").stdout)["findings"]) == 8


def test_help_shows_an_example(shell):
    assert "yieldflow doctor --repair --dry-run" in shell("doctor", "--help").stdout
