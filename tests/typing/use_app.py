"""What starts workflows. Both type checkers accept every line."""

from __future__ import annotations

from typing import Any, assert_type

from use import Order, Receipt, checkout

from yieldflow import App, Handle, start
from yieldflow.mending import Mended
from yieldflow.schedules import AsyncSchedule, Shown

app = App("memory:")
assert_type(app.start(checkout(Order("1", 2)), run_id="o"), Handle[Receipt])
assert_type(app.run(checkout(Order("1", 2))), Receipt)
assert_type(start(checkout(Order("1", 2))).result(timeout=1), Receipt)
assert_type(app.runs(status=("running", "paused"), tag={"team": "a"}).cancel("no more", dry_run=True), Mended)
assert_type(app.runs(status="failed").retry().run_ids, tuple[str, ...])
assert_type(app.fork("o", at=3, replace={"1": Receipt(5)}, new_run_id="p"), Handle[Any])
assert_type(App("memory:", retention={"completed": "7d"}).prune("30d", status="completed"), list[str])


async def later() -> None:
    schedule = await app.aio.schedule(checkout(Order("1", 2)), cron="0 7 * * *", tz="Europe/Berlin")
    assert_type(schedule, AsyncSchedule)
    assert_type(await schedule.trigger(), str)
    assert_type(await schedule.show(), Shown)
    await schedule.update(overlap="allow_all")
    assert_type(await app.aio.schedules.list(ended=True), tuple[AsyncSchedule, ...])
