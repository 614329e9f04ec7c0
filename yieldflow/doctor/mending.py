"""What puts the records of a run right, from its log: one commit on the head that was read.

If the run has moved meanwhile nothing is written. No event is ever written here, and no log is touched.
"""

from __future__ import annotations

from yieldflow.core.events import Event
from yieldflow.core.run import Run
from yieldflow.doctor.comparing import extra_work, listed, missing_hooks, missing_keys, missing_work
from yieldflow.ports import Commit, Head
from yieldflow.stores.records import Records


def mended(run: Run, events: tuple[Event, ...], kept: Records, commit: str) -> Commit:
    """Somebody then looks at the run at once, and sets the exact alarm."""
    assert kept.head is not None
    live = run.ended is None
    return Commit(
        kept.run_id,
        commit,
        Head(kept.head),
        drop=extra_work(run, kept),
        put=missing_work(run, kept),
        alarm=kept.now if live else kept.alarm,
        entries=run.work if live else 0,
        summary=listed(run, kept),
        hooks=missing_hooks(run, kept),
        keys=missing_keys(events, kept),
        payloads=len(run.unread) if live else None,
        keeps_replays=True,
    )


def rung(kept: Records, commit: str) -> Commit:
    """Have somebody look at a run that has ended, and owes something to another one."""
    assert kept.head is not None
    return Commit(kept.run_id, commit, Head(kept.head), alarm=kept.now, summary=kept.summary, keeps_replays=True)
