"""Who may look and who may change: sessions by a token, readers, read-only, and what is hidden."""

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web import shop
from tests.web.conftest import TOKEN, Client, log_of, opened, served, serving
from tests.web.page.browser import READER, Browser, parsed
from yieldflow import App
from yieldflow.errors import UsageError
from yieldflow.web import Bounds, Rate, asgi
from yieldflow.web.page import sessions

DIGEST, OTHER = b"1" * 32, b"2" * 32
NOW = 1_800_000_000.0
COOKIE = st.text(string.printable, max_size=200)


# --- the cookie -----------------------------------------------------------------------------------------------------


def jar(value, digest=DIGEST):
    return {sessions.name_of(digest): value}


def test_a_session_holds_for_its_hours_and_no_longer():
    kept = jar(sessions.opened(DIGEST, NOW))
    assert sessions.holder(kept, [DIGEST], NOW) == DIGEST
    assert sessions.holder(kept, [DIGEST], NOW + sessions.LASTS - 1) == DIGEST
    assert sessions.holder(kept, [DIGEST], NOW + sessions.LASTS) is None


def test_a_session_ends_with_the_token_it_was_opened_with():
    value = sessions.opened(DIGEST, NOW)
    assert sessions.holder(jar(value), [OTHER], NOW) is None
    assert sessions.holder(jar(value, OTHER), [OTHER, DIGEST], NOW) is None  # under the name of another token
    assert sessions.holder(jar(value), [OTHER, DIGEST], NOW) == DIGEST


def test_a_session_that_somebody_prolonged_is_none():
    until, nonce, signature = sessions.opened(DIGEST, NOW).split(".")
    assert sessions.holder(jar(f"{int(until) + 1}.{nonce}.{signature}"), [DIGEST], NOW) is None


@given(value=COOKIE)
def test_no_text_is_a_session_but_for_ours(value):
    assert sessions.holder(jar(value), [DIGEST], NOW) is None
    assert sessions.said({"yieldflow-said": value}, DIGEST) is None
    sessions.cookies(value)


@given(at=st.integers(0, 200), mark=st.sampled_from(string.ascii_letters + string.digits + ".-_"))
def test_a_session_with_one_letter_changed_is_none(at, mark):
    value = sessions.opened(DIGEST, NOW)
    forged = value[: at % len(value)] + mark + value[at % len(value) + 1 :]
    assert sessions.holder(jar(forged), [DIGEST], NOW) == (DIGEST if forged == value else None)


@given(text=st.text(max_size=100))
def test_what_is_said_once_arrives_as_it_was(text):
    _, header = sessions.said_cookie(DIGEST, text, "/ui", secure=True)
    found = sessions.cookies(header.partition(";")[0])
    assert sessions.said(found, DIGEST) == text.encode("utf-8", "replace").decode()
    assert sessions.said(found, OTHER) is None


# --- signing in -----------------------------------------------------------------------------------------------------


def test_without_a_session_every_page_asks_for_the_token_and_shows_nothing_else(app, client):
    app.start(shop.approval(), run_id="a-secret-name")
    for path in ("/", "/ui", "/ui/", "/ui/runs", "/ui/runs/a-secret-name", "/ui/nothing"):
        got = client("GET", path)
        assert got.status == 401, path
        assert parsed(got.text).one("form").one("label").one("input")["name"] == "token"
        assert "a-secret-name" not in got.text.replace("/ui/runs/a-secret-name", "")


def test_the_token_opens_a_session_that_a_script_cannot_read(client):
    signed = client.form("/ui/sign-in", {"token": TOKEN}, Sec_Fetch_Site="same-origin")
    assert (signed.status, signed.headers["location"]) == (303, "/ui/runs")
    parts = signed.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/ui", f"Max-Age={sessions.LASTS}"} <= set(parts)
    assert "Secure" not in parts
    assert TOKEN not in str(signed.headers)
    name_and_value = {"Cookie": parts[0]}
    assert client("GET", "/ui/runs", None, name_and_value).status == 200
    assert client("GET", "/runs", None, name_and_value).status == 401  # the API takes no cookie


def test_where_the_browser_came_by_tls_the_cookie_is_for_tls_alone(lite):
    lite.base_url = "https://shop.example/flows"
    with served(lite, page=True) as client:
        asked = {"Sec_Fetch_Site": "same-origin", "Host": "shop.example"}
        assert "; Secure" in client.form("/ui/sign-in", {"token": TOKEN}, **asked).headers["set-cookie"]


