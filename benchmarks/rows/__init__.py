"""The rows of the tables, in their order."""

from benchmarks.measure import Row
from benchmarks.rows import (
    draining,
    embedded,
    growth,
    hooks,
    latency,
    recovery,
    replay,
    sequential,
    sleepers,
    spread,
    stock,
)

ROWS: dict[str, Row] = {
    row.name: row
    for row in (
        sequential.ROW,
        draining.ROW,
        stock.ROW,
        embedded.ROW,
        latency.STARTS,
        latency.INSIDE,
        growth.ROW,
        replay.ROW,
        spread.ROW,
        sleepers.ASLEEP,
        sleepers.WAKING,
        hooks.ROW,
        recovery.ROW,
    )
}
