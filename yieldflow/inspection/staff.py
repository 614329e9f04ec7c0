"""Who works on the runs of a store: what RQ's registry says, and what workers of ours say there of the code they have.

Of an embedded store nobody knows: its workers are threads of any process. It only reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from attrs import frozen

from yieldflow.connect import fleet
from yieldflow.presence import Presence

if TYPE_CHECKING:
    from yieldflow.app import App

Lack: TypeAlias = Literal["nobody", "code", "unknown", "nothing"]
"""nobody: no worker serves the queue · code: none of those that do knows the step or workflow · unknown: nobody knows
who serves it · nothing: there is a worker for it."""


class Member(Protocol):
    """A worker. *presence*: what one of ours says of itself; None: it is a stock one, which may know anything."""

    @property
    def queues(self) -> Sequence[str]: ...
    @property
    def presence(self) -> Presence | None: ...


@frozen
class Staff:
    """*members*: None, if nobody knows."""

    members: Sequence[Member] | None = None

    def serving(self, queue: str) -> Sequence[Member]:
        return [member for member in self.members or () if queue in member.queues]

    def lack(self, queue: str, *, step: str | None = None, workflow: str | None = None) -> Lack:
        """What keeps the work of a queue waiting: that step, or the going on of that workflow."""
        if self.members is None:
            return "unknown"
        serving = self.serving(queue)
        if not serving:
            return "nobody"
        return "nothing" if any(_knows(member.presence, step, workflow) for member in serving) else "code"


def staff(app: App) -> Staff:
    """Raises `StoreError`."""
    if app.embedded:
        return Staff()
    return Staff(tuple(fleet(app.client).members()))


def _knows(presence: Presence | None, step: str | None, workflow: str | None) -> bool:
    if presence is None or not presence.whole:
        return True
    return (step is None or step in presence.steps) and (workflow is None or workflow in presence.workflows)
