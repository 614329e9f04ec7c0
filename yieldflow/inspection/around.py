"""What a run's own log does not say of why it waits: who works, when it is rung for, how its children stand.

A value of one moment, and the sentences that follow from it. Nothing here reads a store.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.inspection.phrases import count, whole
from yieldflow.inspection.staff import Staff
from yieldflow.ports import Status

LATE: Millis = (
    5_000  # an alarm that should have rung so long ago is worth a word: whoever rings does so within a second
)
OVERDUE: Millis = 60_000  # and so long ago: nobody rings


@frozen
class Lack:
    """What is missing for somebody to go on, as the end of a sentence, and what to do about it.

    *stuck*: nobody will go on by himself.
    """

    text: str = ""
    advice: str | None = None
    stuck: bool = False


@frozen
class Standing:
    """Why a run stands where it does, and what to do about it. *stuck*: nobody will move it by himself."""

    text: str
    advice: tuple[str, ...] = ()
    stuck: bool = False
    status: Status | None = None  # None: there is no such run


@frozen
class Around:
    """*known*: whether any of it is; of the past, and of a history from a file, nothing is."""

    known: bool = False
    run_id: str = ""
    queue: str = ""
    workflow: str = ""
    staff: Staff = Staff()
    alarm: Millis | None = None
    rings: int = 0  # of the alarm, since anybody did anything
    children: Mapping[Path, Standing] = field(factory=dict)  # of those that are waited for

    def lack(self, now: Millis, queue: str | None = None, step: str | None = None) -> Lack:
        """Of work of that queue, or for the run to go on."""
        if not self.known:
            return Lack()
        workflow = self.workflow if step is None else None
        queue = queue or self.queue
        match self.staff.lack(queue, step=step, workflow=workflow):
            case "nobody":
                text = ", and no worker serves it"
                return Lack(text, f"start a worker: yieldflow worker MODULE --queue {queue}", stuck=True)
            case "code":
                text = f", and no worker that serves it knows {step or workflow}"
                advice = f"start the workers of queue {queue} with the module that defines {step or workflow}"
                return Lack(text, advice, stuck=True)
            case "unknown" | "nothing":
                return self._rung(now)

    def alarmless(self) -> Lack:
        """Of what waits for a time."""
        if not self.known or self.alarm is not None:
            return Lack()
        text = ", and it has no alarm, so nobody will be told"
        return Lack(text, "yieldflow doctor --repair rebuilds alarms", stuck=True)

    def _rung(self, now: Millis) -> Lack:
        if self.alarm is None:
            return self.alarmless()
        late = now - self.alarm
        if late > LATE:
            text = f", and nobody has rung for it since it was due {whole(late)} ago"
            return Lack(text, self._rings(), stuck=late > OVERDUE)
        if self.rings > 0:
            return Lack(f"; rung {count(self.rings, 'time')} without an answer, the next time in {whole(-late)}")
        if self.staff.members is None:
            return Lack(advice="if no worker runs, start one: yieldflow worker MODULE")
        return Lack(f"; should its hint be lost, it is rung for in {whole(-late)}" if late < 0 else "")

    def _rings(self) -> str:
        if self.staff.members is None:
            return "start a worker: yieldflow worker MODULE"
        return "start what rings: a worker without --no-alarms, or yieldflow alarms"


UNKNOWN = Around()
