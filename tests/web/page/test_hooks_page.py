"""Hooks that wait for somebody, on the page: listed, shown, and answered once."""

from __future__ import annotations

import time
from urllib.parse import quote

from attrs import frozen

from tests.web import shop
from tests.web.conftest import log_of, opened, status_of
from tests.web.page.browser import READER, Browser, parsed
from yieldflow import Flow, Handle, gather, hook, workflow
from yieldflow.authoring.registry import Registry
from yieldflow.codec.packing import unpack
from yieldflow.core.events import HookReceived

HOSTILE = "<script>\"&' x"


@frozen
class Order:
    approve: bool
    note: str = ""


@workflow
def hostile() -> Flow[object]:
    return (yield from hook(HOSTILE))


@workflow
def twice() -> Flow[object]:
    first = yield from hook("more", int)
    return first + (yield from hook("more", int))


@workflow
def record() -> Flow[str]:
    order = yield from hook("order", Order)
    return f"{order.approve} {order.note}"


@workflow
def in_time() -> Flow[object]:
    return (yield from hook("soon", str, timeout="1h", default=None))


def begun(app, call, run_id):
    app.start(call, run_id=run_id)
    app.runtime.tend(run_id)


def rows(page):
    return [[cell.text.strip() for cell in one.inside] for one in page.one("tbody").all("tr")]


def payloads(app, run_id):
    return [app.codec.decode(one.payload, object) for one in deliveries(app, run_id)]


def deliveries(app, run_id):
    return [event for event in map(unpack, log_of(app, run_id)) if isinstance(event, HookReceived)]


def form_of(page):
    """What a browser would send of the form of a page, without what is chosen."""
    form = next(one for one in page.all("form", method="post") if "sign-out" not in one.attributes.get("action", ""))
    return form, {
        one["name"]: one.attributes.get("value", "")
        for one in form.all("input")
        if one.attributes.get("type") not in ("radio", "submit")
    }


# --- the list ---------------------------------------------------------------------------------------------------------


def test_hooks_that_wait_are_listed_with_the_oldest_run_first(app, browser):
    begun(app, shop.approval(), "a")
    begun(app, in_time(), "b")
    app.pause("b")
    page = browser.page("hooks")
    assert [row[:3] for row in rows(page)] == [["approval", "a", "approval"], ["soon", "b ‖ paused", "in_time"]]
    never, soon = (row[4] for row in rows(page))
    assert never == "never"
    assert soon.startswith("in ")
    answers = [one["href"] for one in page.one("tbody").all("a", class_="button")]
    assert answers == ["/ui/hooks/a/approval/answer", "/ui/hooks/b/soon/answer"]


def test_where_nobody_is_waited_for_the_list_says_so_kindly(browser):
    page = browser.page("hooks")
    assert "there is nothing to answer" in page.one(class_="empty").text
    assert "No hook that fits" in browser.page("hooks?hook=none").one(class_="empty").text


def test_the_list_is_narrowed_by_hook_and_workflow_and_keeps_what_was_asked(app, browser):
    begun(app, shop.approval(), "a")
    begun(app, in_time(), "b")
    page = browser.page("hooks?hook=soon")
    assert [row[0] for row in rows(page)] == ["soon"]
    assert page.one("input", name="hook")["value"] == "soon"
    assert [row[0] for row in rows(browser.page("hooks?workflow=tests.web.shop%3Aapproval"))] == ["approval"]


def test_pages_lead_from_one_to_the_next_and_each_hook_is_on_one(app, browser):
    for number in range(120):
        begun(app, shop.approval(), f"r{number:03}")
    found, path = [], "hooks"
    while path:
        page = browser.page(path)
        found += [row[1] for row in rows(page)]
        path = next((one["href"] for one in page.one(id="more").all("a", rel="next")), None)
    assert found == [f"r{number:03}" for number in range(120)]


def test_a_cursor_that_is_none_is_said(browser):
    got = browser.get("hooks?cursor=nonsense")
    assert got.status == 422
    assert "no cursor" in parsed(got.text).one(role="alert").text


def test_no_token_is_ever_shown(app, browser):
    tokens = opened(app, shop.approval(), "a")
    for path in ("hooks", "hooks/a/approval", "hooks/a/approval/answer"):
        text = browser.get(path).text
        assert "approval" in text
        assert not any(token in text for token in tokens.values())


# --- one hook ---------------------------------------------------------------------------------------------------------


def test_a_hook_is_shown_with_its_run_why_it_waits_and_a_form_of_its_type(app, browser):
    begun(app, record(), "a")
    page = browser.page("hooks/a/order")
    assert page.one("h1").text == "Hook order"
    state = page.one(id="state")
    assert "hook order, open since" in state.text
    assert [one["href"] for one in state.all("a")] == ["/ui/runs/a"]
    form, _ = form_of(page)
    assert form["action"] == "/ui/hooks/a/order/answer"
    assert [one["value"] for one in form.all("input", type="radio", name="approve")] == ["true", "false"]
    assert not [one for one in form.all("input", type="radio") if "checked" in one.attributes]
    assert form.one("textarea", name="note")


