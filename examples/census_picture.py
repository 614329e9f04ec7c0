"""The picture of a census, as SVG: every package a rectangle, every file a tile in it. Only computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from attrs import frozen
from census_source import Package, Report, Tile

WIDTH, HEIGHT, MARGIN = 1200, 800, 36
INK, PALE, PAPER = "#22303c", "#6b7785", "#fcfbf8"
SCALE = ((243, 213, 163), (118, 188, 166), (22, 88, 118))  # nothing is documented … half … all


@frozen
class Box:
    """*x* and *y* of the upper left corner, *w* wide, *h* high."""

    x: float
    y: float
    w: float
    h: float

    def inset(self, margin: float, top: float = 0) -> Box:
        w, h = max(0.0, self.w - 2 * margin), max(0.0, self.h - 2 * margin - top)
        return Box(self.x + margin, self.y + margin + top, w, h)


MAP = Box(MARGIN, 150, 820, HEIGHT - 150 - MARGIN)
SIDE = Box(MAP.x + MAP.w + 36, 150, WIDTH - MARGIN - (MAP.x + MAP.w + 36), MAP.h)


def draw(report: Report) -> str:
    """The whole picture; the same for the same report."""
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    view = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="Helvetica, Arial, sans-serif"'
    parts = (*_head(report), *_map(report), *_ranking(report), *_longest(report), *_calls(report))
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view}>',
            f'<rect {size} fill="{PAPER}"/>',
            *parts,
            "</svg>\n",
        )
    )


# --- the head ---------------------------------------------------------------------------------------------------


def _head(report: Report) -> Iterator[str]:
    found = report.total
    yield _text(MARGIN, 58, _cut(report.title, MAP.w, 30, bold=True), 30, bold=True)
    yield _text(MARGIN, 132, "Area: lines of source. A rectangle is a package, a tile in it a file.", 12, PALE)
    figures = (
        (found.lines, "lines"),
        (found.files, "files"),
        (found.classes, "classes"),
        (found.functions, "functions"),
        (found.coroutines, "of them async"),
        (found.comprehensions, "comprehensions"),
        (found.unreadable, "unreadable"),
    )
    x = float(MARGIN)
    for number, name in figures:
        yield _text(x, 94, f"{number:,}", 20, bold=True)
        yield _text(x, 110, name, 11, PALE)
        x += max(_wide(f"{number:,}", 20, bold=True), _wide(name, 11)) + 26
    yield from _legend(report)


def _legend(report: Report) -> Iterator[str]:
    """The scale of the colours, with a mark at the share of the whole."""
    box = Box(SIDE.x, 84, SIDE.w, 12)
    share = report.total.share
    yield '<defs><linearGradient id="scale">'
    yield from (f'<stop offset="{n / 8:.0%}" stop-color="{_colour(n / 8)}"/>' for n in range(9))
    yield "</linearGradient></defs>"
    yield _text(box.x, 58, "Colour: definitions with a docstring", 12, PALE)
    yield _rect(box, "url(#scale)", radius=3)
    at = box.x + box.w * share
    yield f'<path d="M{at:.1f} {box.y + 12} l-5 8 h10 z" fill="{INK}"/>'
    label = f"{share:.0%} of all"
    left = min(max(at - _wide(label, 11, bold=True) / 2, box.x), box.x + box.w - _wide(label, 11, bold=True))
    yield _text(left, box.y + 33, label, 11, bold=True)
    yield _text(box.x, box.y - 5, "0%", 10, PALE)
    yield _text(box.x + box.w, box.y - 5, "100%", 10, PALE, anchor="end")


# --- the map ----------------------------------------------------------------------------------------------------


def _map(report: Report) -> Iterator[str]:
    packages = _largest(report)
    boxes = squarify([package.facts.lines for package in packages], MAP)
    for package, box in zip(packages, boxes, strict=True):
        yield from _package(package, box.inset(1.5))


def _package(package: Package, box: Box) -> Iterator[str]:
    facts = package.facts
    says = f"{package.name}: {facts.lines:,} lines, {facts.files:,} files, {facts.share:.0%} documented"
    yield f"<g><title>{escape(says)}</title>{_rect(box, _colour(facts.share), radius=2)}"
    size = next((size for size in (12, 10, 8, 7) if _wide(package.name, size, bold=True) + 10 < box.w), 0)
    head = size + 6 if size and box.h > 2 * size + 8 else 0
    if head:
        yield _text(box.x + 5, box.y + size + 2, package.name, size, _on(facts.share), bold=True)
        count = f"{facts.lines:,}"
        if _wide(package.name, size, bold=True) + _wide(count, size - 1) + 20 < box.w:
            yield _text(box.x + box.w - 5, box.y + size + 2, count, size - 1, _on(facts.share), anchor="end")
    yield from _tiles(package, box.inset(1.5, top=head))
    yield "</g>"


def _tiles(package: Package, box: Box) -> Iterator[str]:
    """The files; those that are not among the tiles share what is left."""
    tiles = [tile for tile in package.tiles if tile.lines]
    missing = package.facts.lines - sum(tile.lines for tile in tiles)
    boxes = squarify([tile.lines for tile in tiles] + [missing] * (missing > 0), box)
    yield _rect(box, PAPER, opacity=0.6)
    for tile, place in zip(tiles, boxes, strict=False):
        yield from _tile(tile, place.inset(0.4), package.name)


def _tile(tile: Tile, box: Box, package: str) -> Iterator[str]:
    says = f"{tile.file}: {tile.lines:,} lines, {tile.share:.0%} documented"
    yield f"<g><title>{escape(says)}</title>{_rect(box, _colour(tile.share))}"
    name = tile.file.rpartition("/")[2].removesuffix(".py").removeprefix(f"{package}_")
    size = next((size for size in (9, 7) if _wide(name, size) + 5 < box.w and size + 4 < box.h), 0)
    if size:
        yield _text(box.x + 3, box.y + size + 1, name, size, _on(tile.share))
    yield "</g>"


def squarify(sizes: Sequence[float], box: Box) -> list[Box]:
    """A box for each size, largest first, of areas in proportion and as square as can be (Bruls and others, 2000)."""
    boxes: list[Box] = []
    left = [size * box.w * box.h / sum(sizes) for size in sizes]
    while left:
        side = min(box.w, box.h)
        row = next((n for n in range(1, len(left)) if _worst(left[: n + 1], side) > _worst(left[:n], side)), len(left))
        placed, box = _row(left[:row], box)
        boxes += placed
        left = left[row:]
    return boxes


def _row(areas: Sequence[float], box: Box) -> tuple[list[Box], Box]:
    """A row of boxes along the shorter side, and the box that is left."""
    placed, across = [], box.h <= box.w
    side = box.h if across else box.w
    deep = sum(areas) / side if side else 0.0
    at = 0.0
    for area in areas:
        long = area / deep if deep else 0.0
        placed.append(Box(box.x, box.y + at, deep, long) if across else Box(box.x + at, box.y, long, deep))
        at += long
    if across:
        return placed, Box(box.x + deep, box.y, max(0.0, box.w - deep), box.h)
    return placed, Box(box.x, box.y + deep, box.w, max(0.0, box.h - deep))


def _worst(areas: Sequence[float], side: float) -> float:
    """The worst aspect ratio of a row along *side*."""
    whole = sum(areas)
    return max(side**2 * areas[0] / whole**2, whole**2 / (side**2 * areas[-1])) if side and areas[-1] else 0.0


# --- beside the map ---------------------------------------------------------------------------------------------


def _ranking(report: Report) -> Iterator[str]:
    packages = _largest(report)[:12]
    yield _text(SIDE.x, SIDE.y + 10, "Largest packages", 14, bold=True)
    y, most = SIDE.y + 30, packages[0].facts.lines if packages else 1
    for rank, package in enumerate(packages):
        facts, line = package.facts, y + rank * 23
        yield _text(SIDE.x, line + 2, _cut(package.name, 170, 12), 12)
        yield _text(SIDE.x + SIDE.w, line + 2, f"{facts.lines:,}", 12, PALE, anchor="end")
        yield _rect(Box(SIDE.x, line + 7, SIDE.w, 4), "#f1efe9", radius=2)
        yield _rect(Box(SIDE.x, line + 7, max(3.0, SIDE.w * facts.lines / most), 4), _colour(facts.share), radius=2)


def _longest(report: Report) -> Iterator[str]:
    y = SIDE.y + 334
    yield _text(SIDE.x, y, "Longest functions", 14, bold=True)
    for rank, function in enumerate(report.total.longest):
        line = y + 22 + rank * 19
        name = _cut(function.name, 100, 12)
        yield _text(SIDE.x, line, name, 12)
        room = SIDE.w - _wide(name, 12) - _wide(f"{function.lines:,}", 12) - 20
        yield _text(SIDE.x + _wide(name, 12) + 8, line, _cut(function.file, room, 10), 10, PALE)
        yield _text(SIDE.x + SIDE.w, line, f"{function.lines:,}", 12, PALE, anchor="end")


def _calls(report: Report) -> Iterator[str]:
    calls = sorted(report.total.calls.items(), key=lambda call: (-call[1], call[0]))[:12]
    y = SIDE.y + 470
    yield _text(SIDE.x, y, "Most called builtins", 14, bold=True)
    for rank, (name, count) in enumerate(calls):
        column, row = divmod(rank, 6)
        wide = SIDE.w / 2 - 10
        x, line = SIDE.x + column * (wide + 20), y + 22 + row * 19
        yield _text(x, line, _cut(name, wide - _wide(f"{count:,}", 12) - 8, 12), 12)
        yield _text(x + wide, line, f"{count:,}", 12, PALE, anchor="end")


# --- marks ------------------------------------------------------------------------------------------------------


def _largest(report: Report) -> list[Package]:
    found = (package for package in report.packages if package.facts.lines)
    return sorted(found, key=lambda package: (-package.facts.lines, package.name))


def _rect(box: Box, fill: str, *, radius: float = 0, opacity: float = 1) -> str:
    more = f' rx="{radius:g}"' if radius else ""
    more += f' opacity="{opacity:g}"' if opacity != 1 else ""
    return f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.w:.1f}" height="{box.h:.1f}"{more} fill="{fill}"/>'


def _text(
    x: float, y: float, text: str, size: float, fill: str = INK, *, bold: bool = False, anchor: str = "start"
) -> str:
    more = ' font-weight="bold"' if bold else ""
    more += f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{fill}"{more}>{escape(text)}</text>'


def _wide(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a text is at most, in the usual fonts."""
    ems = sum(next((wide for wide, these in _EMS if letter in these), 0.64) for letter in text)
    return ems * size * (1.13 if bold else 1)


_EMS = ((0.33, "iljI.,:;'| "), (0.41, "frt()[]-/"), (0.56, "csz_"), (0.75, "ABCDGHKNOQRUVXY&"), (1.0, "mwMW%@…"))


def _cut(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """The text, or as much of its end as there is room for."""
    if _wide(text, size, bold=bold) <= room:
        return text
    start = next((n for n in range(1, len(text)) if _wide("…" + text[n:], size, bold=bold) <= room), len(text))
    return "…" + text[start:]


def _colour(share: float) -> str:
    low, high = (SCALE[0], SCALE[1]) if share < 0.5 else (SCALE[1], SCALE[2])
    part = share * 2 % 1 if share < 1 else 1.0
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(low, high, strict=True))


def _on(share: float) -> str:
    return "#ffffff" if share > 0.62 else INK
