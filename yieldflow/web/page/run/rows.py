"""The time line: what the run has asked for, a row each in the order of paths, with bars over time.

The bars are those of the whole history, so that they stand still while one slides through it; the words beside them
are of the moment that is looked at. A row opens to its arguments, its answer and its attempts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from yieldflow.core.path import Path, parse, show
from yieldflow.inspection.phrases import clipped, count, span
from yieldflow.inspection.timeline import Item
from yieldflow.ports import Claimed
from yieldflow.web.page.html import Content, Html, el
from yieldflow.web.page.pieces import empty
from yieldflow.web.page.run.chart import Axis, Stretch, even, stretches
from yieldflow.web.page.run.item import opened
from yieldflow.web.page.run.sight import Sight
from yieldflow.web.page.run.wording import ended, labelled, mark, situated

MOST_ROWS = 100
_DEEPEST = 6  # indents
_LONGEST_LABEL = 60
_AXIS = {"scope": "col", "role": "columnheader", "class_": "run-axis"}
_THINNEST = 0.4  # of 100: what took no time is seen, too
_HEADS = ("path", "what", "how it stands", "took", "over time")
_LEGEND = "thin: it waits · dashed: until the next attempt · full: an attempt · ✗ it failed · ! its worker was lost"
_ONLY = {"open": "open", "failed": "failed or tried again"}


def rows(sight: Sight) -> Html:
    whole = sight.story.timeline.items
    fitting = [path for path in sorted(whole) if _fits(whole[path], sight.visit.query.get("only"))]
    first = _first(fitting, sight)
    shown = fitting[first : first + MOST_ROWS]
    return el(
        "section",
        el("h2", "Time line"),
        _choices(sight),
        _table(shown, sight) if shown else empty(_nothing(sight)),
        _others(len(fitting), first, sight),
        el("p", _LEGEND, class_="run-legend") if shown else None,
        class_="card",
        id="run-line",
    )


def _fits(item: Item, only: str | None) -> bool:
    match only:
        case "open":
            return item.state == "open"
        case "failed":
            return item.state == "failed" or bool(item.failed)
        case _:
            return True


def _nothing(sight: Sight) -> str:
    return "Nothing fits." if sight.story.timeline.items else "It has asked for nothing yet."


def _first(fitting: Sequence[Path], sight: Sight) -> int:
    """Of the rows that were asked for, or of those around the moment."""
    asked = sight.visit.query.get("row", "")
    last = max(0, len(fitting) - MOST_ROWS)
    if asked.isdecimal() and len(asked) < 9:
        return min(int(asked), last)
    focus = _focus(sight)
    place = next((at for at, path in enumerate(fitting) if path == focus), 0 if focus else len(fitting))
    return max(0, min(place - MOST_ROWS // 2, last))


def _focus(sight: Sight) -> Path | None:
    item = _asked(sight)
    if item is not None:
        return item
    words = sight.story.words
    if sight.at is not None and 0 < sight.seen.position <= len(words) and words[sight.seen.position - 1].path:
        return parse(words[sight.seen.position - 1].path)
    return sight.seen.situations[0].item.path if sight.seen.situations else None


def _asked(sight: Sight) -> Path | None:
    try:
        return parse(sight.visit.query.get("item", "")) or None
    except ValueError:
        return None


def _choices(sight: Sight) -> Html:
    only, scale = sight.visit.query.get("only"), sight.visit.query.get("scale")
    links = [_choice("all", sight.here(only=None), chosen=only not in _ONLY)]
    links += [_choice(text, sight.here(only=name), chosen=only == name) for name, text in _ONLY.items()]
    scales = [
        _choice("by time", sight.here(scale=None), chosen=scale != "events"),
        _choice("by event", sight.here(scale="events"), chosen=scale == "events"),
    ]
    return el("div", el("span", links, class_="run-choice"), el("span", scales, class_="run-choice"), class_="toolbar")


def _choice(text: str, href: str, *, chosen: bool) -> Html:
    return el("a", text, href=href, data_swap=True, aria_current="true" if chosen else None)


def _others(length: int, first: int, sight: Sight) -> Content:
    if length <= MOST_ROWS:
        return None
    to = min(length, first + MOST_ROWS)
    earlier = sight.here(row=max(0, first - MOST_ROWS))
    return el(
        "p",
        el("a", "« earlier paths", href=earlier, data_swap=True) if first else None,
        f" {first + 1:,} to {to:,} of {count(length, 'row')} ",
        el("a", "later paths »", href=sight.here(row=to), data_swap=True) if to < length else None,
        class_="muted",
    )


# --- the table --------------------------------------------------------------------------------------------------------


@frozen
class _Frame:
    axis: Axis
    playhead: float | None
    claims: dict[Path, Claimed]
    open: Path | None


def _table(paths: Sequence[Path], sight: Sight) -> Html:
    log = sight.story.known.log
    frame = _Frame(
        _axis(sight),
        None if sight.at is None else _axis(sight).place(sight.seen.now),
        {claim.path: claim for claim in log.claimed},
        _asked(sight),
    )
    heads = [el("th", name, scope="col", role="columnheader") for name in _HEADS[:-1]]
    last = el("th", el("span", _HEADS[-1], class_="unseen"), _ticks(frame), **_AXIS)
    body = [row for path in paths for row in _rows(sight.story.timeline.items[path], frame, sight)]
    return el(
        "table",
        el("caption", "What the run asked for, in the order of paths", class_="unseen"),
        el("thead", el("tr", *heads, last, role="row"), role="rowgroup"),
        el("tbody", body, role="rowgroup"),
        class_="run-table",
        role="table",  # on a phone its rows are grids, which some browsers take for no table
    )


def _axis(sight: Sight) -> Axis:
    events = sight.story.known.events
    start = sight.seen.summary.started_at if not events else events[0].at
    finished = sight.story.timeline.run.ended
    end = max(sight.now, start) if finished is None else max(finished.at, start)
    if sight.visit.query.get("scale") == "events":
        return even(start, [event.at for event in events], end)
    return Axis(start, end)


def _rows(whole: Item, frame: _Frame, sight: Sight) -> Iterator[Html]:
    item = sight.seen.timeline.items.get(whole.path)
    one = None if item is None else sight.doing.get(item.path)
    is_open = frame.open == whole.path
    path = show(whole.path)
    depth = min(_DEEPEST, len(whole.path) // 2)
    label = el(
        "a",
        clipped(labelled(whole), _LONGEST_LABEL),
        href=f"{sight.here(item=None if is_open else path)}#run-item",
        data_swap=True,
        aria_expanded="true" if is_open else "false",
    )
    sign = el("span", " " if item is None else mark(item, one), class_="mark", aria_hidden="true")
    said = (
        "not asked yet" if item is None else sight.told(situated(one)) if one is not None else sight.veiled(ended(item))
    )
    yield el(
        "tr",
        el("td", path, class_="num muted", role="cell"),
        el("th", el("span", sign, " ", label), scope="row", role="rowheader", class_=f"depth-{depth}"),
        el("td", el("span", said, class_="run-cut"), class_="run-state", role="cell"),
        el("td", _took(item), class_="num", role="cell"),
        el("td", _bars(whole, frame, sight), class_="run-bars", role="cell"),
        class_=f"{_tone(item, one.doing if one else None)}{' unfolded' if is_open else ''}",
        id="run-item" if is_open else None,
        role="row",
    )
    if is_open:
        inside = el("td", opened(whole.path, sight), colspan=len(_HEADS), role="cell")
        yield el("tr", inside, class_="run-opened", role="row")


def _tone(item: Item | None, doing: str | None) -> str:
    if item is None:
        return "later"
    return doing or item.state.replace(" ", "-")


def _took(item: Item | None) -> Content:
    if item is None or item.ended_at is None:
        return None
    since = item.began_at if item.began_at is not None else item.issued_at
    return span(item.ended_at - since)


# --- the bars ---------------------------------------------------------------------------------------------------------


def _ticks(frame: _Frame) -> Html:
    marks: list[Html] = []
    for at, text in frame.axis.ticks():
        anchor = "start" if at < 8 else "end" if at > 92 else "middle"
        marks += [
            el("line", x1=f"{at:.2f}%", x2=f"{at:.2f}%", y1=14, y2=18),
            el("text", text, x=f"{at:.2f}%", y=11, text_anchor=anchor),
        ]
    return el("svg", marks, width="100%", height=18, class_="run-ticks", aria_hidden="true")


def _bars(item: Item, frame: _Frame, sight: Sight) -> Html:
    claim = frame.claims.get(item.path) if item.state == "open" else None
    parts = [_bar(one, frame.axis, sight) for one in stretches(item, claim, sight.now)]
    lines = [el("line", x1=f"{at:.2f}%", x2=f"{at:.2f}%", y1=0, y2=20, class_="tick") for at, _ in frame.axis.ticks()]
    return el("svg", lines, parts, _playhead(frame), width="100%", height=20, class_="run-bar", aria_hidden="true")


def _bar(one: Stretch, axis: Axis, sight: Sight) -> Content:
    start, end = axis.place(one.start), axis.place(one.end)
    title = el("title", sight.veiled(one.text))
    match one.kind:
        case "waits" | "pause":
            if one.end <= one.start:
                return None
            return el("line", title, x1=f"{start:.2f}%", x2=f"{end:.2f}%", y1=10, y2=10, class_=f"bar {one.kind}")
        case "mark":
            return el("circle", title, cx=f"{start:.2f}%", cy=10, r=3, class_="bar mark")
        case "gone":
            return el("text", title, "⊘", x=f"{end:.2f}%", y=14, class_="bar gone")
        case _:
            wide = max(_THINNEST, end - start)
            x, width = f"{min(start, 100 - wide):.2f}%", f"{wide:.2f}%"
            bar = el("rect", title, x=x, y=4, width=width, height=12, rx=2, class_=f"bar {one.kind}")
            sign = {"failed": "✗", "lost": "!"}.get(one.kind)
            return bar if sign is None else [bar, el("text", sign, x=f"{end:.2f}%", y=14, class_=f"sign {one.kind}")]


def _playhead(frame: _Frame) -> Content:
    """What is later than the moment is veiled."""
    at = frame.playhead
    if at is None:
        return None
    veil = el("rect", x=f"{at:.2f}%", y=0, width=f"{100 - at:.2f}%", height=20, class_="veil")
    return [veil, el("line", x1=f"{at:.2f}%", x2=f"{at:.2f}%", y1=0, y2=20, class_="playhead")]