def test_a_wrong_token_is_said_and_asked_for_again(client):
    got = client.form("/ui/sign-in", {"token": "wrong", "to": "/ui/runs?status=failed"}, Sec_Fetch_Site="same-origin")
    assert got.status == 401
    assert "set-cookie" not in got.headers
    form = parsed(got.text).one("form")
    assert "not the token" in form.one(role="alert").text
    assert form.one("input", name="to")["value"] == "/ui/runs?status=failed"
    assert "wrong" not in form.one("input", name="token").attributes.values()


def test_after_too_many_wrong_tokens_no_guess_is_looked_at_the_right_one_neither(lite):
    narrow = Bounds(address=Rate(burst=2, per_second=0.001))
    with served(lite, page=True, bounds=narrow) as client:
        before = Browser(client)
        tried = [client.form("/ui/sign-in", {"token": "w"}, Sec_Fetch_Site="same-origin").status for _ in range(3)]
        assert tried == [401, 401, 429]
        guessed = client.form("/ui/sign-in", {"token": TOKEN}, Sec_Fetch_Site="same-origin")
        assert (guessed.status, int(guessed.headers["retry-after"]) > 1) == (429, True)
        assert client("GET", "/runs").status == 429  # the API counts with it
        assert client.api("GET", "/runs").status == 429
        assert before.get("runs").status == 200  # whoever is signed in goes on


def test_right_tokens_take_nothing_of_what_guesses_may(lite):
    narrow = Bounds(address=Rate(burst=1, per_second=0.001))
    with served(lite, page=True, bounds=narrow) as client:
        assert [Browser(client).get("runs").status for _ in range(3)] == [200] * 3
        assert [client.api("GET", "/runs").status for _ in range(3)] == [200] * 3
        assert client("GET", "/runs").status == 401


def test_after_signing_in_one_is_where_one_wanted_to_be(client):
    asked = client("GET", "/ui/runs?status=failed&q=%C3%A4")
    to = parsed(asked.text).one("input", name="to")["value"]
    assert to == "/ui/runs?status=failed&q=%C3%A4"
    signed = client.form("/ui/sign-in", {"token": TOKEN, "to": to}, Sec_Fetch_Site="same-origin")
    assert signed.headers["location"] == to


ELSEWHERE = (
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "/ui/\\evil",
    "/ui/\r\nX: y",
    "/runs",
    "/uix",
)


def test_signing_in_leads_nowhere_else(lite):
    with served(lite, page=True) as client:
        for to in ELSEWHERE:
            signed = client.form("/ui/sign-in", {"token": TOKEN, "to": to}, Sec_Fetch_Site="same-origin")
            assert signed.headers["location"] == "/ui/runs", to


def test_signing_out_takes_the_session_from_the_browser(client):
    browser = Browser(client)
    assert browser.get("runs").status == 200
    assert browser.post("sign-out").status == 303
    assert browser.cookies == {}
    assert browser.get("runs").status == 401
    assert client("GET", "/ui/sign-out").status == 405


def test_signing_out_ends_all_sessions_of_the_browser(client):
    browser, reader = Browser(client), Browser(client, READER)
    browser.cookies |= {**reader.cookies, "theirs": "x"}
    told = browser.post("sign-out").headers["set-cookie"]
    assert told.count("Max-Age=0") == 2
    assert all(f"{name}=;" in told for name in reader.cookies)
    assert "theirs" not in told


def test_signing_out_tells_a_stranger_nothing_of_our_tokens(client):
    signed = client.form("/ui/sign-out", {}, Sec_Fetch_Site="same-origin", Cookie="yieldflow-00000000=x")
    assert signed.status == 303
    assert "set-cookie" not in signed.headers


def test_an_expired_session_is_asked_to_sign_in_again_and_changes_nothing(app):
    made, ahead = asgi(app, token=TOKEN, page=True), [0.0]
    made._site._clock = lambda: time.time() + ahead[0]
    opened(app, shop.approval(), "a")
    before = log_of(app, "a")
    with serving(made) as client:
        browser = Browser(client)
        ahead[0] = sessions.LASTS - 60.0
        assert browser.get("runs").status == 200
        ahead[0] = sessions.LASTS + 60.0
        assert browser.get("runs").status == 401
        assert browser.post("runs/a/cancel").status == 401
    assert log_of(app, "a") == before


def test_a_link_on_another_site_leads_to_the_page_and_not_to_the_sign_in(client):
    led = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    got = Browser(client, token=None).get("runs", **led)
    assert got.status == 200
    assert parsed(got.text).one("meta", content="0")["http-equiv"] == "refresh"
    again = Browser(client, token=None).get("runs", Sec_Fetch_Site="same-origin", Sec_Fetch_Mode="navigate")
    assert again.status == 401  # once


