"""A server for tests that ask for it only where they need one: of one kind, as nothing here depends on which."""

from __future__ import annotations

import pytest

from tests.servers import Server


@pytest.fixture
def server(one_server: Server, redis_url: str) -> Server:
    assert redis_url == one_server.url  # it is emptied
    return one_server
