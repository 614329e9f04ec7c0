"""How long a step waits whose worker was killed: from the kill until its body begins again elsewhere, by the journal.

Only the time counts in which a worker of its queue had nothing to do: it was in no body, and no hint waited.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.deep.chaos_fleet import Fleet
from tests.deep.chaos_witness import Journal, Line

QUIET = "recovery ms"
STORM = "recovery ms, more faults meanwhile"
SHORT = 1_000  # ms: less than that, where mostly nobody was idle, says nothing
Span = tuple[int, int]


def recovery(fleet: Fleet, journal: Journal) -> dict[str, list[int]]:
    samples: dict[str, list[int]] = {QUIET: [], STORM: []}
    idle = idle_workers(fleet, journal.lines)
    for killed in fleet.killed:
        again = None if killed.body is None else began_again(killed.body, journal.lines)
        if again is not None and again >= killed.at:
            free = without((killed.at, again), fleet.backlog)
            waited = sum(covered(idle.get(killed.queues, []), span) for span in free)
            if 2 * waited >= again - killed.at or waited > SHORT:
                samples[QUIET if killed.quiet else STORM].append(waited)
    return samples


def began_again(body: Line, lines: Sequence[Line]) -> int | None:
    """When the next body of its place began; None where none did: its report was made before the kill, or it was
    cancelled.
    """
    after = False
    for line in lines:
        if after and line.what == "began" and line.place == body.place:
            return line.at
        after = after or line.nonce == body.nonce
    return None


def idle_workers(fleet: Fleet, lines: Sequence[Line]) -> dict[str, list[Span]]:
    """When at least one worker was up and in no body, by the queues it listens on."""
    found: dict[str, list[Span]] = {}
    ends = {killed.worker: killed.at for killed in fleet.killed} | fleet.asked
    for up in [line for line in lines if line.what == "up"]:
        end = ends.get(up.worker, lines[-1].at)
        busy = [*_bodies(up.worker, lines), *((since, to) for pid, since, to in fleet.stopped if pid == up.worker)]
        found.setdefault(up.path, []).extend(without((up.at, end), sorted(busy)))
    return {queues: _merged(spans) for queues, spans in found.items()}


def covered(spans: Iterable[Span], span: Span) -> int:
    return sum(max(0, min(to, span[1]) - max(since, span[0])) for since, to in spans)


def without(span: Span, holes: Iterable[Span]) -> list[Span]:
    found, since = [], span[0]
    for begins, ends in holes:
        if begins > since:
            found.append((since, min(begins, span[1])))
        since = max(since, ends)
    return [*found, (since, span[1])] if since < span[1] else found


def _bodies(worker: int, lines: Sequence[Line]) -> list[Span]:
    """From each body's begin to what its process noted next."""
    found, began = [], dict[int, int]()
    for line in lines:
        if line.worker == worker and line.pid in began:
            found.append((began.pop(line.pid), line.at))
        if line.worker == worker and line.what == "began":
            began[line.pid] = line.at
    return found


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for since, to in sorted(spans):
        if merged and since <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(to, merged[-1][1])
        elif since < to:
            merged.append((since, to))
    return merged