def test_the_form_is_called_after_the_wait_that_it_is_for(app, browser):
    """So it appears on a page that was open before, and makes room for that of the next wait."""
    begun(app, twice(), "a")

    def form():
        found = [one for one in browser.page("hooks/a/more").all("section") if "data-kept" in one.attributes]
        return found[0]["id"] if found else None

    first = form()
    _, fields = form_of(browser.page("hooks/a/more"))
    assert browser.post("hooks/a/more/answer", {**fields, "value": "7"}).status == 303
    assert form() == first
    time.sleep(0.002)  # the wait that follows begins in another millisecond
    app.runtime.tend("a")
    assert form() not in (None, first)


def test_an_answer_reaches_the_run(app, browser):
    begun(app, record(), "a")
    _, fields = form_of(browser.page("hooks/a/order"))
    sent = browser.post("hooks/a/order/answer", {**fields, "approve": "true", "note": "as agreed"})
    assert (sent.status, sent.headers["location"]) == (303, "/ui/hooks")
    page = browser.page("hooks")
    assert page.one(id="said").text == "Your answer to order of run a is there."
    assert rows(page)[0][-1] == "✓ answered"
    assert "A payload came" in browser.page("hooks/a/order").one(id="state").text
    app.runtime.tend("a")
    assert Handle("a", app, str).result(timeout=5) == "True as agreed"


def test_a_payload_that_does_not_fit_leaves_the_hook_to_be_answered(app, browser):
    begun(app, in_time(), "a")
    app.send("a", "soon", {"not": "a text"})
    app.runtime.tend("a")
    [listed] = rows(browser.page("hooks"))
    assert listed[-1] == "Answer 1 payload came"
    there = browser.page("hooks/a/soon")
    state = there.one(id="state").text
    assert "1 payload does not fit and was skipped" in state
    assert "worker" not in state
    assert not list(there.all("details"))
    _, fields = form_of(there)
    assert browser.post("hooks/a/soon/answer", {**fields, "value": "now"}).status == 303
    assert rows(browser.page("hooks"))[0][-1] == "✓ answered"
    app.runtime.tend("a")
    assert Handle("a", app, str).result(timeout=5) == "now"


def test_where_the_code_is_not_known_a_payload_that_was_skipped_asks_for_no_worker(app, browser):
    begun(app, in_time(), "a")
    app.send("a", "soon", {"not": "a text"})
    app.registry = Registry()
    assert "a worker has to look" in browser.page("hooks/a/soon").one(id="state").text
    app.runtime.tend("a")
    there = browser.page("hooks/a/soon")
    assert "1 payload came, and the run still waits" in there.one(id="state").text
    assert "worker" not in there.one(id="state").text
    assert not list(there.all("details"))


def test_the_same_answer_sent_twice_counts_once(app, browser):
    begun(app, twice(), "a")
    _, fields = form_of(browser.page("hooks/a/more"))
    for _ in range(2):
        assert browser.post("hooks/a/more/answer", {**fields, "value": "7"}).status == 303
    app.runtime.tend("a")
    late = browser.post("hooks/a/more/answer", {**fields, "value": "7"})  # when the run waits for the next one
    assert late.status == 303
    assert payloads(app, "a") == [7]


def test_of_two_who_answer_the_first_is_heard_and_the_other_is_told(app, browser):
    begun(app, twice(), "a")
    _, fields = form_of(browser.page("hooks/a/more"))
    assert browser.post("hooks/a/more/answer", {**fields, "value": "7"}).status == 303
    second = browser.post("hooks/a/more/answer", {**fields, "value": "8"})
    assert second.status == 422
    assert "somebody else has answered" in parsed(second.text).one(role="alert").text
    app.runtime.tend("a")
    third = browser.post("hooks/a/more/answer", {**fields, "value": "9"})
    assert third.status == 422
    page = parsed(third.text)
    assert page.one("input", name="value")["value"] == "9"  # what was written is not lost
    _, fresh = form_of(page)
    assert browser.post("hooks/a/more/answer", {**fresh, "value": "9"}).status == 303  # the next wait has its own form
    assert payloads(app, "a") == [7, 9]


def test_what_does_not_fit_is_said_at_the_form_and_what_was_written_stays(app, browser):
    begun(app, record(), "a")
    _, fields = form_of(browser.page("hooks/a/order/answer"))
    got = browser.post("hooks/a/order/answer", {**fields, "note": "<b>x</b>"})
    assert got.status == 422
    page = parsed(got.text)
    assert "does not fit hook 'order'" in page.one(role="alert").text
    assert page.one("textarea", name="note").text.strip() == "<b>x</b>"
    assert payloads(app, "a") == []


def test_lines_that_were_written_come_back_as_they_were(app, browser):
    begun(app, record(), "a")
    _, fields = form_of(browser.page("hooks/a/order"))
    got = browser.post("hooks/a/order/answer", {**fields, "note": "line 1\r\nright\u200f to left!</textarea><b>"})
    assert parsed(got.text).one("textarea", name="note").text == "\nline 1\nright\u200f to left!</textarea><b>"


