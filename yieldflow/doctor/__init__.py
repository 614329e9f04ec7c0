"""`examine`: is a store well? Its server or file, the clock, the workers, the alarms, and each run against its log.

It only reads, unless it is asked to repair; then it writes records, never events, and only on the head that it read.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from attrs import define, field

from yieldflow.app import App
from yieldflow.core.record import record
from yieldflow.core.times import Millis
from yieldflow.doctor import file, fleet, server
from yieldflow.doctor.charts import Chart, charts
from yieldflow.doctor.demand import Demand
from yieldflow.doctor.findings import Finding, ok, warning
from yieldflow.doctor.healing import Clinic, Repair
from yieldflow.doctor.places import Hints, hints_of, keeper_of
from yieldflow.inspection.phrases import clipped, count, whole
from yieldflow.ports import Store
from yieldflow.presence import Member
from yieldflow.stores.records import Keeper, Records

_MOST_SHOWN = 300  # characters of why a run is blocked
_LOOKS = 5  # at the clock; the quickest counts


@record
class Patience:
    """How long, in milliseconds, something may last before it is a finding."""

    overdue: Millis = 5_000  # an alarm
    idle: Millis = 30_000  # work that nobody takes and nobody is told of
    noted: Millis = 60_000  # a hint of a run that is gone
    skew: Millis = 1_000  # between this machine's clock and the store's


PATIENCE = Patience()


@define
class Report:
    """*looked_at* of *known* runs."""

    findings: list[Finding] = field(factory=list)
    repairs: list[str] = field(factory=list)
    known: int = 0
    looked_at: int = 0

    @property
    def is_well(self) -> bool:
        return not any(finding.level == "error" for finding in self.findings)


def examine(
    app: App,
    *,
    sample: int | None = None,
    repair: Repair = "no",
    patience: Patience = PATIENCE,
    progress: Callable[[int, int], None] | None = None,
    clock: Callable[[], float] = time.time,
) -> Report:
    """Look at the store of *app* and all that works on it. *sample*: only at so many of its runs, drawn by chance;
    None: all of them. *progress* is told how many of how many runs were looked at; *clock*
    is this machine's, in seconds.

    What *repair* has put right is no finding any more, but a line of `Report.repairs`. Raises `StoreError`.
    """
    report = Report()
    keeper, hints = keeper_of(app), hints_of(app)
    try:
        _settings(app, keeper, report)
        if any(one.check == "integrity" and one.level == "error" for one in report.findings):
            return report  # what else it holds cannot be relied on, and reading on may fail
        report.findings += _clock(app.store, patience.skew, clock)
        members = None if hints is None else hints.members()
        demand = _runs(app, keeper, hints, report, sample, repair, patience, progress)
        report.findings += _alarms(app.store, keeper, members, patience.overdue)
        report.findings += [] if members is None else fleet.judged(demand, members)
        report.findings += _blocked(demand)
        report.findings += _future(demand, patience.skew)
        if hints is not None:
            _hints(keeper, hints, demand, members or (), report, repair, patience.noted)
    finally:
        keeper.close()
    return report


def _settings(app: App, keeper: Keeper, report: Report) -> None:
    told = keeper.settings()
    report.findings += file.judged(told) if app.embedded else server.judged(told)


def _clock(store: Store, most: Millis, clock: Callable[[], float]) -> list[Finding]:
    """Of several looks the quickest: the store read its clock in the middle of it."""
    looks = []
    for _ in range(_LOOKS):
        before = clock()
        _, now = store.next_alarm()
        after = clock()
        looks.append((after - before, now - round((before + after) * 500)))
    took, skew = min(looks)
    if abs(skew) > most + took * 500:
        says = f"this machine's clock is {whole(abs(skew))} {'behind' if skew > 0 else 'ahead of'} the store's"
        return [warning("clock", says, "keep both by NTP; yieldflow goes by the store's, your steps by their own")]
    return [ok("clock", f"within {max(abs(skew), 1)} ms of the store's")]


def _runs(
    app: App,
    keeper: Keeper,
    hints: Hints | None,
    report: Report,
    sample: int | None,
    repair: Repair,
    patience: Patience,
    progress: Callable[[int, int], None] | None,
) -> Demand:
    demand = Demand()
    clinic = Clinic(app, keeper, hints, patience.idle, repair)
    if sample is None:
        clinic.take_in_strays()
    known = sorted(set(keeper.run_ids()))
    looked_at = known if sample is None or sample >= len(known) else random.sample(known, sample)
    report.known = len(known)
    for found in charts(keeper, looked_at):
        report.looked_at += 1
        if isinstance(found, Chart):
            demand.add(found)
        clinic.see(found)
        if progress is not None:
            progress(report.looked_at, len(looked_at))
    report.findings += clinic.findings
    report.repairs += clinic.repairs
    if not clinic.findings:
        kind = "all" if len(looked_at) == len(known) else f"{len(looked_at):,} of"
        report.findings.append(ok("runs", f"{kind} {count(len(known), 'run')} as the logs say"))
    return demand


def _alarms(store: Store, keeper: Keeper, members: Sequence[Member] | None, by: Millis) -> list[Finding]:
    late = keeper.overdue(by)
    first, now = store.next_alarm()
    if not late or first is None or first > now - by:
        return [ok("alarms", "none is overdue")]
    return [fleet.overdue(late, whole(now - first), members)]


def _blocked(demand: Demand) -> list[Finding]:
    reasons: dict[str, list[str]] = {}
    for run_id, reason in demand.blocked.items():
        reasons.setdefault(reason, []).append(run_id)
    return [
        warning(
            "blocked",
            f"{count(len(runs), 'run')} blocked, such as {runs[0]}: {clipped(' '.join(reason.split()), _MOST_SHOWN)}",
            f"yieldflow inspect {runs[0]}",
        )
        for reason, runs in reasons.items()
    ]


def _future(demand: Demand, most: Millis) -> list[Finding]:
    """Instants of logs are the store's; they only come to lie ahead where its clock was set back."""
    if demand.ahead <= most:
        return []
    says = f"run {demand.furthest} was written to {whole(demand.ahead)} in the future: the store's clock was set back"
    return [warning("clock", says, "timers wait so much longer; keep clocks by NTP, which does not set them back")]


def _is_gone(kept: Records | str) -> bool:
    return isinstance(kept, Records) and kept.head is None


def _hints(
    keeper: Keeper,
    hints: Hints,
    demand: Demand,
    members: Sequence[Member],
    report: Report,
    repair: Repair,
    noted: Millis,
) -> None:
    queues = sorted({*demand.queues, *(queue for member in members for queue in member.queues)})
    for queue in queues:
        old = hints.noted(queue, noted)
        gone = [run for run, kept in zip(old, keeper.records(old), strict=True) if _is_gone(kept)]
        if gone and repair == "yes":
            hints.forget(queue, gone)
        says = f"{count(len(gone), 'hint')} of queue {queue} for runs that this store does not have, such as"
        if gone and repair == "no":
            advice = "--repair takes them away; nothing is lost by it"
            report.findings.append(warning("hints", f"{says} {gone[0]}", advice))
        elif gone:
            report.repairs.append(f"{'took' if repair == 'yes' else 'would take'} away {says} {gone[0]}")
        report.findings += fleet.failed(hints.failures(queue))
