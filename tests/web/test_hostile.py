"""HTTP as nobody should speak it: whatever comes, the store is as it was, and the server goes on."""

import logging
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from tests.web import shop
from tests.web.conftest import TOKEN, log_of, opened, served
from yieldflow import App
from yieldflow.web import Bounds, serving


def raw(client, data, *, close=True, seconds=15):
    """What a server answers to these bytes, until it hangs up."""
    with socket.create_connection(("127.0.0.1", client.port), timeout=seconds) as speaking:
        answer = b""
        try:
            speaking.sendall(data)
            if close:
                speaking.shutdown(socket.SHUT_WR)
            while part := speaking.recv(65_536):
                answer += part
        except TimeoutError:
            raise
        except OSError:
            pass  # it hung up before we had said all
        return answer


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer else None


AUTH = f"Authorization: Bearer {TOKEN}\r\nHost: x\r\n".encode()


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /hooks/TOKEN HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\ntrue",
        b"POST /hooks/TOKEN HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\ntrue",
        b"POST /hooks/TOKEN HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\ntrue",
        b"POST /hooks/TOKEN HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\ntrue",  # and hangs up
        b"POST /hooks/TOKEN HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"POST /hooks/TOKEN HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
        b"POST /hooks/" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /hooks/TOKEN%ff HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"POST /hooks/TOKEN%00 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"POST /runs/../hooks/TOKEN HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"POST //hooks/TOKEN HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"POST /hooks/TOKEN/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"POST /hooks%2FTOKEN HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"PURGE /hooks/TOKEN HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /hooks/TOKEN HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"POST /runs/a/terminate HTTP/1.1\r\n"
        + AUTH
        + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n\xff\xfe",
        b"POST /runs/a/terminate HTTP/1.1\r\n" + AUTH + b"Content-Length: 2\r\n\r\n{}",
        b"POST /runs/a/terminate?reason=x HTTP/1.1\r\n" + AUTH + b"Content-Length: 0\r\n\r\n",
        b"POST /runs/a%2Fterminate HTTP/1.1\r\n" + AUTH + b"Content-Length: 0\r\n\r\n",
        b"POST /runs/a/terminate/../terminate HTTP/1.1\r\n" + AUTH + b"Content-Length: 0\r\n\r\n",
    ],
)
def test_nonsense_changes_nothing_and_the_server_goes_on(hostile, data):
    app, client, token = hostile
    before = log_of(app, "a")
    got = status(raw(client, data.replace(b"TOKEN", token.encode())))
    assert got is None or 400 <= got < 500 or b"websocket" in data
    assert log_of(app, "a") == before
    assert client.api("GET", "/runs/a").json["status"] == "running"


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def hostile(request, tmp_path_factory):
    if request.param == "sqlite":
        app = App(f"sqlite:///{tmp_path_factory.mktemp('hostile')}/web.db")
    else:
        app = App(request.getfixturevalue("own_redis").url, prefix="hostile")  # others may have left a run "a"
    token = opened(app, shop.untyped(9), "a")["anything"]
    with served(app) as client:
        yield app, client, token
    app.close()


def test_a_slow_body_is_given_up(lite):
    token = opened(lite, shop.untyped(), "a")["anything"]
    before = log_of(lite, "a")
    with served(lite, bounds=Bounds(patience=0.1)) as client:
        head = f"POST /hooks/{token} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{"
        began = time.monotonic()
        assert status(raw(client, head.encode(), close=False)) == 408
        assert time.monotonic() - began < 5
    assert log_of(lite, "a") == before


def test_a_slow_head_is_given_up(lite, monkeypatch):
    monkeypatch.setattr(serving, "_PATIENCE", 0.2)
    with served(lite) as client:
        assert raw(client, b"GET /runs HTTP/1.1\r\nHo", close=False) == b""
        assert trickled(client, b"GET /x HTTP/1.1\r\nHost: x\r\n\r\nGET /runs HTTP/1.1\r\nX: ") < 3.0
        assert client.api("GET", "/runs").status == 200


