"""`python -m tests.browser.pictures [DIR]`: the pictures of the docs, of a shop that is open for some seconds."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser import gallery
from tests.browser.chromium import MISSING, chromium, started
from tests.browser.conftest import Shop, Tab, opened_shop

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
VIEWS = {  # what is shown, how wide and high, in which colours
    "runs": (("runs",), 1_200, 560, "light"),
    "run": (("runs", "order-42"), 1_200, 1_180, "light"),
    "past": (("runs", "order-42", "?at=6"), 1_200, 1_010, "dark"),
    "hook": (("hooks", "refund-38", "verdict"), 390, 700, "light"),
}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = chromium()
    if path is None:
        raise SystemExit(MISSING)
    with tempfile.TemporaryDirectory() as own, opened_shop(f"sqlite:///{own}/shop.db", Path(own)) as shop:
        gallery.fill(shop.app)
        with started(path) as browser:
            for name in VIEWS:
                print(taken(browser, shop, name, folder))


def taken(browser: Browser, shop: Shop, name: str, folder: Path) -> Path:
    view, width, height, scheme = VIEWS[name]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    tab, file = Tab(context.new_page(), context, shop), folder / f"{name}.png"
    tab.sign_in()
    tab.open(*view).screenshot(path=file, animations="disabled")
    context.close()
    return file


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES)
