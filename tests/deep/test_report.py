"""Figures are added up, and the tables of docs/guarantees.md are those of docs/figures.json."""

import json
import re

import pytest

from tests.deep.parts import PARTS
from tests.deep.report import FIGURES, PAGE, page
from tests.deep.rounds import Figures

WRITTEN = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {"parts": {}}


def figures(*samples, **counts):
    made = Figures(samples={"recovery ms": list(samples)} if samples else {})
    made.counts.update(counts)
    return made


def test_rounds_are_added_up():
    all_of_them = figures(3, 1, kills=2)
    all_of_them.add(figures(2, kills=1, runs=4))
    assert all_of_them.counts == {"kills": 3, "runs": 4}
    assert all_of_them.as_json()["samples"] == {"recovery ms": {"count": 3, "p50": 2, "p99": 3, "p100": 3}}


@pytest.mark.parametrize(("percent", "is_"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_a_percentile_is_a_sample_that_so_many_do_not_exceed(percent, is_):
    assert figures(*range(100, 0, -1)).percentile("recovery ms", percent) == is_
    assert Figures().percentile("recovery ms", percent) is None


def test_the_tables_of_the_page_are_those_of_the_figures():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text, WRITTEN) == text


def test_a_table_says_how_often_and_how_long():
    one = {"parts": {"chaos": figures(40, 50, kills=1_200, never=0).as_json()}}
    marks = "<!-- figures: what of chaos -->\n{}<!-- end -->"
    assert page(marks.format("old\n"), one) == marks.format(
        "\n| What was met | How often |\n| --- | ---: |\n| kills | 1,200 |\n"
        "| recovery: half within, 99 % within, all within | 40 ms, 50 ms, 50 ms |\n\n"
    )


def test_a_matrix_has_a_row_for_what_stands_before_the_colon():
    counts = {"AOF always: kills": 3, "AOF always: missing": 0, "RDB: kills": 2, "rounds": 1}
    one = {"parts": {"settings": {"counts": counts, "samples": {}}}}
    assert "| AOF always | 3 | 0 |\n| RDB | 2 | 0 |\n" in page(
        "<!-- figures: matrix of settings -->\n<!-- end -->", one
    )


def test_a_part_that_was_not_played_has_no_figures():
    marks = "<!-- figures: what of chaos -->\n{}<!-- end -->"
    assert page(marks.format(""), {"parts": {}}) == marks.format("\nNot measured yet.\n\n")


def test_parts_that_are_played_again_stand_by_their_own_commit():
    run = {"date": "2026-11-21", "seed": 5, "counts": {}, "samples": {}}
    parts = {
        "a": {**run, "commit": "c1", "minutes": 50},
        "b": {**run, "commit": "c2", "minutes": 4},
        "c": {**run, "commit": "c1", "minutes": 50},
    }
    told = page("<!-- figures: when -->\n<!-- end -->", {"parts": parts, "cores": 2, "python": "3.11.7"})
    assert "- 2026-11-21, commit `c1`, 50 minutes, seed 5: a, c.\n- 2026-11-21, commit `c2`, 4 minutes" in told


def test_the_figures_are_those_of_a_whole_run_that_reached_all_it_is_for():
    assert set(WRITTEN["parts"]) == {part.name for part in PARTS}
    assert max(part["minutes"] for part in WRITTEN["parts"].values()) >= 30
    for part in PARTS:
        counts = WRITTEN["parts"][part.name]["counts"]
        assert {name: counts.get(name, 0) for name, least in part.least.items() if counts.get(name, 0) < least} == {}


def test_each_part_has_its_table_on_the_page():
    named = re.findall(r"<!-- figures: \w+ of ([\w ]+) -->", PAGE.read_text(encoding="utf-8"))
    assert sorted(named) == sorted(part.name for part in PARTS)
