"""What the page of a run offers to do: it asks first, does what it says, and offers nothing that makes no sense."""

import pytest

from tests.web.conftest import served, wait_until
from tests.web.page import stories
from tests.web.page.browser import Browser, parsed
from yieldflow import Flow, continue_as_new, sleep, workflow
from yieldflow.core.events import CancelRequested
from yieldflow.errors import NotFailed, RunEnded, RunExists, UsageError
from yieldflow.inspection import inspect
from yieldflow.web.page import run
from yieldflow.web.page.run.actions import WentOn
from yieldflow.web.page.visit import Visit

ACTIONS = {action.segments[-1]: action for action in run.ACTIONS}


@workflow
def naps_later(number: int = 1) -> Flow[None]:
    if number < 3:
        yield from continue_as_new(naps_later(number + 1))
    yield sleep("3 days")


def visit(app, run_id, **query):
    return Visit(app, {"run_id": run_id}, {name: str(text) for name, text in query.items()})


def offered(app, run_id, **options):
    tree = parsed(run.show(Visit(app, {"run_id": run_id}, **options)).body.text)
    return {
        link["href"].rpartition("/")[2].partition("?")[0] for link in tree.all("a") if "data-ask" in link.attributes
    }


def done(app, name, run_id, **form):
    return ACTIONS[name].do(visit(app, run_id), form)


def sent(app, name, run_id, **query):
    """What a browser sends of a question in which nothing was filled in."""
    question = parsed(ACTIONS[name].question(visit(app, run_id, **query)).fields.text)
    return {one["name"]: one.attributes.get("value", "") for one in question.all("input")}


def cancels(app, run_id):
    return [event.reason for event in app.get(run_id).history() if isinstance(event, CancelRequested)]


GOING = {"cancel", "terminate", "fork"}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("waiting", GOING | {"pause"}),
        ("blocked", GOING | {"pause"}),
        ("paused", GOING | {"resume"}),
        ("failed", {"retry", "fork"}),
        ("completed", {"fork"}),
        ("cancelled", {"fork"}),
        ("continued", set()),
    ],
)
def test_only_what_makes_sense_is_offered(app, state, expected):
    run_id = stories.STATES[state](app)
    assert offered(app, run_id) == expected
    assert offered(app, run_id, query={"at": str(inspect(app, run_id).length)}) == expected
    past = {"fork"} if expected else set()  # all else is done to the run as it stands now
    assert offered(app, run_id, query={"at": "2"}) == past


def test_whoever_may_only_look_is_offered_nothing(app):
    run_id = stories.waiting(app)
    assert offered(app, run_id, may_change=False) == set()
    text = run.show(Visit(app, {"run_id": run_id}, may_change=False)).body.text
    assert "answer it" not in parsed(text).one(id="run-hooks").text


@pytest.mark.parametrize("name", ACTIONS)
def test_a_question_changes_nothing(app, name):
    run_id = stories.waiting(app)
    before = app.store.read(run_id)
    question = ACTIONS[name].question(visit(app, run_id))
    assert run_id in question.title
    assert question.button == f"{name.capitalize()} the run"
    assert question.danger == (name == "terminate")
    assert app.store.read(run_id).head == before.head


def test_cancelling_asks_it_to_stop_and_keeps_the_reason(app):
    run_id = stories.waiting(app)
    answer = done(app, "cancel", run_id, reason="out of stock")
    assert answer.to == "/ui/runs/waiting"
    assert "asked to stop" in answer.said
    app.runtime.tend(run_id)
    seen = inspect(app, run_id)
    assert seen.status == "cancelled"
    assert "out of stock" in seen.why


def test_cancelling_again_throws_once_more(app):
    run_id = stories.waiting(app)
    done(app, "cancel", run_id, **{**sent(app, "cancel", run_id), "reason": "stop"})
    question = ACTIONS["cancel"].question(visit(app, run_id))
    assert "asked before" in question.sentence
    again = sent(app, "cancel", run_id)
    for _ in range(2):
        done(app, "cancel", run_id, **{**again, "reason": "now"})
    assert cancels(app, run_id) == ["stop", "now"]


def test_two_who_cancel_at_once_leave_the_clean_up_alone(app):
    run_id = stories.waiting(app)
    mine, theirs = sent(app, "cancel", run_id), sent(app, "cancel", run_id)
    assert "before" not in ACTIONS["cancel"].question(visit(app, run_id)).sentence
    assert "asked to stop" in done(app, "cancel", run_id, **{**mine, "reason": "mine"}).said
    assert "asked to stop" in done(app, "cancel", run_id, **{**theirs, "reason": "theirs"}).said
    assert cancels(app, run_id) == ["mine"]


def test_what_the_newest_generation_was_sent_counts_and_not_an_earlier_one(app):
    stories.started(app, naps_later(), "chain")
    app.runtime.tend("chain~2")
    wait_until(lambda: len(app.get("chain~3").history()) > 1)  # a thread was told of it: it shall not come later
    app.cancel("chain", "once")
    done(app, "cancel", "chain~2", **{**sent(app, "cancel", "chain~2"), "reason": "again"})
    assert cancels(app, "chain") == ["once", "again"]


