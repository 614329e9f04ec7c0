"""Schedules on the page: which there are, how one stands, and what is done with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from attrs import evolve

from tests.features.moments import eventually
from tests.web.conftest import log_of, served
from tests.web.page.browser import READER, Browser, parsed
from yieldflow import Flow, workflow
from yieldflow.core.times import instant
from yieldflow.schedules.occurrences import At, Cron, Every, Times, next_after
from yieldflow.schedules.plan import TAG, State
from yieldflow.schedules.program import schedule
from yieldflow.web.page.cadence import in_words

SECRET = "what-nobody-shall-see"


@workflow
def report(part: str = "all") -> Flow[str]:
    yield from ()
    return part


@workflow
def breaks() -> Flow[None]:
    yield from ()
    raise ValueError("it is broken")


def scheduled(app, schedule_id="nightly", **options):
    """When it has looked ahead."""
    app.schedule(report(), schedule_id=schedule_id, **({"cron": "30 7 * * mon-fri"} | options))
    app.runtime.tend(schedule_id)
    return app.schedules.get(schedule_id)


def told(app, schedule_id="nightly"):
    """When its run has done what it was asked."""
    app.runtime.tend(schedule_id)
    return app.schedules.get(schedule_id).show()


def rows(page):
    return [[cell.text.strip() for cell in one.inside] for one in page.one("tbody").all("tr")]


def buttons(page):
    return [one.text for one in page.one(id="actions").all("a")]


# --- which there are, and one of them ---------------------------------------------------------------------------------


def test_schedules_are_listed_by_their_ids_with_when_they_are_due(app, browser):
    scheduled(app, "b", tz="Europe/Berlin")
    scheduled(app, "a", cron=None, every="15m")
    scheduled(app, "c").pause("the bank is down")
    told(app, "c")
    found = rows(browser.page("schedules"))
    assert [row[:3] for row in found] == [
        ["a", "✓ active", "every 15m"],
        ["b", "✓ active", "Monday to Friday at 07:30, Europe/Berlin"],
        ["c", "‖ paused", "Monday to Friday at 07:30"],
    ]
    assert [row[3].startswith("in ") for row in found] == [True, True, False]
    assert found[2][3] == "not while paused"
    assert found[0][4] == "tests.web.page.test_schedules_page:report()"
    assert found[0][5] == "none yet"


def test_without_schedules_the_page_says_how_one_is_made(browser):
    assert "yieldflow schedule add" in browser.page("schedules").one(class_="empty").text


def test_those_that_ended_are_shown_on_request(app, browser):
    scheduled(app, "gone").delete()
    told(app, "gone")
    assert browser.page("schedules").one(class_="empty")
    assert [row[:2] for row in rows(browser.page("schedules?ended=1"))] == [["gone", "⊘ deleted"]]
    assert "It is deleted" in browser.page("schedules/gone").one(id="told").text


def test_many_schedules_come_some_at_a_time(app, browser):
    for number in range(23):
        app.schedule(report(), every="1h", schedule_id=f"s{number:02}")
    first = browser.page("schedules")
    onward = first.one(id="more").one("a", rel="next")["href"]
    second = browser.page(onward)
    assert [row[0] for row in rows(first) + rows(second)] == [f"s{number:02}" for number in range(23)]
    assert not list(second.one(id="more").all("a", rel="next"))


def test_one_is_shown_with_its_next_times_and_what_it_has_started(app, browser):
    scheduled(app, tz="Asia/Kathmandu", overlap="buffer_one", limit=9).trigger()
    (run,) = told(app).recent
    app.runtime.tend(run.run_id)
    page = browser.page("schedules/nightly")
    assert page.one("h1").text == "Schedule nightly"
    state = page.one(id="state").text
    for words in (
        "by the clocks of Asia/Kathmandu",
        "one waits for it to end",
        "1h is left out",
        "9 runs",
        "1 by hand",
    ):
        assert words in state
    times = [one.text for one in page.one(id="next").all("li")]
    assert len(times) == 5
    assert all(" 07:30:00 +0545" in one and "in " in one for one in times)
    assert rows(page.one(id="started"))[0][:2] == [run.run_id, "✓ completed"]
    assert [one["href"] for one in page.one(id="started").all("a")] == [
        f"/ui/runs/{run.run_id.replace('@', '%40').replace(':', '%3A')}"
    ]


def test_a_schedule_that_is_none_is_said(app, browser):
    app.start(report(), run_id="a-run")
    for schedule_id in ("a-run", "nobody"):
        got = browser.get(f"schedules/{schedule_id}")
        assert got.status == 404
        assert "there is no schedule" in parsed(got.text).one(role="alert").text.lower()


def test_hostile_ids_and_arguments_stay_text(app, browser):
    name = "<b>/../\"'&"
    app.schedule(report("<script>"), every="1h", schedule_id=name)
    page = browser.page("schedules")
    assert rows(page)[0][0] == name
    there = browser.page(page.one("tbody").one("a")["href"])
    assert there.one("h1").text == f"Schedule {name}"
    assert 'report("<script>")' in there.one(id="state").text
    asked = next(one["href"] for one in there.one(id="actions").all("a") if one.text == "Pause")
    assert browser.post(asked).status == 303
    assert told(app, name).standing == "paused"


@pytest.mark.parametrize("when", [{"cron": "30 7 * * *"}, {"every": "1h"}])
def test_a_zone_that_this_machine_does_not_know_is_said_and_hides_no_other_schedule(app, browser, when):
    """It was made where that zone is known."""
    plan = app.schedule(report(), schedule_id="b", **when).show().plan
    nowhere = evolve(plan, times=evolve(plan.times, tz="Mars/Olympus"))
    app.start(schedule(nowhere, State()), run_id="c", tags={TAG: "c"})
    scheduled(app, "d")
    assert [row[0] for row in rows(browser.page("schedules"))] == ["b", "c", "d"]
    due = browser.page("schedules/c").one(id="next")
    assert "Mars/Olympus is not known on this machine" in due.text
    assert [one.text.split(" ")[3] for one in due.all("time")] == (["UTC"] * 5 if "every" in when else [])
    assert browser.post("schedules/c/pause").status == 303


def test_a_schedule_whose_log_cannot_be_read_hides_no_other(lite, monkeypatch):
    for name in ("bad", "good"):
        scheduled(lite, name)
    read, store = type(lite.store).read, type(lite.store)

    def damaged(self, run_id, *asked, **options):
        log = read(self, run_id, *asked, **options)
        return evolve(log, events=(b"{}", *log.events[1:])) if run_id == "bad" and log.events else log

    monkeypatch.setattr(store, "read", damaged)
    with served(lite, page=True) as client:
        bad, good = rows(Browser(client).page("schedules"))
    assert bad[:2] == ["bad", "✗ its log cannot be read"]
    assert good[:2] == ["good", "✓ active"]


def test_what_a_schedule_started_leads_to_the_very_generation(app, browser):
    app.schedule(breaks(), cron="30 7 * * *", schedule_id="nightly")
    app.schedules.get("nightly").trigger()
    (run,) = told(app).recent
    app.runtime.tend(run.run_id)
    app.retry(run.run_id)
    app.runtime.tend(f"{run.run_id}~2")
    links = list(browser.page("schedules/nightly").one(id="started").all("a"))
    assert [browser.page(one["href"]).one("h1").text for one in links] == [one.text for one in links]
    assert len(links) == 2


def test_arguments_are_hidden_where_payloads_are(app):
    app.schedule(report(SECRET), every="1h", schedule_id="nightly")
    with served(app, page=True, payloads=False) as client:
        browser = Browser(client)
        for path in ("schedules", "schedules/nightly"):
            text = browser.get(path).text
            assert SECRET not in text
            assert "report(…)" in text


# --- what is done with one --------------------------------------------------------------------------------------------


def test_it_is_paused_with_a_reason_and_resumed(app, browser):
    scheduled(app)
    assert buttons(browser.page("schedules/nightly")) == ["Pause", "Trigger", "Backfill", "Delete"]
    sent = browser.post("schedules/nightly/pause", {"reason": "the bank is down"})
    assert (sent.status, sent.headers["location"]) == (303, "/ui/schedules/nightly")
    assert (told(app).standing, told(app).state.reason) == ("paused", "the bank is down")
    page = browser.page("schedules/nightly")
    assert "asked to pause" in page.one(id="said").text
    assert "starts nothing by itself: the bank is down" in page.one(id="told").text
    assert buttons(page) == ["Resume", "Trigger", "Backfill", "Delete"]
    assert browser.post("schedules/nightly/resume").status == 303
    assert told(app).standing == "active"


def test_it_is_triggered_and_says_which_run_that_is(app, browser):
    scheduled(app)
    assert browser.post("schedules/nightly/trigger").status == 303
    (run,) = told(app).recent
    assert run.run_id in browser.page("schedules/nightly").one(id="said").text


def test_pressed_twice_it_is_triggered_once(app, browser):
    scheduled(app)
    form = browser.page("schedules/nightly/trigger").one("form", class_="question")
    sent = {one["name"]: one["value"] for one in form.all("input")}
    for _ in range(2):
        assert browser.post("schedules/nightly/trigger", sent).status == 303
    assert len(told(app).recent) == 1
    form = browser.page("schedules/nightly/trigger").one("form", class_="question")
    browser.post("schedules/nightly/trigger", {one["name"]: one["value"] for one in form.all("input")})
    assert len(told(app).recent) == 2  # who is asked anew means another one


def test_it_is_deleted_after_one_question(app, browser):
    scheduled(app)
    question = browser.page("schedules/nightly/delete")
    assert "what it has started goes on" in question.one(class_="question").text
    assert told(app).standing == "active"
    assert browser.post("schedules/nightly/delete").status == 303
    assert told(app).standing == "deleted"
    assert not list(browser.page("schedules/nightly").one(id="actions").all("a"))
    again = browser.post("schedules/nightly/delete")
    assert again.status == 409
    assert "has ended" in parsed(again.text).one(role="alert").text


def test_what_was_due_is_made_up_for(app, browser):
    scheduled(app, cron=None, every="1h")
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    times = {
        "since": f"{now - timedelta(hours=3):%Y-%m-%dT%H:%M}",
        "until": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}",
    }
    assert browser.post("schedules/nightly/backfill", times).status == 303
    assert "2 runs will be started" in browser.page("schedules/nightly").one(id="said").text
    eventually(lambda: len(told(app).recent) >= 1)
    earlier = {"since": times["until"], "until": times["since"]}
    assert browser.post("schedules/nightly/backfill", earlier).status == 303
    assert "Nothing was due" in browser.page("schedules/nightly").one(id="said").text


@pytest.mark.parametrize("wrong", ["", "yesterday", "2026-13-01T00:00", "0001-01-01T00:00", "0001-01-01T00:00+05:00"])
def test_a_time_that_is_none_is_said_at_the_form(app, browser, wrong):
    scheduled(app)
    got = browser.post("schedules/nightly/backfill", {"since": wrong, "until": "9999-12-31T23:59"})
    assert got.status == 422
    page = parsed(got.text)
    assert page.one(role="alert").text
    assert page.one("input", name="until")["value"] == "9999-12-31T23:59"


def test_a_time_with_a_zone_of_its_own_is_that_moment(app, browser):
    scheduled(app, cron=None, every="1h")
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    west = timezone(timedelta(hours=-5))
    begin, end = now - timedelta(hours=3), now - timedelta(hours=1)
    span = {"since": begin.astimezone(west).isoformat(), "until": end.astimezone(west).isoformat()}
    assert browser.post("schedules/nightly/backfill", span).status == 303
    first = f"the first nightly@{begin:%Y-%m-%dT%H:%M:%S}Z"
    assert f"2 runs will be started, {first}" in browser.page("schedules/nightly").one(id="said").text


# --- those who may only look ------------------------------------------------------------------------------------------


def test_a_reader_sees_schedules_without_buttons_and_changes_none(app, client):
    scheduled(app)
    before = log_of(app, "nightly")
    reader = Browser(client, READER)
    assert [row[0] for row in rows(reader.page("schedules"))] == ["nightly"]
    assert not list(reader.page("schedules/nightly").one(id="actions").all("a"))
    for verb in ("pause", "resume", "trigger", "backfill", "delete"):
        assert reader.get(f"schedules/nightly/{verb}").status == 403
        assert reader.post(f"schedules/nightly/{verb}").status == 403
    assert log_of(app, "nightly") == before


def test_another_site_changes_none(app, browser):
    scheduled(app)
    before = log_of(app, "nightly")
    for verb in ("pause", "resume", "trigger", "delete"):
        assert browser.post(f"schedules/nightly/{verb}", site="cross-site").status == 403
    assert log_of(app, "nightly") == before


# --- in words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("30 7 * * mon-fri", "Monday to Friday at 07:30"),
        ("0 9 * * 7", "on Sunday at 09:00"),
        ("0 9 * * 0", "on Sunday at 09:00"),
        ("0 8,12 * * sat,sun", "on Saturday and Sunday at 08:00 and 12:00"),
        ("0 0 1,15 * *", "on day 1 and 15 of the month at 00:00"),
        ("0 12 1 jan *", "on day 1 of January at 12:00"),
        ("0 12 1 1,12 *", "on day 1 of January and December at 12:00"),
        ("5 4 * * *", "every day at 04:05"),
        ("15 * * * *", "every hour at minute 15"),
        ("0 */2 * * *", "every 2 hours at minute 0"),
        ("* * * * *", "every minute"),
        ("*/15 9-17 * * *", "every 15 minutes, from hour 9 to 17"),
        ("*/5 * * * mon", "every 5 minutes, on Monday"),
        ("@weekly", "on Sunday at 00:00"),
        ("*/7 * * * *", "cron */7 * * * *"),  # not the same time between any two
        ("0 0 1 * mon", "cron 0 0 1 * mon"),  # the first, and each Monday
        ("0 8 * mar-jun *", "cron 0 8 * mar-jun *"),
        ("5,10 * * * *", "cron 5,10 * * * *"),
        ("0 9 * * mon-wed,fri", "cron 0 9 * * mon-wed,fri"),
        ("0 9 * * */2", "cron 0 9 * * */2"),
    ],
)
def test_a_cron_line_is_said_in_words_or_as_it_stands(line, words):
    times = Times(Cron(line))
    assert next_after(times, 0) is not None  # it is one
    assert in_words(times) == words


def test_intervals_and_lists_are_said_in_words():
    assert in_words(Times(Every(5_400_000))) == "every 1h30m"
    midnight = instant(datetime(2026, 1, 1, tzinfo=UTC))
    assert in_words(Times(At((midnight,)))) == "once, at 2026-01-01 00:00:00 UTC"
    assert in_words(Times(At((midnight, midnight + 1, midnight + 2)))) == "at 2026-01-01 00:00:00 UTC and 2 more times"
