"""Schedules over HTTP: each verb, and what is refused with nothing changed."""

from datetime import UTC, datetime
from sqlite3 import connect
from urllib.parse import quote

import pytest

from tests.web import shop
from tests.web.conftest import served, wait_until
from yieldflow import App

CHECKOUT = shop.checkout.definition.name
DAILY = {"workflow": CHECKOUT, "args": ["o-1"], "schedule_id": "daily/ä", "cron": "30 7 * * *", "tz": "Europe/Berlin"}
PLACE = f"/schedules/{quote('daily/ä', safe='')}"


def test_a_schedule_is_made_once_and_shown(app, client):
    for _ in range(2):
        got = client.api("POST", "/schedules", DAILY)
        assert (got.status, got.json) == (202, {"schedule_id": "daily/ä"})
    app.runtime.tend("daily/ä")
    shown = client.api("GET", PLACE).json
    assert (shown["standing"], shown["due"], shown["workflow"]) == ("active", "30 7 * * * Europe/Berlin", CHECKOUT)
    assert len(shown["next"]) == 5
    assert client.api("GET", "/schedules").json == {"schedules": [shown], "cursor": None}


def test_each_verb_does_what_it_does_elsewhere(app, client):
    client.api("POST", "/schedules", DAILY)
    with app.worker(threads=2):

        def stands(wanted):
            wait_until(lambda: client.api("GET", PLACE).json["standing"] == wanted)

        assert client.api("POST", f"{PLACE}/pause", {"reason": "holidays"}).status == 202
        stands("paused")
        assert client.api("GET", PLACE).json["reason"] == "holidays"
        triggered = client.api("POST", f"{PLACE}/trigger").json["run_id"]
        wait_until(lambda: _ended(client, triggered))
        assert client.api("POST", f"{PLACE}/resume").status == 202
        stands("active")
        span = {"since": "2026-01-01T00:00", "until": "2026-01-03T00:00+00:00"}
        filled = client.api("POST", f"{PLACE}/backfill", span).json["run_ids"]
        assert filled == ["daily/ä@2026-01-01T06:30:00Z", "daily/ä@2026-01-02T06:30:00Z"]
        wait_until(lambda: all(_ended(client, run_id) for run_id in filled))
        assert client.api("POST", f"{PLACE}/update", {"every": "90m", "overlap": "allow_all"}).status == 202
        wait_until(lambda: client.api("GET", PLACE).json["due"] == "every 1h30m")
        assert client.api("POST", f"{PLACE}/delete").status == 202
        stands("deleted")
    assert client.api("GET", "/schedules").json["schedules"] == []
    assert [one["schedule_id"] for one in client.api("GET", "/schedules?ended=true").json["schedules"]] == ["daily/ä"]
    assert client.api("POST", f"{PLACE}/trigger").status == 409
    assert {one["run_id"] for one in client.api("GET", PLACE).json["recent"]} == {triggered, *filled}


def test_a_trigger_that_is_repeated_with_its_key_is_started_once(app, client):
    client.api("POST", "/schedules", DAILY)
    found = [client.api("POST", f"{PLACE}/trigger", **{"Idempotency-Key": "mail-7"}).json["run_id"] for _ in range(2)]
    assert found[0] == found[1]
    with app.worker(threads=1):
        wait_until(lambda: _ended(client, found[0]))
    assert client.api("GET", PLACE).json["by_hand"] == 1


def test_a_schedule_whose_log_cannot_be_read_hides_no_other(tmp_path):
    app = App(f"sqlite:///{tmp_path}/runs.db")
    with served(app) as client:
        for name in ("bad", "good"):
            client.api("POST", "/schedules", {**DAILY, "schedule_id": name})
        with connect(tmp_path / "runs.db") as db:
            db.execute(
                "UPDATE event SET bytes = '{\"secret\": 4111}' WHERE run = (SELECT id FROM run WHERE run_id = 'bad')"
            )
        got = client.api("GET", "/schedules")
        assert [(one["schedule_id"], one["standing"]) for one in got.json["schedules"]] == [
            ("bad", "blocked"),
            ("good", "active"),
        ]
        assert b"4111" not in got.body + client.api("GET", "/schedules/bad").body
    app.close()


def _ended(client, run_id):
    got = client.api("GET", f"/runs/{quote(run_id, safe='')}")
    return got.status == 200 and got.json["status"] == "completed"


def test_pages_go_on_after_the_last_id(app, client):
    for number in range(5):
        app.schedule(shop.checkout("o"), at=[datetime(2999, 1, 1, tzinfo=UTC)], schedule_id=f"s{number}")
    found, cursor = [], ""
    while cursor is not None:
        page = client.api("GET", f"/schedules?limit=2&cursor={cursor}").json
        found += [one["schedule_id"] for one in page["schedules"]]
        cursor = page["cursor"]
    assert found == [f"s{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/schedules", {**DAILY, "cron": "61 * * * *"}, 422, "cron"),
        ("/schedules", {**DAILY, "every": "1h"}, 422, "one of"),
        ("/schedules", {**DAILY, "tz": "Europe/Atlantis"}, 422, "Atlantis"),
        ("/schedules", {**DAILY, "overlap": "shove"}, 422, "overlap"),
        ("/schedules", {**DAILY, "args": []}, 422, "order"),
        ("/schedules", {**DAILY, "workflow": "shop:nothing"}, 404, "shop:nothing"),
        ("/schedules", {**DAILY, "cron": "0 8 * * *"}, 409, "exists already"),
        ("/schedules/nobody/pause", {}, 404, "nobody"),
        (f"{PLACE}/backfill", {"since": "soon", "until": "2d"}, 422, "since"),
        (f"{PLACE}/backfill", {"since": "1d"}, 422, "until"),
        (f"{PLACE}/update", {}, 422, "what to change"),
        (f"{PLACE}/update", {"start": "never"}, 422, "start"),
        (f"{PLACE}/update", {"start": "2h"}, 422, "start: '2h' is no time"),
        (f"{PLACE}/pause", {"reason": "x" * 1_001}, 422, "reason"),
        (f"{PLACE}/pause", {"reason": "\x1b[2J"}, 422, "reason"),
        ("/schedules", {**DAILY, "schedule_id": "last", "tz": "Asia/Tokyo", "start": "9999-12-31T23:59Z"}, 422, "due"),
        ("/schedules", {"workflow": CHECKOUT, "args": ["o"], "schedule_id": "ago", "at": ["2h"]}, 422, "no time"),
        (f"{PLACE}/backfill", {"since": "0001-01-01", "until": "1d"}, 422, "more than 1,000"),
        (f"{PLACE}/shake", None, 404, "nothing at this path"),
    ],
)
def test_what_cannot_be_is_refused_with_nothing_changed(lite: App, path, body, status, said):
    with served(lite) as client:
        client.api("POST", "/schedules", DAILY)
        before = [run.history() for run in map(lite.get, ("daily/ä",))], lite.runs().runs
        got = client.api("POST", path, body)
        assert (got.status, said in got.json["detail"]) == (status, True), got.json
        assert ([run.history() for run in map(lite.get, ("daily/ä",))], lite.runs().runs) == before


def test_a_reader_changes_no_schedule(lite: App):
    with served(lite, readers="a-token-that-looks") as client:
        client.api("POST", "/schedules", DAILY)
        got = client.api("POST", f"{PLACE}/delete", Authorization="Bearer a-token-that-looks")
        assert got.status == 403
        assert client.api("GET", PLACE, Authorization="Bearer a-token-that-looks").status == 200
