"""`yieldflow web`: how the page is opened from a terminal."""

import re
import signal

from tests.web import shop
from tests.web.conftest import Client
from tests.web.page.browser import Browser, parsed
from tests.web.test_serving import web
from yieldflow import App

TOKEN, READER = "a-token-of-the-tests", "a-token-of-a-reader"


def begun(process):
    """A client of it, once it serves."""
    return Client(re.search(r"http://[^;]+", process.stderr.readline())[0])


def ended(process):
    process.send_signal(signal.SIGTERM)
    return "".join(process.communicate(timeout=30))


def test_the_link_that_it_prints_opens_the_page_and_its_token_is_never_sent(tmp_path):
    with web(tmp_path) as process:
        client = begun(process)
        token = process.stderr.readline().split()[-1]
        link = process.stderr.readline().split()[-1]
        assert link == f"{client.place}/ui/sign-in#{token}"
        form = parsed(client("GET", "/ui/sign-in").text).one("form")
        assert form["method"] == "post"  # the script fills it in from the fragment, and sends it
        browser = Browser(client, token)
        assert browser.page("runs").one("h1").text == "Runs"
        assert client("GET", "/ui/sign-in", None, {"Host": "evil.example"}).status == 421
        assert token not in ended(process)


def test_it_shows_as_much_as_it_is_told(tmp_path):
    app = App(f"sqlite:///{tmp_path}/web.db")
    app.run(shop.checkout("o-1"), run_id="a")
    app.close()
    options = ["--token", TOKEN, "--reader-token", READER, "--read-only", "--hide-payloads"]
    with web(tmp_path, *options, "--base-url", "http://shop.example") as process:
        client = begun(process)
        assert process.stderr.readline() == f"the page: {client.place}/ui/runs\n"
        said = Browser(client, READER).page("runs").one(class_="who").text
        assert "read-only" in said
        assert "payloads hidden" in said
        assert Browser(client).post("runs/a/retry").status in (403, 404)
        assert client.api("POST", "/runs/a/retry").status == 403
        assert client.api("GET", "/runs/a/history?payloads=true").status == 403
        assert client("GET", "/ui/sign-in", None, {"Host": "shop.example"}).status == 200
        ended(process)


def test_it_serves_without_a_page_where_none_is_wanted(tmp_path):
    with web(tmp_path, "--no-page", "--token", TOKEN) as process:
        client = begun(process)
        assert client("GET", "/ui/sign-in").status == 404
        assert client.api("GET", "/runs").json["runs"] == []
        ended(process)
