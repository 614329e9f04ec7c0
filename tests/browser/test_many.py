"""A page costs what it shows: as many calls and runs of the store as ever, however many runs there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import define, field

from tests.browser import shop
from tests.servers import valkey
from tests.web.conftest import TOKEN, Client, served
from yieldflow import App
from yieldflow.ports import Page, Store

MANY = 5_000
MOST = 3  # calls of the store for a page of the list


@define(eq=False)
class Counting:
    """A store that counts what it is asked for, and the runs that it hands over."""

    store: Store
    calls: Counter[str] = field(factory=Counter)
    runs: int = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found = getattr(self.store, name)
        return self._counted(name, found) if callable(found) else found

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            answer = call(*args, **kwargs)
            self.runs += len(answer.runs) if isinstance(answer, Page) else 0
            return answer

        return counted


Crowd = tuple[Client, Counting]


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def crowd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    if request.param == "redis":
        with valkey() as server:
            yield from opened_crowd(server.url)
    else:
        yield from opened_crowd(f"sqlite:///{tmp_path_factory.mktemp('many')}/web.db")


def opened_crowd(url: str) -> Iterator[Crowd]:
    app = App(url)
    calls = (shop.patient().options(run_id=f"run-{n}", tags={"n": str(n % 7)}) for n in range(MANY))
    app.start_many(calls)
    counting = Counting(app.store)
    app.store = counting
    with served(app, page=True) as client:
        yield client, counting
    app.close()


@pytest.mark.parametrize(
    "path",
    [
        "runs",
        "runs?status=running",
        "runs?status=failed",
        "runs?workflow=tests.browser.shop:patient",
        "runs?tag=n=3",
        "runs?q=run-77&status=running",
        "hooks",
        "blocked",
    ],
)
def test_a_list_asks_for_one_page(crowd: Crowd, path: str):
    client, counting = crowd
    own = {"Origin": client.place}
    cookie = client.form("/ui/sign-in", {"token": TOKEN}, **own).headers["set-cookie"].partition(";")[0]
    counting.calls.clear()
    counting.runs = 0
    got = client("GET", f"/ui/{path}", None, {"Cookie": cookie})
    assert got.status == 200, got.text
    assert len(got.body) < 100_000
    looked = 1_000 if "q=" in path or path == "hooks" else 101  # runs; what no index knows is looked for in so many
    assert counting.calls.total() <= (60 if path == "hooks" else 12 if "q=" in path else MOST), counting.calls
    assert counting.runs <= looked
