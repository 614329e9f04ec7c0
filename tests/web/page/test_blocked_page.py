"""Runs that do not go on by themselves, on the page: by what blocks them, with what to do; and those that are stuck."""

from __future__ import annotations

from rq import Queue

from tests.web.conftest import served, status_of
from tests.web.page.browser import READER, Browser, parsed
from yieldflow import App, Flow, hook, sleep, step, workflow
from yieldflow.authoring.registry import Registry
from yieldflow.core.asks import WorkflowDefinition
from yieldflow.core.values import KnownShape
from yieldflow.rq import Worker
from yieldflow.web.discreet import HIDDEN, reason_of, why_of

SECRET = "what-nobody-shall-see"


@step
def pack(order: str) -> str:
    return order


@workflow
def packs(order: str) -> Flow[str]:
    packed = yield from pack(order)
    yield hook("approval")
    return packed


@workflow
def naps() -> Flow[None]:
    yield from sleep("30d")


def deployed(app, *programs):
    """Other code under the same names."""
    app.registry = Registry()
    for definition, program in programs:
        shape = KnownShape(definition.parameters, object)
        app.registry.add_workflow(WorkflowDefinition(definition.name, program, shape))
    app.runtime.registry = app.registry
    app.runtime.cache.clear()


def packs_changed(order):
    yield from pack(order + " and more")
    yield hook("approval")


def naps_changed():
    yield sleep("1h")
    yield hook("more")


def block(app, run_id, call, *programs):
    before = app.registry, app.runtime.registry
    app.start(call, run_id=run_id)
    app.runtime.tend(run_id)
    deployed(app, *programs)
    app.runtime.tend(run_id)
    assert status_of(app, run_id) == "blocked"
    app.registry, app.runtime.registry = before


def blocked(app, *run_ids, order="order-1"):
    for run_id in run_ids:
        block(app, run_id, packs(order), (packs.definition, packs_changed))


def rows(part):
    return [[cell.text.strip() for cell in one.inside] for one in part.one("tbody").all("tr")]


def groups(page):
    return [one.one("h2").text for one in page.all("section")]


# --- blocked ----------------------------------------------------------------------------------------------------------


def test_where_nothing_is_blocked_the_page_says_so(browser):
    assert "No run is blocked" in browser.page("blocked").one(class_="empty").text
    assert "No run is stuck" in browser.page("blocked/stuck").one(class_="empty").text


def test_blocked_runs_are_grouped_by_what_blocks_them_with_the_mismatch_and_the_line(app, browser):
    blocked(app, "a", "b")
    blocked(app, "c", order="order-2")  # another value, the same change
    block(app, "n", naps(), (naps.definition, naps_changed))
    page = browser.page("blocked")
    assert groups(page) == ["packs: 3 runs", "naps: 1 run"]
    first, second = page.all("section")
    assert first["id"] != second["id"]
    assert [one["id"] for one in first.one("tbody").all("tr")] == ["blocked-c", "blocked-b", "blocked-a"]
    text = first.one("pre").text
    for words in ("recorded: pack('order-2')", "asked:    pack('order-2 and more')", "test_blocked_page.py", "likely"):
        assert words in text
    assert [row[0] for row in rows(first)] == ["c", "b", "a"]
    assert [one["href"] for one in first.one("tbody").all("a")] == ["/ui/runs/c", "/ui/runs/b", "/ui/runs/a"]
    assert "As it is of c:" in first.text


def test_when_a_blocked_run_is_looked_at_again_is_told(app, browser):
    blocked(app, "a")
    (row,) = rows(browser.page("blocked").one("section"))
    assert row[3].startswith(("in ", "due since"))


def test_what_differs_in_its_values_is_hidden_where_payloads_are(app):
    blocked(app, "a", order=SECRET)
    with served(app, page=True, payloads=False) as client:
        browser = Browser(client)
        text = browser.get("blocked").text
        assert SECRET not in text
        assert "recorded: (hidden)" in text
        assert "test_blocked_page.py" in text
        doctor = browser.get("workers/doctor").text
        assert SECRET not in doctor
        assert "1 reason why runs are blocked" in doctor


