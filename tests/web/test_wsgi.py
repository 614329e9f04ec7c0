"""By WSGI: what a server says of a request is carried to one event loop, and what is answered back."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.web import shop
from tests.web.conftest import SECONDS, TOKEN, log_of, opened, wait_until
from tests.web.servers import by_werkzeug, by_wsgiref
from yieldflow.errors import UsageError
from yieldflow.web import Bounds, wsgi

ROOT = Path(__file__).parents[2]


def test_a_server_that_decodes_paths_knows_ids_without_a_slash(lite):
    for run_id in ("a b", "a/b"):
        opened(lite, shop.approval(), run_id)
    with by_wsgiref(wsgi(lite, token=TOKEN)) as client:
        assert client.api("GET", "/runs/a%20b").json["run_id"] == "a b"
        assert client.api("GET", "/runs/a%2Fb").status == 404
        assert client("GET", "/runs/%FF").status == 400
        refused = client.api("POST", "/runs", None, Content_Length=str(1 << 21))
        assert (refused.status, "connection" in refused.headers) == (413, False)


@pytest.mark.parametrize("script", ["/öps", "/runs"])
def test_a_proxy_that_cuts_off_where_we_are_is_told_by_the_script_name(lite, script):
    opened(lite, shop.approval(), "a/b")
    inner, told = wsgi(lite, token=TOKEN), script.encode().decode("latin-1")
    with by_werkzeug(lambda environ, start: inner({**environ, "SCRIPT_NAME": told}, start)) as client:
        assert client.api("GET", "/runs/a%2Fb").json["run_id"] == "a/b"


def said_to(application, **asked):
    """One request, in this thread; answers status and body."""
    told = []
    environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/runs", "QUERY_STRING": ""}
    environ |= {"SERVER_NAME": "here", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http"}
    environ |= {"wsgi.input": io.BytesIO(), "HTTP_AUTHORIZATION": f"Bearer {TOKEN}", **asked}
    parts = application(environ, lambda status, headers: told.append((status, dict(headers))))
    return told[0][0], b"".join(parts)


@pytest.mark.parametrize(
    "asked",
    [
        {"RAW_URI": "http://here/runs?limit=1"},
        {"REQUEST_URI": "/runs?limit=1"},
        {"RAW_URI": "/quite/another/place"},
        {"RAW_URI": "*"},
        {"SCRIPT_NAME": "/", "RAW_URI": ""},
    ],
)
def test_whatever_a_server_says_of_a_path_the_one_it_routes_by_holds(lite, asked):
    assert said_to(wsgi(lite, token=TOKEN), **asked)[0] == "200 OK"


def test_a_body_that_breaks_off_delivers_nothing(lite):
    token = opened(lite, shop.raw(), "a")["raw"]
    asked = {"REQUEST_METHOD": "POST", "PATH_INFO": f"/hooks/{token}", "CONTENT_LENGTH": "9"}
    application = wsgi(lite, bounds=Bounds(patience=100))
    assert said_to(application, **asked, **{"wsgi.input": io.BytesIO(b"12345")}) == ("400 Bad Request", b"")
    broken = io.BytesIO()
    broken.close()
    with pytest.raises(ValueError, match="closed file"):
        said_to(application, **asked, **{"wsgi.input": broken})
    assert len(log_of(lite, "a")) == 3
    (carrier,) = application._carriers.values()
    wait_until(lambda: not asyncio.all_tasks(carrier.loop))
    chunked = {**asked, "CONTENT_LENGTH": "", "wsgi.input_terminated": True, "wsgi.input": io.BytesIO(b"12345")}
    assert said_to(application, **chunked)[0] == "202 Accepted"


def test_a_body_that_comes_too_slowly_is_refused(lite, caplog):
    token = opened(lite, shop.raw(), "a")["raw"]

    class Slow(io.BytesIO):
        def read(self, *_):
            time.sleep(0.1)
            return b"1"

    asked = {"REQUEST_METHOD": "POST", "PATH_INFO": f"/hooks/{token}", "CONTENT_LENGTH": "9", "wsgi.input": Slow()}
    application = wsgi(lite, bounds=Bounds(patience=0.05))
    for _ in range(2):
        assert said_to(application, **asked)[0] == "408 Request Timeout"
    assert caplog.records == []  # of a loop that was told too late


def test_many_threads_are_answered_by_one(lite):
    opened(lite, shop.approval(), "a")
    before, application = set(threading.enumerate()), wsgi(lite, token=TOKEN, bounds=Bounds(threads=1))
    with ThreadPoolExecutor(16) as threads:
        got = list(threads.map(lambda one: said_to(one)[0], [application] * 100))
    assert got == ["200 OK"] * 100
    (serving,) = [one for one in threading.enumerate() if one.name == "yieldflow wsgi" and one not in before]
    del application
    wait_until(lambda: not serving.is_alive())


FORKING = """
import os, sys
from tests.web.test_wsgi import TOKEN, said_to
from yieldflow import App
from yieldflow.web import wsgi
application = wsgi(App(sys.argv[1]), token=TOKEN)
for round in range(2):  # before it has served anything, and after
    if (child := os.fork()) == 0:
        os._exit(0 if said_to(application)[0] == "200 OK" else 1)
    assert os.waitpid(child, 0)[1] == 0
    for _ in range(20):  # so that some thread is idle when it forks again
        assert said_to(application)[0] == "200 OK"
print("ended")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_server_may_fork_and_a_process_ends_though_it_serves(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING, f"sqlite:///{tmp_path}/web.db"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=SECONDS,
    )
    assert (done.stdout, done.stderr) == ("ended\n", "")


def test_with_neither_a_token_nor_trust_links_alone_are_answered(lite):
    assert repr(wsgi(lite)) == "<yieldflow over HTTP: links, by WSGI>"
    assert said_to(wsgi(lite))[0] == "401 Unauthorized"
    assert said_to(wsgi(lite, trusted=True), HTTP_AUTHORIZATION="")[0] == "200 OK"
    with pytest.raises(UsageError, match="16 printable"):
        wsgi(lite, token="short")
