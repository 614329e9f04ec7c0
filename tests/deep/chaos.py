"""Real processes under fire: kill -9 of workers, horses and the server, and whatever else RQ and Redis do to an engine.

    python -m tests.deep chaos --seed 17

Nothing listens but on 127.0.0.1, and nothing outlives its round.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

from attrs import define

from tests.deep.chaos_account import Account, Logs
from tests.deep.chaos_fleet import Kind
from tests.deep.chaos_load import MANY_STEPS
from tests.deep.chaos_recovery import QUIET, began_again, recovery
from tests.deep.chaos_round import LEASE, Plan, Round, logs_of, set_up
from tests.deep.chaos_witness import now
from tests.deep.rounds import Figures
from yieldflow.core.commands import CallStep
from yieldflow.core.events import CommandIssued, CommandResolved, RunFinished
from yieldflow.core.outcome import Ok

SECONDS_TO_END = 120.0
NEVER = 1 << 60  # replies
LEAST_KILLS = 3  # of a march
PATIENCE = 6.0  # seconds for workers to be in bodies, and for bodies that were hit to begin again
RECOVERED = LEASE + 2_000  # ms, in which a step whose worker was killed has begun again
MARCHES = (1, 3, 4)  # of five seeds
KINDS: tuple[Kind, ...] = ("ours", "fork", "simple")
NAMES = {"ours": "our worker", "fork": "stock workers with forks", "simple": "stock workers without forks"}


def one_round(seed: int) -> Figures:
    if seed % 5 in MARCHES:
        return march(seed)
    chance = Random(seed)
    return fire(seed, Plan(KINDS[seed % 3], several=chance.random() < 0.5, cut=chance.random() < 0.5))


def fire(seed: int, plan: Plan) -> Figures:
    """A storm of faults, then kills while all else is quiet, then everything has to end, and to end right."""
    with set_up(seed, plan) as round_:
        fight = Fight(round_)
        fight.storm()
        fight.quiet_kills()
        fight.drain()
        return fight.figures()


def march(seed: int, seconds: float = 30.0, runs: int = 9) -> Figures:
    """As many steps as the machine allows, and a kill every second or two."""
    plan = Plan(
        "ours",
        several=True,
        cut=False,
        workers=3,
        runs=runs,
        fsync="everysec",
        witnessed=False,
        skewed=False,
        kinds=MANY_STEPS,
    )
    with set_up(seed, plan) as round_:
        fight = Fight(round_)
        fight.march(seconds)
        fight.drain()
        return fight.figures()


@define
class Fight:
    round: Round

    def storm(self) -> None:
        plan, faults, fleet = self.round.plan, self.round.faults, self.round.fleet
        self._tend(plan.runs)
        fleet.add_command_line()
        end = time.monotonic() + SECONDS_TO_END
        while len(fleet.killed) < plan.kills or faults.owed:
            assert time.monotonic() < end, f"{len(fleet.killed)} kills, could not do yet: {faults.owed}"
            self._tend(plan.runs)
            faults.strike()
            time.sleep(plan.pause)
        faults.heal()
        if self.round.cutter is not None:
            self.round.cutter.every = NEVER

    def march(self, seconds: float) -> None:
        end, faults, chance = time.monotonic() + seconds, self.round.faults, self.round.load.chance
        while time.monotonic() < end or len(self.round.fleet.killed) < LEAST_KILLS:
            self._wait(chance.uniform(0.8, 1.6), self.round.plan.runs)
            faults.perform("servers killed" if chance.random() < 0.1 else "workers killed")
        faults.heal()

    def quiet_kills(self) -> None:
        fleet, plan, counts = self.round.fleet, self.round.plan, self.round.faults.counts
        self._wait(1.5, plan.quiet_runs)
        for _ in range(plan.bursts):
            self._await(lambda: len(fleet.busy()) >= plan.workers // 3 and not fleet.hints_wait)
            for worker in fleet.busy()[: plan.workers // 2]:
                fleet.kill(worker, quiet=True)
                counts["workers killed while all else was quiet"] += 1
            self._await(lambda: not self._is_missed())

    def _await(self, there: Callable[[], bool]) -> None:
        """For a while."""
        end = time.monotonic() + PATIENCE
        while not there() and time.monotonic() < end:
            self._tend(self.round.plan.quiet_runs)
            time.sleep(0.005)

    def drain(self) -> None:
        load, end = self.round.load, time.monotonic() + SECONDS_TO_END
        while load.alive or load.asks or load.starting or self._running():
            assert time.monotonic() < end, "not all runs have ended"
            self._tend(0)
            time.sleep(0.02)

    def figures(self) -> Figures:
        round_, fleet = self.round, self.round.fleet
        round_.load.expect_right(round_.app)
        round_.journal.look()
        logs = logs_of(round_.app)
        expect_sagas_undone(logs)
        outages = [(outage.at, outage.until) for outage in round_.faults.outages]
        if round_.cutter is not None and round_.cutter.cut:
            outages.append((0, now()))  # a beat may have been lost at any time
        dead = {pid: killed.at for killed in fleet.killed for pid in (killed.worker, killed.pid)}
        account = Account(round_.journal.lines, logs, LEASE, dead, fleet.stopped, outages)
        figures = Figures(account.settle() + round_.faults.counts, recovery(fleet, round_.journal))
        self._count(figures)
        return figures

    def _count(self, figures: Figures) -> None:
        round_, fleet, counts = self.round, self.round.fleet, figures.counts
        kills = len(fleet.killed)
        counts["kills"] = kills + counts["servers killed"] + counts["timer services killed"]
        queues = "several queues" if round_.plan.several else "one queue"
        counts[f"kills of {NAMES[round_.plan.kind]}, {queues}"] = kills
        counts["kills in a body"] = sum(killed.body is not None for killed in fleet.killed)
        counts["workers with a clock an hour off"] = fleet.skews
        counts["workers of a command line"] = fleet.command_lines
        counts["calls acknowledged"] = round_.load.acknowledged
        counts["calls made again"] = round_.load.unanswered
        counts["replies dropped"] = 0 if round_.cutter is None else round_.cutter.cut

    def _tend(self, runs: int) -> None:
        self.round.faults.tend()
        self.round.fleet.fill(self.round.plan.workers)
        if not self.round.faults.is_down():
            self.round.load.tend(runs)
        self.round.fleet.look_at_hints(self.round.app.client)
        self.round.journal.look()

    def _wait(self, seconds: float, runs: int) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._tend(runs)
            time.sleep(0.02)

    def _is_missed(self) -> bool:
        """Whether a body that was hit has not begun again, and its run has not ended without it."""
        lines, alive = self.round.journal.lines, self.round.load.alive
        hit = [one.body for one in self.round.fleet.killed if one.quiet and one.body is not None]
        return any(body.run_id in alive and began_again(body, lines) is None for body in hit)

    def _running(self) -> bool:
        return bool(self.round.app.runs(status="running", limit=1).runs)


def expect_sagas_undone(logs: Logs) -> None:
    """What a cancelled one booked it unbooked, and nothing twice; by the answers of its steps."""
    for run_id, log in logs.items():
        if run_id.startswith("saga"):
            work = {e.path for e in log if isinstance(e, CommandIssued) and _is_work(e)}
            answers = [e.outcome for e in log if isinstance(e, CommandResolved) and e.path in work]
            numbers = [int(one.value[1:].split(b",")[0]) for one in answers if isinstance(one, Ok)]
            booked, unbooked = ({n for n in numbers if n >= 0}, {-1 - n for n in numbers if n < 0})
            assert isinstance(log[-1], RunFinished)
            assert len(numbers) == len(booked) + len(unbooked), f"{run_id}: {numbers}"
            assert unbooked in (set(), booked), f"{run_id}: booked {booked}, unbooked {unbooked}"
            assert unbooked == booked or log[-1].outcome == Ok(b'"travelled"'), f"{run_id}: {log[-1]}"


def _is_work(event: CommandIssued) -> bool:
    return isinstance(event.command, CallStep) and event.command.name.endswith(":work")


def expect_quick_recovery(figures: Figures) -> None:
    """Raises AssertionError unless 99 of 100 were within the bound. Where nobody ever was idle there are none."""
    slowest = figures.percentile(QUIET, 99)
    assert slowest is None or slowest <= RECOVERED, f"{slowest} ms: {sorted(figures.samples[QUIET])[-5:]}"
