"""Figures as values, and the text of them that Prometheus reads (format 0.0.4).

By hand: it is these few lines, where a library would bring a registry of its own, global to the process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Literal, TypeAlias

from attrs import field

from yieldflow.core.record import record

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_TEXTS = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
_HELPS = str.maketrans({"\\": "\\\\", "\n": "\\n"})

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]


@record
class Sample:
    value: float
    labels: Mapping[str, str] = field(factory=dict)
    suffix: str = ""  # of the name, in a histogram


@record
class Family:
    """All figures of one name."""

    name: str
    kind: Kind
    says: str
    samples: tuple[Sample, ...]


def exposed(families: Iterable[Family]) -> str:
    return "".join(f"{line}\n" for line in chain.from_iterable(map(_lines, families)))


def _lines(family: Family) -> Iterable[str]:
    yield f"# HELP {family.name} {family.says.translate(_HELPS)}"
    yield f"# TYPE {family.name} {family.kind}"
    for sample in family.samples:
        labels = ",".join(f'{name}="{value.translate(_TEXTS)}"' for name, value in sample.labels.items())
        braced = f"{{{labels}}}" if labels else ""
        yield f"{family.name}{sample.suffix}{braced} {sample.value:.16g}"
