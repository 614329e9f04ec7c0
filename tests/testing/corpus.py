"""Mistakes that real teams make, each with its mended twin: what `explore` has to find, and what it has to leave alone.

The workflows are in the `corpus_*` modules, split by idea.
"""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from yieldflow import FatalError, Retry, WorkflowCall, current_step, step
from yieldflow.testing import Simulation, outcomes


@frozen
class Pair:
    """*says* is part of the report on the faulty one; *options* are those of `explore`."""

    mistake: str
    faulty: WorkflowCall[Any]
    mended: WorkflowCall[Any]
    says: str
    options: Mapping[str, Any] = field(factory=dict)


def pair(mistake: str, faulty: WorkflowCall[Any], mended: WorkflowCall[Any], *, says: str, **options: Any) -> Pair:
    return Pair(mistake, faulty, mended, says, options)


# --- a small world, that the fakes of a schedule act on --------------------------------------------------------------


class World:
    """A bank: payments by key where somebody gave one, each of the others for itself."""

    paid: Mapping[Any, int] = {}

    def fakes(self) -> Mapping[Any, Any]:
        """Of a schedule, before which nothing was paid."""
        paid: dict[Any, int] = {}
        self.paid = paid

        def pay(cents: int) -> str:
            return pays(object(), cents)

        def pay_with_key(cents: int) -> str:
            return pays(current_step().idempotency_key, cents)

        def pay_order(order: str, cents: int) -> str:
            return pays(order, cents)

        def give_back(order: str) -> None:
            """Also of what comes only later: the bank keeps the order in mind."""
            paid[order] = 0

        def pays(key: Any, cents: int) -> str:
            paid.setdefault(key, cents)
            return "paid"

        return {
            **FAKES,
            charge: pay,
            charge_with_key: pay_with_key,
            charge_order: pay_order,
            give_back_order: give_back,
        }

    @property
    def total(self) -> int:
        return sum(self.paid.values())


world = World()


@step(timeout="10s")
def charge(cents: int) -> str: ...


@step(timeout="10s")
def charge_with_key(cents: int) -> str: ...


@step(timeout="10s", retry=Retry(attempts=1, lost=1))
def charge_order(order: str, cents: int) -> str: ...


@step
def give_back_order(order: str) -> None: ...


@step
def reserve(what: str) -> str: ...


@step
def release(reservation: str) -> None: ...


@step
def mail(text: str) -> None: ...


@step
def book(what: str) -> str: ...


FAKES: Mapping[Any, Any] = {
    reserve: lambda what: what,
    release: outcomes(None),
    mail: outcomes(None),
    book: outcomes("booked", FatalError("full")),
}

Condition = Callable[[Simulation[Any]], object]


def nothing_is_left(sim: Simulation[Any]) -> None:
    if sim.status != "completed":
        left = {call.args for call in sim.effects(reserve)} - {call.args for call in sim.effects(release)}
        assert not left, f"left behind: {sorted(left)}"


def mails(sim: Simulation[Any]) -> list[str]:
    return [call.args[0] for call in sim.effects(mail)]
