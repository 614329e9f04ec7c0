"""One thing that a run asked for, opened: its arguments and its answer, its attempts with their errors, its times."""

from __future__ import annotations

from collections.abc import Iterator

from yieldflow import identity
from yieldflow.core.outcome import Failure
from yieldflow.core.path import Path
from yieldflow.inspection.phrases import clipped, count, error, kind, span
from yieldflow.inspection.situations import attempt
from yieldflow.inspection.timeline import Item, Try
from yieldflow.web.page.html import Content, Html, el
from yieldflow.web.page.pieces import facts, moment
from yieldflow.web.page.run.sight import Sight
from yieldflow.web.page.run.values import given, trace, value

_LONGEST_MESSAGE = 2_000
_ONE = 12_000  # characters of a value


def opened(path: Path, sight: Sight) -> Html:
    item = sight.seen.timeline.items.get(path)
    if item is None:
        asked = sight.story.timeline.items[path].position
        event = el("a", f"event {asked:,}", href=sight.here(at=asked), data_swap=True)
        return el("p", "It had not been asked for at that moment; it was with ", event, ".", class_="muted")
    return el("div", facts(_facts(item, sight)), _attempts(item, sight), _last_error(item, sight), class_="run-one")


def _facts(item: Item, sight: Sight) -> Iterator[tuple[str, Content]]:
    yield "Asked", [moment(item.issued_at), ", ", _event(item.position, sight)]
    yield "Name", el("span", item.name, class_="id")
    if item.kind == "step":
        yield "Queue", item.queue
        yield "Attempt", attempt(item) + (f", {count(item.losses, 'worker')} lost" if item.losses else "")
    if item.wakes_at is not None and item.ended_at is None:
        yield "Next attempt" if item.kind == "step" else "Ends", moment(item.wakes_at)
    if item.ended_at is not None:
        answer = sight.story.answers.get(item.path)
        began: Content = [moment(item.began_at), " to "] if item.began_at is not None else None
        event: Content = [", ", _event(answer, sight)] if answer is not None else None
        yield "Ended", [began, moment(item.ended_at), event]
    if item.worker is not None:
        yield "Worker", identity.short(item.worker)
    if item.run_id is not None:
        yield "Child run", el("a", item.run_id, href=sight.visit.link("runs", item.run_id), class_="id")
    if item.given is not None:
        shown = given if item.kind in ("step", "child") else value
        yield "Value" if item.kind in ("data", "send") else "Given", shown(sight, item.given, item.position, _ONE)
    if item.answer is not None:
        yield "Answer", value(sight, item.answer, sight.story.answers.get(item.path), _ONE)


def _event(number: int, sight: Sight) -> Html:
    return el("a", f"event {number:,}", href=sight.here(at=number), data_swap=True)


def _attempts(item: Item, sight: Sight) -> Content:
    if not item.failed:
        return None
    heads = [el("th", name, scope="col") for name in ("attempt", "failed at", "after", "worker", "error")]
    return el(
        "table",
        el("caption", "Attempts that failed"),
        el("thead", el("tr", heads)),
        el("tbody", [_try(one, sight) for one in item.failed]),
        class_="list",
    )


def _try(one: Try, sight: Sight) -> Html:
    return el(
        "tr",
        el("th", "worker lost" if one.lost else str(one.number), scope="row"),
        el("td", moment(one.at), data_label="failed at"),
        el("td", None if one.took is None else span(one.took), data_label="after"),
        el("td", None if one.worker is None else identity.short(one.worker), data_label="worker"),
        el("td", sight.veiled(error(one.failure, 500)), data_label="error"),
    )


def _last_error(item: Item, sight: Sight) -> Content:
    if item.error is None:
        return None
    return [el("h3", "Last error"), failure(item.error, sight, sight.story.answers.get(item.path))]


def failure(found: Failure, sight: Sight, event: int | None) -> Html:
    text = clipped(sight.veiled(found.message), _LONGEST_MESSAGE)
    message = [el("b", kind(found)), f": {text}" if text else None]
    return el("div", el("p", message, class_="run-error"), trace(sight, found.traceback, event))
