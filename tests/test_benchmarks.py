"""The benchmarks work, at a size at which they say nothing; docs/performance.md is that of their results."""

import logging
import re
from contextlib import ExitStack
from math import isfinite

import pytest
from attrs import evolve

from benchmarks.measure import TINY, Bar, Place, Side, Sizes, percentile, stand
from benchmarks.page import PAGE, PICTURE, page
from benchmarks.picture import INK, OTHER, OWN, draw
from benchmarks.playing import play, read, write
from benchmarks.rivals.known import PLAYS, RIVALS
from benchmarks.rivals.running import SCRIPTS
from benchmarks.rows import ROWS
from benchmarks.rows.embedded import KEEPS_NOTHING

RESULTS = read()


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.ERROR, "yieldflow")  # the servers persist nothing, which is meant


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_a_row_is_played_in_each_of_its_ways(row, tmp_path):
    """Sides that differ in a number only, such as that of their workers, are played once."""
    with ExitStack() as stack:
        sides = {side.name: side for side in row.open(Place(tmp_path, TINY), stack)}
        for side in {side.measure.func: side for side in sides.values()}.values():
            figures = side.measure()
            assert {*row.shows} <= set(figures), side.name
            assert all(map(isfinite, figures.values())), side.name
            assert side.durability, side.name
    others = {play_.name for play_ in PLAYS.get(row.name, ())}
    for bar in row.bars:
        assert {bar.of, *bar.over} <= {*sides, *others}, bar.says
        assert bar.figure in row.shows, bar.says


def test_what_a_rival_cannot_do_is_no_figure_and_stops_nobody(capsys):
    row = ROWS["replay"]

    def failing():
        raise RuntimeError("no such thing")

    other = sided("other", rival=True, measure=failing)
    ours = sided("yieldflow", measure=lambda: {"events/s": 2.0})
    played = play(evolved(row, other, ours), 2, Sizes())
    assert played["sides"]["other"]["figures"] == {}
    assert played["sides"]["yieldflow"]["figures"] == {"events/s": [2.0, 2.0]}
    assert "no such thing" in capsys.readouterr().out


def test_a_rival_that_fails_later_has_no_figure_either():
    rounds = iter([{"events/s": 1.0}])

    def once():
        for figures in rounds:
            return figures
        raise RuntimeError("not twice")

    played = play(evolved(ROWS["replay"], sided("other", rival=True, measure=once)), 2, Sizes())
    assert played["sides"]["other"]["figures"] == {}
    told = page("<!-- figures: row replay -->\n<!-- end -->", {"replay": played})
    assert "| other | it did not get through | nothing |" in told


def test_our_own_failure_is_raised():
    def failing():
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        play(evolved(ROWS["replay"], sided("yieldflow", measure=failing)), 1, Sizes())


def test_sides_are_measured_in_turn():
    order = []
    sides = [sided(name, measure=lambda name=name: order.append(name) or {"events/s": 1.0}) for name in "AB"]
    play(evolved(ROWS["replay"], *sides), 3, Sizes())
    assert order == ["A", "B", "A", "B", "A", "B"]


def sided(name, *, measure, rival=False):
    return Side(name, "nothing", measure, rival=rival)


def evolved(row, *sides):
    return evolve(row, open=lambda place, stack: sides)


# --- where bars stand ---------------------------------------------------------------------------------------------


def kept(*values, rival=False, figure="steps/s"):
    return {"durability": "none", "version": "", "rival": rival, "figures": {figure: list(values)}}


def test_a_ratio_is_taken_round_by_round_and_its_median_counts():
    sides = {"ours": kept(10, 30, 40), "bare": kept(1, 2, 10)}
    found = stand(Bar("", "steps/s", "ours", ("bare",), at_least=5), sides)
    assert (found.value, found.least, found.most) == (10, 4, 15)


def test_the_best_rival_is_the_one_that_counts():
    sides = {"ours": kept(60), "slow": kept(2, rival=True), "fast": kept(20, rival=True), "failed": kept(rival=True)}
    bar = Bar("", "steps/s", "ours", over_rivals=True, at_least=6)
    assert (stand(bar, sides).value, stand(bar, sides).against) == (3, "fast")
    assert not stand(bar, sides).reaches(bar)


