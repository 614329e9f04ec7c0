"""Runs that move while somebody looks, and what he does to them: with a real worker, on SQLite and on Redis."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser import shop
from tests.browser.conftest import Shop, Tab
from tests.web.conftest import log_of, wait_until


def listed(page: Page, run_id: str) -> Locator:
    """Its row in the list."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=run_id, exact=True))


def waiting(shop_open: Shop, order: str) -> None:
    """A checkout that waits for its approval."""
    shop_open.app.start(shop.checkout(order), run_id=order)
    wait_until(lambda: len(log_of(shop_open.app, order)) >= 9)


def status_of(shop_open: Shop, run_id: str) -> str:
    return shop_open.app.get(run_id).status()


def come(page: Page, shop_open: Shop, run_id: str, status: str) -> None:
    """The run stands like that, and whoever looks comes back to his tab: he sees it at once."""
    wait_until(lambda: status_of(shop_open, run_id) == status)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#run-head")).to_contain_text(status)


def asked(page: Page, button: str) -> Locator:
    """The dialog that a button of the page opens."""
    page.get_by_role("link", name=button, exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def test_the_list_shows_a_run_that_starts_and_how_it_goes_on(tab: Tab, shop_open: Shop):
    page, order = tab.open("runs"), shop_open.order()
    page.evaluate("window.never_loaded_again = true")
    waiting(shop_open, order)
    expect(listed(page, order)).to_contain_text("running")
    shop_open.app.send(order, shop.APPROVAL, True)
    expect(listed(page, order)).to_contain_text("completed")
    assert page.evaluate("window.never_loaded_again")


def test_a_run_moves_while_it_is_looked_at_and_what_is_opened_stays_open(tab: Tab, shop_open: Shop):
    order = shop_open.order()
    waiting(shop_open, order)
    page = tab.open("runs", order)
    page.evaluate("window.never_loaded_again = true")
    expect(page.locator("#run-head")).to_contain_text("approval")
    shop_open.app.send(order, shop.APPROVAL, True)
    expect(page.locator("#run-head")).to_contain_text("completed")
    expect(page.locator("#run-events")).to_contain_text("run_completed")
    expect(page.locator("#run-facts")).to_contain_text("receipt of")
    assert page.evaluate("window.never_loaded_again")


def test_cancel_asks_once_and_escape_leaves_all_as_it_was(tab: Tab, shop_open: Shop):
    order = shop_open.order()
    waiting(shop_open, order)
    before = log_of(shop_open.app, order)
    page = tab.open("runs", order)
    dialog = asked(page, "Cancel")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("link", name="Cancel", exact=True)).to_be_focused()
    assert log_of(shop_open.app, order) == before
    dialog = asked(page, "Cancel")
    dialog.get_by_label("Reason").fill("the customer <called>")
    dialog.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_role("status").filter(has_text="was asked to stop")).to_be_visible()
    come(page, shop_open, order, "cancelled")
    expect(page.locator("main")).to_contain_text("the customer <called>")
    page.reload()
    expect(page.get_by_text("was asked to stop")).to_have_count(0)


def test_a_paused_run_takes_answers_and_goes_on_when_it_is_resumed(tab: Tab, shop_open: Shop):
    order = shop_open.order()
    waiting(shop_open, order)
    page = tab.open("runs", order)
    asked(page, "Pause").get_by_role("button", name="Pause the run").click()
    come(page, shop_open, order, "paused")
    shop_open.app.send(order, shop.APPROVAL, True)
    asked(page, "Resume").get_by_role("button", name="Resume the run").click()
    come(page, shop_open, order, "completed")
    expect(page.get_by_role("link", name="Cancel", exact=True)).to_have_count(0)


def test_a_failed_run_is_retried_and_one_is_forked(tab: Tab, shop_open: Shop):
    order = shop_open.order()
    van = shop_open.van(order)
    shop_open.app.start(shop.shipped(order, str(van)), run_id=order)
    wait_until(lambda: status_of(shop_open, order) == "failed")
    page = tab.open("runs", order)
    expect(page.locator("#run-head")).to_contain_text("is broken")
    van.touch()
    asked(page, "Retry").get_by_role("button", name="Retry the run").click()
    come(page, shop_open, order, "completed")
    expect(page.locator("#run-facts")).to_contain_text("is there")
    dialog = asked(page, "Fork")
    dialog.get_by_label("Events it shares").fill("3")
    dialog.get_by_label("Id of the fork").fill(f"{order}-again")
    dialog.get_by_role("button", name="Fork the run").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{order}-again")
    come(page, shop_open, f"{order}-again", "completed")


def test_a_hook_is_answered_by_its_form_and_the_run_wakes(tab: Tab, shop_open: Shop):
    order = shop_open.order()
    shop_open.app.start(shop.judged(order), run_id=order)
    page = tab.open("hooks")
    listed(page, order).get_by_role("link", name="Answer").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Approve", exact=True).check()
    dialog.get_by_label("Comment").fill("<b>fine</b>, with ü")
    dialog.get_by_role("button", name="Send answer").click()
    expect(page.get_by_role("status").filter(has_text="Your answer")).to_be_visible()
    assert shop_open.app.get(order).result(timeout=20) == "True: <b>fine</b>, with ü"
    page.get_by_role("link", name="Hooks", exact=True).click()
    expect(page.get_by_role("heading", name="Hooks", level=1)).to_be_visible()
    expect(listed(page, order)).to_have_count(0)


def test_an_answer_that_is_half_written_stays_while_the_page_is_live(tab: Tab, shop_open: Shop):
    order = shop_open.order()
    shop_open.app.start(shop.judged(order), run_id=order)
    wait_until(lambda: shop_open.app.hooks(order))
    page = tab.open("hooks", order, "verdict")
    page.get_by_label("Comment").fill("half a sen")
    page.get_by_label("Comment").focus()
    shop_open.app.pause(order)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#state")).to_contain_text("paused")
    expect(page.get_by_label("Comment")).to_have_value("half a sen")
    expect(page.get_by_label("Comment")).to_be_focused()


def test_runs_are_filtered_and_searched_for(tab: Tab, shop_open: Shop):
    app, order = shop_open.app, shop_open.order()
    app.start(shop.patient(), run_id=f"needle-{order}", tags={"team": "hay"})
    app.start(shop.patient(), run_id=f"other-{order}", tags={"team": "stack"})
    page = tab.open("runs")
    page.get_by_label("Search").fill("NEEDLE")
    page.keyboard.press("Enter")
    expect(listed(page, f"needle-{order}")).to_be_visible()
    expect(listed(page, f"other-{order}")).to_have_count(0)
    page.get_by_role("link", name="Clear").click()
    page.get_by_role("link", name="team=stack").first.click()
    expect(page).to_have_url(re.compile("tag=team"))
    expect(listed(page, f"other-{order}")).to_be_visible()
    expect(listed(page, f"needle-{order}")).to_have_count(0)
    page.get_by_role("link", name="Failed", exact=True).click()
    expect(page.locator("main")).to_contain_text("No run fits")
    page.go_back()
    expect(listed(page, f"other-{order}")).to_be_visible()
    app.cancel(f"needle-{order}")
    app.cancel(f"other-{order}")
