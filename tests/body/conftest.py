from collections.abc import Iterator

import pytest

from yieldflow import App


@pytest.fixture
def app() -> Iterator[App]:
    """Leases are short, and a body that swallows an interruption is hit again soon."""
    app = App("memory:", lease="150ms", threads=2)
    app.runtime.watch.again = 0.05
    yield app
    app.close()
