"""`python -m tests.browser.screens [DIR]`: a picture of each view at three widths, light and dark, to be looked at."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.busy import VIEWS, fill
from tests.browser.chromium import MISSING, chromium, started
from tests.browser.conftest import Shop, Tab, opened_shop

WIDTHS = (360, 800, 1_400)
SCHEMES = ("light", "dark")
MORE = (("runs", "?q=nothing-of-that-name"), ("runs", "nobody"), ("sign-in",))


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = chromium()
    if path is None:
        raise SystemExit(MISSING)
    with tempfile.TemporaryDirectory() as own:
        store = f"sqlite:///{own}/shop.db"
        with opened_shop(store, Path(own)) as shop, started(path) as browser:
            fill(shop.app, own)
            for width in WIDTHS:
                for file in taken(browser, shop, width, folder):
                    print(file)


def taken(browser: Browser, shop: Shop, width: int, folder: Path) -> Iterator[Path]:
    """In one tab; the colours are changed without asking again."""
    context = browser.new_context(viewport={"width": width, "height": 900}, device_scale_factor=1)
    tab = Tab(context.new_page(), context, shop)
    tab.sign_in()
    for view in (*VIEWS, *MORE):
        page = tab.open(*view)
        for scheme in SCHEMES:
            file = folder / f"{'-'.join(view).replace('/', '_').replace('?', '')}.{width}.{scheme}.png"
            picture(page, scheme, file)
            yield file
    context.close()


def picture(page: Page, scheme: str, file: Path) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.screenshot(path=file, full_page=True, animations="disabled")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "screens"))
