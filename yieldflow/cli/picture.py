"""A run as a picture in lines: where it stands and why, its source with arrows, its children, hooks and claims.

Draws what an inspection says, and adds nothing to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from yieldflow import identity
from yieldflow.cli.chronicle import labelled, timeline, value
from yieldflow.cli.errors import visible
from yieldflow.cli.layout import STATES, STATUS, Entry, cropped, entries, heading, indented, near, nearer, packed
from yieldflow.cli.outcome import own_lines
from yieldflow.core.events import ForkOf, Next, RetryOf
from yieldflow.core.outcome import Err, Failure, Ok
from yieldflow.core.path import show
from yieldflow.inspection import Inspection
from yieldflow.inspection.branches import Line, Waiting
from yieldflow.inspection.family import Kin
from yieldflow.inspection.phrases import count, span, stamp, when, whole
from yieldflow.inspection.timeline import Item

_MOST_BRANCHES = 10
_MOST_OPEN = 5  # of one branch
_MOST_TRACE = 20  # lines of a traceback


def picture(seen: Inspection, width: int, *, payloads: bool, tokens: bool) -> Iterator[Text]:
    yield from _head(seen, width, payloads=payloads)
    yield from _code(seen, width)
    for branch in seen.branches[:_MOST_BRANCHES]:
        yield from _branch(branch, seen, width)
    if len(seen.branches) > _MOST_BRANCHES:
        yield Text(f"\n… and {len(seen.branches) - _MOST_BRANCHES:,} more branches that wait")
    yield from _failed(seen, width)
    yield from _children(seen, width)
    yield from timeline(seen, width, payloads=payloads)
    yield from _hooks(seen, width, payloads=payloads, tokens=tokens)
    yield from _work(seen, width)


# --- the head ---------------------------------------------------------------------------------------------------------


def _head(seen: Inspection, width: int, *, payloads: bool) -> Iterator[Text]:
    name = Text.assemble((visible(seen.run_id), "bold"), "  ", _named(seen), "  ", (seen.status, STATUS[seen.status]))
    yield from indented(name, 0, width)
    yield from (Text(line, style="dim") for line in packed(_facts(seen), width))
    for title, text in _marks(seen, payloads=payloads):
        yield from entries([Entry((Text(title.ljust(9), style="dim"),), Text(visible(text)))], width, 0)
    yield Text("")
    for part in visible(nearer(seen.why)).splitlines():
        yield from indented(Text(part, style="bold"), 0, width, hang=2)
    for advice in seen.advice:
        yield from indented(Text(f"• {visible(advice)}", style="green"), 2, width, hang=2)


def _named(seen: Inspection) -> str:
    version = "" if seen.version is None else f", version {seen.version}"
    return visible(f"{seen.summary.workflow}{version}" + ("" if seen.newer is None else f" (here: {seen.newer})"))


def _facts(seen: Inspection) -> list[str]:
    summary = seen.summary
    facts = [f"started {whole(seen.now - summary.started_at)} ago, {stamp(summary.started_at)}"]
    if not seen.stored:
        facts = [f"from a file: how it stood at its last event, {stamp(seen.now)}"]
    if seen.position < seen.length:
        facts = [f"as it stood after event {seen.position:,} of {seen.length:,}, {stamp(seen.now)}"]
    facts.append(f"{seen.timeline.completed:,} of {count(seen.timeline.steps, 'known step')} done")
    if seen.alarm is not None and seen.alarm > seen.now + 1_000:
        facts.append(f"next look in {whole(seen.alarm - seen.now)}")
    elif seen.alarm is not None and seen.status == "blocked":  # of others it is said why they wait
        facts.append("next look is due")
    return facts


def _marks(seen: Inspection, *, payloads: bool) -> Iterator[tuple[str, str]]:
    run, started = seen.timeline.run, seen.timeline.run.started
    if started is not None and started.parent is not None:
        detached = ", which does not wait for it" if started.parent.detached else ""
        yield "child", f"of {started.parent.run_id} at {show(started.parent.path)}{detached}"
    match None if started is None else started.cause:
        case Next(run_id):
            yield "goes on", f"from {run_id}"
        case RetryOf(run_id, position):
            yield "retried", f"{run_id} failed; its first {count(position, 'event')} are shared"
        case ForkOf(run_id, position, replaced=replaced):
            others = f", with other answers at {', '.join(map(show, replaced))}" if replaced else ""
            yield "fork", f"of {run_id}, the first {count(position, 'event')}{others}"
        case None:
            pass
    if started is not None and started.deadline is not None and run.ended is None:
        yield "deadline", when(started.deadline, seen.now)
    if seen.summary.tags:
        yield "tags", ", ".join(f"{key}={tag}" for key, tag in seen.summary.tags.items())
    if run.data:
        parts = [f"{key}={value(encoded)}" if payloads else key for key, encoded in run.data.items()]
        yield "data", ", ".join(parts)
    patches = [item.name for item in seen.items if item.kind == "patch"]
    if patches:
        yield "patches", ", ".join(patches)
    if payloads and started is not None:
        yield "arguments", value(started.arguments)
    if payloads and isinstance(seen.outcome, Ok):
        yield "result", value(seen.outcome.value)


# --- the program ------------------------------------------------------------------------------------------------------


def _code(seen: Inspection, width: int) -> Iterator[Text]:
    if seen.code is None or seen.why.endswith(seen.code):
        return
    yield from indented(Text(visible(seen.code), style="yellow"), 0, width)
    if "is not at hand" in seen.code:
        yield Text("  give its module with -m MODULE or -m path/to/file.py", style="dim")


def _branch(branch: Waiting, seen: Inspection, width: int) -> Iterator[Text]:
    place = f"branch {show(branch.path)}" if branch.path else "the workflow"
    title = Text.assemble((place, "bold"), f" waits for {visible(branch.waits_for)}")
    yield Text("")
    yield from indented(title, 0, width)
    if len(branch.open) > 1:
        items = [seen.timeline.items[path] for path in branch.open if path in seen.timeline.items]
        named = [f"{show(item.path)} {labelled(item)}" for item in items[:_MOST_OPEN]]
        more = [f"and {len(items) - _MOST_OPEN:,} more"] * (len(items) > _MOST_OPEN)
        yield from indented(Text(visible("open: " + ", ".join(named + more)), style="dim"), 2, width, hang=2)
    for line in branch.lines:
        yield from _source(line, width)


def _source(line: Line, width: int) -> Iterator[Text]:
    yield cropped(Text(f"  {near(line.file)}:{line.line} in {line.function}", style="dim"), width)
    for number, text in _without_blank_ends(line.source):
        here = number == line.line
        arrow = ("→", "bold yellow") if here else (" ", "")
        row = Text.assemble("  ", arrow, (f" {number:>4} │ ", "dim"), (visible(text), "bold" if here else ""))
        yield cropped(row, width)
    if not line.source:
        yield Text("    (the file cannot be read)", style="dim")
    for variable in line.variables:
        name, text = visible(variable.name), visible(variable.text)
        yield from indented(Text.assemble(("· ", "dim"), (name, "cyan"), " = ", text), 7, width, hang=4)


def _without_blank_ends(source: Sequence[tuple[int, str]]) -> Sequence[tuple[int, str]]:
    full = [at for at, (_, text) in enumerate(source) if text.strip()]
    return source[full[0] : full[-1] + 1] if full else ()


def _failed(seen: Inspection, width: int) -> Iterator[Text]:
    ended = seen.timeline.run.ended
    outcome = None if ended is None else ended.outcome
    if not seen.raised and not isinstance(outcome, Err):
        return
    yield heading("where it failed")
    for line in seen.raised:
        yield from _source(line, width)
    if ended is not None and isinstance(outcome, Err):
        item = None if ended.origin is None else seen.timeline.items.get(ended.origin)
        yield from _traceback(item, outcome.failure, width, told=bool(seen.raised))


def _traceback(item: Item | None, failure: Failure, width: int, *, told: bool) -> Iterator[Text]:
    """Of the step that it came from; that of the workflow itself, if its lines were not *told*."""
    trace = failure.traceback if item is None or item.error is None else item.error.traceback
    if trace is None or (item is None and told):
        return
    yield Text(visible(f"  in {'the workflow' if item is None else labelled(item)}:"), style="dim")
    for row in own_lines(trace.rstrip().splitlines())[-_MOST_TRACE:]:
        yield cropped(Text(visible(f"    {nearer(row)}"), style="dim"), width)


# --- what belongs to it -----------------------------------------------------------------------------------------------


def _children(seen: Inspection, width: int) -> Iterator[Text]:
    if not seen.children.children:
        return
    yield heading("children")
    rows = list(_kin(seen.children.children, seen.children.more, seen, ""))
    yield from entries(rows, width)


def _kin(children: Sequence[Kin], more: int, seen: Inspection, guide: str) -> Iterator[Entry]:
    for number, kin in enumerate(children, 1):
        last = number == len(children) and not more
        status: str = kin.status or kin.state
        style = STATES[kin.state][1] if kin.status is None else STATUS[kin.status]
        name = Text.assemble((f"{guide}{'└─ ' if last else '├─ '}", "dim"), visible(kin.item.label))
        told = Text(visible(f"{kin.run_id}{_since(kin, seen)}"), style="dim")
        yield Entry((name, Text(status, style=style)), told, indent=1)
        yield from _kin(kin.children, kin.more, seen, guide + ("   " if last else "│  "))
    if more:
        yield Entry((Text.assemble((f"{guide}└─ ", "dim"), f"… and {more:,} more"),), Text(""))


def _since(kin: Kin, seen: Inspection) -> str:
    detached = ", detached" if kin.item.detached else ""
    if kin.status is None or kin.since is None:
        unknown = ", not started yet" if seen.live and kin.state == "open" else ""
        return f"{detached}{unknown}"
    took = f", since {whole(seen.now - kin.since)}" if kin.until is None else f", took {span(kin.until - kin.since)}"
    return detached + took + ("" if kin.blocked is None else f": {' '.join(kin.blocked.split())}")


def _hooks(seen: Inspection, width: int, *, payloads: bool, tokens: bool) -> Iterator[Text]:
    if seen.hooks:
        yield heading("hooks")
    for hook in seen.hooks:
        secret = f"token {hook.token}" if tokens else "its token is hidden (--tokens shows it)"
        row = Entry((Text(visible(hook.name)),), Text(f"opened {whole(seen.now - hook.since)} ago, {secret}", "dim"))
        yield from entries([row], width)
        if tokens and hook.url is not None:
            yield Text(f"    {visible(hook.url)}", style="dim", no_wrap=True)
    if seen.unread:
        yield heading("payloads that nothing has received")
    for position, event in seen.unread.items():
        shown = f": {value(event.payload)}" if payloads else ""
        text = f"{whole(seen.now - event.at)} ago, at position {position}{shown}"
        yield from entries([Entry((Text(visible(event.name)),), Text(visible(text), "dim"))], width)


def _work(seen: Inspection, width: int) -> Iterator[Text]:
    rows = []
    for claim in seen.claims:
        item = seen.timeline.items.get(claim.path)
        left = claim.until - seen.now
        lease = f"lease ends in {whole(left)}" if left > 0 else f"lease ended {whole(-left)} ago"
        who = f"on worker {identity.short(claim.worker)} since {whole(seen.now - claim.since)}"
        label = Text("" if item is None else visible(item.label))
        rows.append(
            Entry((Text(show(claim.path), "dim"), label), Text(f"{who}, attempt {claim.work.attempt}, {lease}"), 1)
        )
    waiting = [
        Entry((Text(""), Text(f"queue {visible(queue)}")), Text(f"{count(number, 'step')} for a worker to take"))
        for queue, number in seen.free.items()
        if number
    ]
    if rows or waiting:
        yield heading("work")
        yield from entries([*rows, *waiting], width)
