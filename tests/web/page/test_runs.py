"""The list of runs: filters, pages, searches, and what it makes of hostile names; on SQLite and Redis."""

import itertools
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web import shop
from tests.web.conftest import opened, served
from tests.web.page import stories
from tests.web.page.browser import Browser
from yieldflow import App
from yieldflow.web.page import runs
from yieldflow.web.page.runs import Wish

COUNTER = itertools.count()
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(
    lambda text: text.isprintable() and "~" not in text and text.strip() == text
)


@pytest.fixture
def browser(app):
    with served(app, page=True) as client:
        yield Browser(client)


def listed(page):
    return [one.one("th").one("a").text for one in page.one("tbody").all("tr")]


def test_an_empty_store_says_how_to_begin(browser):
    page = browser.page("runs")
    assert "yieldflow start" in page.one(class_="empty").text
    assert "data-live" in page.one("main").attributes


def test_runs_are_listed_newest_first_with_a_mark_and_a_word_for_each_status(app, browser):
    app.run(shop.checkout("o"), run_id="first", tags={"team": "shop"})
    opened(app, shop.approval(), "second")
    page = browser.page("runs")
    assert listed(page) == ["second", "first"]
    [second, first] = page.one("tbody").all("tr")
    assert [one.text for one in second.all(class_="badge")] == ["▸ running"]
    assert [one.text for one in first.all(class_="badge")] == ["✓ completed"]
    assert first.one(class_="mark")["aria-hidden"] == "true"
    assert first.one(class_="tag")["href"] == "/ui/runs?tag=team%3Dshop"
    assert {one["scope"] for one in page.one("thead").all("th")} == {"col"}
    assert first.one("th")["scope"] == "row"


def test_a_run_that_waits_for_somebody_says_for_which_hook(app, browser):
    opened(app, shop.approval(), "a")
    app.start(shop.later(), run_id="b")
    app.run(shop.checkout("o"), run_id="c")
    told = {one.one("th").one("a").text: one.one("th").text for one in browser.page("runs").one("tbody").all("tr")}
    assert told == {"a": "a waits: approval", "b": "b", "c": "c"}
    app.send("a", shop.APPROVAL, True)
    assert browser.page("runs").one("tbody").one("tr", id="run-a").one("th").text == "a"


def test_filters_can_be_put_together_and_are_kept_in_every_link(app, browser):
    for number in range(3):
        opened(app, shop.approval(), f"a-{number}")
    app.run(shop.checkout("o"), run_id="b", tags={"team": "a,b=c", "x": "1"})
    workflow = app.get("b").summary().workflow
    assert listed(browser.page("runs?status=completed")) == ["b"]
    assert listed(browser.page("runs?status=unfinished")) == ["a-2", "a-1", "a-0"]
    assert listed(browser.page(f"runs?workflow={workflow}&since=1h")) == ["b"]
    assert listed(browser.page("runs?tag=x%3D1")) == ["b"]
    page = browser.page("runs?tag=x%3D1&status=completed&since=1h")
    assert page.one("input", name="since")["value"] == "1h"
    assert page.one("input", name="status")["value"] == "completed"
    failed = next(one for one in page.one(class_="tabs").all("a") if one.text == "Failed")
    assert failed["href"] == "/ui/runs?status=failed&tag=x%3D1&since=1h"
    assert page.one(class_="tabs").one("a", href="/ui/runs?status=completed&tag=x%3D1&since=1h").text == "Completed"
    nothing = browser.page("runs?status=failed")
    assert "No run fits" in nothing.one(class_="empty").text


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("", {}),
        ("team=shop", {"team": "shop"}),
        ("team=shop, x=1", {"team": "shop", "x": "1"}),
        ("team=a,b", {"team": "a,b"}),
        ("a==b", {"a": "=b"}),
    ],
)
def test_tags_are_read_as_they_are_written(text, tags):
    assert Wish(tag=text).filter(0, 1).tags == tags


IMPOSSIBLE = ("tag=nothing", "since=yesterday", "until=tomorrow-ish", "status=odd", "cursor=x", "tag=%3D")


def test_what_cannot_be_asked_for_is_said_above_an_empty_list(browser):
    for query in IMPOSSIBLE:
        page = browser.page(f"runs?{query}")
        assert page.one(role="alert").text, query
        assert not list(page.all("tbody"))
        assert page.one("form", class_="filters")


