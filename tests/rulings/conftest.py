from collections.abc import Iterator

import pytest

from tests.core.harness import close_all


@pytest.fixture(autouse=True)
def _executions_are_closed() -> Iterator[None]:
    yield
    close_all()
