"""Real servers, one of each kind for the whole session, emptied for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tests.servers import Server, has_redis_server, redis_server, valkey

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