def test_of_a_reason_only_the_rows_with_values_are_hidden():
    reason = """workflow shop:packs has changed under a running run:
  recorded: pack('secret')
  asked:    pack('other secret')
            order: recorded 'secret', asked 'other secret'
  at:       shop.py:3 in packs
            packed = yield from pack(order)"""
    hidden = reason_of(reason, shows_payloads=False)
    assert "secret" not in hidden
    assert "packed = yield from pack(order)" in hidden
    assert reason_of(reason, shows_payloads=True) == reason
    assert reason_of("the workflow yielded 'secret'", shows_payloads=False) == HIDDEN
    child = f"child pay, running since 2 s → blocked: {reason}"
    assert why_of(child, shows_payloads=True, shows_others=True) == child
    for shows in (True, False):  # the values of another run need both
        assert why_of(child, shows_payloads=shows, shows_others=False).endswith(
            "→ blocked: workflow shop:packs has changed under a running run:"
        )
    own = f"blocked: {reason}"
    assert why_of(own, shows_payloads=True, shows_others=False) == own
    assert "secret" not in why_of(own, shows_payloads=False, shows_others=False)
    waits = "hook approval, open since 2 s"
    assert why_of(waits, shows_payloads=False, shows_others=False) == waits


def test_pages_of_blocked_runs_lead_from_one_to_the_next(app, browser):
    run_ids = [f"r{number:03}" for number in range(103)]
    app.start_many([packs("o").options(run_id=run_id) for run_id in run_ids])
    for run_id in run_ids:
        app.runtime.tend(run_id)
    deployed(app, (packs.definition, packs_changed))
    for run_id in run_ids:
        app.runtime.tend(run_id)
    first = browser.page("blocked")
    assert groups(first) == ["packs: 100 runs"]
    assert "and 90 more" in first.one("section").text
    second = browser.page(next(first.all("a", rel="next"))["href"])
    assert groups(second) == ["packs: 3 runs"]
    assert not list(second.all("a", rel="next"))


def test_hostile_ids_and_values_stay_text(app, browser):
    blocked(app, "<b>/..'\"", order="</pre><script>")
    section = browser.page("blocked").one("section")
    assert rows(section)[0][0] == "<b>/..'\""
    assert "pack('</pre><script>')" in section.one("pre").text
    assert not list(section.all("script"))


def test_a_cursor_that_is_none_is_said(browser):
    for path in ("blocked?cursor=x", "blocked/stuck?cursor=x"):
        got = browser.get(path)
        assert got.status == 422
        assert "no cursor" in parsed(got.text).one(role="alert").text


def test_a_reader_sees_them_and_nothing_here_can_be_posted(app, client):
    blocked(app, "a")
    reader = Browser(client, READER)
    assert groups(reader.page("blocked")) == ["packs: 1 run"]
    assert reader.post("blocked").status in (403, 405)


# --- stuck ------------------------------------------------------------------------------------------------------------


def test_runs_that_nobody_will_move_are_told_with_why_and_what_to_do(own_redis):
    app = App(own_redis.url)
    try:
        app.client.flushall()
        Worker([Queue("yieldflow", connection=app.client)], connection=app.client).register_birth()
        app.start(packs("x").options(queue="nobody"), run_id="stuck<1>")
        app.start(packs("x"), run_id="well")
        with served(app, page=True) as client:
            page = Browser(client).page("blocked/stuck")
        (row,) = rows(page)
        assert row[:2] == ["stuck<1>", "packs"]
        assert "no worker serves it" in row[3]
        assert "yieldflow worker MODULE --queue nobody" in row[3]
        assert "2 runs looked at" in page.one("main").text
    finally:
        app.close()