def test_pages_follow_each_other_without_a_gap(app, browser):
    app.start_many([shop.approval().options(run_id=f"r-{number:03}") for number in range(120)], tags={"a": "b"})
    seen, path = [], "runs?tag=a%3Db"
    for _ in range(3):
        page = browser.page(path)
        seen += listed(page)
        following = list(page.all("a", rel="next"))
        path = following[0]["href"] if following else None
    assert path is None
    assert len(seen) == 120 == len(set(seen))
    assert listed(browser.page("runs?oldest=1")) == seen[::-1][: runs.SHOWN]


def test_a_search_takes_an_id_or_a_part_of_one(app, browser):
    for name in ("order-1", "order-2", "Invoice/7"):
        opened(app, shop.approval(), name)
    assert listed(browser.page("runs?q=Invoice%2F7")) == ["Invoice/7"]
    assert listed(browser.page("runs?q=invoice")) == ["Invoice/7"]
    assert listed(browser.page("runs?q=order")) == ["order-2", "order-1"]
    assert listed(browser.page("runs?q=order-1&status=running")) == ["order-1"]
    page = browser.page("runs?q=nobody")
    assert "No run fits" in page.one(class_="empty").text


def test_a_search_looks_at_so_many_and_goes_on_when_asked(app, browser, monkeypatch):
    opened(app, shop.approval(), "the-oldest")
    app.start_many([shop.approval().options(run_id=f"r-{number:03}") for number in range(60)])
    monkeypatch.setattr(runs, "SEARCHED", 40)
    monkeypatch.setattr(runs, "_CALL", 20)
    page = browser.page("runs?q=oldest")
    assert "40 runs" in page.one(class_="empty").text
    assert listed(browser.page(page.one(class_="empty").one("a")["href"])) == ["the-oldest"]
    assert listed(browser.page("runs?q=the-oldest")) == ["the-oldest"]  # an exact id is found however old it is


def test_an_exact_id_comes_first_and_once_however_often_one_searches_on(app, browser, monkeypatch):
    opened(app, shop.approval(), "x0")
    app.start_many([shop.approval().options(run_id=f"x0-{number:03}") for number in range(60)])
    monkeypatch.setattr(runs, "SEARCHED", 40)
    monkeypatch.setattr(runs, "_CALL", 20)
    first = browser.page("runs?q=x0")
    second = browser.page(first.one("a", rel="next")["href"])
    assert listed(first)[0] == "x0"
    assert "x0" not in listed(second)
    assert len(set(listed(first) + listed(second))) == 61


def test_a_search_by_an_exact_id_keeps_to_the_filters(app, browser):
    opened(app, shop.approval(), "a")
    workflow = app.get("a").summary().workflow
    for query in ("status=failed", "tag=team%3Dshop", "workflow=others:flow", "until=1h", "since=2999-01-01"):
        assert "No run fits" in browser.page(f"runs?q=a&{query}").one(class_="empty").text, query
    for query in ("status=unfinished", f"workflow={workflow}", "since=1h"):
        assert listed(browser.page(f"runs?q=a&{query}")) == ["a"], query


def test_a_row_leads_to_the_very_generation_that_it_is(app, browser):
    stories.continued(app)
    stories.retried(app)
    links = [one.one("th").one("a") for one in browser.page("runs").one("tbody").all("tr")]
    heads = {one.text: browser.page(one["href"]).one("h1").text for one in links}
    assert heads == {name: name for name in heads}
    assert {"continued", "continued~2", "continued~3", "retried", "retried~2"} == set(heads)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(run_id=NAMES, tag=NAMES, value=NAMES)
def test_hostile_names_are_shown_and_nothing_more(shared_list, run_id, tag, value):
    app, browser = shared_list
    run_id = f"{run_id}{next(COUNTER)}"
    app.start(shop.approval(), run_id=run_id, tags={"t": "1"} if "=" in tag else {tag: value})
    page = browser.page("runs")
    link = next(page.one("tbody").all("a", class_="id"))
    assert link["href"].startswith("/ui/runs/")
    assert len(link["href"].split("/")) == 4
    assert {one["src"] for one in page.all("script")} == {page.one("script")["src"]}
    for one in page.one("tbody").all("a", class_="tag"):
        assert browser.get(one["href"]).status == 200
    app.terminate(run_id)


@pytest.fixture(scope="module")
def shared_list(tmp_path_factory):
    app = App(f"sqlite:///{tmp_path_factory.mktemp('list')}/web.db")
    with served(app, page=True) as client:
        yield app, Browser(client)
    app.close()


def test_a_list_reads_one_page_however_many_runs_there_are(app, browser):
    app.start_many([shop.approval() for _ in range(2_000)])
    browser.page("runs")
    began = time.monotonic()
    for _ in range(5):
        browser.page("runs?status=running")
    assert time.monotonic() - began < 2.5
