"""The picture of the census: nothing overlaps, nothing is left out, everything is in proportion."""

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from census_picture import HEIGHT, MAP, WIDTH, Box, draw, squarify
from census_source import Facts, Function, Package, Report, Tile, total
from hypothesis import given
from hypothesis import strategies as st

SVG = "{http://www.w3.org/2000/svg}"


def package(name, *lines, share=0.5):
    tiles = tuple(Tile(f"{name}/m{number}.py", one, share) for number, one in enumerate(sorted(lines, reverse=True)))
    facts = Facts(files=len(lines), lines=sum(lines), documented=round(100 * share), definitions=100)
    return Package(name, facts, tiles)


def report(*packages, **facts):
    return Report("Sample <of> code", total((*(one.facts for one in packages), Facts(**facts))), packages)


def drawn(one):
    return ET.fromstring(draw(one))


def box(rect):
    return Box(*(float(rect.get(name)) for name in ("x", "y", "width", "height")))


def within(inner, outer, slack=0.2):
    return (
        outer.x - slack <= inner.x
        and outer.y - slack <= inner.y
        and inner.x + inner.w <= outer.x + outer.w + slack
        and inner.y + inner.h <= outer.y + outer.h + slack
    )


def overlap(a, b):
    wide = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    high = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    return max(0.0, wide) * max(0.0, high)


@given(st.lists(st.integers(1, 500_000), min_size=1, max_size=60))
def test_areas_are_in_proportion_and_fill_the_map(sizes):
    sizes.sort(reverse=True)
    boxes = squarify(sizes, MAP)
    whole = MAP.w * MAP.h
    for size, one in zip(sizes, boxes, strict=True):
        assert one.w * one.h == pytest.approx(whole * size / sum(sizes))
        assert within(one, MAP, slack=1e-6)
    assert sum(overlap(a, b) for at, a in enumerate(boxes) for b in boxes[:at]) == pytest.approx(0, abs=1e-3)


def test_equal_sizes_become_squares():
    assert squarify([1] * 4, Box(0, 0, 10, 10)) == [
        Box(0, 0, 5, 5),
        Box(0, 5, 5, 5),
        Box(5, 0, 5, 5),
        Box(5, 5, 5, 5),
    ]


def test_every_package_and_file_is_in_the_picture():
    picture = drawn(report(package("large", 900, 50, 50), package("small", 3), package("a<b", 1)))
    titles = [title.text for title in picture.iter(f"{SVG}title")]
    assert titles[:2] == ["large: 1,000 lines, 3 files, 50% documented", "large/m0.py: 900 lines, 50% documented"]
    assert len(titles) == 3 + 5
    assert "a<b: 1 lines, 1 files, 50% documented" in titles


def test_files_that_are_not_drawn_keep_their_room():
    whole = package("half", *([10] * 10))
    cut = Package(whole.name, whole.facts, whole.tiles[:5])
    tiles = [box(group.find(f"{SVG}rect")) for group in drawn(report(cut)).iter(f"{SVG}g")][1:]
    assert len(tiles) == 5
    assert sum(tile.w * tile.h for tile in tiles) < 0.55 * MAP.w * MAP.h


@pytest.mark.parametrize("share", [0.0, 0.49, 0.5, 1.0])
def test_texts_lie_on_the_page_and_not_on_each_other(share):
    packages = [package(f"package_{n}", *range(1, 40 * n, n), share=share) for n in range(1, 30)]
    longest = tuple(
        Function(n, "a_function_of_a_very_long_name", "some/where/deep/file.py") for n in range(500, 0, -100)
    )
    calls = {f"builtin_number_{n}": 10**n for n in range(7)}
    picture = drawn(report(*packages, longest=longest, calls=calls))
    lines = {}
    for text in picture.iter(f"{SVG}text"):
        wide = 0.6 * float(text.get("font-size")) * len(text.text)
        left = float(text.get("x")) - (wide if text.get("text-anchor") == "end" else 0)
        assert left >= 0
        assert left + wide <= WIDTH
        assert 0 < float(text.get("y")) < HEIGHT
        lines.setdefault(text.get("y"), []).append((left, left + wide))
    for spans in lines.values():
        assert all(before[1] <= after[0] for before, after in pairwise(sorted(spans)))
