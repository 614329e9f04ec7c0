"""Real servers, one of each kind for the whole session, emptied for each test that asks for one; and the guard that
nothing stored is unpickled or imported by name.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests import guard
from tests.servers import Server, has_redis_server, redis_server, valkey

pytest.register_assert_rewrite("yieldflow.testing.contracts")  # as the plug-in does for users
guard.install()  # before `rq`, which takes `pickle.loads` by its name, is imported by a test

STORES = ("memory", "sqlite", "redis")
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


@pytest.fixture(scope="session")
def one_server() -> Iterator[Server]:
    """For tests that do not depend on its kind."""
    with valkey() as server:
        yield server


@pytest.fixture
def redis_url(one_server: Server) -> str:
    """Of that one, emptied."""
    with redis.Redis.from_url(one_server.url) as client:
        client.flushall()
    return one_server.url


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty store of each of the three; Redis is a real server."""
    match request.param:
        case "memory":
            return "memory:"
        case "sqlite":
            return f"sqlite:///{tmp_path}/runs.db"
        case _:
            found: str = request.getfixturevalue("redis_url")
            return found


@pytest.fixture(autouse=True)
def nothing_is_unpickled_or_imported_by_name() -> Iterator[None]:
    guard.refused.clear()
    yield
    assert not guard.refused


@pytest.fixture(autouse=True)
def files_of_a_test_are_no_modules_of_the_next(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two tests may have a file of the same name, and load it in this process."""
    modules, path = set(sys.modules), sys.path.copy()
    yield
    sys.path[:] = path
    for name in sys.modules.keys() - modules:
        file = getattr(sys.modules[name], "__file__", None)
        if file is not None and tmp_path_factory.getbasetemp() in Path(file).parents:
            del sys.modules[name]


@pytest.fixture
def _nimble_threads() -> Iterator[None]:
    """Threads take turns a thousand times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.000005)
    yield
    sys.setswitchinterval(before)
