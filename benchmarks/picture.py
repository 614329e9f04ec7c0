"""The picture of docs/performance.md as SVG: sequential steps a second, each system a bar. Only computes.

It has no background, and colours that can be read on a light page and on a dark one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from statistics import median
from typing import Any

NOTHING = "nothing"  # how the durability of what is only in memory begins
PANELS = (("sequential", "Redis or a server"), ("embedded", "One SQLite file, no server"))
WIDTH, LEFT, RIGHT, LINE, HEAD = 880, 340, 80, 26, 44
INK, OWN, OTHER = "#6e7781", "#1a9c78", "#8c959f"  # each is seen on white and on black
STYLE = f"""<style>
text {{ font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: {INK}; }}
.head {{ font-weight: 600; font-size: 15px; }}
.own {{ fill: {OWN}; }} .other {{ fill: {OTHER}; }}
.spread {{ stroke: {INK}; stroke-width: 2; }}
</style>"""


def draw(results: Mapping[str, Any]) -> str:
    """The same for the same results; an empty picture says that nothing was measured."""
    panels = [(title, _bars(results[name]["sides"])) for name, title in PANELS if name in results]
    height = sum(HEAD + LINE * len(bars) + 16 for _, bars in panels) or HEAD
    parts = list(_panels(panels)) or [_text(8, 26, "Not measured yet.", "head")]
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img"'
    title = "<title>Sequential durable steps a second</title>"
    return "\n".join((f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', title, STYLE, *parts, "</svg>\n"))


Drawn = tuple[str, bool, list[float]]  # name, whether it is ours, steps/s of each round


def _bars(sides: Mapping[str, Any]) -> list[Drawn]:
    """The fastest first, of those that keep anything."""
    found = [
        (name, name.startswith("yieldflow"), side["figures"]["steps/s"])
        for name, side in sides.items()
        if side["figures"].get("steps/s") and not side["durability"].startswith(NOTHING)
    ]
    return sorted(found, key=lambda bar: -median(bar[2]))


def _panels(panels: Sequence[tuple[str, Sequence[Drawn]]]) -> Iterator[str]:
    y = 0
    for title, bars in panels:
        yield _text(8, y + 22, f"{title}: sequential steps a second", "head")
        y += HEAD
        most = max((max(values) for _, _, values in bars), default=1.0)
        for bar in bars:
            yield from _bar(bar, y, (WIDTH - LEFT - RIGHT) / most)
            y += LINE
        y += 16


def _bar(bar: Drawn, y: int, scale: float) -> Iterator[str]:
    name, own, values = bar
    wide, kind = median(values) * scale, "own" if own else "other"
    yield _text(LEFT - 8, y + 15, name, anchor="end")
    yield f'<rect class="{kind}" x="{LEFT}" y="{y + 3}" width="{max(1.0, wide):.1f}" height="16" rx="2"/>'
    low, high = LEFT + min(values) * scale, LEFT + max(values) * scale
    yield f'<path class="spread" d="M{low:.1f} {y + 21} H{max(high, low + 1):.1f}"/>'
    yield _text(LEFT + wide + 8, y + 15, f"{median(values):,.0f}")


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{named}>{escape(text)}</text>'
