"""What people and other programs do to runs from outside, each a tender that may be crashed as any other."""

from __future__ import annotations

from random import Random

from attrs import define, field

from tests.engine.families import NOBODY, ROOTS, SHARED
from tests.engine.programs import HOOKS
from tests.engine.world import CODEC, Actor, Flight, World
from yieldflow.core.chain import chain_of, successor
from yieldflow.engine import control
from yieldflow.engine.outside import cancellation, delivery
from yieldflow.engine.reaching import deliver
from yieldflow.engine.surgery import forked

MOST_COPIES = 3  # retries and forks: each is a run more


@define(eq=False)
class Operators:
    world: World
    r: Random
    me: Actor
    copies: int = 0
    sent: int = 0
    promised: dict[str, Flight] = field(factory=dict)  # the keys of payloads that were sent

    def act(self) -> Flight:
        run_id = self._somebody()
        match self.r.choice(
            ["send"] * 5 + ["cancel", "pause", "pause", "resume", "terminate", "terminate", "retry", "retry", "fork"]
        ):
            case "send":
                return self._send(run_id)
            case "cancel":
                key = self.r.choice(["cancel", self.world.fresh()])
                return self.me.ask(
                    lambda t: deliver(
                        t, run_id, lambda target, at: cancellation(target, t.me.fresh(), key=key, reason=None, at=at)
                    ),
                    run_id,
                )
            case "pause":
                return self.me.ask(lambda t: control.pause(t, None), run_id)
            case "resume":
                return self.resume(run_id)
            case "terminate":
                return self.me.ask(lambda t: control.terminate(t, None), run_id)
            case "retry" if self.copies < MOST_COPIES:
                self.copies += 1
                return self.me.ask(control.retry, self._failed() or run_id)
            case "fork" if self.copies < MOST_COPIES:
                self.copies += 1
                name, at = f"fork-{self.copies}", self._position(run_id)
                return self.me.ask(
                    lambda t: control.fork(t, lambda log: forked(log, name, at, self.r.randbytes(16))), run_id
                )
            case _:
                return self._send(run_id)

    def hurry(self) -> Flight | None:
        """Something for a run that was continued just now, before its next generation has begun."""
        there = self.world.store._runs
        waiting = [
            run_id
            for run_id, stored in there.items()
            if stored.summary.status == "continued" and successor(run_id) not in there
        ]
        return self._send(self.r.choice(waiting)) if waiting else None

    def resume(self, run_id: str) -> Flight:
        return self.me.ask(control.resume, run_id)

    def _send(self, run_id: str) -> Flight:
        self.sent += 1
        key, payload = f"outside-{self.sent}", CODEC.encode(1_000_000 + self.sent, int)
        hook = self.r.choice(HOOKS)
        flight = self.me.ask(
            lambda t: deliver(
                t,
                run_id,
                lambda target, at: delivery(target, t.me.fresh(), hook, payload, key=key, by=None, inbox=1_000, at=at),
            ),
            run_id,
        )
        self.promised[f"{key}"] = flight
        return flight

    def _somebody(self) -> str:
        """The names of those that live, mostly."""
        chains = [chain_of(run_id)[0] for run_id in self.world.runs]
        return self.r.choice([*chains, *chains, *ROOTS, *SHARED, NOBODY])

    def _failed(self) -> str | None:
        failed = [run_id for run_id in self.world.runs if self.world.read(run_id).summary.status == "failed"]
        return chain_of(self.r.choice(failed))[0] if failed else None

    def _position(self, run_id: str) -> int | None:
        log = self.world.store.read(run_id)
        return None if log is None or self.r.random() < 0.2 else self.r.randint(1, log.head.length)
