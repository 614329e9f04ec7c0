"""SQLite and kill -9: at each commit of two workflows, and at two hundred random moments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deep.nursery import Nursery
from tests.deep.sqlite_kills import DEATHS, FILES, SIZES, each_commit, one_round, opened


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with opened() as n:
        yield n


@pytest.mark.parametrize("flow", SIZES)
def test_a_run_goes_on_whichever_of_its_commits_kills_its_process(nursery: Nursery, flow: str):
    counts = each_commit(nursery, flow).counts
    print(f"\n{dict(counts)}")
    for place in ("before a commit", "in a commit", "after a commit"):
        assert counts[f"kills {place}"] >= 15
    assert counts["bodies that ran again"] > 0


def test_runs_go_on_whenever_their_processes_are_killed():
    counts = one_round(4).counts
    print(f"\n{dict(counts)}")
    assert counts["kills"] == FILES * DEATHS
    assert counts["kills"] >= 200
    for place in ("at any moment", "before a statement", "in a commit"):
        assert counts[f"kills {place}"] >= 10
