"""The application in a real server on a port of its own, against SQLite and Redis."""

from __future__ import annotations

import http.client
import json
import logging
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlencode, urlsplit

import pytest
import redis

from tests.servers import valkey
from tests.web import shop
from yieldflow import App
from yieldflow.inspection.reading import newest, stand, whole
from yieldflow.web import Bounds, Rate, asgi
from yieldflow.web.serving import address, prepared

TOKEN = "a-token-of-the-tests"
SECONDS = 20


class Answered:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()


class Client:
    """Speaks HTTP to a server, with a connection for each request."""

    def __init__(self, place):
        self.place, self.port = place, urlsplit(place).port

    def __call__(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request(method, path, body, headers or {})
            got = connection.getresponse()
            names = {name.lower() for name, _ in got.getheaders()}
            headers = {name: ", ".join(got.headers.get_all(name)) for name in names}
            return Answered(got.status, headers, got.read())
        finally:
            connection.close()

    def post(self, path, tree, **headers):
        body = json.dumps(tree).encode()
        return self("POST", path, body, {"Content-Type": "application/json", **_dashed(headers)})

    def form(self, path, fields, **headers):
        media = "application/x-www-form-urlencoded"
        return self("POST", path, urlencode(fields), {"Content-Type": media, **_dashed(headers)})

    def api(self, method, path, tree=None, **headers):
        known = {"Authorization": f"Bearer {TOKEN}", **_dashed(headers)}
        if tree is not None:
            known["Content-Type"] = "application/json"
        return self(method, path, None if tree is None else json.dumps(tree).encode(), known)


def _dashed(headers):
    return {name.replace("_", "-"): value for name, value in headers.items()}


def served(app, **options):
    """A client of *app* over HTTP; the server is stopped at the end."""
    return serving(asgi(app, **{"token": TOKEN, **options}))


@contextmanager
def serving(application):
    levels = {name: logging.getLogger(name).level for name in ("uvicorn", "uvicorn.access", "uvicorn.error")}
    server, listening = prepared(application, "127.0.0.1")
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield Client(address(listening))
    finally:
        server.should_exit = True
        thread.join(SECONDS)
        listening.close()
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        assert not thread.is_alive()


def wait_until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def opened(app, call, run_id):
    """A run whose hooks are open; answers their tokens."""
    app.start(call, run_id=run_id)
    app.runtime.tend(run_id)
    return {one.name: one.token for one in app.hooks(run_id)}


def log_of(app, run_id):
    return whole(app.store, run_id)[1]


def status_of(app, run_id):
    return stand(app.store, newest(app.store, run_id)).summary.status


@pytest.fixture(scope="session")
def own_redis():
    with valkey() as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
def app(request, tmp_path):
    assert shop.APPROVAL
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/web.db"
    else:
        url = request.getfixturevalue("own_redis").url
        with redis.Redis.from_url(url) as connection:
            connection.flushall()
    made = App(url, base_url="http://shop.example")
    yield made
    made.close()


@pytest.fixture
def lite(tmp_path):
    """Where the store makes no difference."""
    made = App(f"sqlite:///{tmp_path}/web.db")
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """An app and its client, for tests that leave nothing behind but runs of their own."""
    app, many = App(f"sqlite:///{tmp_path_factory.mktemp('shared')}/web.db"), Rate(10_000, 10_000)
    with served(app, bounds=Bounds(address=many, link=many)) as found:
        yield app, found
    app.close()


@pytest.fixture
def client(app):
    with served(app) as found:
        yield found
