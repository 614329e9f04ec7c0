"""The page of a run with a long or a broken history: short, quick, and read once."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from attrs import evolve

from tests.web.page import stories
from tests.web.page.browser import parsed
from tests.web.page.stories import document, looked
from yieldflow import Flow, gather, hook, workflow
from yieldflow.errors import UnknownRun
from yieldflow.inspection import inspect, look
from yieldflow.inspection.plain import plain
from yieldflow.inspection.reading import history
from yieldflow.web.page import run
from yieldflow.web.page.html import joined
from yieldflow.web.page.run.shelf import Shelf, _story
from yieldflow.web.page.run.sight import Sight, sight
from yieldflow.web.page.run.values import ALONE, value
from yieldflow.web.page.visit import Visit

SINCE = re.compile(r"\d+ s ago")


def test_sliding_reads_a_history_once(app):
    run_id = stories.started(app, stories.many(1_500), "long")
    store = Counting(app.store)
    app.store = store
    looked(app, run_id)
    first = store.events
    assert first >= 1_500
    for at in (10, 700, 1_400, 10):
        looked(app, run_id, at=at)
    looked(app, run_id)
    assert store.events == first


def test_what_came_since_is_read_and_nothing_else(app):
    run_id = stories.waiting(app)
    looked(app, run_id)
    app.send(run_id, "unknown", 1)
    store = Counting(app.store)
    app.store = store
    tree = document(looked(app, run_id))
    assert "unknown" in tree.one(id="run-unread").text
    assert store.events == 1


def test_the_shelf_is_bounded_in_bytes(app):
    for number in range(5):
        stories.started(app, stories.naps("x" * 1_000), f"r-{number}")
    shelf = Shelf(5_000 + 3_000)
    for number in range(5):
        shelf.read(app.store, f"r-{number}")
    assert 0 < len(shelf) < 5
    assert shelf.read(app.store, "r-0").words


def test_a_run_that_was_pruned_is_gone_and_another_of_its_name_is_another(app):
    run_id = stories.completed(app)
    looked(app, run_id)
    app.store.delete(run_id)
    with pytest.raises(UnknownRun):
        looked(app, run_id)
    stories.started(app, stories.naps("another"), run_id)
    assert "another" in looked(app, run_id).body.text


def test_a_page_of_ten_thousand_events_is_short(lite):
    run_id = stories.started(lite, stories.many(10_000), "long")
    assert inspect(lite, run_id).length > 10_000
    for query in ({}, {"at": 5_000}, {"scale": "events"}, {"from": 9_000}, {"row": 5000}):
        text = looked(lite, run_id, **query).body.text
        tree = parsed(text)
        assert len(text.encode()) < 500_000
        assert len(list(tree.one(id="run-events").one("tbody").all("tr"))) <= 100
        assert len(list(tree.one(id="run-line").all("tbody"))) == 1
        assert len(list(tree.one(id="run-line").one("tbody").all("tr"))) <= 101


def test_a_page_of_a_thousand_branches_is_short_and_counts_those_it_leaves_out(lite):
    run_id = stories.started(lite, stories.wide(1_000), "wide")
    text = looked(lite, run_id).body.text
    assert len(text.encode()) < 500_000
    tree = parsed(text)
    assert "more branches that wait" in tree.one(id="run-others").text
    assert "of 1,000 rows" in tree.one(id="run-line").text


@workflow
def asks_many(count: int) -> Flow[object]:
    return (yield from gather(*[hook(f"h{number:04}") for number in range(count)]))


def test_a_page_of_a_thousand_hooks_names_the_first_and_counts_those_it_leaves_out(lite):
    tree = document(looked(lite, stories.started(lite, asks_many(1_000), "asks")))
    head = tree.one(id="run-head")
    assert [one.text for one in head.all("a") if "answer hook" in one.text] == [
        f"answer hook h{number:04} here" for number in range(10)
    ]
    assert "… and 990 more hooks" in head.text
    assert len(head.text) < 3_000
    table = tree.one(id="run-hooks")
    assert len(list(table.one("tbody").all("tr"))) == 100
    assert "… and 900 more" in table.text


def test_values_that_have_no_room_on_the_page_are_not_opened(lite):
    seen = sight(Visit(lite, {"run_id": stories.waiting(lite)}))
    opened = []

    def read(encoded):
        opened.append(encoded)
        return plain(encoded)

    large = json.dumps(["item"] * 9_000).encode()
    made = [value(seen, large, 1, read=read) for _ in range(100)]
    assert len(opened) == 1_000_000 // len(large)
    links = parsed(joined(made).text)
    assert len([one for one in links.all("a") if one.text == f"{len(large):,} bytes"]) == 100 - len(opened)
    assert value(seen, b'"small"', 1).text == '<code>"small"</code>'
    seen.room.take(seen.room.left)
    before = len(opened)
    value(seen, large[:100], 1, read=read)
    assert len(opened) == before


def test_a_value_that_is_cut_on_its_own_page_says_where_all_of_it_is(lite):
    seen = sight(Visit(lite, {"run_id": stories.waiting(lite)}))
    text = parsed(joined([value(seen, json.dumps("x" * 300_100).encode(), None, ALONE)]).text)
    assert "cut after 300,000 characters; `yieldflow export` has all of it" in text.text
    assert not list(text.all("a"))


def test_a_log_that_cannot_be_read_to_its_end_is_shown_as_far_as_it_can(app):
    known = history(app.store, stories.completed(app))
    for length in range(len(known.events)):
        broken = evolve(known, events=known.events[:length], problem="the next event cannot be read")
        seen = Sight(Visit(app, {"run_id": "completed"}), _story(broken), look(app, broken), None)
        assert "cannot be read" in parsed(run.drawn(seen).text).text


def test_threads_that_look_at_once_see_the_same(app):
    run_id = stories.completed(app)
    with ThreadPoolExecutor(8) as threads:
        texts = list(threads.map(lambda at: looked(app, run_id, at=at).body.text, [1, 3, 5, 7] * 5))
    assert [SINCE.sub("", text) for text in texts] == [SINCE.sub("", texts[n % 4]) for n in range(len(texts))]


class Counting:
    """A store, and how many events were read from it."""

    def __init__(self, store):
        self._store, self.events = store, 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    def read(self, *args):
        log = self._store.read(*args)
        self.events += len(log.events) if log is not None else 0
        return log
