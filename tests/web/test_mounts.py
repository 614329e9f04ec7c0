"""In applications of others, at a path of theirs: links, API and page answer as they do alone."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import django
import pytest
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import clear_url_caches, path, re_path
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from tests.test_docs import run_page
from tests.web import shop
from tests.web.conftest import SECONDS, TOKEN, opened, serving
from tests.web.servers import by_werkzeug
from yieldflow import App
from yieldflow.web import Bounds, Rate, asgi, wsgi

ROOT = Path(__file__).parents[2]
AT = "/ops/workflows"
MANY = Bounds(address=Rate(10_000, 10_000), link=Rate(10_000, 10_000))
urlpatterns = [path("theirs", lambda _: HttpResponse("theirs"))]  # of Django


@pytest.fixture(scope="module", autouse=True)
def _django():
    csrf = "django.middleware.csrf.CsrfViewMiddleware"
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="of a test", MIDDLEWARE=[csrf])
    django.setup()


# --- recipes ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """docs/mounting.md, whose functions are what is tried here."""
    text = (ROOT / "docs" / "mounting.md").read_text(encoding="utf-8")
    run_page("mounting_as_shown", text, tmp_path_factory.mktemp("page"))
    shown = sys.modules.pop("mounting_as_shown")
    shown.app.close()
    return shown


def in_starlette(flows, _):
    theirs = Route("/theirs", lambda _: PlainTextResponse("theirs"))
    return Starlette(routes=[theirs, Mount(AT, app=flows)])


def in_fastapi(flows, _):
    made = FastAPI()
    made.add_api_route("/theirs", lambda: "theirs")
    made.mount(AT, flows)
    return made


def in_flask(flows, _):
    made = Flask("theirs")
    made.add_url_rule("/theirs", view_func=lambda: "theirs")
    made.wsgi_app = DispatcherMiddleware(made.wsgi_app, {AT: flows})
    return made


ASGI = {
    "starlette": in_starlette,
    "fastapi": in_fastapi,
    "django": lambda flows, page: page.beside(get_asgi_application(), AT, flows),
}
WSGI = {
    "flask": in_flask,
    "django-wsgi": lambda flows, page: page.beside_wsgi(get_wsgi_application(), AT, flows),
}


@pytest.fixture(scope="module", params=[*ASGI, *WSGI])
def mounted(request, page, tmp_path_factory):
    app = App(f"sqlite:///{tmp_path_factory.mktemp('mounted')}/web.db")
    if request.param in ASGI:
        served = serving(ASGI[request.param](asgi(app, token=TOKEN, page=True, bounds=MANY), page))
    else:
        served = by_werkzeug(WSGI[request.param](wsgi(app, token=TOKEN, page=True, bounds=MANY), page))
    with served as client:
        yield app, client
    app.close()


# --- mounted anywhere -------------------------------------------------------------------------------------------------


def test_theirs_is_theirs(mounted):
    _, client = mounted
    assert client("GET", "/theirs").text.strip('"') == "theirs"
    assert client("GET", "/nothing").status == 404
    assert client.api("GET", "/runs").status == 404
    assert client.api("GET", f"{AT}s/runs").status == 404


def test_runs_are_started_and_found_with_any_id(mounted):
    app, client = mounted
    for run_id, spelled in [("a/b", "a%2Fb"), ("100%", "100%25"), ("ä é", "%C3%A4%20%C3%A9"), ("..", "%2E%2E")]:
        started = client.api("POST", f"{AT}/runs", {"workflow": "tests.web.shop:approval", "run_id": run_id})
        assert (started.status, started.json) == (202, {"run_id": run_id})
        assert app.get(run_id).status() == "running"
        if run_id != "..":  # some servers walk up before they ask us
            assert client.api("GET", f"{AT}/runs/{spelled}").json["run_id"] == run_id
    assert client.api("GET", f"{AT}/runs?limit=2&status=running").json["cursor"] is not None


def test_the_api_is_for_who_has_the_token(mounted):
    _, client = mounted
    got = client("GET", f"{AT}/runs")
    assert (got.status, got.headers["www-authenticate"]) == (401, "Bearer")
    assert got.json["type"] == "urn:yieldflow:not-let-in"
    assert client.api("GET", f"{AT}/openapi.json").json["openapi"] == "3.1.0"
    assert client.api("DELETE", f"{AT}/runs").headers["allow"] == "POST, GET, HEAD"


def test_a_link_shows_its_form_and_takes_an_answer(mounted):
    app, client = mounted
    token = opened(app, shop.answered(), "linked")["answer"]
    assert 'name="comment"' in client("GET", f"{AT}/hooks/{token}").text
    assert client("HEAD", f"{AT}/hooks/{token}").body == b""
    assert client.form(f"{AT}/hooks/{token}", {"approved": "true", "comment": "ü"}).json == {"delivered": True}
    app.runtime.tend("linked")
    assert app.get("linked").result(timeout=SECONDS) == "True ü"
    assert client.form(f"{AT}/hooks/{token}", {"approved": "true"}).status == 404


def test_a_body_of_many_parts_is_read_and_one_that_is_too_large_is_not(mounted):
    app, client = mounted
    token = opened(app, shop.raw(), "large")["raw"]
    assert client("POST", f"{AT}/hooks/{token}", None, {"Content-Length": f"{(1 << 20) + 1}"}).status == 413
    assert client("POST", f"{AT}/hooks/{token}", bytes(700_000)).status == 202
    app.runtime.tend("large")
    assert app.get("large").result(timeout=SECONDS) == 700_000


def test_another_site_may_not_ask(mounted):
    _, client = mounted
    assert client.api("POST", f"{AT}/runs", {}, Sec_Fetch_Site="cross-site").status == 403


# --- the page ---------------------------------------------------------------------------------------------------------


def followed(client, path, **headers):
    """What is there in the end: frameworks differ in what they do with a path that ends in a slash."""
    for _ in range(5):
        got = client("GET", path, None, headers)
        if got.status not in (303, 307, 308):
            return got
        path = got.headers["location"].removeprefix(client.place)
    raise AssertionError(path)


def signed_in(client):
    """The cookie, and where the page leads."""
    own = {"Origin": client.place, "Sec-Fetch-Site": "same-origin"}
    got = client.form(f"{AT}/ui/sign-in", {"token": TOKEN}, **own)
    assert got.status == 303, got.text
    return got.headers["set-cookie"], got.headers["location"]


def test_the_page_signs_in_where_it_is_mounted(mounted):
    _, client = mounted
    for below in ("", "/", "/ui", "/ui/", "/ui/runs"):
        assert followed(client, f"{AT}{below}").status == 401
    cookie, location = signed_in(client)
    assert location == f"{AT}/ui/runs"
    assert f"Path={AT}/ui;" in cookie
    for below in ("", "/", "/ui", "/ui/"):
        assert "Search" in followed(client, f"{AT}{below}", Cookie=cookie.partition(";")[0]).text
    foreign = client.form(f"{AT}/ui/sign-in", {"token": TOKEN}, Origin="http://evil.example")
    assert (foreign.status, "set-cookie" in foreign.headers) == (403, False)


def test_all_that_the_page_links_is_below_where_it_is_mounted(mounted):
    app, client = mounted
    opened(app, shop.approval(), "of/page")
    known = {"Cookie": signed_in(client)[0].partition(";")[0]}
    for view in ("runs", "runs/of%2Fpage", "hooks", "hooks/of%2Fpage/approval", "schedules", "workers", "blocked"):
        got = client("GET", f"{AT}/ui/{view}", None, known)
        assert got.status == 200, view
        links = set(re.findall(r'(?:href|src|action)="([^"#][^"]*)"', got.text))
        assert links
        assert not [one for one in links if not one.startswith(f"{AT}/ui/")]
    static = sorted(link for link in links if "/static/" in link)
    media = [client("GET", link).headers["content-type"].partition(";")[0] for link in static]
    assert sorted(media) == ["image/svg+xml", "text/css", "text/javascript"]


def test_a_form_of_the_page_does_what_it_says_and_leads_back(mounted):
    app, client = mounted
    opened(app, shop.approval(), "to/cancel")
    known = {"Cookie": signed_in(client)[0].partition(";")[0]}
    path = f"{AT}/ui/runs/to%2Fcancel/cancel"
    assert client.form(path, {"reason": "x"}, **known, Sec_Fetch_Site="cross-site").status == 403
    got = client.form(path, {"reason": "x"}, **known, Sec_Fetch_Site="same-origin")
    assert (got.status, got.headers["location"]) == (303, f"{AT}/ui/runs/to%2Fcancel")
    app.runtime.tend("to/cancel")
    assert app.get("to/cancel").status() == "cancelled"


# --- behind their own login -------------------------------------------------------------------------------------------

STAFF = "/staff/workflows"


def tried(client, **headers):
    """What is shown there, and what becomes of a run that is started there."""
    started = client.post(f"{STAFF}/runs", {"workflow": "tests.web.shop:approval", "run_id": "a/b"}, **headers)
    return client.api("GET", f"{STAFF}/runs/a%2Fb", **headers).status, started.status


def test_what_is_put_in_front_of_it_lets_in(page, lite):
    page.inner = asgi(lite, trusted=True)
    with serving(page.shop) as client:
        assert tried(client) == (403, 403)
        assert tried(client, X_Staff="yes", Sec_Fetch_Site="cross-site") == (404, 403)
        assert tried(client, X_Staff="yes") == (200, 202)


@pytest.fixture
def _other_urls():
    clear_url_caches()
    yield
    clear_url_caches()


@pytest.mark.usefixtures("_other_urls")
@pytest.mark.parametrize("theirs", ["django", "flask"])
def test_a_view_of_theirs_carries_what_it_lets_in(page, lite, theirs, monkeypatch):
    page.ours = wsgi(lite, trusted=True)
    monkeypatch.setattr(sys.modules[__name__], "urlpatterns", [re_path(r"^staff/workflows/", page.view)])
    with by_werkzeug(page.store if theirs == "flask" else get_wsgi_application()) as client:
        assert tried(client, Sec_Fetch_Site="cross-site") == (404, 403)
        assert tried(client) == (200, 202)
