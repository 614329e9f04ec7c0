"""A report each night at half past two, local time, and one at once if somebody asks.

yieldflow worker examples/nightly_report.py          # puts the schedule in place, and carries it out
yieldflow schedule list
yieldflow schedule trigger nightly_report
yieldflow schedule backfill nightly_report --since 3d --until 0s
"""

from __future__ import annotations

import time
from datetime import timedelta
from zoneinfo import ZoneInfo

from yieldflow import App, Flow, gather, now, scheduled, step, workflow

SHOPS = ("Berlin", "Hamburg")


@step(retry=5, timeout="5m")
def turnover(shop: str, day: str) -> int:
    return sum(map(ord, shop + day))  # a query of your own


@step
def mail(subject: str, text: str) -> str:
    print(f"{subject}: {text}")
    return subject


@scheduled(cron="30 2 * * *", tz="Europe/Berlin", jitter="5m", catch_up="6h")
@workflow
def nightly_report() -> Flow[str]:
    night = (yield from now()).astimezone(ZoneInfo("Europe/Berlin"))
    day = (night - timedelta(days=1)).date().isoformat()
    sums = yield from gather(*(turnover(shop, day) for shop in SHOPS))
    text = ", ".join(f"{shop} {cents}" for shop, cents in zip(SHOPS, sums, strict=True))
    return (yield from mail(f"Report of {day}", text))


if __name__ == "__main__":
    app = App("sqlite:///report.db")
    with app.worker():
        (schedule,) = app.schedules.declare()
        run_id = schedule.trigger()
        print("next:", schedule.show().next[0].isoformat())
        while not schedule.show().recent:
            time.sleep(0.1)
        print(app.get(run_id).result(timeout="1m"))
