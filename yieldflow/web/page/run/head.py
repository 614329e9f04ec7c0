"""The head of the page: how the run stands and why, what to do about it, and where it comes from.

The sentences are those of the inspection. Of the past it says how the run stood then, and how it stands now beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yieldflow.cli.layout import DOING
from yieldflow.core.chain import chain_of, generation
from yieldflow.core.events import Cause, ForkOf, Next, RetryOf
from yieldflow.core.outcome import ContinuedAs, Ok
from yieldflow.core.path import show
from yieldflow.inspection.phrases import clipped, count, span, when
from yieldflow.inspection.situations import MOST_NAMED, ORDER, because
from yieldflow.web.page.html import Content, Html, el, joined
from yieldflow.web.page.pieces import ago, facts, moment, note, status_badge
from yieldflow.web.page.run.actions import toolbar_of
from yieldflow.web.page.run.sight import Sight, by_generation
from yieldflow.web.page.run.values import given, value

_LONGEST_TAG = 200
_MOST_PATCHES = 20


def head(sight: Sight) -> Html:
    seen = sight.seen
    return el(
        "section",
        el("h2", "How it stands", class_="unseen"),
        el("p", status_badge(seen.status), " ", _named(sight), class_="run-name"),
        _past(sight),
        _why(sight),
        _advice(sight),
        toolbar_of(sight),
        facts(_facts(sight), id="run-facts"),
        class_=f"card run-head {seen.status}",
        id="run-head",
    )


def _named(sight: Sight) -> Html:
    seen = sight.seen
    version = "" if seen.version is None else f", version {seen.version}"
    newer = None
    if seen.newer is not None:
        newer = el("span", f"the code at hand is version {seen.newer}", class_="badge warn")
    listed = el("a", seen.summary.workflow, href=sight.visit.link("runs", workflow=seen.summary.workflow), class_="id")
    return joined([listed, version, " ", newer or ""])


def _past(sight: Sight) -> Content:
    seen = sight.seen
    if sight.at is None or seen.position == seen.length:
        return None
    now = el("a", "see how it stands now", href=sight.here(at=None))
    then = f"As it stood after event {seen.position:,} of {seen.length:,}, "
    return note("info", then, moment(seen.now), f". It is {sight.status} now: ", now, ".")


def _why(sight: Sight) -> Html:
    parts = _parts(sight)
    if len(parts) > 1:
        items = [el("li", el("span", mark, class_="mark", aria_hidden="true"), " ", text) for mark, text in parts]
        return el("ul", items, class_="run-why several")
    lines = sight.told(sight.seen.why).splitlines() or [""]
    first = el("p", lines[0], class_="run-why")
    return el("div", first, el("pre", "\n".join(lines[1:]), class_="code run-reason") if lines[1:] else None)


def _parts(sight: Sight) -> Sequence[tuple[str, str]]:
    """The sentence, part by part, if it is one about several things that the run waits for."""
    why, found = sight.seen.why, sight.seen.situations
    together = because(found)
    if not together or not why.endswith(together):
        return ()
    before = why.removesuffix(together).removesuffix("; ")
    parts = [(DOING[doing][0], because([one for one in found if one.doing == doing])) for doing in ORDER]
    told = [(mark, sight.told(text)) for mark, text in parts if text]
    return [("⊘", before), *told] if before else told


def _advice(sight: Sight) -> Content:
    lines = [el("li", advice) for advice in sight.seen.advice]
    if sight.seen.live and sight.visit.may_change:
        lines += _answers(sight)
    return el("ul", lines, class_="run-advice") if lines else None


def _answers(sight: Sight) -> Iterator[Html]:
    """The first of the hooks that are open; all of them stand below."""
    names = sorted({one.item.label for one in sight.seen.situations if one.doing == "hook"})
    for name in names[:MOST_NAMED]:
        link = sight.visit.link("hooks", sight.chain, name)
        yield el("li", el("a", f"answer hook {name} here", href=link))
    if len(names) > MOST_NAMED:
        more = f"… and {count(len(names) - MOST_NAMED, 'more hook', 'more hooks')}"
        yield el("li", el("a", more, href="#run-hooks"))


def _facts(sight: Sight) -> Iterator[tuple[str, Content]]:
    seen = sight.seen
    summary, run, started = seen.summary, seen.timeline.run, seen.timeline.run.started
    yield "Started", ago(summary.started_at, sight.now)
    if run.ended is not None:
        took = span(run.ended.at - summary.started_at)
        yield "Ended", [ago(run.ended.at, sight.now), f", it took {took}"]
    steps = f"{seen.timeline.completed:,} of {count(seen.timeline.steps, 'known step')} done"
    yield "Progress", f"{steps}, {count(seen.position, 'event')}"
    yield "Queue", summary.queue
    if seen.alarm is not None:
        yield "Next look", ago(seen.alarm, seen.now)
    if started is not None and started.deadline is not None and run.ended is None:
        yield "Deadline", when(started.deadline, seen.now)
    if started is not None and started.parent is not None:
        parent = started.parent
        href = by_generation(sight.visit, parent.run_id, item=show(parent.path))
        link = el("a", parent.run_id, href=href, class_="id")
        yield "Child of", [link, f" at {show(parent.path)}", ", which does not wait for it" if parent.detached else ""]
    if started is not None and started.cause is not None:
        yield _cause(sight, started.cause)
    yield from _generations(sight)
    yield from _marks(sight)


def _cause(sight: Sight, cause: Cause) -> tuple[str, Content]:
    name = cause.run_id
    link = el("a", name, href=by_generation(sight.visit, name), class_="id")
    match cause:
        case Next():
            return "Goes on from", link
        case RetryOf(position=position):
            at = el("a", count(position, "event"), href=by_generation(sight.visit, name, at=position))
            return "Retry of", [link, ", which failed; its first ", at, " are shared"]
        case ForkOf(position=position, replaced=replaced):
            at = el("a", count(position, "event"), href=by_generation(sight.visit, name, at=position))
            others = f", with other answers at {', '.join(map(show, replaced))}" if replaced else ""
            return "Fork of", [link, ", the first ", at, others]


def _generations(sight: Sight) -> Iterator[tuple[str, Content]]:
    """The earlier one, the later one: a run that is continued or retried goes on under the same id."""
    chain, number = chain_of(sight.run_id)
    links: list[Html | str] = []
    if number > 1:
        links.append(el("a", f"« {number - 1}", href=by_generation(sight.visit, generation(chain, number - 1))))
    links.append(f"{number}")
    newest = sight.newest
    if newest > number:
        links.append(el("a", f"{number + 1} »", href=by_generation(sight.visit, generation(chain, number + 1))))
        links.append(el("a", f"newest: {newest}", href=sight.visit.link("runs", chain)))
    if newest > 1:
        yield "Generation", joined(links, " · ")
    outcome = sight.seen.outcome
    if isinstance(outcome, ContinuedAs):
        yield "Went on as", el("a", outcome.run_id, href=by_generation(sight.visit, outcome.run_id), class_="id")


def _marks(sight: Sight) -> Iterator[tuple[str, Content]]:
    seen = sight.seen
    started, outcome = seen.timeline.run.started, seen.outcome
    if seen.summary.tags:
        tags = [
            el("a", clipped(text, _LONGEST_TAG), href=sight.visit.link("runs", tag=text), class_="tag")
            for text in (f"{key}={tag}" for key, tag in seen.summary.tags.items())
        ]
        yield "Tags", joined(tags, " ")
    patches = [item.name for item in seen.items if item.kind == "patch"]
    if patches:
        yield "Patches", clipped(", ".join(patches[:_MOST_PATCHES]), 500)
    if started is not None:
        yield "Arguments", given(sight, started.arguments, 1)
    if isinstance(outcome, Ok):
        yield "Result", value(sight, outcome.value, seen.position)
