"""The source of the program with its arrows: where each branch waits and for what, and the local variables there.

Of a run that failed: the lines that its error passed. What code is blocked by is told in the words of the inspection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from keyword import kwlist

from yieldflow.cli.layout import DOING, near
from yieldflow.core.outcome import Err
from yieldflow.core.path import show
from yieldflow.inspection.branches import Waiting
from yieldflow.inspection.phrases import clipped
from yieldflow.web.page.html import Content, Html, el, joined
from yieldflow.web.page.pieces import empty, note
from yieldflow.web.page.run.listing import Frame, Listing, listings
from yieldflow.web.page.run.sight import Sight
from yieldflow.web.page.run.values import hidden, trace
from yieldflow.web.page.run.wording import labelled, situated

MOST_BRANCHES = 10
_MOST_OPEN = 5  # of one branch
_MOST_NAMED = 60  # branches whose source is left out
_MOST_FRAMES = 8  # of one function, whose variables are shown
_LONGEST_VARIABLE = 100  # characters that are shown at once
_THE_WORKFLOW = "the workflow"
_PARTS = re.compile(r"(?P<s>[rbf]{0,2}(?:\"[^\"]*\"|'[^']*'))|(?P<c>#.*)|\b(?P<y>yield(?: from)?)\b|\b(?P<k>[a-z]+)\b")
_WORDS = {*kwlist, "match", "case"}


def source(sight: Sight) -> Html:
    seen = sight.seen
    branches = {_called(branch): branch for branch in seen.branches[:MOST_BRANCHES]}
    frames = [
        Frame(name, line, here=line is branch.lines[-1]) for name, branch in branches.items() for line in branch.lines
    ]
    raised = [Frame("error", line, here=line is seen.raised[-1]) for line in seen.raised]
    made = listings([*frames, *raised])
    return el(
        "section",
        el("h2", "Where it failed" if _has_failed(sight) else "Where its program waits"),
        _problem(sight),
        [_listing(one, branches, sight) for one in made],
        _others(seen.branches[MOST_BRANCHES:]),
        _failure(sight),
        None if made or _has_failed(sight) or seen.code is not None else empty(_nothing(sight)),
        class_="card",
        id="run-source",
    )


def _has_failed(sight: Sight) -> bool:
    return isinstance(sight.seen.outcome, Err)


def _nothing(sight: Sight) -> str:
    if sight.seen.outcome is not None:
        return "It has ended, so its program waits nowhere. The slider shows where it waited at any moment."
    return "Its program has not begun."


def _problem(sight: Sight) -> Content:
    """Why there are no lines, or why the code cannot go on; not twice, if the head says so."""
    code = sight.seen.code
    if code is None or sight.seen.why.endswith(code):
        return None
    harmless = code.startswith("the code of workflow ")
    lines = (code if harmless else sight.discreet(code)).splitlines()
    hint = "is not at hand" in code
    advice = "Start yieldflow web with the module that defines it: yieldflow web -m MODULE." if hint else None
    rest = el("pre", "\n".join(lines[1:]), class_="code") if lines[1:] else None
    return note("warn", el("p", lines[0]), rest, el("p", advice, class_="muted") if advice else None)


def _called(branch: Waiting) -> str:
    return f"branch {show(branch.path)}" if branch.path else _THE_WORKFLOW


def _others(branches: Sequence[Waiting]) -> Content:
    if not branches:
        return None
    rows = [
        el("li", f"{_called(one)} waits for {clipped(one.waits_for, 80)}", _line_of(one))
        for one in branches[:_MOST_NAMED]
    ]
    more = el("li", f"… and {len(branches) - _MOST_NAMED:,} more") if len(branches) > _MOST_NAMED else None
    title = f"{len(branches):,} more branches that wait"
    return el("details", el("summary", title), el("ul", rows, more, class_="run-others"), id="run-others")


def _line_of(branch: Waiting) -> Content:
    if not branch.lines:
        return None
    line = branch.lines[-1]
    return el("span", f" {near(line.file)}:{line.line}", class_="muted")


# --- a function -------------------------------------------------------------------------------------------------------


def _listing(listing: Listing, branches: dict[str, Waiting], sight: Sight) -> Html:
    title = el("h3", el("code", listing.function), " ", el("span", near(listing.file), class_="muted id"))
    rows = [_gap() if line is None else _row(*line, listing, branches, sight) for line in listing.lines]
    lines = el("ol", rows, class_="run-lines", role="list") if rows else _unreadable(listing)
    return el("div", el("div", title, lines, class_="run-code"), _variables(listing, sight), class_="run-listing")


def _unreadable(listing: Listing) -> Html:
    numbers = ", ".join(str(number) for number in sorted(listing.arrows))
    return el("p", f"line {numbers} (the file cannot be read)", class_="muted")


def _gap() -> Html:
    return el("li", el("span", "⋮", class_="run-no"), class_="run-gap", aria_hidden="true")


def _row(number: int, text: str, listing: Listing, branches: dict[str, Waiting], sight: Sight) -> Html:
    frames = listing.arrows.get(number, ())
    here = any(frame.here for frame in frames)
    arrow = "→" if here else "↳" if frames else ""
    said = [_said(frame, branches, sight) for frame in frames]
    return el(
        "li",
        el("span", el("span", arrow, class_="run-arrow"), str(number), class_="run-no"),
        el("code", _painted(text)),
        said or None,
        class_="here" if here else "through" if frames else None,
    )


def _said(frame: Frame, branches: dict[str, Waiting], sight: Sight) -> Html:
    """What stands below an arrow."""
    name = el("b", frame.branch)
    branch = branches.get(frame.branch)
    if branch is None:
        return el("span", name, " passed here" if not frame.here else " was raised here", class_="run-said bad")
    if not frame.here:
        return el("span", name, " is in what is called here", class_="run-said quiet")
    return el("span", name, f" waits for {clipped(branch.waits_for, 120)}", _open(branch, sight), class_="run-said")


def _open(branch: Waiting, sight: Sight) -> Content:
    """Why each of the commands that it waits for is not answered."""
    found = [sight.doing[path] for path in branch.open if path in sight.doing]
    if not found:
        return None
    rows = [
        el(
            "span",
            el("span", DOING[one.doing][0], class_="mark", aria_hidden="true"),
            " ",
            el("a", f"{show(one.item.path)} {clipped(labelled(one.item), 60)}", href=_item(sight, show(one.item.path))),
            f": {sight.told(situated(one))}",
            class_=f"run-open {one.doing}",
        )
        for one in found[:_MOST_OPEN]
    ]
    more = len(found) - _MOST_OPEN
    return [rows, el("span", f"… and {more:,} more", class_="run-open")] if more > 0 else rows


def _item(sight: Sight, path: str) -> str:
    return f"{sight.here(item=path)}#run-item"


def _painted(text: str) -> Html:
    """Strings, comments and the words of Python; what waits stands out."""
    parts: list[Html | str] = []
    end = 0
    for found in _PARTS.finditer(text):
        kind = found.lastgroup or ""
        if kind == "k" and found[0] not in _WORDS:
            continue
        parts += [text[end : found.start()], el("span", found[0], class_=f"py-{kind}")]
        end = found.end()
    return joined([*parts, text[end:]])


# --- its variables ----------------------------------------------------------------------------------------------------


def _variables(listing: Listing, sight: Sight) -> Content:
    shown = [frame for frame in listing.frames if frame.line.variables][:_MOST_FRAMES]
    if not shown:
        return None
    alone = len(listing.frames) == 1
    more = sum(bool(frame.line.variables) for frame in listing.frames) - len(shown)
    return el(
        "div",
        [_frame(frame, sight, alone=alone) for frame in shown],
        el("p", f"… and those of {more:,} more", class_="muted") if more else None,
        class_="run-locals",
    )


def _frame(frame: Frame, sight: Sight, *, alone: bool) -> Html:
    title = "local variables" if alone else f"{frame.branch}, line {frame.line.line}"
    rows = list(_pairs(frame, sight))
    return el("div", el("h4", title), el("dl", rows, class_="run-vars"))


def _pairs(frame: Frame, sight: Sight) -> Iterator[Html]:
    for variable in frame.line.variables:
        text = (
            hidden()
            if not sight.visit.shows_payloads and variable.name != "…"
            else _text(sight.veiled(variable.text), sight)
        )
        yield el("div", el("dt", el("code", variable.name)), el("dd", text))


def _text(text: str, sight: Sight) -> Html:
    if len(text) <= _LONGEST_VARIABLE:
        return el("code", text)
    if not sight.room.take(len(text)):
        return el("code", clipped(text, _LONGEST_VARIABLE))
    short = el("summary", el("code", clipped(text, _LONGEST_VARIABLE)))
    return el("details", short, el("code", text, class_="run-whole"))


# --- a failure --------------------------------------------------------------------------------------------------------


def _failure(sight: Sight) -> Content:
    """The traceback of the step that it came from; of the workflow itself, if its lines are not shown."""
    ended = sight.seen.timeline.run.ended
    if ended is None or not isinstance(ended.outcome, Err):
        return None
    item = None if ended.origin is None else sight.seen.timeline.items.get(ended.origin)
    failure = ended.outcome.failure if item is None or item.error is None else item.error
    if failure.traceback is None or (item is None and sight.seen.raised):
        return None
    where = "the workflow" if item is None else labelled(item)
    return [el("h3", f"Traceback of {clipped(where, 80)}"), trace(sight, failure.traceback, sight.seen.position)]
