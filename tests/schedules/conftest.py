"""A real server for all of these tests, emptied for each that asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tests.servers import valkey


@pytest.fixture(scope="session")
def own_server() -> Iterator[str]:
    with valkey() as server:
        yield server.url


@pytest.fixture
def redis_url(own_server: str) -> str:
    with redis.Redis.from_url(own_server) as client:
        client.flushall()
    return own_server
