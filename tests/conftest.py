"""Real servers, one of each kind for the whole session, emptied for each test that asks for one; and the guard that
nothing stored is unpickled or imported by name.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import redis

from tests import guard
from tests.servers import Server, has_redis_server, redis_server, valkey

pytest.register_assert_rewrite("yieldflow.testing.contracts")  # as the plug-in does for users
guard.install()  # before `rq`, which takes `pickle.loads` by its name, is imported by a test

STARTS = {"valkey": valkey, **({"redis": redis_server} if has_redis_server() else {})}


@pytest.fixture(scope="session", params=STARTS)
def shared_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with STARTS[request.param]() as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Server:
    with redis.Redis.from_url(shared_server.url) as client:
        client.flushall()
    return shared_server


@pytest.fixture(autouse=True)
def nothing_is_unpickled_or_imported_by_name() -> Iterator[None]:
    guard.refused.clear()
    yield
    assert not guard.refused


@pytest.fixture
def _nimble_threads() -> Iterator[None]:
    """Threads take turns a thousand times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.000005)
    yield
    sys.setswitchinterval(before)