def trickled(client, first):
    """Seconds until a server hangs up on who sends this, and then a byte now and then."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", client.port), timeout=0.05) as speaking:
        speaking.sendall(first)
        while (waited := time.monotonic() - began) < 4.0:
            try:
                speaking.sendall(b"x")
                if not speaking.recv(1_000):
                    return waited
            except TimeoutError:
                continue
            except OSError:
                return waited
    return waited


def test_a_large_body_is_refused_before_it_is_read(lite):
    token = opened(lite, shop.untyped(), "a")["anything"]
    before = log_of(lite, "a")
    with served(lite, bounds=Bounds(body=1_000)) as client:
        told = f"POST /hooks/{token} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n"
        assert status(raw(client, told.encode())) in (400, 413)
        told = f"POST /hooks/{token} HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n"
        assert status(raw(client, told.encode())) == 413
        chunked = f"POST /hooks/{token} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        assert status(raw(client, chunked + b"400\r\n" + b"x" * 1_024 + b"\r\n" * 1, close=False)) == 413
    assert log_of(lite, "a") == before


def test_many_bodies_at_once_take_no_more_memory_than_there_is(lite):
    token = opened(lite, shop.untyped(9), "a")["anything"]
    bounds = Bounds(memory=3_000, patience=1.0)
    with served(lite, bounds=bounds) as client:
        head = f"POST /hooks/{token} HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n".encode()
        answers = []
        slow = threading.Thread(target=lambda: answers.append(raw(client, head + b"x" * 2_900, close=False)))
        slow.start()
        time.sleep(0.2)
        assert client.post(f"/hooks/{token}", "x" * 200).status == 503
        slow.join(10)
        assert status(answers[0]) == 408
        assert client.post(f"/hooks/{token}", "x" * 200).status == 202  # what was held is free again


def test_a_flood_of_connections_leaves_the_others_alone(lite):
    token = opened(lite, shop.approval(), "a")["approval"]
    with served(lite) as client:
        idle = [socket.create_connection(("127.0.0.1", client.port), timeout=10) for _ in range(200)]
        try:
            for one in idle:
                one.sendall(b"POST /hooks/x HTTP/1.1\r\n")
            assert client.post(f"/hooks/{token}", True).status == 202
        finally:
            for one in idle:
                one.close()


def test_a_payload_that_forges_tags_is_data(lite):
    token = opened(lite, shop.untyped(2), "a")["anything"]
    forged = [{"$": "sealed", "v": "eA=="}, {"$": "datetime", "v": "2026-01-31T00:00:00Z"}]
    with served(lite) as client:
        for payload in forged:
            assert client.post(f"/hooks/{token}", payload).status == 202
    lite.runtime.tend("a")
    assert lite.get("a").result(timeout=10) == forged


def test_no_token_is_ever_written_to_a_log(lite, caplog):
    token = opened(lite, shop.approval(), "a")["approval"]
    caplog.set_level(logging.DEBUG)
    with (
        served(lite) as client,
        watched("uvicorn", caplog.handler),
        watched("uvicorn.access", caplog.handler) as access,
    ):
        access.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1", "POST", f"/hooks/{token}?a=1", "1.1", 202)
        for body in (b"{", b'"no bool"', b"true", b"true"):
            client("POST", f"/hooks/{token}", body, {"Content-Type": "application/json"})
        client("GET", f"/hooks/{token}")
        client("DELETE", f"/hooks/{token}")
        raw(client, f"POST /hooks/{token} HTTP/1.1\r\nBad Header\r\n\r\n".encode())
    assert "Invalid HTTP request" in caplog.text
    assert "/hooks/…?a=1" in caplog.text
    assert token not in caplog.text
    assert TOKEN not in caplog.text


@contextmanager
def watched(name, handler):
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
