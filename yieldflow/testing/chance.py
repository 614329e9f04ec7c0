"""Hypothesis decides which seeds are tried, the same ones each time. Only who explores by chance loads it."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st


def for_seeds(tries: Callable[[bytes], None], most: int) -> None:
    """Call *tries* with at most that many; what it raises passes through, maybe after it was tried once more."""

    @settings(
        max_examples=most,
        deadline=None,
        database=None,
        derandomize=True,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate,),  # what is found is made shorter than bytes can tell
        suppress_health_check=tuple(HealthCheck),
    )
    @given(st.binary(min_size=8, max_size=8))  # of integers it prefers those that stand in whatever is imported
    def tried(seed: bytes) -> None:
        tries(seed)

    tried()
