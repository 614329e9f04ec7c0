"""Servers for WSGI in a thread of this process, each on a free port of its own, stopped at the end."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from wsgiref.simple_server import WSGIRequestHandler
from wsgiref.simple_server import make_server as plain_server

from werkzeug.serving import WSGIRequestHandler as FlaskHandler
from werkzeug.serving import make_server

from tests.web.conftest import SECONDS, Client


@contextmanager
def running(start, stop):
    thread = threading.Thread(target=start, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(SECONDS)
        assert not thread.is_alive()


class Silent(FlaskHandler):
    def log(self, *_):
        pass


class Plain(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def by_werkzeug(application):
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Silent)
    with running(lambda: server.serve_forever(0.02), server.shutdown):
        yield Client(f"http://127.0.0.1:{server.port}")
    server.server_close()


@contextmanager
def by_wsgiref(application):
    """A server that says nothing of how a path was spelled."""
    server = plain_server("127.0.0.1", 0, application, handler_class=Plain)
    with server, running(lambda: server.serve_forever(0.02), server.shutdown):
        yield Client(f"http://127.0.0.1:{server.server_port}")
