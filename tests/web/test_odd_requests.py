"""Requests that are spelled as nobody should: each is answered, and by nothing but what it names."""

from __future__ import annotations

import asyncio

import pytest

from tests.web import shop
from tests.web.conftest import TOKEN, log_of, opened, served
from tests.web.page.browser import Browser, parsed
from tests.web.test_wsgi import said_to
from yieldflow.web import Bounds, wsgi
from yieldflow.web.bounds import Room
from yieldflow.web.http import Request, body_of
from yieldflow.web.page.html import el
from yieldflow.web.schema import ANY, Unfit, check, listed, mapped


def nested(depth, brackets):
    first, last = brackets
    return f"{first * depth}1{last * depth}".encode()


@pytest.mark.parametrize("depth", [300, 450, 600, 900])
@pytest.mark.parametrize("brackets", [('{"a":', "}"), ("[", "]"), ('[{"a":', "}]")])
def test_a_body_that_is_nested_deeply_is_refused_and_nothing_is_written(lite, depth, brackets):
    opened(lite, shop.untyped(), "a")
    before = log_of(lite, "a")
    call = f'{{"workflow": "{shop.untyped.definition.name}", "args": ['.encode() + nested(depth, brackets) + b"]}"
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with served(lite) as client:
        for path, body in (("/runs/a/hooks/anything", nested(depth, brackets)), ("/runs", call)):
            got = client("POST", path, body, headers)
            assert got.status in (400, 422), got.body
            assert got.json["detail"]
    assert log_of(lite, "a") == before
    assert len(lite.runs().runs) == 1


def test_a_value_is_checked_no_deeper_than_its_schema_says_anything():
    deep: object = 1
    for _ in range(5_000):
        deep = {"a": deep}
    check(deep, ANY, "the body")
    check([deep], listed(ANY), "the body")
    with pytest.raises(Unfit, match="nested too deeply"):
        check(deep, _endless(), "the body")


def _endless():
    schema = mapped(ANY)
    schema["additionalProperties"] = schema
    return schema


@pytest.mark.parametrize("path", ["//runs", "//", "//static/page.css", "//ui/runs", "//sign-in", "///"])
def test_a_path_that_begins_with_an_empty_segment_is_nothing(lite, path):
    with served(lite, page=True) as client:
        browser = Browser(client)
        assert browser.get(path).status == 404
        assert browser.get("/").status == 303


@pytest.mark.parametrize(
    "to", ["/ui/../../x", "/ui/..", "/ui/./runs", "/ui/runs/..?x=1", "/ui/%2e%2E/x", "/ui/.%2e#x", "/ui/runs/."]
)
def test_nobody_is_led_out_of_the_page_by_dots(lite, to):
    with served(lite, page=True) as client:
        browser = Browser(client, None)
        led = browser.post("sign-in", {"token": TOKEN, "to": to})
        assert (led.status, led.headers["location"]) == (303, "/ui/runs")
        fine = browser.post("sign-in", {"token": TOKEN, "to": "/ui/runs/a..b?at=.."})
        assert fine.headers["location"] == "/ui/runs/a..b?at=.."


def test_a_length_in_digits_that_are_no_ascii_is_no_length():
    async def receive():
        return {"type": "http.request", "body": b"true"}

    request = Request("POST", ("runs",), "", {"content-length": "²"}, "127.0.0.1", receive)
    assert asyncio.run(body_of(request, Bounds(), Room(10))) == b"true"


@pytest.mark.parametrize("port", ["", "http", None])
def test_a_server_that_knows_no_port_is_answered(lite, port):
    assert said_to(wsgi(lite, token=TOKEN), SERVER_PORT=port)[0] == "200 OK"


def test_what_turns_the_text_around_it_is_spelled_out_in_attributes_too():
    assert el("a", title="a\u202etxt.exe\x00").text == r'<a title="a\u202etxt.exe\x00"></a>'
    [found] = parsed(el("input", value="a\u200bb").text).inside
    assert found["value"] == "a\u200bb"  # a form sends back what it was given
