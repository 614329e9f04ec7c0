"""What holds for every page: nothing from elsewhere, no hostile markup, phone width, keyboard, screen readers."""

from __future__ import annotations

from importlib.resources import files

import pytest
from playwright.sync_api import Page, expect

from tests.browser import shop
from tests.browser.busy import NASTY, VIEWS
from tests.browser.conftest import Opening, Shop, Tab
from tests.web.conftest import log_of, opened

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RULES = {
    "light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "dark": ["color-contrast", "link-in-text-block"],  # the others know no colour
}
LOOK = """async rules => {
  const found = await axe.run({runOnly: rules, resultTypes: ["violations"]});
  return found.violations.flatMap(one => one.nodes.map(node => `${one.id}: ${node.target} ${node.failureSummary}`));
}"""
WIDE = """() => [...document.querySelectorAll("body *")].filter(one => {
  const box = one.getBoundingClientRect();
  return box.right > document.documentElement.clientWidth + 1 && box.width > 0
}).map(one => one.outerHTML.slice(0, 120)).slice(0, 5)"""

LONG = ("runs", "stocktaking")  # its hundreds of rows are like those of the others
every_view = pytest.mark.parametrize("view", VIEWS, ids="/".join)


@pytest.fixture(scope="module")
def phone(browser, lite_shop: Shop):
    """One tab for all views."""
    context = browser.new_context(viewport={"width": 360, "height": 740})
    tab = Tab(context.new_page(), context, lite_shop)
    tab.sign_in()
    yield tab
    context.close()
    assert tab.unlucky() == []


@every_view
def test_a_page_fits_a_phone_and_hinders_nobody(phone: Tab, view: tuple[str, ...]):
    page = phone.open(*view)
    too_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not too_wide, page.evaluate(WIDE)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    page.evaluate(AXE)
    for scheme, rules in RULES.items() if view != LONG else ():
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert page.evaluate(LOOK, rules) == [], scheme
    assert phone.unlucky() == []


FOCUSABLE = """() => {
  const found = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")];
  const groups = new Set(found.filter(one => one.type === "radio").map(one => one.name)); // arrows move within
  return found.filter(one => one.checkVisibility() && one.type !== "radio").length + groups.size;
}"""


def test_all_of_a_page_is_reached_by_the_tab_key_and_is_seen(tabs: Opening, lite_shop: Shop):
    """Each control gets the focus, and shows that it has it."""
    for view in (("runs", "?q=order-100"), ("runs", "order-1002"), ("hooks", "order-1009", "verdict")):
        page = tabs(lite_shop).open(*view)
        focusable = page.evaluate(FOCUSABLE)
        assert walked(page, focusable) >= focusable, view


def walked(page: Page, most: int) -> int:
    """How many elements the Tab key comes by."""
    page.evaluate("document.activeElement.blur(); window.come_by = new Set()")
    for _ in range(most * 2 + 10):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
              const one = document.activeElement;
              if (one === document.body || come_by.has(one)) return null;
              come_by.add(one);
              const look = getComputedStyle(one);
              const shows = look.outlineStyle !== "none" || look.boxShadow !== "none";
              return shows ? "" : one.outerHTML.slice(0, 200);
            }"""
        )
        if seen is None:
            break
        assert seen == "", f"the focus is not seen on {seen}"
    return int(page.evaluate("come_by.size"))


def test_what_a_user_wrote_is_text_everywhere(tabs: Opening, lite_shop: Shop):
    tab = tabs(lite_shop)
    tab.page.on("dialog", lambda dialog: tab.errors.append(f"an alert: {dialog.message}"))
    events = len(lite_shop.app.get("nasty").history())
    paths = [("runs",), ("runs", "nasty"), ("hooks",), ("hooks", "nasty", "question"), ("blocked",)]
    for path in [*paths, *(("runs", "nasty", "events", str(number)) for number in range(1, events + 1))]:
        page = tab.open(*path)
        assert page.locator("img, body script").count() == 0
    for at in range(1, events + 1):
        tab.open("runs", "nasty", f"?at={at}")
    assert NASTY[:30] in tab.open("runs", "nasty").locator("main").inner_text()
    query = "?q=%3Cimg%20src%3Dx%3E&workflow=%22%3E%3Cb%3E&tag=%3Cscript%3E%3D1&since=%3Ci%3E&status=%3Cu%3E"
    page = tab.open("runs", query)
    assert page.locator("main img, main b, main i, main u, main script").count() == 0


def test_without_a_script_a_run_is_found_seen_answered_and_cancelled(tabs: Opening, lite_shop: Shop):
    tab = tabs(lite_shop, token=None, java_script_enabled=False)
    tab.refused = True
    page = tab.open("runs")
    page.get_by_label("Token").fill("a-token-of-the-tests")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Search").fill("1002")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="order-1002").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("order-1002")
    page.get_by_role("link", name="previous event").click()
    expect(page).to_have_url(lite_shop.at("runs", "order-1002", "?at=8"))
    expect(page.get_by_role("link", name="Cancel", exact=True)).to_have_count(0)
    page.get_by_role("link", name="see how it stands now").click()
    page.get_by_role("link", name="Cancel", exact=True).click()
    expect(page).to_have_url(lite_shop.at("runs", "order-1002", "cancel"))
    page.get_by_role("link", name="Back").click()
    asks_to_stop(tab, lite_shop)
    page.get_by_role("link", name="Hooks", exact=True).click()
    page.get_by_role("link", name="verdict").first.click()
    page.get_by_label("Approve", exact=True).check()
    page.get_by_role("button", name="Send answer").click()
    expect(page.get_by_role("status").first).to_contain_text("Your answer")


def asks_to_stop(tab: Tab, lite_shop: Shop) -> None:
    order = lite_shop.order()
    opened(lite_shop.app, shop.judged(order), order)
    page = tab.open("runs", order)
    page.get_by_role("link", name="Cancel", exact=True).click()
    page.get_by_label("Reason").fill("no script")
    page.get_by_role("button", name="Cancel the run").click()
    expect(page).to_have_url(lite_shop.at("runs", order))
    expect(page.get_by_role("status").first).to_contain_text("was asked to stop")
    assert "no script" in str(log_of(lite_shop.app, order)[-1])


def test_a_run_is_cancelled_by_the_keyboard_alone(lite_tab: Tab, lite_shop: Shop):
    order = lite_shop.order()
    opened(lite_shop.app, shop.judged(order), order)
    page = lite_tab.open("runs", order)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Cancel":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Reason")).to_be_focused()
    page.keyboard.type("by keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="was asked to stop")).to_be_visible()
    assert "by keys" in str(log_of(lite_shop.app, order)[-1])


def test_a_hook_whose_fields_are_called_as_parts_of_a_form_is_answered(lite_tab: Tab, lite_shop: Shop):
    app, order = lite_shop.app, lite_shop.order()
    opened(app, shop.ordered(), order)
    page = lite_tab.open("hooks")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=order, exact=True))
    row.get_by_role("link", name="Answer").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Keep").check()
    for name in ("Method", "Id", "Submit"):
        dialog.get_by_label(name).fill(f"my {name}")
    dialog.get_by_role("button", name="Send answer").click()
    expect(page.get_by_role("status").filter(has_text="Your answer")).to_be_visible()
    app.runtime.tend(order)
    assert app.get(order).result(timeout=20) == "keep my Method my Id my Submit"
