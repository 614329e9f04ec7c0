"""The frame of the page: what it sends, whose changes it takes, and how it says what is wrong."""

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web import shop
from tests.web.conftest import TOKEN, log_of, opened, served, serving, status_of
from tests.web.page.browser import Browser, parsed
from yieldflow import App
from yieldflow.errors import UsageError
from yieldflow.web import asgi
from yieldflow.web.page.files import static
from yieldflow.web.page.html import el, joined
from yieldflow.web.page.views import Action, Done, Page, Question, View
from yieldflow.web.page.visit import Visit, unspelled

ROOT = Path(__file__).parents[3]
NOTHING_INLINE = re.compile(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|javascript:", re.IGNORECASE)
TEXTS = st.text(max_size=60)


# --- HTML -----------------------------------------------------------------------------------------------------------


@given(text=TEXTS, more=TEXTS)
def test_no_text_becomes_markup(text, more):
    made = el("p", text, [more, None], title=more, hidden=False, data_on=True)
    [found] = parsed(made.text).inside
    assert (found.tag, list(found.attributes)) == ("p", ["title", "data-on"])
    assert all(isinstance(one, str) for one in found.inside)
    seen = "".join(one for one in text + more if one.isprintable() and one != "\u200b")
    assert [one for one in seen if one not in found.text] == []


def test_what_turns_the_text_around_it_is_spelled_out():
    assert el("b", "a\u202etxt.exe\x1b[31m\x00").text == r"<b>a\u202etxt.exe\x1b[31m\x00</b>"
    assert joined(["a", el("i", "&")], ", ").text == "a, <i>&amp;</i>"
    assert el("input", value='"><script>').text == '<input value="&quot;&gt;&lt;script&gt;">'


@given(segment=st.one_of(TEXTS, st.text("~.", max_size=5)))
def test_a_segment_of_a_link_arrives_as_it_was(segment):
    link = Visit(App("memory:")).link("runs", segment, at=1)
    assert link.startswith("/ui/runs/")
    assert link.isascii()
    path = link.partition("?")[0].split("/")
    assert len(path) == 4
    assert path[3] not in (".", "..")  # a browser would take them out
    if all(ord(one) < 0xD800 or ord(one) > 0xDFFF for one in segment):
        assert unspelled(_unquoted(path[3])) == segment


def _unquoted(text):
    return re.sub(rb"%([0-9A-F]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode()).decode()


# --- what it sends --------------------------------------------------------------------------------------------------


@pytest.fixture
def client(lite):
    with served(lite, page=True) as found:
        yield found


@pytest.mark.parametrize("path", ["sign-in", "runs", "nothing"])
def test_a_page_allows_nothing_inline_and_nothing_from_elsewhere(client, path):
    got = Browser(client).get(path)
    policy = dict(one.strip().split(" ", 1) for one in got.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[f"{kind}-src"] for kind in ("script", "style", "img", "connect")} == {"'self'"}
    assert (policy["frame-ancestors"], policy["form-action"], policy["base-uri"]) == ("'none'", "'self'", "'none'")
    assert "unsafe" not in got.headers["content-security-policy"]
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["referrer-policy"] == "same-origin"
    assert not NOTHING_INLINE.search(got.text)
    assert not re.search(r"(?:src|href|action)=\"(?!/ui[/\"#?]|#)", got.text)


def test_files_are_kept_for_ever_since_their_names_have_a_hash(client):
    sheet = parsed(Browser(client).get("runs").text).one("link", rel="stylesheet")["href"]
    got = client("GET", sheet)  # without a session
    assert (got.status, got.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert got.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert re.fullmatch(r"/ui/static/page\.[0-9a-f]{16}\.css", sheet)
    for name in ("page.css", "../page.css", "..%2Fsite.py", "page.0000000000000000.css", ""):
        assert client("GET", f"/ui/static/{name}").status in (401, 404)


def test_files_are_readable_and_ours():
    for reply in static().replies.values():
        assert b"http://" not in reply.body.replace(b"http://www.w3.org/2000/svg", b"")
        assert b"https://" not in reply.body
    assert set(static().names) == {"css", "js", "svg"}


def test_what_is_written_by_hand_can_be_read():
    for place in (ROOT / "yieldflow" / "web" / "page" / "static").iterdir():
        assert len(place.read_text().splitlines()) <= 400, place
        assert max(map(len, place.read_text().splitlines())) <= 240, place


def test_rows_whose_buttons_do_something_have_names_of_their_own(lite, client):
    """Else the focus moves to the button of another one, when a row before it goes."""
    for run_id in ("a", "a-b", "b/c"):
        opened(lite, shop.approval(), run_id)
        lite.schedule(shop.approval(), every="1h", schedule_id=f"s-{run_id}")
    for view in ("runs", "hooks", "schedules", "workers"):
        table = next(Browser(client).page(view).all("tbody"))
        found = [one.attributes.get("id") for one in table.all("tr")]
        assert None not in found, view
        assert len(set(found)) == len(found), view


def test_the_root_leads_to_the_runs(client):
    browser = Browser(client)
    for path in ("/", "/ui", "/ui/"):
        assert (browser.get(path).status, browser.get(path).headers["location"]) == (303, "/ui/runs")


def test_what_has_not_changed_is_not_sent_again(lite, client):
    browser = Browser(client)
    opened(lite, shop.approval(), "a")
    lite.terminate("a")
    first = browser.get("runs?until=2020-01-01")
    again = browser.get("runs?until=2020-01-01", If_None_Match=first.headers["etag"], Yieldflow_Live="1")
    assert (again.status, again.body) == (304, b"")
    everything = browser.get("runs", If_None_Match=first.headers["etag"], Yieldflow_Live="1")
    assert everything.status == 200
    assert everything.headers["etag"] != first.headers["etag"]


def test_a_head_is_a_page_without_its_body(client):
    got = client("HEAD", "/ui/sign-in")
    assert (got.status, got.body) == (200, b"")


def test_links_and_api_stay_where_they_are(lite, client):
    token = opened(lite, shop.approval(), "a")["approval"]
    assert client("GET", f"/hooks/{token}").status == 200
    assert client("GET", "/runs").status == 401
    assert client.post(f"/hooks/{token}", True).status == 202


# --- what is wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nothing", 404), ("GET", "runs/a/b/c/d", 404), ("POST", "runs", 405), ("PUT", "runs", 405)],
)
def test_what_is_not_there_is_said_in_a_page(client, method, path, status):
    browser = Browser(client)
    headers = browser.headers({"Sec-Fetch-Site": "same-origin"})
    got = client(method, f"/ui/{path}", None, headers)
    assert got.status == status
    page = parsed(got.text)
    assert len(list(page.all("h1"))) == 1
    assert page.one(role="alert").text.endswith(".")


@given(path=st.text(string.printable + "/.%~é\u202e", max_size=40))
def test_no_address_is_more_than_a_page_that_says_so(shared_page, path):
    plain = string.ascii_letters + string.digits + "/.~%"
    quoted = "".join(one if one in plain else f"%{ord(one) & 0xFF:02X}" for one in path)
    got = shared_page.get(f"/ui/{quoted}")
    assert got.status in (200, 303, 400, 404, 405)
    assert got.status == 303 or parsed(got.text)


@pytest.fixture(scope="module")
def shared_page(tmp_path_factory):
    app = App(f"sqlite:///{tmp_path_factory.mktemp('shared')}/web.db")
    with served(app, page=True) as found:
        yield Browser(found)
    app.close()


def test_where_the_store_is_away_a_page_says_so(tmp_path):
    app = App("redis://127.0.0.1:1/0")
    with served(app, page=True) as found:
        got = Browser(found).get("runs")
    app.close()
    assert (got.status, got.headers["retry-after"]) == (503, "5")
    assert "127.0.0.1:1" in parsed(got.text).one(role="alert").text


# --- actions --------------------------------------------------------------------------------------------------------


def _do(visit, given):
    if given.get("reason") == "<no>":
        raise UsageError("that is no <reason>")
    visit.app.cancel(visit.path["run_id"], given.get("reason"))
    return Done(visit.link("runs", visit.path["run_id"]), f"{visit.path['run_id']} is asked to stop")


def _question(visit):
    return Question(
        "Cancel <it>?", "It ends.", "Cancel it", el("input", name="reason", value=visit.given.get("reason"))
    )


def _show(visit):
    return Page(visit.path["run_id"], el("p", visit.app.get(visit.path["run_id"]).status(), id="status"))


CANCEL = Action(("runs", "{run_id}", "stop"), _question, _do)
RUN = View(("runs", "{run_id}"), _show)


@pytest.fixture
def acting(app):
    """A page with a view and an action of its own."""
    made = asgi(app, token=TOKEN, page=True, readers="a-token-of-a-reader")
    made._site.views, made._site.actions = (RUN,), (CANCEL,)
    opened(app, shop.approval(), "a/b c")
    with serving(made) as client:
        yield Browser(client)


def test_an_action_asks_and_then_does_it_and_says_so_once(app, acting):
    before = log_of(app, "a/b c")
    asked = acting.page("runs/a%2Fb%20c/stop")
    assert asked.one("h1").text == "Cancel <it>?"
    assert asked.one("form", class_="question")["method"] == "post"
    assert asked.one("a", class_="button")["href"] == "/ui/runs/a%2Fb%20c"
    assert log_of(app, "a/b c") == before  # nothing happens by looking
    done = acting.post("runs/a%2Fb%20c/stop", {"reason": "enough"})
    assert (done.status, done.headers["location"]) == (303, "/ui/runs/a%2Fb%20c")
    live = acting.get("runs/a%2Fb%20c", Yieldflow_Live="1")
    assert "is asked to stop" not in live.text
    first = acting.page("runs/a%2Fb%20c")
    assert first.one(id="said").text == "a/b c is asked to stop"
    assert not list(acting.page("runs/a%2Fb%20c").all(id="said"))
    assert len(log_of(app, "a/b c")) > len(before)
    app.runtime.tend("a/b c")
    assert status_of(app, "a/b c") == "cancelled"


def test_what_cannot_be_done_is_said_with_the_question_and_what_was_typed(app, acting):
    before = log_of(app, "a/b c")
    got = acting.post("runs/a%2Fb%20c/stop", {"reason": "<no>"})
    assert got.status == 422
    page = parsed(got.text)
    assert page.one(role="alert").text == "that is no <reason>"
    assert page.one("input", name="reason")["value"] == "<no>"
    assert log_of(app, "a/b c") == before
    assert acting.post("runs/nobody/stop", {}).status == 404


FOREIGN = [
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
    {"Origin": "null"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://127.0.0.1:1"},
    {"Referer": "http://127.0.0.1"},
    {"Origin": "ftp://"},
]


def test_a_change_that_no_page_of_ours_asked_for_changes_nothing(app, acting):
    before = log_of(app, "a/b c")
    for headers in FOREIGN:
        for path in ("runs/a%2Fb%20c/stop", "sign-in", "sign-out"):
            got = acting.post(path, {"reason": "x", "token": TOKEN}, site=headers.get("Sec-Fetch-Site"), **headers)
            assert got.status == 403, (path, headers)
            assert "set-cookie" not in got.headers
    assert log_of(app, "a/b c") == before


def test_a_browser_that_says_its_origin_alone_may_change_too(app, acting):
    place = acting.client.place
    assert acting.post("runs/a%2Fb%20c/stop", site=None, Origin=place).status == 303
    app.base_url = "https://shop.example/flows"
    assert acting.post("runs/a%2Fb%20c/stop", site=None, Origin="https://shop.example").status == 303
    assert acting.post("runs/a%2Fb%20c/stop", site=None, Origin="http://shop.example").status == 403


def test_without_a_session_or_with_a_readers_nothing_is_done(app, acting):
    before = log_of(app, "a/b c")
    stranger = Browser(acting.client, token=None)
    assert stranger.post("runs/a%2Fb%20c/stop").status == 401
    reader = Browser(acting.client, "a-token-of-a-reader")
    assert reader.post("runs/a%2Fb%20c/stop").status == 403
    assert reader.get("runs/a%2Fb%20c/stop").status == 403
    stranger.cookies = {name: value[:-1] + "01"[value[-1] == "0"] for name, value in acting.cookies.items()}
    assert stranger.post("runs/a%2Fb%20c/stop").status == 401
    assert log_of(app, "a/b c") == before


def test_a_form_that_no_browser_sends_is_refused(app, acting):
    before = log_of(app, "a/b c")
    known = acting.headers({"Sec-Fetch-Site": "same-origin"})
    path = "/ui/runs/a%2Fb%20c/stop"
    assert acting.client("POST", path, b"{}", {**known, "Content-Type": "application/json"}).status == 415
    form = {**known, "Content-Type": "application/x-www-form-urlencoded"}
    assert acting.client("POST", path, b"reason=\xff", form).status == 400
    assert acting.client("POST", path, b"reason=%ff", form).status == 400
    assert log_of(app, "a/b c") == before


# --- names that lead here -------------------------------------------------------------------------------------------


OWN = ("127.0.0.1", "localhost:8420", "[::1]:8420", "LOCALHOST", "shop.example", "evil.example:80@127.0.0.1")
OTHERS = ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "[::1", "")


def test_on_this_machine_it_answers_to_its_own_names_alone(lite):
    names = ("localhost", "127.0.0.1", "::1", "shop.example")
    with served(lite, page=True, hosts=names) as client:
        for host in OWN + OTHERS:
            asked = client("GET", "/ui/sign-in", None, {"Host": host})
            assert asked.status == (200 if host in OWN else 421), host
            assert client("GET", "/hooks/unknown", None, {"Host": host}).status == 404


def test_a_trusted_api_answers_to_its_own_names_alone(lite):
    with served(lite, token=None, trusted=True, hosts=("127.0.0.1",)) as client:
        assert client("GET", "/runs", None, {"Host": "127.0.0.1:1"}).status == 200
        assert client("GET", "/runs", None, {"Host": "evil.example"}).status == 421


def test_what_trusts_everybody_answers_to_the_name_of_its_links(lite):
    lite.base_url = "https://Shop.example:8443/flows"
    with served(lite, token=None, trusted=True, page=True) as client:
        for host in ("shop.example", "127.0.0.1:1", "localhost", "[::1]:80"):
            assert client("GET", "/runs", None, {"Host": host}).status == 200, host
        for path in ("/runs", "/ui/runs"):
            assert client("GET", path, None, {"Host": "evil.example"}).status == 421
    with served(lite, token=None, trusted=True, hosts=("ours.example",)) as client:  # what is said holds
        assert client("GET", "/runs", None, {"Host": "ours.example"}).status == 200
        assert client("GET", "/runs", None, {"Host": "shop.example"}).status == 421
    with served(lite) as client:  # a token is proof enough
        assert client.api("GET", "/runs", Host="evil.example").status == 200


def test_what_knows_no_name_of_its_own_answers_to_all(lite):
    with served(lite, token=None, trusted=True) as client:
        assert client("GET", "/runs", None, {"Host": "any.example"}).status == 200
