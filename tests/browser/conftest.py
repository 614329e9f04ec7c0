"""A browser, and a shop that is open: the page is served from a thread, and a real worker carries out its runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.browser import shop
from tests.browser.busy import fill
from tests.browser.chromium import MISSING, SECONDS, chromium, started
from tests.e2e.processes import running
from tests.servers import valkey
from tests.web.conftest import TOKEN, served
from yieldflow import App
from yieldflow.web import Bounds, Rate

READER = "a-token-that-may-only-look"
MANY = Bounds(address=Rate(10_000, 10_000), link=Rate(10_000, 10_000))
TOLD = """document.addEventListener("securitypolicyviolation", e => console.error("CSP: " + e.violatedDirective));"""

expect.set_options(timeout=SECONDS * 1_000)


@define(eq=False)
class Shop:
    """*place*: where the page is. Each test takes ids of its own: the store is not emptied between them."""

    app: App
    place: str
    folder: Path
    _numbers: Iterator[int] = field(factory=count)

    def order(self) -> str:
        return f"order/{next(self._numbers)}"

    def van(self, order: str) -> Path:
        return self.folder / order.replace("/", "-")

    def at(self, *segments: str) -> str:
        """The address of a view; what begins with a question mark is its query."""
        quoted = "/".join(one.replace("/", "%2F") for one in segments if not one.startswith("?"))
        return f"{self.place}/ui/{quoted}{''.join(one for one in segments if one.startswith('?'))}"


@define(eq=False)
class Tab:
    """A page of the browser, in a profile of its own; it keeps what was asked for and what went wrong."""

    page: Page
    context: BrowserContext
    shop: Shop
    errors: list[str] = field(factory=list)
    asked: list[str] = field(factory=list)
    refused: bool = False  # answers with 4xx are meant here: Chromium writes an error for each
    others: tuple[str, ...] = ()  # origins that are asked on purpose

    def __attrs_post_init__(self) -> None:
        self.page.on("console", lambda message: self._hear(message))
        self.page.on("pageerror", lambda error: self.errors.append(f"{self.page.url}: {error}"))
        self.context.on("request", lambda request: self.asked.append(request.url))

    def _hear(self, message: ConsoleMessage) -> None:
        meant = self.refused and message.text.startswith("Failed to load resource: the server responded with")
        if message.type in ("error", "warning") and not meant:
            self.errors.append(f"{self.page.url}: {message.text}")

    def sign_in(self, token: str = TOKEN) -> None:
        """Without looking at a page."""
        own = {"Origin": self.shop.place}
        sent = {"token": token, "to": "/ui/runs"}
        got = self.context.request.post(self.shop.at("sign-in"), form=sent, headers=own, max_redirects=0)
        assert got.status == 303, got.text()

    def open(self, *segments: str) -> Page:
        self.page.goto(self.shop.at(*segments))
        return self.page

    def unlucky(self) -> list[str]:
        """What went wrong, and what was asked of others than us."""
        foreign = [url for url in self.asked if not url.startswith((self.shop.place, *self.others))]
        return [*self.errors, *foreign]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip(MISSING)
    with started(path) as found:
        yield found


@contextmanager
def opened_shop(url: str, folder: Path, **options: Any) -> Iterator[Shop]:
    app = App(url, base_url="http://shop.example")
    try:
        with served(app, page=True, readers=READER, bounds=MANY, **options) as client:
            yield Shop(app, client.place, folder)
    finally:
        app.close()


def worker_of(url: str, folder: Path) -> Any:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "YIELDFLOW_MODULES": shop.__name__}
    return running(sys.executable, "-m", "yieldflow", "worker", "--url", url, folder=folder, env=env)


@pytest.fixture(scope="package", params=["sqlite", "redis"])
def shop_open(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as stack:
        if request.param == "sqlite":
            found = stack.enter_context(opened_shop(f"sqlite:///{folder}/shop.db", folder))
            stack.enter_context(found.app.worker(threads=2))
        else:
            url = stack.enter_context(valkey()).url
            found = stack.enter_context(opened_shop(url, folder))
            stack.enter_context(worker_of(url, folder))
        yield found


@pytest.fixture(scope="package")
def lite_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Where the store makes no difference: there is something of everything, and nobody works on it."""
    folder = tmp_path_factory.mktemp("lite")
    with opened_shop(f"sqlite:///{folder}/shop.db", folder) as found:
        fill(found.app, str(folder))
        yield found


Opening = Callable[..., Tab]


@pytest.fixture
def tabs(browser: Browser) -> Iterator[Opening]:
    """Opens tabs; each is looked at when the test has ended: nothing went wrong, and nobody else was asked."""
    opened: list[Tab] = []

    def opening(shop: Shop, *, token: str | None = TOKEN, **options: Any) -> Tab:
        context = browser.new_context(**{"viewport": {"width": 1_200, "height": 800}, **options})
        context.set_default_timeout(SECONDS * 1_000)
        context.add_init_script(TOLD)
        tab = Tab(context.new_page(), context, shop)
        opened.append(tab)
        if token is not None:
            tab.sign_in(token)
        return tab

    yield opening
    for tab in opened:
        tab.context.close()
    assert not [trouble for tab in opened for trouble in tab.unlucky()]


@pytest.fixture
def tab(tabs: Opening, shop_open: Shop) -> Tab:
    """Of somebody who may do everything, on each store."""
    return tabs(shop_open)


@pytest.fixture
def lite_tab(tabs: Opening, lite_shop: Shop) -> Tab:
    return tabs(lite_shop)