def test_a_run_pauses_and_goes_on(app):
    run_id = stories.waiting(app)
    done(app, "pause", run_id, reason="lunch")
    assert app.get(run_id).status() == "paused"
    assert "lunch" in run.show(visit(app, run_id)).body.text
    done(app, "resume", run_id)
    assert app.get(run_id).status() == "running"


def test_terminating_ends_it_at_once(app):
    run_id = stories.waiting(app)
    done(app, "terminate", run_id, reason="")
    assert app.get(run_id).status() == "cancelled"


def test_a_failed_run_is_retried_and_the_page_of_the_new_generation_comes_up(app):
    run_id = stories.failed(app)
    assert done(app, "retry", run_id).to == "/ui/runs/failed"
    assert inspect(app, run_id).run_id == "failed~2"


def test_a_fork_begins_at_the_moment_that_is_looked_at(app):
    run_id = stories.completed(app)
    page = run.show(visit(app, run_id, at=4)).body.text
    assert "/ui/runs/completed/fork?at=4" in page
    question = ACTIONS["fork"].question(visit(app, run_id, at=4))
    assert "events that it shares" in question.sentence
    assert parsed(question.fields.text).one("input", name="at")["value"] == "4"
    answer = done(app, "fork", run_id, at="4", new_run_id="again")
    assert answer.to == "/ui/runs/again"
    assert inspect(app, "again").position == 4


def test_a_fork_that_is_sent_twice_is_one_run_and_the_second_leads_there(app):
    run_id = stories.waiting(app)
    form = sent(app, "fork", run_id, at=4)
    first, second = done(app, "fork", run_id, **form), done(app, "fork", run_id, **form)
    assert first.to == second.to
    assert "exists already" in second.said
    assert len(app.runs().runs) == 2
    assert done(app, "fork", run_id, **sent(app, "fork", run_id)).to != first.to  # who asks anew gets another


def test_a_retry_that_is_sent_twice_is_one(app):
    run_id = stories.failed(app)
    done(app, "retry", run_id)
    app.runtime.tend("failed~2")
    assert app.get(run_id).status() == "failed"
    with pytest.raises(WentOn, match="failed~2"):
        done(app, "retry", run_id)
    assert app.store.newest("failed") == "failed~2"


@pytest.mark.parametrize("name", ["continued", "continued~1", "continued~2"])
def test_an_earlier_generation_is_not_forked_in_place_of_the_newest(app, name):
    stories.continued(app)
    with pytest.raises(WentOn, match="continued~3"):
        ACTIONS["fork"].question(visit(app, name, at=2))
    with pytest.raises(WentOn, match="continued~3"):
        done(app, "fork", name, at="2", new_run_id="again")
    done(app, "fork", "continued~3", at="2", new_run_id="again")
    assert app.get("again").history()[0].cause.run_id == "continued~3"
    assert offered(app, "continued") == {"fork"}
    [fork] = [one for one in parsed(run.show(visit(app, "continued")).body.text).all("a") if one.text == "Fork"]
    assert fork["href"] == "/ui/runs/continued~3/fork"


@pytest.mark.parametrize("at", ["0", "-1", "1000", "x", "1" * 30, "²"])
def test_a_fork_at_no_position_is_refused(app, at):
    run_id = stories.completed(app)
    with pytest.raises(UsageError):
        done(app, "fork", run_id, at=at, new_run_id="again")


def test_what_cannot_be_done_is_refused_as_the_app_refuses_it(app):
    run_id = stories.completed(app)
    with pytest.raises(RunEnded):
        done(app, "cancel", run_id)
    with pytest.raises(NotFailed):
        done(app, "retry", run_id)
    with pytest.raises(RunExists):
        done(app, "fork", run_id, new_run_id=stories.waiting(app))
    assert "refused" in ACTIONS["cancel"].question(visit(app, run_id)).sentence


def test_what_was_filled_in_is_still_there_when_it_is_asked_again(app):
    run_id = stories.waiting(app)
    again = Visit(app, {"run_id": run_id}, given={"reason": "<b>"})
    assert parsed(ACTIONS["pause"].question(again).fields.text).one("input", name="reason")["value"] == "<b>"


def test_what_was_emptied_stays_empty_when_it_is_asked_again(app):
    run_id = stories.waiting(app)
    again = Visit(app, {"run_id": run_id}, {"at": "3"}, given={"at": "", "new_run_id": "x"})
    question = ACTIONS["fork"].question(again)
    assert parsed(question.fields.text).one("input", name="at")["value"] == ""
    assert "3" not in question.sentence


def test_over_http_it_asks_first_and_does_it_then(app):
    run_id = stories.waiting(app)
    with served(app, page=True) as client:
        browser = Browser(client)
        link = next(one for one in browser.page("runs/waiting").all("a") if one.text == "Pause")
        question = browser.page(link["href"])
        assert app.get(run_id).status() == "running"
        assert question.one("form", class_="question")["method"] == "post"
        reply = browser.post(link["href"], {"reason": "lunch"})
        assert (reply.status, reply.headers["location"]) == (303, "/ui/runs/waiting")
        assert app.get(run_id).status() == "paused"
        assert "is paused" in browser.page("runs/waiting").one(id="said").text
        assert browser.get("runs/waiting?at=1000").status == 422
        assert browser.get("runs/nobody").status == 404
        assert browser.get("runs/waiting/events/1000").status == 404
        assert browser.post(link["href"], {"reason": "x" * 2_000}).status == 422
