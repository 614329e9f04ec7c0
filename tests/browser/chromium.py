"""The Chromium of this machine, headless and by itself: it asks nobody but the page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "there is no Chromium: install Debian's `chromium`, or say where it is with $CHROMIUM"
FLAGS = (
    "--no-sandbox",  # where tests are run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SECONDS = 8.0  # that anything on a page may take


def chromium() -> str | None:
    names = (os.environ["CHROMIUM"],) if os.environ.get("CHROMIUM") else NAMES
    return next(filter(None, map(shutil.which, names)), None)


@contextmanager
def started(path: str) -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, headless=True, args=FLAGS, timeout=SECONDS * 2_000)
        try:
            yield browser
        finally:
            browser.close()
