"""What one request sees of a run: its history, the moment that is looked at, and how much the page still takes.

Everything said here is what `yieldflow inspect` says of that moment. Reads the store once; shows nothing itself.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from attrs import define, evolve, field

from yieldflow.cli.moments import moment_of
from yieldflow.core.chain import chain_of
from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.errors import UsageError
from yieldflow.handle import MAY_GO_ON
from yieldflow.inspection import Inspection, look
from yieldflow.inspection.reading import Moment, newest, position
from yieldflow.inspection.situations import Situation
from yieldflow.inspection.tokens import chosen_tokens
from yieldflow.inspection.variables import OPEN, Veil
from yieldflow.ports import Status, Summary
from yieldflow.web.discreet import reason_of, why_of
from yieldflow.web.masking import veiled, veiled_value
from yieldflow.web.page.run.shelf import Story, shelf_of
from yieldflow.web.page.visit import Visit

_VALUES = 150_000  # characters of values and tracebacks on a page
_OPENED = 1_000_000  # bytes of values that are opened for it
SHOWN: Veil = evolve(OPEN, secrets=True, longest=1_000, longest_text=400)
HIDDEN: Veil = Veil(masks=("*",))


@define
class Room:
    left: int = _VALUES
    opened: int = _OPENED

    def open(self, size: int) -> bool:
        """Whether a value of so many bytes may be opened: most of them may be cut, and opening costs as much."""
        if self.left <= 0 or size > self.opened:
            return False
        self.opened -= size
        return True

    def take(self, characters: int) -> bool:
        """Whether there is as much."""
        if characters > self.left:
            return False
        self.left -= characters
        return True


@define(slots=False)
class Sight:
    """*at*: the position that was asked for; None: how the run stands now."""

    visit: Visit
    story: Story
    seen: Inspection
    at: int | None
    room: Room = field(factory=Room)

    @property
    def run_id(self) -> str:
        """Of this generation."""
        return self.seen.run_id

    @property
    def chain(self) -> str:
        """What verbs by run id are told: they mean its newest generation."""
        return chain_of(self.run_id)[0]

    @property
    def status(self) -> Status:
        """As it stands now, whatever moment is looked at."""
        return self.story.known.log.summary.status

    @property
    def now(self) -> Millis:
        """Of the store, whatever moment is looked at."""
        return self.story.known.log.now

    @cached_property
    def doing(self) -> dict[Path, Situation]:
        return {one.item.path: one for one in self.seen.situations}

    @cached_property
    def newest(self) -> int:
        """The number of the newest generation. Raises `StoreError`."""
        chain, number = chain_of(self.run_id)
        asked_by_chain = self.visit.path["run_id"] == chain
        return number if asked_by_chain else chain_of(newest(self.visit.app.store, self.run_id))[1]

    def here(self, **query: str | int | None) -> str:
        """To this page, with what it was asked for, and with other things."""
        kept = {name: self.visit.query.get(name) for name in ("scale", "only", "item")}
        known: dict[str, str | int | None] = {"at": self.at, **kept, **query}
        return self.visit.link("runs", self.visit.path["run_id"], **known)

    def action(self, name: str, **query: str | int | None) -> str:
        return self.visit.link("runs", self.run_id, name, **query)

    def told(self, text: str) -> str:
        """A sentence about this run: where values are hidden, without those in why it, or another one, is blocked."""
        visit = self.visit
        return self.veiled(why_of(text, shows_payloads=visit.shows_payloads, shows_others=visit.shows_others))

    def discreet(self, reason: str) -> str:
        """Why code cannot go on with this log: the difference of the two may show values."""
        return self.veiled(reason_of(reason, shows_payloads=self.visit.shows_payloads))

    def discreet_of_another(self, reason: str) -> str:
        """Why another run is blocked, whose tokens are not known here."""
        return self.veiled(reason_of(reason, shows_payloads=self.visit.shows_others))

    def veiled(self, text: str) -> str:
        """What was stored, or tells of it, without what answers a hook: pages are shown, and photographed."""
        return veiled(text, self._tokens)

    def veiled_value(self, tree: Any) -> Any:
        return veiled_value(tree, self._tokens)

    @cached_property
    def _tokens(self) -> tuple[str, ...]:
        """Also of hooks that were opened after the moment that is looked at."""
        return chosen_tokens(self.story.known.events)


def sight(visit: Visit) -> Sight:
    """Raises `UnknownRun`, `UsageError`, `StoreError`."""
    asked = visit.query.get("at", "").strip()
    story = shelf_of(visit.app).read(visit.app.store, visit.path["run_id"])
    at = position(story.known, _moment(asked)) if asked else None
    seen = look(visit.app, story.known, at, SHOWN if visit.shows_payloads else HIDDEN)
    return Sight(visit, story, seen, at)


def by_generation(visit: Visit, run_id: str, *below: str, **query: str | int | None) -> str:
    """To the run of this very log: the id of a chain alone means its newest generation."""
    chain, number = chain_of(run_id)
    return visit.link("runs", f"{chain}~{number}", *below, **query)


def to_run(visit: Visit, run: Summary) -> str:
    """Of a row of a list. What goes on is its newest generation, and stays so under the id of the chain."""
    return by_generation(visit, run.run_id) if run.status in MAY_GO_ON else visit.link("runs", run.run_id)


def _moment(text: str) -> Moment:
    """Raises `UsageError`."""
    try:
        return moment_of(text)
    except UsageError as error:
        raise UsageError(str(error).removeprefix("--")) from error