# --- what a reader, and a read-only page, may -----------------------------------------------------------------------

VERBS = ("cancel", "pause", "resume", "terminate", "retry", "hooks/approval")


def test_a_reader_sees_runs_and_changes_nothing(app, client):
    opened(app, shop.approval(), "a")
    before = log_of(app, "a")
    browser = Browser(client, READER)
    assert "a" in browser.page("runs").one("tbody").text
    for verb in VERBS:
        assert browser.post(f"runs/a/{verb}", {"value": "true", "reason": "no"}).status in (403, 404, 405)
        refused = client.post(f"/runs/a/{verb}", {} if "/" not in verb else True, Authorization=f"Bearer {READER}")
        assert (refused.status, refused.json["title"]) == (403, "Forbidden")
    assert client.post("/runs", {"workflow": "x"}, Authorization=f"Bearer {READER}").status == 403
    assert client("GET", "/runs/a", None, {"Authorization": f"Bearer {READER}"}).json["status"] == "running"
    assert log_of(app, "a") == before


def test_a_reader_gets_no_token_that_would_answer_a_hook(app, client):
    opened(app, shop.approval(), "a")
    path = "/runs/a/inspection?tokens=true"
    assert client("GET", path, None, {"Authorization": f"Bearer {READER}"}).status == 403
    assert client.api("GET", path).json["hooks"][0]["token"]


def test_on_a_read_only_page_nobody_changes_anything(app):
    opened(app, shop.approval(), "a")
    before = log_of(app, "a")
    with served(app, page=True, read_only=True) as client:
        browser = Browser(client)
        assert "read-only" in browser.page("runs").one(class_="who").text
        for verb in VERBS:
            assert browser.post(f"runs/a/{verb}", {"value": "true"}).status in (403, 404, 405)
            assert client.api("POST", f"/runs/a/{verb}", {} if "/" not in verb else True).status == 403
        assert client.api("GET", "/runs/a/inspection?tokens=true").status == 403
    assert log_of(app, "a") == before


def test_where_payloads_are_hidden_the_api_shows_none(app):
    with served(app, page=True, payloads=False) as client:
        app.run(shop.checkout("a-secret-order"), run_id="done")
        opened(app, shop.later(), "open")
        app.send("open", "late", 77_001)
        for run in ("done", "open"):
            for path in ("", "/history", "/inspection", "/result"):
                assert "a-secret-order" not in client.api("GET", f"/runs/{run}{path}").text
                assert "77001" not in client.api("GET", f"/runs/{run}{path}").text
            assert client.api("GET", f"/runs/{run}/history?payloads=true").status == 403
            assert client.api("GET", f"/runs/{run}/inspection?payloads=true").status == 403
        assert client.api("GET", "/runs/done/result").json == {"run_id": "done", "status": "completed"}
        [frame] = client.api("GET", "/runs/open/inspection").json["branches"][0]["frames"]
        assert {one["text"] for one in frame["variables"]} == {"•••"}


# --- what is open ---------------------------------------------------------------------------------------------------


def test_a_page_is_for_somebody():
    app = App("memory:")
    with pytest.raises(UsageError, match="the page is for somebody"):
        asgi(app, page=True)
    with pytest.raises(UsageError, match="may only look"):
        asgi(app, token=TOKEN, readers=TOKEN)
    with pytest.raises(UsageError, match="printable ASCII"):
        asgi(app, readers="short")
    with pytest.raises(UsageError, match="either"):
        asgi(app, readers=READER, trusted=True)
    assert str(asgi(app, readers=READER, page=True)) == "<yieldflow over HTTP: links, API and page>"


def test_there_is_no_page_unless_it_is_asked_for(lite):
    with served(lite) as client:
        assert client("GET", "/ui/runs").status == 404
        assert client("GET", "/").status == 404


def test_whoever_the_mounter_lets_in_needs_no_session(lite):
    with served(lite, token=None, trusted=True, page=True) as client:
        browser = Browser(client, token=None)
        assert browser.page("runs").one("h1").text == "Runs"
        assert "Sign out" not in browser.get("runs").text
        assert browser.post("sign-in", {"token": "x"}).headers["location"] == "/ui/runs"


def test_a_session_of_one_application_is_none_of_another(app, client):
    browser = Browser(client)
    with served(app, token="another-token-of-tests", page=True) as other:
        there = Browser(Client(other.place), token=None)
        there.cookies = dict(browser.cookies)
        assert there.get("runs").status == 401
