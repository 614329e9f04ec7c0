"""The page of one run: in every state, at every moment, it says what `yieldflow inspect` says."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web.page import stories
from tests.web.page.stories import document, looked
from yieldflow import App
from yieldflow.cli import chronicle
from yieldflow.cli.layout import nearer
from yieldflow.codec.packing import pack
from yieldflow.core.commands import CallStep
from yieldflow.core.events import AttemptFailed, CommandIssued, CommandResolved, RunFinished, RunStarted
from yieldflow.core.outcome import Err, Failure, Ok
from yieldflow.core.path import show
from yieldflow.errors import UnknownRun, UsageError
from yieldflow.histories import import_histories, read
from yieldflow.inspection import inspect
from yieldflow.web.page import run
from yieldflow.web.page.run import wording
from yieldflow.web.page.run.log import one
from yieldflow.web.page.visit import Visit

LONG = re.compile(r"\d+(\.\d)? (s|min|h|days?)( \d+ (s|min|h))?\b")


def spoken(text):
    """Two looks follow each other, and what counts the time says something else each time."""
    return LONG.sub("so long", " ".join(text.split()))


def arrows(tree):
    """Number and text of each line that has an arrow, and who waits there."""
    return {
        (int(re.sub(r"\D", "", li.one(class_="run-no").text)), li.one("code").text.strip())
        for listing in tree.all(class_="run-lines")
        for li in listing.all("li", class_="here")
    }


def why(head):
    """The sentence of the head; of several things it is a list, with a mark before each."""
    told = head.one(class_="run-why")
    parts = [li.inside[-1] for li in told.all("li")]
    return "; ".join(parts) or told.text + "".join(one.text for one in head.all(class_="run-reason"))


def expect_the_same(app, run_id, at=None):
    page = looked(app, run_id, **({} if at is None else {"at": at}))
    tree, seen = document(page), inspect(app, run_id, at)
    head = tree.one(id="run-head")
    assert spoken(why(head)) == spoken(nearer(seen.why).replace("\n", "", 1))
    assert head.one(class_="badge").text.split()[1] == seen.status
    advice = [spoken(li.text) for listed in head.all(class_="run-advice") for li in listed.all("li")]
    assert advice[: len(seen.advice)] == [spoken(text) for text in seen.advice]
    lines = [branch.lines[-1] for branch in seen.branches if branch.lines] + list(seen.raised[-1:])
    assert arrows(tree) == {(line.line, dict(line.source)[line.line].strip()) for line in lines}
    assert tree.one(id="at")["value"] == str(seen.position)
    variables = {
        (name.text, value.text)
        for listing in tree.all(class_="run-vars")
        for name, value in zip(listing.all("dt"), listing.all("dd"), strict=True)
    }
    assert variables == {
        (one.name, one.text)
        for frames in [branch.lines for branch in seen.branches] + [seen.raised]
        for line in frames
        for one in line.variables
    }
    expect_the_items(tree, seen)
    return page, seen


def expect_the_items(tree, seen):
    rows = {
        row.one("td", class_="muted").text: row
        for row in tree.one(id="run-line").all("tr")
        if row.has("class", "later") or list(row.all(class_="run-state"))
    }
    doing = {situation.item.path: situation for situation in seen.situations}
    for item in seen.items:
        said = rows[show(item.path)].one(class_="run-state").text
        told = " · ".join(chronicle.ended(item)) if item.path not in doing else chronicle._full(doing[item.path])
        assert spoken(said) == spoken(told)
    known = {show(item.path) for item in seen.items}
    assert all(row.one(class_="run-state").text == "not asked yet" for path, row in rows.items() if path not in known)


@pytest.mark.parametrize("state", stories.STATES)
def test_in_every_state_and_at_every_moment_it_says_what_inspect_says(app, state):
    run_id = stories.STATES[state](app)
    page, seen = expect_the_same(app, run_id)
    assert page.live == (seen.status in ("running", "paused", "blocked"))
    for at in range(1, seen.length + 1):
        page, _ = expect_the_same(app, run_id, at)
        assert not page.live


@pytest.mark.parametrize("state", ["waiting", "failed", "branching"])
def test_without_the_code_it_says_why_there_are_no_lines(app, state):
    run_id = stories.STATES[state](app)
    bare = stories.without_code(app)
    try:
        tree = document(looked(bare, run_id))
        assert "is not at hand" in tree.one(id="run-source").text
        assert not arrows(tree)
        expect_the_items(tree, inspect(bare, run_id))
    finally:
        bare.close()


def test_a_blocked_run_shows_the_difference_as_inspect_tells_it(app):
    tree = document(looked(app, stories.blocked(app)))
    reason = tree.one(id="run-head").one(class_="run-reason").text
    assert "recorded: pack('o-6')" in reason
    assert "asked:    pack('o-6 by another road')" in reason


def test_a_step_that_is_carried_out_names_its_worker(app):
    tree = document(looked(app, stories.running(app)))
    assert "running train on worker vm:42 since" in tree.one(class_="run-why").text
    assert "on worker vm:42" in tree.one(id="run-work").text
    assert list(tree.all("rect", class_="runs"))


def test_a_row_opens_to_its_arguments_its_attempts_and_its_error(app):
    tree = document(looked(app, stories.retrying(app), item="2"))
    opened = tree.one(class_="run-opened")
    assert '"parcel of o-2"' in opened.text
    assert "500" in opened.text
    assert "TimeoutError: the bank did not answer" in opened.text
    assert 'raise TimeoutError("the bank did not answer")' in opened.one("pre", class_="code").text or any(
        "raise TimeoutError" in block.text for block in opened.all("pre")
    )
    assert "yieldflow/body.py" not in opened.text  # our own frames say nothing to whoever wrote the step


def test_a_failed_run_shows_where_its_error_came_from(app):
    tree = document(looked(app, stories.failed(app)))
    assert "raise FatalError" in tree.one(id="run-source").text
    assert arrows(tree)


def test_parents_children_and_generations_are_links(app):
    stories.branching(app)
    tree = document(looked(app, "branching"))
    assert tree.one(id="run-children").one("a")["href"] == "/ui/runs/branching~1.2.3"
    child = document(looked(app, "branching~1.2.3")).one(id="run-facts")
    assert next(child.all("a", class_="id"))["href"] == "/ui/runs/branching~1?item=2.3"
    stories.continued(app)
    chain = {link.text: link["href"] for link in document(looked(app, "continued~2")).one(id="run-facts").all("a")}
    assert chain["« 1"] == "/ui/runs/continued~1"
    assert chain["3 »"] == "/ui/runs/continued~3"
    assert chain["newest: 3"] == "/ui/runs/continued"
    stories.forked(app)
    assert "/ui/runs/origin~1?at=4" in looked(app, "forked").body.text
    stories.retried(app)
    assert "/ui/runs/retried~1?at=" in looked(app, "retried").body.text


def test_hooks_lead_to_where_they_are_answered_and_tokens_are_never_shown(app):
    run_id = stories.waiting(app)
    page = looked(app, run_id)
    assert document(page).one(id="run-hooks").one("a")["href"] == "/ui/hooks/waiting/approval"
    assert app.hooks(run_id)[0].token not in page.body.text


def test_a_hook_that_nobody_asks_is_open_and_offers_no_answer(app):
    run_id = stories.started(app, stories.opens(), "opens")
    page = document(looked(app, run_id))
    [first, second] = page.one(id="run-hooks").one("tbody").all("tr")
    assert "open" in first.text
    assert not list(first.all("a"))
    assert second.one("a")["href"] == "/ui/hooks/opens/approval"
    rows = page.one(class_="run-table").one("tbody").all("tr")
    assert [row.one("th").one(class_="mark").text for row in rows] == ["=", "?"]
    app.pause(run_id)
    past = document(looked(app, run_id, at=3)).one(id="run-hooks")
    assert not list(past.all("a", class_="button"))


def test_what_is_not_there_is_refused_as_inspect_refuses_it(app):
    run_id = stories.waiting(app)
    with pytest.raises(UnknownRun):
        looked(app, "nobody")
    for at in ("0", "-1", "1000", "soon", "1" * 40):
        with pytest.raises(UsageError):
            looked(app, run_id, at=at)
    for position in ("0", "1000", "-1", "x", "1" * 40):
        with pytest.raises(UnknownRun.__bases__[0]):
            one(Visit(app, {"run_id": run_id, "position": position}))


def test_an_event_by_itself_shows_all_that_it_carries(app):
    run_id = stories.started(app, stories.naps("x" * 30_000), "long")
    page = looked(app, run_id)
    assert "x" * 2_000 not in page.body.text
    assert "x" * 30_000 in one(Visit(app, {"run_id": run_id, "position": "1"})).body.text


# --- hostile texts ----------------------------------------------------------------------------------------------------

NASTY = st.text(max_size=40) | st.sampled_from(
    [
        "</script><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "'--><svg/onload=1>",
        "&lt;",
        "\u202egnp.exe",
        "]]>",
    ]
)
TAGS = {  # what a page of ours is made of
    *("a", "b", "button", "caption", "circle", "code", "dd", "details", "div", "dl", "dt", "form", "h2", "h3", "h4"),
    *("input", "li", "line", "ol", "p", "pre", "rect", "section", "small", "span", "summary", "svg", "table", "tbody"),
    *("td", "text", "th", "thead", "time", "title", "tr", "ul", "label"),
}


@given(name=NASTY, message=NASTY, value=NASTY, tag=NASTY)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_of_anybody_becomes_markup(name, message, value, tag):
    app = App("memory:")
    try:
        events = hostile(name, message, value, tag)
        import_histories(app, [read(map(pack, events))])
        for query in (
            {},
            {"item": "1"},
            {"item": name, "only": name, "scale": name, "from": name, "row": name},
            {"at": 3},
        ):
            tree = document(looked(app, "r", **query))
            assert {element.tag for element in tree.all()} <= TAGS
            assert not [
                key for element in tree.all() for key in element.attributes if key.startswith("on") or key == "style"
            ]
            links = [element["href"] for element in tree.all("a")]
            assert all(link.startswith("/ui/") for link in links)
    finally:
        app.close()


def hostile(name, message, value, tag):
    clean = "".join(letter for letter in tag if letter.isprintable())
    encoded = pack_json(value)
    failure = Failure((f"shop:{name}",), message, traceback=f'Traceback:\n  File "{name}", line 1\n{message}')
    step = CallStep(f"shop:{name}", b"[[%s],{}]" % encoded)
    return [
        RunStarted(0, "r", f"shop:{name}", b"[[%s],{}]" % encoded, b"0" * 16, tags={"tag": clean}),
        CommandIssued(1, (1,), step),
        AttemptFailed(5, (1,), 1, failure, 6),
        CommandResolved(7, (1,), Err(failure), 2, f"{name}:1:2:3:4", 6),
        CommandIssued(7, (2,), step),
        CommandResolved(8, (2,), Ok(encoded), 1, None, 7),
        RunFinished(9, Err(failure)),
    ]


def pack_json(value):
    return json.dumps(value.encode("utf-8", "replace").decode()).encode()


# --- hidden payloads --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", stories.STATES)
def test_where_payloads_are_hidden_no_value_is_on_the_page(app, state, monkeypatch):
    run_id = state_with_secrets(app, state)
    length = inspect(app, run_id).length
    paths = [show(item.path) for item in inspect(app, run_id).items]
    for at in [None, *range(1, length + 1)]:
        for item in paths[:3]:
            query = {"item": item} | ({} if at is None else {"at": str(at)})
            text = run.show(Visit(app, {"run_id": run_id}, query, shows_payloads=False)).body.text
            assert "o-" not in re.sub(r"/ui/[^\"]*", "", text), state
    for position in range(1, length + 1):
        text = one(Visit(app, {"run_id": run_id, "position": str(position)}, shows_payloads=False)).body.text
        assert "o-" not in text


def state_with_secrets(app, state):
    """Each has an order such as o-3 among its arguments, its answers, its data, its variables or its payloads."""
    run_id = stories.STATES[state](app)
    assert "o-" in looked(app, run_id).body.text
    return run_id


def test_what_was_cut_is_whole_on_the_event_of_that_very_generation(app):
    stories.started(app, stories.goes_on("x" * 2_000), "long")
    app.runtime.tend("long~2")
    assert app.store.newest("long") == "long~3"
    links = [one["href"] for one in document(looked(app, "long~1")).all("a", class_="more")]
    assert links
    assert {link.rpartition("/")[0] for link in links} == {"/ui/runs/long~1/events"}


def test_where_payloads_are_hidden_messages_of_errors_are_shown(app):
    page = run.show(Visit(app, {"run_id": stories.retrying(app)}, {"item": "2"}, shows_payloads=False))
    assert "TimeoutError: the bank did not answer" in page.body.text


def test_variables_that_are_called_like_secrets_are_hidden_from_everybody(app):
    page = looked(app, stories.retrying(app))
    assert "api_key" in page.body.text
    assert stories.SECRET not in page.body.text


def test_words_are_those_of_inspect():
    assert wording.labelled is chronicle.labelled
