"""A server for tests that ask for it only where they need one: of one kind, as nothing here depends on which."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tests.servers import Server, valkey


@pytest.fixture(scope="session")
def one_server() -> Iterator[Server]:
    with valkey() as server:
        yield server


@pytest.fixture
def server(one_server: Server) -> Server:
    with redis.Redis.from_url(one_server.url) as client:
        client.flushall()
    return one_server