def test_a_hook_that_was_answered_or_whose_run_has_ended_says_so(app, browser):
    begun(app, shop.approval(), "a")
    _, fields = form_of(browser.page("hooks/a/approval"))
    app.send("a", shop.APPROVAL, True)
    app.runtime.tend("a")
    page = browser.page("hooks/a/approval")
    assert "The run has ended completed" in page.one(id="state").text
    assert not list(page.all("form", action="/ui/hooks/a/approval/answer"))
    late = browser.post("hooks/a/approval/answer", {**fields, "value": "false"})
    assert late.status == 422
    assert "does not wait for hook 'approval' now" in late.text.replace("&#x27;", "'")
    assert browser.get("hooks/a/approval/answer").status == 422
    assert status_of(app, "a") == "completed"
    begun(app, twice(), "b")
    assert "There is nothing to answer" in browser.page("hooks/b/none").one(id="state").text
    assert browser.get("hooks/nobody/none").status == 404


def test_a_run_that_was_ended_while_it_waited_waits_no_more(app, browser):
    begun(app, twice(), "a")
    _, fields = form_of(browser.page("hooks/a/more"))
    app.terminate("a")
    page = browser.page("hooks/a/more")
    assert "The run has ended cancelled" in page.one(id="state").text
    assert not list(page.all("form", action="/ui/hooks/a/more/answer"))
    late = browser.post("hooks/a/more/answer", {**fields, "value": "7"})
    assert "does not wait for hook 'more' now" in late.text.replace("&#x27;", "'")


def test_a_hook_whose_type_is_not_known_takes_json_and_says_that(app, browser):
    begun(app, hostile(), "a")
    app.registry = Registry()
    path = f"hooks/a/{quote(HOSTILE, safe='')}"
    page = browser.page(path)
    form, fields = form_of(page)
    assert "is not known here" in form.text
    assert browser.post(f"{path}/answer", {**fields, "value": '{"a": [1]}'}).status == 303
    assert payloads(app, "a") == [{"a": [1]}]


def test_hostile_names_stay_text(app, browser):
    run_id = "a/../<b>'\""
    begun(app, hostile(), run_id)
    page = browser.page("hooks")
    assert rows(page)[0][:2] == [HOSTILE, run_id]
    link = next(iter(page.one("tbody").all("a")))["href"]
    there = browser.page(link)
    assert there.one("h1").text == f"Hook {HOSTILE}"
    assert not list(there.one("main").all("script"))
    form, fields = form_of(there)
    assert browser.post(form["action"], {**fields, "value": "x"}).status == 303
    assert payloads(app, run_id) == ["x"]


def test_a_form_of_one_run_says_nothing_of_another(app, browser):
    begun(app, twice(), "a")
    begun(app, twice(), "b")
    _, fields = form_of(browser.page("hooks/a/more"))
    assert browser.post("hooks/a/more/answer", {**fields, "value": "1"}).status == 303
    crossed = browser.post("hooks/b/more/answer", {**fields, "value": "1"})
    assert crossed.status == 422
    assert payloads(app, "b") == []


# --- those who may only look ------------------------------------------------------------------------------------------


def test_a_reader_sees_hooks_without_a_form_and_cannot_answer(app, client):
    begun(app, shop.approval(), "a")
    reader = Browser(client, READER)
    page = reader.page("hooks")
    assert [row[:2] for row in rows(page)] == [["approval", "a"]]
    assert "answer" not in page.one("main").text.lower()
    assert not list(reader.page("hooks/a/approval").one("main").all("form"))
    assert reader.get("hooks/a/approval/answer").status == 403
    assert reader.post("hooks/a/approval/answer", {"value": "true"}).status == 403
    assert payloads(app, "a") == []


@workflow
def very_many() -> Flow[object]:
    return (yield from gather(*[hook(f"h{number:04}", bool) for number in range(1_000)]))


def test_of_a_run_that_waits_at_very_many_hooks_the_first_are_listed_and_the_others_counted(app, browser):
    begun(app, very_many(), "many")
    begun(app, shop.approval(), "one")
    page = browser.page("hooks")
    assert len(rows(page)) == 100
    assert "… and 900 more of many" in page.one(id="list").text
    assert [row[0] for row in rows(browser.page("hooks?hook=h0999"))] == ["h0999"]
    reply = browser.get("hooks/many/h0999")
    assert "h0009 and 990 more are open" in reply.text
    assert len(reply.body) < 20_000


def test_another_site_cannot_answer(app, browser):
    begun(app, shop.approval(), "a")
    for site in ("cross-site", "same-site", "none", None):
        assert browser.post("hooks/a/approval/answer", {"value": "true"}, site=site).status == 403
    assert payloads(app, "a") == []


def test_an_answer_without_the_name_of_its_wait_is_taken_as_of_now(app, browser):
    begun(app, shop.approval(), "a")
    assert browser.post("hooks/a/approval/answer", {"value": "true"}).status == 303
    assert payloads(app, "a") == [True]
