"""What runs need of workers, summed up while they are looked at: by queue, so that it stays small. Nothing is read."""

from __future__ import annotations

from collections import Counter

from attrs import define, field

from yieldflow.core.commands import CallStep
from yieldflow.core.times import Millis
from yieldflow.doctor.charts import Chart
from yieldflow.ports import NEVER, Free


@define
class Demand:
    runs: Counter[str] = field(factory=Counter)  # that live, by queue
    due: Counter[str] = field(factory=Counter)  # pieces of work that somebody could do now, by queue
    workflows: Counter[tuple[str, str]] = field(factory=Counter)  # (queue, name)
    steps: Counter[tuple[str, str, str]] = field(factory=Counter)  # (queue of the step, name, the run's workflow)
    blocked: dict[str, str] = field(factory=dict)  # why, by run id
    ahead: Millis = 0  # how far in the future the last fact of a run is
    furthest: str = ""  # of which

    def add(self, chart: Chart) -> None:
        run, kept = chart.run, chart.kept
        if run.time - kept.now > self.ahead:
            self.ahead, self.furthest = run.time - kept.now, kept.run_id
        if run.started is None or run.ended is not None or run.paused:
            return
        queue, workflow = run.started.queue, run.started.workflow
        self.runs[queue] += 1
        self.workflows[queue, workflow] += 1
        if kept.summary is not None and kept.summary.status == "blocked" and kept.summary.note is not None:
            self.blocked[kept.run_id] = kept.summary.note.reason
        self.due[queue] += kept.rings > 0 or not run.open  # nobody has looked at it yet
        for entry in due_work(chart, kept.now):
            self.due[entry.queue] += 1
            command = run.open[entry.path].issued.command
            if isinstance(command, CallStep):
                self.steps[entry.queue, command.name, workflow if entry.queue == queue else ""] += 1

    @property
    def queues(self) -> tuple[str, ...]:
        return tuple(sorted(self.runs.keys() | self.due.keys()))


def due_work(chart: Chart, now: Millis) -> list[Free]:
    """Free entries that their log has open."""
    return [
        entry
        for entry in chart.kept.entries
        if isinstance(entry, Free) and entry.not_before <= now < NEVER and entry.path in chart.run.open
    ]


def due_since(chart: Chart, entry: Free) -> Millis:
    return max(entry.not_before, chart.run.open[entry.path].issued.at)