def test_of_times_the_best_is_the_shortest():
    sides = {
        "ours": kept(1, figure="s"),
        "slow": kept(8, figure="s", rival=True),
        "fast": kept(2, figure="s", rival=True),
    }
    bar = Bar("", "s", "ours", over_rivals=True, at_most=1)
    assert stand(bar, sides).value == 0.5
    assert stand(bar, sides).reaches(bar)


def test_a_bar_without_the_figure_of_a_rival_is_not_measured():
    assert stand(Bar("", "steps/s", "ours", over_rivals=True, at_least=6), {"ours": kept(60)}) is None
    assert stand(Bar("", "steps/s", "ours", ("bare",), at_least=6), {"ours": kept(60)}) is None
    assert stand(Bar("", "steps/s", "ours", at_least=6), {}) is None


@pytest.mark.parametrize(("percent", "is_"), [(50, 50), (99, 99), (100, 100)])
def test_a_percentile_is_a_sample_that_so_many_do_not_exceed(percent, is_):
    assert percentile(range(100, 0, -1), percent) == is_


# --- results, page and picture ------------------------------------------------------------------------------------


def test_the_page_and_the_picture_are_those_of_the_results():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text, RESULTS) == text
    assert draw(RESULTS) == PICTURE.read_text(encoding="utf-8")


def test_each_row_has_its_table_on_the_page():
    assert sorted(re.findall(r"<!-- figures: row (\w+) -->", PAGE.read_text(encoding="utf-8"))) == sorted(ROWS)


def test_a_table_says_who_how_much_and_how_durable():
    side = {**kept(1_200, 1_000, 1_100), "version": "dbos 3"}
    results = {"sequential": {"sides": {"DBOS": {**side, "rival": True}, "yieldflow": kept(9_000)}}}
    told = page("<!-- figures: row sequential -->\n<!-- end -->", results)
    assert (
        "| **yieldflow** | 9,000 (9,000 to 9,000) | none |\n| DBOS (dbos 3) | 1,100 (1,000 to 1,200) | none |" in told
    )


def test_what_was_not_measured_says_so():
    assert "Not measured yet." in page("<!-- figures: row hooks -->\nold\n<!-- end -->", {})
    assert "not measured yet" in page("<!-- figures: bars -->\n<!-- end -->", {})


def test_rows_that_are_not_played_keep_their_figures(tmp_path):
    file = tmp_path / "results.json"
    write("hooks", {"rounds": 5}, file)
    write("replay", {"rounds": 3}, file)
    write("hooks", {"rounds": 7}, file)
    assert read(file) == {"hooks": {"rounds": 7}, "replay": {"rounds": 3}}


def test_the_picture_has_a_bar_for_each_system_and_escapes_its_name():
    drawn = draw({"sequential": {"sides": {"yieldflow": kept(5), "a<b": kept(1)}}})
    assert drawn.count("<rect") == 2
    assert "a&lt;b" in drawn


@pytest.mark.parametrize("page_colour", ["#ffffff", "#0d1117"])
@pytest.mark.parametrize(("colour", "least"), [(INK, 4.0), (OWN, 3.0), (OTHER, 3.0)])
def test_the_picture_can_be_read_on_a_light_page_and_on_a_dark_one(colour, page_colour, least):
    """The contrast of WCAG: 3 for what is drawn."""
    low, high = sorted((luminance(colour), luminance(page_colour)))
    assert (high + 0.05) / (low + 0.05) >= least


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_what_keeps_nothing_has_no_bar():
    kept_in_memory = {**kept(9), "durability": KEEPS_NOTHING}
    assert "in memory" not in draw({"embedded": {"sides": {"in memory": kept_in_memory, "yieldflow": kept(1)}}})


# --- rivals -------------------------------------------------------------------------------------------------------


def test_every_play_of_a_rival_belongs_to_a_row_and_has_its_script():
    assert set(PLAYS) <= set(ROWS)
    for play_ in (play_ for plays in PLAYS.values() for play_ in plays):
        assert (SCRIPTS / RIVALS[play_.rival].script).exists(), play_.rival
        assert play_.asks(TINY)


def test_without_a_folder_of_rivals_no_row_has_any(tmp_path):
    with ExitStack() as stack:
        assert not any(side.rival for side in ROWS["embedded"].open(Place(tmp_path), stack))
        assert not any(side.rival for side in ROWS["embedded"].open(Place(tmp_path, rivals=tmp_path), stack))
