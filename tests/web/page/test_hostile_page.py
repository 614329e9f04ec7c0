"""Whatever is asked of the page, it answers with a page that holds no markup of strangers, and changes nothing that was
not meant.
"""

import re
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.browser.busy import NASTY, fill
from tests.web.conftest import served
from tests.web.page.browser import Browser, parsed
from yieldflow import App
from yieldflow.web import Bounds, Rate
from yieldflow.web.page.table import ACTIONS, VIEWS

MANY = Rate(100_000, 100_000)
FINE = {200, 303, 400, 403, 404, 405, 409, 413, 415, 422, 431}
MARKUP = ["<img src=x onerror=alert(1)>", '"><script>', "' onload='x", "\u202e\x00", "../..", "%2e%2e", "", NASTY]
TEXTS = st.sampled_from([*MARKUP, "-1", "0", "3", "1e9", "9" * 400, "verdict", "order-1009", "a~b", "null"]) | st.text()
RUNS = ["order-1001", "order-1002", "order-1009", "nasty", "order-1001~1", "nobody", "training/europe/2026-11-21"]
OF_A_RUN = ("at", "from", "only", "scale", "item")
OF_LISTS = ("q", "status", "tag", "since", "until", "cursor", "workflow", "oldest", "hook")
NAMES = st.sampled_from([*OF_A_RUN, *OF_LISTS])
FIELDS = st.sampled_from(["reason", "at", "new_run_id", "value"]) | TEXTS


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("busy")
    app = App(f"sqlite:///{folder}/web.db")
    fill(app, str(folder))
    with served(app, page=True, readers="a-token-that-may-only-look", bounds=Bounds(address=MANY, link=MANY)) as client:
        yield app, client
    app.close()


@st.composite
def paths(draw, table):
    known = draw(st.sampled_from(table)).segments
    meant = {"{run_id}": st.sampled_from(RUNS), "{hook}": st.sampled_from(["verdict", "approval", "question"])}
    segments = [draw(meant.get(one, TEXTS) | TEXTS) if one.startswith("{") else one for one in known]
    query = draw(st.lists(st.tuples(NAMES, TEXTS), max_size=3))
    path = "/".join(quote(one.encode(errors="replace"), safe="") for one in segments)
    return f"{path}?{urlencode(query, errors='replace')}" if query else path


def logs(app):
    return {run.run_id: (run.status, app.get(run.run_id).summary()) for run in app.runs(limit=100).runs}


def sound(got):
    """A page, whatever the status, with nothing in it that is not ours."""
    assert got.status in FINE, (got.status, got.text[:2_000])
    policy = got.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    if got.status == 303:
        assert re.fullmatch(r"/ui/[!-~]*", got.headers["location"])
        return
    tree = parsed(got.text)
    assert not [one for one in tree.all() if any(name.startswith("on") or name == "style" for name in one.attributes)]
    assert len(list(tree.all("script"))) == 1
    assert not list(tree.all("img"))
    assert all(one["href"].startswith(("/ui/", "#")) for one in tree.all("a"))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(path=paths(VIEWS + ACTIONS))
def test_whatever_is_looked_at_is_a_page_and_changes_nothing(busy, path):
    app, client = busy
    before = logs(app)
    sound(Browser(client).get(path))
    assert logs(app) == before


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(path=paths(ACTIONS), form=st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_what_a_reader_or_another_site_sends_changes_nothing(busy, path, form):
    app, client = busy
    before = logs(app)
    fields = {name.encode(errors="replace"): text.encode(errors="replace") for name, text in form.items()}
    got = Browser(client, "a-token-that-may-only-look").post(path, fields)
    assert got.status in {403, 404}
    for site in ("cross-site", "same-site", "none", None):
        foreign = Browser(client).post(path, fields, site=site)
        assert foreign.status == 403
        sound(foreign)
    assert logs(app) == before


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(path=paths(ACTIONS), form=st.dictionaries(FIELDS, TEXTS, max_size=4))
def test_whatever_a_form_says_is_answered_with_a_page(busy, path, form):
    """Runs may change here: what was meant by somebody who may."""
    _, client = busy
    fields = {name.encode(errors="replace"): text.encode(errors="replace") for name, text in form.items()}
    sound(Browser(client).post(path, fields))
