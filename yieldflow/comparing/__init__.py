"""Where two runs of one workflow part, or a run and the code at hand.

Logs are values here: nothing is read from a store, carried out or written.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from yieldflow.authoring.registry import Registry
from yieldflow.checking import Finding, check_history
from yieldflow.comparing.parting import Parting, parting
from yieldflow.comparing.story import Shared, Story
from yieldflow.core.events import Event
from yieldflow.core.path import show
from yieldflow.core.values import Codec
from yieldflow.errors import NonDeterminism, UsageError, error

__all__ = ["Comparison", "NotComparable", "Parting", "Shared", "compare", "compare_with_code"]


@error
class NotComparable(UsageError):
    one: str
    other: str

    def __str__(self) -> str:
        return f"these are runs of two workflows, {self.one} and {self.other}; only runs of one can be compared"


@frozen
class Comparison:
    """*lengths*: of the logs. *shared*: what was asked before they part, or all. *parting*: None if they do not, though
    one may have come further. *arguments*: the calls that started them, where they differ. *finding*: what the code at
    hand would do to the run, where that is what it was compared with.
    """

    workflow: str
    lengths: tuple[int, ...]
    shared: tuple[Shared, ...]
    parting: Parting | None = None
    arguments: tuple[str, str] | None = None
    finding: Finding | None = None


def compare(one: Sequence[Event], other: Sequence[Event], registry: Registry, codec: Codec) -> Comparison:
    """Where two runs part. Lines are those of the code at hand, if there is any. Raises `NotComparable`."""
    first, second = Story(one, codec), Story(other, codec)
    if first.started.workflow != second.started.workflow:
        raise NotComparable(first.started.workflow, second.started.workflow)
    found = parting(first, second, registry, codec)
    mine, theirs = first.started.arguments, second.started.arguments
    arguments = None if codec.same(mine, theirs) else (first.call(), second.call())
    shared = _shared_by(first, second, found)
    return Comparison(first.started.workflow, (len(one), len(other)), shared, found, arguments)


def compare_with_code(events: Sequence[Event], registry: Registry, codec: Codec) -> Comparison:
    """Where the code at hand parts from a log."""
    story = Story(events, codec)
    finding = check_history(registry, events, codec)
    found = None if finding is None else _parting_of(finding, story)
    until = None if found is None else found.positions[0]
    shared = story.shared(until) if finding is None or found is not None else ()
    return Comparison(story.started.workflow, (len(events),), tuple(shared), found, finding=finding)


def _shared_by(one: Story, other: Story, found: Parting | None) -> tuple[Shared, ...]:
    until, there = (None, None) if found is None else found.positions
    theirs = set(map(show, other.asked_before(there)))
    apart = found.path if found is not None and found.what == "asked" else None
    return tuple(item for item in one.shared(until) if item.path in theirs and item.path != apart)


def _parting_of(finding: Finding, story: Story) -> Parting | None:
    problem = finding.problem
    if not isinstance(problem, NonDeterminism):
        return None
    places = {show(path): position for path, (position, _) in story.asks.items()}
    end = None if story.end is None else story.end[0]
    at = places.get(problem.path) if problem.path else end
    return Parting("asked", problem.path, problem.recorded, problem.asked, (at, None), problem.details, problem.line)
