"""`record`: a value class, which type checkers hold frozen.

While the program runs nobody looks whether it is: what looks makes each of the dozens of values that a step needs three
times as slow to build. What users hold in their hands (commands, policies) is frozen for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import frozen as record
else:
    from functools import partial

    from attrs import define

    record = partial(define, unsafe_hash=True)

__all__ = ["record"]
