"""The page in a real server, and who looks at it."""

from __future__ import annotations

import pytest

from tests.web.conftest import served
from tests.web.page.browser import READER, Browser


@pytest.fixture
def client(app):
    with served(app, page=True, readers=READER) as found:
        yield found


@pytest.fixture
def browser(client):
    return Browser(client)
