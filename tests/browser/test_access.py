"""Who is let in, what a look-only session sees, and what pages of others can do: nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.browser import shop
from tests.browser.conftest import READER, Opening, Shop
from tests.web.conftest import TOKEN, log_of, opened

VIEWS = ("runs", "hooks", "schedules", "workers", "blocked")


def test_a_link_with_the_token_in_its_fragment_signs_in_and_no_server_sees_it(tabs: Opening, lite_shop: Shop):
    tab = tabs(lite_shop, token=None)
    tab.refused = True  # the sign-in page is a 401
    tab.page.goto(f"{lite_shop.place}/ui/sign-in#{TOKEN}")
    expect(tab.page.get_by_role("heading", name="Runs", level=1)).to_be_visible()
    expect(tab.page).to_have_url(lite_shop.at("runs"))
    assert not [url for url in tab.asked if TOKEN in url.partition("#")[0]]
    assert TOKEN not in tab.page.evaluate("JSON.stringify([history.length, location.href, document.cookie])")
    (cookie,) = tab.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/ui")
    assert TOKEN not in cookie["value"]


def test_the_fragment_of_another_link_is_no_token(tabs: Opening, lite_shop: Shop):
    tab = tabs(lite_shop, token=None)
    tab.refused = True
    sent: list[str] = []
    tab.page.on("request", lambda one: sent.append(one.method))
    tab.page.goto(f"{lite_shop.place}/ui/runs#events")
    expect(tab.page.get_by_label("Token")).to_have_value("")
    expect(tab.page).to_have_url(f"{lite_shop.place}/ui/runs#events")
    tab.page.goto(f"{lite_shop.place}/ui/sign-in#100%")  # spelled as no browser would
    expect(tab.page.get_by_label("Token")).to_have_value("")
    assert "POST" not in sent


def test_a_token_is_pasted_and_a_wrong_one_is_told(tabs: Opening, lite_shop: Shop):
    tab = tabs(lite_shop, token=None)
    tab.refused = True
    page = tab.open("hooks")
    page.get_by_label("Token").fill("not this one, surely")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not the token")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(lite_shop.at("hooks"))


def test_a_session_ends_when_it_is_left_and_when_its_cookie_is_gone(tabs: Opening, lite_shop: Shop):
    tab = tabs(lite_shop)
    tab.refused = True
    page = tab.open("runs")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_visible()
    assert tab.context.cookies() == []
    for view in VIEWS:
        assert tab.context.request.get(lite_shop.at(view)).status == 401
    page.go_back()
    expect(page.get_by_label("Token")).to_be_visible()


def test_a_page_that_is_open_when_its_session_ends_says_so(tabs: Opening, lite_shop: Shop):
    tab = tabs(lite_shop)
    tab.refused = True
    page = tab.open("runs")
    tab.context.clear_cookies()
    expect(page.locator("#live")).to_contain_text("signed out")
    page.reload()
    expect(page.get_by_label("Token")).to_be_visible()


def test_who_may_only_look_has_no_buttons_and_a_forged_post_changes_nothing(tabs: Opening, lite_shop: Shop):
    tab, app, order = tabs(lite_shop, token=READER), lite_shop.app, lite_shop.order()
    opened(app, shop.judged(order), order)
    before = log_of(app, order)
    tab.refused = True
    for path in [*((view,) for view in VIEWS), ("runs", order), ("hooks", order, "verdict")]:
        page = tab.open(*path)
        expect(page.get_by_text("read-only")).to_be_visible()
        expect(page.locator("[data-ask]")).to_have_count(0)
        assert page.locator("form[method=post]:not([action$='sign-out'])").count() == 0
    for action in ("cancel", "pause", "terminate", "fork", "retry"):
        forge(tab, lite_shop.at("runs", order, action))
    forge(tab, lite_shop.at("hooks", order, "verdict", "answer"))
    assert log_of(app, order) == before


def forge(tab, url: str) -> None:
    """As a page of ours would send it."""
    headers = {"Origin": tab.shop.place, "Sec-Fetch-Site": "same-origin"}
    got = tab.context.request.post(url, form={"approved": "true"}, headers=headers)
    assert got.status == 403, (url, got.status)


# --- pages of others --------------------------------------------------------------------------------------------------


@contextmanager
def another_site(markup: str) -> Iterator[int]:
    """A server of somebody else; answers its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 204)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(markup.encode() if self.path == "/" else b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


TRYING = """<!doctype html><title>evil</title>
<form method=post action="{url}"><input name=reason value=evil></form>
<script>
const body = new URLSearchParams({{reason: "evil"}});
fetch("{url}", {{method: "POST", mode: "no-cors", credentials: "include", body}})
  .catch(() => 0)
  .then(() => fetch("{api}", {{method: "POST", mode: "no-cors", credentials: "include", body: "{{}}"}}))
  .catch(() => 0)
  .then(() => document.forms[0].submit());
</script>"""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])  # another site; the same site on another port
def test_a_page_of_another_origin_changes_nothing(tabs: Opening, lite_shop: Shop, host: str):
    app, order = lite_shop.app, lite_shop.order()
    opened(app, shop.judged(order), order)
    before = log_of(app, order)
    tab = tabs(lite_shop)
    tab.refused = True
    url, api = lite_shop.at("runs", order, "cancel"), f"{lite_shop.place}/runs/{order.replace('/', '%2F')}/cancel"
    with another_site(TRYING.format(url=escape(url), api=escape(api))) as port:
        tab.others = (f"http://{host}:{port}",)
        tab.page.goto(f"http://{host}:{port}/")
        expect(tab.page).to_have_url(url)
        expect(tab.page.locator("body")).to_contain_text("Only this page itself")
    assert tab.asked.count(url) == 2
    assert tab.asked.count(api) == 1
    assert all("NotSameOrigin" in error for error in tab.errors), tab.errors  # nor may it embed what is answered
    tab.errors.clear()
    assert log_of(app, order) == before


def test_a_link_on_a_page_of_another_site_leads_in(tabs: Opening, lite_shop: Shop):
    tab = tabs(lite_shop)
    with another_site(f'<!doctype html><title>wiki</title><a href="{lite_shop.at("runs")}">our runs</a>') as port:
        tab.others = (f"http://localhost:{port}",)
        tab.page.goto(f"http://localhost:{port}/")
        tab.page.get_by_role("link", name="our runs").click()
        expect(tab.page.get_by_role("heading", name="Runs", level=1)).to_be_visible()


def test_no_page_of_another_site_may_frame_it(tabs: Opening, lite_shop: Shop):
    tab = tabs(lite_shop)
    with another_site(f'<!doctype html><title>evil</title><iframe src="{lite_shop.at("runs")}"></iframe>') as port:
        tab.others = (f"http://127.0.0.1:{port}", "chrome-error:")
        tab.page.goto(f"http://127.0.0.1:{port}/")
        inner = tab.page.frames[1]
        inner.wait_for_load_state()
        assert "Runs" not in inner.content()
    assert any("frame-ancestors" in error or "X-Frame-Options" in error for error in tab.errors)
    tab.errors.clear()
