"""How runs are named: a run id names a chain of generations, and children after the place that asked for them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from yieldflow.core.path import Path, show
from yieldflow.errors import UnknownRun

_GENERATION = re.compile(r"(.+)~([1-9][0-9]{0,8})", re.DOTALL)
LONGEST = 10_000  # characters; the id of a child grows with its depth


def expect_possible(run_id: object) -> None:
    """Raises `UnknownRun` for what no run is ever called, so that no store is asked for it."""
    if not (isinstance(run_id, str) and 1 <= len(run_id) <= LONGEST and run_id.isprintable()):
        raise UnknownRun(run_id)


def chain_of(run_id: str) -> tuple[str, int]:
    """The chain and the number of a generation: the first has the chain's own id, generation g has `id~g`."""
    found = _GENERATION.fullmatch(run_id) if "~" in run_id else None
    return (run_id, 1) if found is None else (found[1], int(found[2]))


def generation(chain: str, number: int) -> str:
    return chain if number == 1 else f"{chain}~{number}"


def successor(run_id: str) -> str:
    chain, number = chain_of(run_id)
    return generation(chain, number + 1)


def predecessor(run_id: str) -> str:
    """Nothing has this name, if *run_id* is the first."""
    chain, number = chain_of(run_id)
    return generation(chain, number - 1) if number > 1 else ""


def is_first(run_id: str) -> bool:
    return chain_of(run_id)[1] == 1


def issuer(run_id: str, anew: Sequence[int], position: int) -> str:
    """The generation that issued what stands at *position*, of a run that was retried after so many events each time:
    what a command does to the world is done under its name, also when that is tried again.
    """
    chain, number = chain_of(run_id)
    copies = sum(cut >= position for cut in anew)
    return generation(chain, max(1, number - copies))


def child(run_id: str, path: Path) -> str:
    """The generation is in it, so that the next one does not find this one's children."""
    chain, number = chain_of(run_id)
    return f"{chain}~{number}.{show(path)}"
