"""What happens to whole workers, clocks and stores: they stand still for long and go on, jump, lose what was new."""

from __future__ import annotations

from collections import Counter
from random import Random

from attrs import define, field, frozen

from tests.engine.deploys import is_current
from tests.engine.operators import Operators
from tests.engine.programs import HOOKS
from tests.engine.relations import Relations
from tests.engine.world import Backup, Flight, World
from yieldflow.core.path import Path
from yieldflow.engine.requests import Execute, Request, Save, Take
from yieldflow.ports import Beat, Claimed, Commit, Done, Granted, Holding, Mark

PATIENCE = 40  # actions: then a worker that stood still goes on though nobody has replaced it

NOT_THE_CODES = ("fell silent while replaying", "it changed while it was read")


@frozen
class Replica:
    """The store as it was, and what those who watch knew then."""

    backup: Backup
    relations: Relations
    acknowledged: frozenset[str]


@define(eq=False)
class Troubles:
    """*between*: runs have to do with each other."""

    world: World
    r: Random
    met: Counter[str]
    between: bool
    standing: dict[Flight, int] = field(factory=dict)  # for how many actions more
    zombies: dict[Flight, Claimed] = field(factory=dict)  # they went on after they had been replaced
    replica: Replica | None = None
    set_back: bool = field(init=False)  # whether the clock may be

    def __attrs_post_init__(self) -> None:
        self.set_back = self.r.random() < 0.25

    def strike(self, flights: list[Flight]) -> None:
        """Something that needs nobody's call."""
        match self.r.choice(["freeze"] * 4 + ["boundary"] * 6 + ["back"]):
            case "freeze":
                self._freeze([flight for flight in flights if flight.tends and flight not in self.standing])
            case "boundary":
                self._boundary()
            case "back" if self.set_back:
                millis = self.r.choice([1, 500, 5_000, 60_000, 3_600_000])
                self.world.clock.at -= millis
                self.world.back += millis
                self.met["clocks set back"] += 1
            case _:
                pass

    def _freeze(self, flights: list[Flight]) -> None:
        """SIGSTOP in the middle of a call: no heartbeat, and time goes by beyond its lease."""
        if not flights:
            return
        flight = self.r.choice(flights)
        self.standing[flight] = PATIENCE
        claim = self.claim_of(flight)
        self.world.clock.at += 11_000 if claim is None else max(0, claim.until - self.world.clock.at) + 1
        self.met["workers that stood still"] += 1

    def claim_of(self, flight: Flight) -> Claimed | None:
        """Of what it was about to do, or to report."""
        match flight.request:
            case Execute(claim=claim):
                return claim
            case Save(commit) if isinstance(commit.on, Holding):
                return next((c.claim for c in reversed(flight.calls) if isinstance(c, Execute)), None)
            case _:
                return None

    def thawed(self) -> Flight | None:
        """Who goes on now: replaced by another, at best."""
        for flight in [*self.standing]:
            self.standing[flight] -= 1
            if flight.request is None:
                del self.standing[flight]
                continue
            claim = self.claim_of(flight)
            replaced = claim is not None and not self._holds(flight.run_id, claim)
            if replaced or self.standing[flight] <= 0:
                del self.standing[flight]
                if claim is not None and replaced:
                    self.zombies[flight] = claim
                    self.met["workers that came back after they were replaced"] += 1
                return flight
        return None

    def _holds(self, run_id: str, claim: Claimed) -> bool:
        run = self.world.store._runs.get(run_id)
        return run is not None and run.held(claim.path, claim.token) is not None

    def _boundary(self) -> None:
        """To the very millisecond at which a lease ends, to the one before, and to the one after."""
        now = self.world.clock.at
        ends = [c.until for _, c in self._claims() if c.until + 1 >= now]
        if ends:
            self.world.clock.at = max(now, self.r.choice(ends) + self.r.choice([-1, 0, 0, 1]))

    def _claims(self) -> list[tuple[str, Claimed]]:
        runs = self.world.store._runs
        return [(run_id, claim) for run_id, run in runs.items() for claim in run.claimed.values()]

    def beaten(self, beat: Beat) -> None:
        """A heartbeat is about to renew a claim."""
        run, now = self.world.store._runs.get(beat.run_id), self.world.clock.at
        claim = None if run is None else run.held(beat.path, beat.token)
        self.met["claims renewed once their lease was over"] += claim is not None and claim.until <= now

    def race(self, flight: Flight) -> bool:
        """Whoever holds a claim that is about to be revoked turns out to live: whether its heartbeat came first."""
        if not isinstance(flight.request, Save) or self.r.random() > 0.3:
            return False
        living = [one for one in flight.request.commit.revoke if not one.gone]
        self.world.store.renew([Beat(flight.run_id, one.path, one.token) for one in living])
        self.met["heartbeats just before a revocation"] += len(living)
        return bool(living)

    # --- a call, before and after -------------------------------------------------------------------------------

    def ending(self, flight: Flight) -> tuple[Path, ...]:
        """The claims of its run whose lease ends in this very millisecond."""
        run = self.world.store._runs.get(flight.run_id)
        return () if run is None else tuple(p for p, c in run.claimed.items() if c.until == self.world.clock.at)

    def performed(self, flight: Flight, request: Request | None, ending: tuple[Path, ...], known: Mark | None) -> None:
        reply = flight.reply
        match request:
            case Save(commit):
                self._saved(flight, commit, ending, done=isinstance(reply, Done))
            case Take() if isinstance(reply, Granted) and reply.grants:
                self.met["claims taken by stale readers"] += reply.grants[0].head != known
            case _:
                pass

    def _saved(self, flight: Flight, commit: Commit, ending: tuple[Path, ...], *, done: bool) -> None:
        revoked = {one.path for one in commit.revoke} & {*ending}
        self.met["claims revoked at the end of their lease"] += done and bool(revoked)
        self.met["reports at the end of the lease"] += isinstance(commit.on, Holding) and commit.on.path in ending
        zombie = self.zombies.get(flight)
        if zombie is not None and commit.on == Holding(zombie.path, zombie.token):
            self.met["late reports of those who came back"] += 1
            assert not done, "who was replaced has reported"
        note = None if commit.summary is None else commit.summary.note
        if note is not None and is_current(flight.actor.tools.registry):
            excused = any(one in note.reason for one in NOT_THE_CODES)
            assert excused, f"the code that fits blocks a healthy run: {note.reason}"

    # --- a store that loses what was new ------------------------------------------------------------------------

    def keep(self, relations: Relations, operators: Operators) -> None:
        acknowledged = frozenset(key for key, flight in operators.promised.items() if flight.answered)
        self.replica = Replica(self.world.backup(), relations.copy(), acknowledged)

    def fail_over(self, flights: list[Flight], operators: Operators) -> Relations | None:
        """The replica goes on, and with it those who watch. Who tends one run by itself has lost nothing else; who was
        between two runs has lost its connection: what it knows of one may not fit the other any more.
        """
        replica, self.replica = self.replica, None
        if replica is None:
            return None
        length = self.world.read().head.length
        lost = self.world.fail_over(replica.backup)
        self.met["failovers"] += lost > 0
        self.met["commits lost by failovers"] += lost
        for flight in flights if self.between else ():
            if flight.heard > replica.backup.saved and flight.request is not None:
                flight.fail()
        operators.promised = {key: one for key, one in operators.promised.items() if key in replica.acknowledged}
        self.zombies.clear()
        relations = replica.relations
        for run_id, watch in relations.watches.items():
            watch.last = self.world.replay(run_id)
        self._as_long_as(length)
        return relations

    def _as_long_as(self, length: int) -> None:
        """Others write as much as was lost, and not the same: length is not identity."""
        missing = length - self.world.read().head.length
        if self.between or self.r.random() < 0.4 or not 0 < missing < 6:
            return
        for _ in range(missing):
            self.world.send(self.r.choice(HOOKS), self.r.choice([3, "no number"]))
        self.met["other logs of the same length as the lost one"] += self.world.read().head.length == length
