"""What stays while a page is live, what comes, and when it stops asking: seen in a real browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser import shop
from tests.browser.conftest import Shop, Tab
from tests.web.conftest import opened
from yieldflow import Flow, workflow

SLOW = 0.3  # seconds of an answer, so that there is time to press once more


@workflow
def asked_late(order: str) -> Flow[str]:
    yield from shop.APPROVAL
    return (yield from shop.judged.definition.fn(order))


def look(page: Page) -> None:
    """Somebody comes back to his tab: it asks at once."""
    with page.expect_response(lambda one: "yieldflow-live" in one.request.headers):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.getAttribute('href')"))


def orders(lite_shop: Shop, count: int) -> list[str]:
    """Each waits for its verdict."""
    found = [lite_shop.order() for _ in range(count)]
    for order in found:
        opened(lite_shop.app, shop.judged(order), order)
    return found


def end(lite_shop: Shop, run_id: str) -> None:
    lite_shop.app.terminate(run_id)


@contextmanager
def counted(page: Page) -> Iterator[list[str]]:
    """What it asks for meanwhile."""
    asked: list[str] = []

    def heard(request: Request) -> None:
        asked.append(request.url)

    page.on("request", heard)
    yield asked
    page.remove_listener("request", heard)


def test_the_focus_stays_on_the_button_of_its_run_when_another_goes(lite_tab: Tab, lite_shop: Shop):
    first, second, third = orders(lite_shop, 3)
    page = lite_tab.open("hooks")
    page.locator(f"[data-ask][href*='{second.replace('/', '%2F')}/']").focus()
    page.evaluate("document.activeElement.addEventListener('blur', () => window.left_it = true, {once: true})")
    before = focused(page)
    assert second.replace("/", "%2F") in before
    end(lite_shop, first)
    look(page)
    expect(page.get_by_role("link", name=first, exact=True)).to_have_count(0)
    assert focused(page) == before
    assert not page.evaluate("window.left_it")
    end(lite_shop, second)
    look(page)
    expect(page.get_by_role("link", name=second, exact=True)).to_have_count(0)
    assert page.evaluate("document.activeElement === document.body")  # and on no other's
    end(lite_shop, third)


def test_the_focus_stays_with_what_moves_to_another_place(lite_tab: Tab, lite_shop: Shop):
    page = lite_tab.open("hooks")
    page.evaluate(
        """() => {
          const fresh = document.documentElement.cloneNode(true), rows = fresh.querySelector("tbody");
          rows.prepend(rows.lastElementChild);
          document.querySelector("tbody tr:last-child a").focus();
          window.wanted = document.activeElement;
          yieldflow.swap(fresh.outerHTML);
        }"""
    )
    assert page.evaluate("document.activeElement === wanted && !wanted.closest('tr').previousElementSibling")


def test_a_button_that_goes_leaves_its_focus_to_no_other(lite_tab: Tab, lite_shop: Shop):
    (order,) = orders(lite_shop, 1)
    page = lite_tab.open("runs", order)
    page.get_by_role("link", name="Pause", exact=True).focus()
    lite_shop.app.pause(order)
    look(page)
    expect(page.get_by_role("link", name="Resume", exact=True)).to_be_visible()
    assert page.evaluate("document.activeElement === document.body")


def test_the_form_of_a_hook_comes_when_the_run_begins_to_wait_for_it(lite_tab: Tab, lite_shop: Shop):
    app, order = lite_shop.app, lite_shop.order()
    opened(app, asked_late(order), order)
    page = lite_tab.open("hooks", order, "verdict")
    expect(page.locator("main form")).to_have_count(0)
    app.send(order, shop.APPROVAL, True)
    app.runtime.tend(order)
    look(page)
    page.get_by_label("Comment").fill("half a sen")
    page.get_by_label("Comment").focus()
    app.send(order, "verdict", {"approved": True})  # by somebody else; nobody has looked at it
    look(page)
    expect(page.locator("#state")).to_contain_text("A payload came")
    expect(page.get_by_label("Comment")).to_have_value("half a sen")
    expect(page.get_by_label("Comment")).to_be_focused()
    end(lite_shop, order)
    look(page)
    expect(page.locator("#state")).to_contain_text("has ended")
    expect(page.locator("main form")).to_have_count(0)


def test_a_run_that_has_ended_is_not_asked_for_again(lite_tab: Tab, lite_shop: Shop):
    order = lite_shop.order()
    opened(lite_shop.app, shop.patient(), order)
    page = lite_tab.open("runs", order)
    expect(page.locator("#live")).to_have_text("live")
    end(lite_shop, order)
    look(page)
    expect(page.locator("#run-head")).to_contain_text("cancelled")
    expect(page.locator("#live")).to_be_hidden()
    with counted(page) as asked:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_timeout(2_300)
    assert asked == []


def test_a_run_that_is_deleted_meanwhile_says_so_and_is_not_asked_for_again(lite_tab: Tab, lite_shop: Shop):
    lite_tab.refused = True
    (order,) = orders(lite_shop, 1)
    page = lite_tab.open("runs", order)
    lite_shop.app.store.delete(order)
    look(page)
    expect(page.locator("#live")).to_have_text("it is gone: load the page again")
    with counted(page) as asked:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_timeout(2_300)
    assert asked == []


def failing_once(page: Page, pattern: str) -> None:
    answers = iter([503])

    def answer(route: Route) -> None:
        status = next(answers, None)
        route.continue_() if status is None else route.fulfill(status=status, body="too much at once")

    page.route(pattern, answer)


@pytest.mark.parametrize("start", ["?at=50", "?at=100"])
def test_a_moment_that_could_not_be_had_is_loaded_anew(lite_tab: Tab, lite_shop: Shop, start: str):
    lite_tab.refused = True
    page = lite_tab.open("runs", "stocktaking", start)
    failing_once(page, "**/runs/stocktaking?at=70*")
    page.locator("#run-events a[href*='at=70#']").click()
    expect(page.locator("#run-event")).to_contain_text("event 70 of")
    expect(page).to_have_url(f"{lite_shop.at('runs', 'stocktaking', '?at=70')}#run-travel")
    assert "travelling" not in page.evaluate("document.documentElement.className")
    expect(page.get_by_role("slider")).to_have_value("70")


def test_a_double_click_opens_one_dialog(lite_tab: Tab):
    page = lite_tab.open("runs", "order-1002")

    def slow(route: Route) -> None:
        time.sleep(SLOW)
        route.continue_()

    page.route("**/order-1002/pause", slow)
    with counted(page) as asked:
        page.get_by_role("link", name="Pause", exact=True).dblclick()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.wait_for_timeout(SLOW * 1_000 + 100)
    expect(page.locator("dialog")).to_have_count(1)
    assert len([url for url in asked if url.endswith("/pause")]) == 1
    page.get_by_role("dialog").get_by_role("link", name="Back").click()
    page.get_by_role("link", name="Pause", exact=True).click()
    expect(page.locator("dialog")).to_have_count(1)


def test_the_second_of_two_clicks_does_not_close_what_the_first_has_opened(lite_tab: Tab):
    page = lite_tab.open("runs", "order-1002")
    box = page.get_by_role("link", name="Pause", exact=True).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    for clicks in (1, 2):
        page.mouse.down(click_count=clicks)
        page.mouse.up(click_count=clicks)
        expect(page.get_by_role("dialog")).to_be_visible()
    page.mouse.click(5, 5)  # beside it
    expect(page.locator("dialog")).to_have_count(0)
