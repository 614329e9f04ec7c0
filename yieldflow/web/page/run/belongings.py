"""What belongs to a run: its open hooks, payloads that nothing has received, child runs, data, and who works on it.

Tokens of hooks are never shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from yieldflow import identity
from yieldflow.cli.layout import STATES
from yieldflow.core.path import show
from yieldflow.inspection.family import Kin
from yieldflow.inspection.phrases import clipped, count, span, whole
from yieldflow.web.page.html import Content, Html, el
from yieldflow.web.page.pieces import ago, badge, card, facts, status_badge, table
from yieldflow.web.page.run.sight import Sight
from yieldflow.web.page.run.values import value

_MOST = 100  # rows of a table


def belongings(sight: Sight) -> Iterator[Html]:
    yield from _hooks(sight)
    yield from _unread(sight)
    yield from _children(sight)
    yield from _data(sight)
    yield from _work(sight)


def _hooks(sight: Sight) -> Iterator[Html]:
    if not sight.seen.hooks:
        return
    waited = _waited(sight)
    rows = [
        el(
            "tr",
            el("th", el("code", hook.name, class_="id"), scope="row"),
            el("td", "opened ", ago(hook.since, sight.seen.now)),
            el("td", _answer(hook.name, sight) if hook.name in waited else el("span", "open", class_="muted")),
        )
        for hook in sight.seen.hooks[:_MOST]
    ]
    shown = table("Hooks that the run has opened", ("hook", "since", "answer"), rows)
    yield card("Open hooks", shown, _more(len(sight.seen.hooks)), id="run-hooks")


def _waited(sight: Sight) -> set[str]:
    """Those that the run waits at now: a moment of the past cannot be answered."""
    if not sight.seen.live:
        return set()
    return {one.item.name for one in sight.seen.situations if one.item.kind == "hook"}


def _answer(name: str, sight: Sight) -> Html:
    text = "answer it" if sight.visit.may_change else "look at it"
    return el("a", text, href=sight.visit.link("hooks", sight.chain, name), class_="button")


def _unread(sight: Sight) -> Iterator[Html]:
    unread = sight.seen.unread
    if not unread:
        return
    rows = [
        el(
            "tr",
            el("th", event.name, scope="row", class_="id"),
            el("td", ago(event.at, sight.seen.now)),
            el("td", el("a", f"event {position:,}", href=sight.here(at=position), data_swap=True)),
            el("td", value(sight, event.payload, position)),
        )
        for position, event in islice(unread.items(), _MOST)
    ]
    heads = ("hook", "came", "at", "payload")
    shown = table("Payloads that nothing has received", heads, rows)
    yield card("Payloads that nothing has received", shown, _more(len(unread)), id="run-unread")


def _children(sight: Sight) -> Iterator[Html]:
    family = sight.seen.children
    if family.children:
        tree = _kin(family.children, family.more, sight)
        yield card("Child runs", tree, id="run-children")


def _kin(children: Sequence[Kin], more: int, sight: Sight) -> Html:
    left = el("li", f"… and {more:,} more", class_="muted") if more else None
    return el("ul", [_child(kin, sight) for kin in children], left, class_="run-kin")


def _child(kin: Kin, sight: Sight) -> Html:
    mark = STATES[kin.state][0]
    status = badge(mark, kin.state, "quiet") if kin.status is None else status_badge(kin.status)
    name = el("a", clipped(kin.item.label, 60), href=sight.visit.link("runs", kin.run_id))
    told = el("span", el("span", kin.run_id, class_="id"), _since(kin, sight), class_="muted")
    below = _kin(kin.children, kin.more, sight) if kin.children or kin.more else None
    return el("li", status, " ", name, " ", told, below)


def _since(kin: Kin, sight: Sight) -> str:
    detached = ", detached" if kin.item.detached else ""
    if kin.status is None or kin.since is None:
        return detached + (", not started yet" if sight.seen.live and kin.state == "open" else "")
    seen = sight.seen
    took = f", since {whole(seen.now - kin.since)}" if kin.until is None else f", took {span(kin.until - kin.since)}"
    return detached + took + ("" if kin.blocked is None else f": {sight.discreet_of_another(kin.blocked)}")


def _data(sight: Sight) -> Iterator[Html]:
    kept = sight.seen.timeline.run.data
    if kept:
        positions = {item.name: item.position for item in sight.seen.items if item.kind == "data"}
        pairs = [(key, value(sight, encoded, positions.get(key))) for key, encoded in islice(kept.items(), _MOST)]
        yield card("Data", facts(pairs), _more(len(kept)), id="run-data")


def _work(sight: Sight) -> Iterator[Html]:
    seen, rows = sight.seen, list[Html]()
    for claim in seen.claims[:_MOST]:
        item, left = seen.timeline.items.get(claim.path), claim.until - seen.now
        lease = f"lease ends in {whole(left)}" if left > 0 else f"lease ended {whole(-left)} ago"
        rows.append(
            el(
                "tr",
                el("th", show(claim.path), " ", "" if item is None else clipped(item.label, 60), scope="row"),
                el("td", "on worker ", el("span", identity.short(claim.worker), class_="id")),
                el("td", f"since {whole(seen.now - claim.since)}, attempt {claim.work.attempt}, {lease}"),
            )
        )
    for queue, number in seen.free.items():
        if number:
            waits = f"{count(number, 'step')} for a worker to take"
            rows.append(el("tr", el("th", f"queue {queue}", scope="row"), el("td", waits), el("td")))
    if rows:
        heads = ("what", "where", "how long")
        yield card("Work", table("Who works on it", heads, rows), _more(len(seen.claims)), id="run-work")


def _more(length: int) -> Content:
    return el("p", f"… and {length - _MOST:,} more", class_="muted") if length > _MOST else None
