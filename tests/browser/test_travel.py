"""The slider through the history of a run: by mouse, by keyboard, by links, and back."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.busy import SHELVES
from tests.browser.conftest import Shop, Tab


def at_event(page: Page, number: int) -> None:
    expect(page.locator("#run-event")).to_contain_text(f"event {number:,} of")


def arrow(page: Page) -> Locator:
    """The line that the program waits at."""
    return page.locator(".run-lines .here code")


def test_the_arrow_in_the_source_moves_with_the_slider(lite_tab: Tab):
    page = lite_tab.open("runs", "order-1002")
    page.evaluate("window.never_loaded_again = true")
    at_event(page, 9)
    expect(arrow(page)).to_contain_text("yield from APPROVAL")
    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    at_event(page, 1)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    at_event(page, 3)
    expect(arrow(page)).to_contain_text("yield from charge(order, cents)")
    page.keyboard.press("ArrowLeft")
    at_event(page, 2)
    page.keyboard.press("End")
    at_event(page, 9)
    expect(arrow(page)).to_contain_text("yield from APPROVAL")
    assert page.evaluate("window.never_loaded_again")


def test_the_mouse_moves_it_and_the_way_back_leads_out_of_it(lite_tab: Tab, lite_shop: Shop):
    """The moments that one has come by are no pages: back leads to where one came from, and forward to the last."""
    page = lite_tab.open("runs")
    page.get_by_role("link", name="order-1001", exact=True).click()
    page.get_by_role("link", name="first event").click()
    at_event(page, 1)
    expect(page).to_have_url(lite_shop.at("runs", "order-1001", "?at=1"))
    box = page.get_by_role("slider").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page).to_have_url(re.compile(r"\?at=[67]$"))
    page.go_back()
    expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible()
    page.go_forward()
    expect(page.locator("#run-event")).to_contain_text(re.compile("event [67] of"))
    page.get_by_role("link", name="now", exact=True).click()
    expect(page).to_have_url(lite_shop.at("runs", "order-1001"))
    expect(page.locator("#run-head")).to_contain_text("completed")


def test_an_address_of_a_moment_shows_that_moment(lite_tab: Tab):
    page = lite_tab.open("runs", "order-1001", "?at=4")
    at_event(page, 4)
    expect(page.locator("#run-head")).to_contain_text("As it stood after event 4")
    expect(page.get_by_role("slider")).to_have_value("4")
    page.get_by_role("link", name="see how it stands now").click()
    expect(page.locator("#run-head")).not_to_contain_text("As it stood")


def test_a_long_history_is_crossed_quickly_and_local_variables_are_those_of_then(lite_tab: Tab):
    length = 2 * SHELVES + 2
    page = lite_tab.open("runs", "stocktaking")
    at_event(page, length)
    slider = page.get_by_role("slider")
    slider.focus()
    for _ in range(60):  # a key that is held down
        page.keyboard.press("ArrowLeft")
    at_event(page, length - 60)
    expect(slider).to_have_value(str(length - 60))
    expect(page.locator(".run-vars")).to_contain_text(f"number{(length - 60) // 2 - 1}")
