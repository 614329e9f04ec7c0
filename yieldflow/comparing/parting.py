"""The first point where two logs of one workflow part: what one asked and the other did not, or was told otherwise.

Commands and their answers are compared by path, payloads by hook and number: answers that came in another order are
no difference, but may be the cause of one. Never compared are times, workers, attempts that failed, and keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from attrs import evolve, frozen

from yieldflow.authoring.registry import Registry
from yieldflow.comparing.story import Story, line_of
from yieldflow.core.commands import CallStep, Recorded, StartChild
from yieldflow.core.compare import Definition, same_command
from yieldflow.core.difference import difference
from yieldflow.core.outcome import Answer, ContinuedAs, Ending, Err, Ok
from yieldflow.core.path import parse, show
from yieldflow.core.values import Codec

What: TypeAlias = Literal["asked", "answered", "received", "ended"]
_NOTHING = "nothing was asked there"


@frozen
class Parting:
    """*positions*: of the events, None where there is none. *details*: of arguments, in which they differ. *line*: file
    and number of the line that asks, by the code at hand. *order*: what each was told first, where they had been told
    the same before in another order.
    """

    what: What
    path: str
    one: str
    other: str
    positions: tuple[int | None, int | None]
    details: tuple[str, ...] = ()
    line: tuple[str, int] | None = None
    order: tuple[str, str] | None = None


def parting(one: Story, other: Story, registry: Registry, codec: Codec) -> Parting | None:
    """None: they do not part, as far as both have come."""
    two = _Two(one, other, registry, codec)
    found = min(two.differences(), key=_place, default=None) or two.gone_apart()
    if found is None:
        return None
    order = _order(one, other, found) if found.what in ("asked", "ended") else None
    return evolve(found, order=order, line=_line(one, found, registry))


@frozen
class _Two:
    one: Story
    other: Story
    registry: Registry
    codec: Codec

    def differences(self) -> Iterator[Parting]:
        """Of what both have."""
        yield from self._asked()
        yield from self._answered()
        yield from self._received()
        mine, theirs = self.one.end, self.other.end
        if mine is not None and theirs is not None and not self._same_answer(mine[1], theirs[1]):
            yield Parting("ended", "", self.one.ended(), self.other.ended(), (mine[0], theirs[0]))

    def gone_apart(self) -> Parting | None:
        """What only one has asked, where the other has ended, or has itself asked what the first has not."""
        mine, theirs = self.one.asked_beside(self.other), self.other.asked_beside(self.one)
        if mine is not None and self.other.end is not None:
            at, _ = self.one.asks[mine]
            ended, there = self.other.ended(), self.other.end[0]
            return Parting("ended", show(mine), self.one.command(mine), ended, (at, there))
        if theirs is not None and self.one.end is not None:
            there, _ = self.other.asks[theirs]
            at, text = self.one.end[0], self.other.command(theirs)
            return Parting("ended", show(theirs), self.one.ended(), text, (at, there))
        if mine is None or theirs is None:
            return None
        at, _ = self.one.asks[mine]
        text = self.one.command(mine)
        return Parting("asked", show(mine), text, _NOTHING, (at, None))

    def _asked(self) -> Iterator[Parting]:
        for path, (at, command) in self.one.asks.items():
            there, theirs = self.other.asks.get(path, (0, command))
            if there and not self._same_command(command, theirs):
                told = difference(command, theirs, self._called(command), self.codec)
                details = tuple(map(_side_by_side, told.details))
                yield Parting("asked", show(path), told.recorded, told.asked, (at, there), details)

    def _answered(self) -> Iterator[Parting]:
        for path, (at, outcome) in self.one.answers.items():
            there, theirs = self.other.answers.get(path, (0, outcome))
            if there and not self._same_answer(outcome, theirs):  # of payloads that were taken: below
                texts = self.one.answered(path), self.other.answered(path)
                yield Parting("answered", show(path), *texts, (at, there))

    def _received(self) -> Iterator[Parting]:
        for place, (at, payload) in self.one.payloads.items():
            there, theirs = self.other.payloads.get(place, (0, payload))
            if there and not self.codec.same(payload, theirs):
                texts = self.one.received(place), self.other.received(place)
                yield Parting("received", "", *texts, (at, there))

    def _same_command(self, command: Recorded, other: Recorded) -> bool:
        """Without the code at hand, calls are compared as they are written."""
        called = self._called(command)
        match command, other:
            case (CallStep(name, one), CallStep(named, two)) if called is None:
                return name == named and self.codec.same(one, two)
            case (StartChild(name, one, detached), StartChild(named, two, detached_too)) if called is None:
                return (name, detached) == (named, detached_too) and self.codec.same(one, two)
            case _:
                return same_command(command, other, called, self.codec)

    def _called(self, command: Recorded) -> Definition | None:
        match command:
            case CallStep(name=name):
                return self.registry.step(name)
            case StartChild(workflow=name):
                return self.registry.workflow(name)
            case _:
                return None

    def _same_answer(self, one: Answer | Ending, other: Answer | Ending) -> bool:
        match one, other:
            case Ok(mine), Ok(theirs):
                return self.codec.same(mine, theirs)
            case Err(mine), Err(theirs):
                return mine.said == theirs.said  # its traceback names lines of the code of then
            case ContinuedAs(workflow=name, arguments=mine), ContinuedAs(workflow=other_name, arguments=theirs):
                return name == other_name and self.codec.same(mine, theirs)
            case _:
                return type(one) is type(other)


def _line(story: Story, found: Parting, registry: Registry) -> tuple[str, int] | None:
    """Where the first of the two waited."""
    path, (at, _) = parse(found.path) if found.path else (), found.positions
    if at is None or path not in story.asks:
        return None
    return line_of(story, path, at - 1 if found.what == "answered" else at, registry)


def _place(found: Parting) -> tuple[int, int]:
    """What is the cause of another difference comes before it, in either log."""
    at, there = found.positions
    return at or 0, there or 0


def _order(one: Story, other: Story, found: Parting) -> tuple[str, str] | None:
    """What both were told, of which one was told something else first."""
    at, there = found.positions
    mine, theirs = one.told_before(at), other.told_before(there)
    pairs = zip([told for told in mine if told in theirs], [told for told in theirs if told in mine], strict=False)
    return next(((first, second) for first, second in pairs if first != second), None)


def _side_by_side(detail: str) -> str:
    """`cents: recorded 500, asked 600`, of two runs that both have recorded it."""
    place, found, rest = detail.partition(": recorded ")
    mine, both, theirs = rest.partition(", asked ")
    return f"{place}: {mine} and {theirs}" if found and both else detail
