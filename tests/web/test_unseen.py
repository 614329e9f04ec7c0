"""What whoever may only look, or is shown no values, does not come to see: tokens of hooks, values, passwords."""

from __future__ import annotations

import contextlib
import json
import sqlite3

import pytest

from tests.web.conftest import log_of, opened, served, status_of, wait_until
from tests.web.page.browser import Browser
from yieldflow import App, FatalError, Flow, hook, open_hook, set_data, step, workflow
from yieldflow.authoring.registry import Registry
from yieldflow.core.asks import WorkflowDefinition
from yieldflow.core.values import KnownShape
from yieldflow.errors import masked as without_password
from yieldflow.web.discreet import reason_of

READER = "a-token-that-may-only-look"
CANARY = "4111-2222-what-nobody-shall-see"
OWN = 'a/token\\ "of_ann"é of her own'
OTHER = "a-token-of-another-run-0123456789"


@step
def mail(to: str, text: str) -> str:
    return text


@step
def lose(link: str) -> None:
    raise FatalError(f"no post to {link}")


@workflow
def asks() -> Flow[str]:
    decision = yield from open_hook("decision", str)
    assert decision.url is not None
    yield set_data("token", decision.token)
    yield set_data("other", f"http://elsewhere/hooks/{OTHER}")
    yield from mail("boss", f"Answer at {decision.url} or with {decision.token}!")
    with contextlib.suppress(FatalError):
        yield from lose(decision.url)
    return (yield from decision)


@workflow
def tells() -> Flow[str]:
    yield from mail("boss", "")
    return f"http://elsewhere/hooks/{OTHER}"


@workflow
def owned() -> Flow[str]:
    own = yield from open_hook("own", str, token=OWN)
    yield set_data("kept", [own.token, {f"to {own.token}": own.url}])
    return (yield from own)


PAGES = (
    *("runs/a", "runs/a?item=3", "runs/a?item=4", "runs/a?item=5", "runs/a?at=4"),
    *(f"runs/a/events/{at}" for at in range(1, 10)),
)
READ = (
    *(f"/runs/a/{one}" for one in ("history", "history?payloads=true", "inspection", "inspection?at=4&payloads=true")),
    *("/runs/a/inspection?payloads=true", "/runs/b/history?payloads=true", "/runs/b/result", "/runs", "/runs/a"),
)


@pytest.fixture
def asked(tmp_path):
    app = App(f"sqlite:///{tmp_path}/web.db", base_url="http://shop.example")
    app.start(asks(), run_id="a")
    app.runtime.tend("a")
    app.start(tells(), run_id="b")
    app.runtime.tend("b")
    yield app, app.hooks("a")[0].token
    app.close()


# --- tokens of hooks --------------------------------------------------------------------------------------------------


def test_no_page_shows_a_token_that_is_in_a_value_or_an_error(asked):
    app, token = asked
    with served(app, page=True, readers=READER) as client:
        for browser in (Browser(client), Browser(client, READER)):
            texts = {path: browser.get(path).text for path in (*PAGES, "runs/b", "runs/b/events/4")}
    assert [path for path, text in texts.items() if token[:12] in text or OTHER in text] == []
    assert "Answer at http://shop.example/hooks/… or with …!" in texts["runs/a?item=4"]
    assert "no post to http://shop.example/hooks/…" in texts["runs/a?item=5"]


@pytest.mark.parametrize("options", [{"readers": READER}, {"token": READER, "read_only": True}])
def test_whoever_may_only_look_reads_no_token_in_the_api(asked, options):
    app, token = asked
    with served(app, **options) as client:
        for path in READ:
            got = client("GET", path, None, {"Authorization": f"Bearer {READER}"})
            assert got.status == 200
            assert token[:12] not in got.text
            assert OTHER not in got.text
            assert got.json


def test_whoever_may_answer_reads_values_as_they_are(asked):
    app, token = asked
    with served(app, readers=READER) as client:
        events = client.api("GET", "/runs/a/history?payloads=true").json["events"]
        assert f"Answer at http://shop.example/hooks/{token} or with {token}!" in [one.get("value") for one in events]
        assert OTHER in client.api("GET", "/runs/b/result").text


def mails_changed(order):
    decision = yield from open_hook("decision", str)
    yield from mail("boss", f"now with {decision.token}")
    yield from decision


@workflow
def mails(order: str) -> Flow[None]:
    decision = yield from open_hook("decision", str)
    yield from mail("boss", decision.token)
    yield from decision


@workflow
def passes_on() -> Flow[None]:
    """Its child is given a token of its own, and has another one."""
    mine = yield from open_hook("mine", str)
    yield from mails(mine.token)


def test_a_reader_is_shown_no_token_of_another_run(tmp_path):
    app = App(f"sqlite:///{tmp_path}/web.db")
    app.start(passes_on(), run_id="p")
    app.runtime.tend("p")
    child = next(one.run_id for one in app.runs().runs if one.run_id != "p")
    wait_until(lambda: tended(app, child) and len(log_of(app, child)) >= 5)
    with_other_code(app, mails, mails_changed, child)
    tokens = [app.hooks(one)[0].token for one in ("p", child)]
    spelled = child.replace("~", "%7E")
    pages = ("runs", "blocked", "blocked/stuck", "runs/p", f"runs/{spelled}", f"runs/{spelled}/events/1", "hooks")
    read = ("", "/p", "/p/inspection", f"/{spelled}", f"/{spelled}/inspection", f"/{spelled}/history?payloads=true")
    with served(app, page=True, readers=READER) as client:
        reader, owner = Browser(client, READER), Browser(client)
        shown = {path: reader.get(path) for path in pages}
        shown |= {f"as owner {path}": owner.get(path) for path in pages}
        told = {"Authorization": f"Bearer {READER}"}
        shown |= {f"api{path}": client("GET", f"/runs{path}", None, told) for path in read}
        assert tokens[1] in client.api("GET", "/runs").text  # who may answer is told why as it is
    app.close()
    assert {one.status for one in shown.values()} == {200}
    assert "recorded" in shown["blocked"].text
    assert [path for path, one in shown.items() if any(token[:22] in one.text for token in tokens)] == []


@workflow
def begins_with(token: str) -> Flow[None]:
    yield from open_hook("own", str, token=token)
    yield set_data("kept", f"with {token}")
    yield hook("go")


def test_a_fork_shows_no_token_that_its_origin_has_chosen(lite):
    opened(lite, begins_with("order-42-of-ann"), "o")
    lite.fork("o", at=len(log_of(lite, "o")), new_run_id="f")
    lite.runtime.tend("f")
    with served(lite, page=True, readers=READER) as client:
        texts = [Browser(client, READER).get("runs/f").text]
        reader = {"Authorization": f"Bearer {READER}"}
        texts += [client("GET", f"/runs/f/{one}?payloads=true", None, reader).text for one in ("history", "inspection")]
    assert "with …" in texts[0]
    assert not [text for text in texts if "of-ann" in text]


def test_a_token_of_ones_own_is_masked_however_json_spells_it(lite):
    token = opened(lite, owned(), "o")["own"]
    with served(lite, page=True, readers=READER) as client:
        texts = [Browser(client).get(f"runs/o{more}").text for more in ("", "?item=2", "/events/4", "/events/1")]
        reader = {"Authorization": f"Bearer {READER}"}
        texts += [client("GET", f"/runs/o/{one}?payloads=true", None, reader).text for one in ("history", "inspection")]
    assert token == OWN
    assert not [text for text in texts if "of_ann" in text]


# --- values, where they are hidden ------------------------------------------------------------------------------------


@workflow
def kid(card: str) -> Flow[None]:
    yield from mail(card, card)
    yield hook("go")


@workflow
def parent() -> Flow[None]:
    yield set_data("card", CANARY)
    yield kid(CANARY)


def kid_changed(card):
    yield from mail(card, f"{card} changed")
    yield hook("go")


def tended(app, run_id):
    app.runtime.tend(run_id)
    return True


def with_other_code(app, former, program, run_id):
    """It has a look at that run, which is blocked then."""
    known, registry = app.registry, Registry()
    shape = KnownShape(former.definition.parameters, object)
    registry.add_workflow(WorkflowDefinition(former.definition.name, program, shape))
    app.registry = app.runtime.registry = registry
    app.runtime.cache.clear()
    wait_until(lambda: tended(app, run_id) and status_of(app, run_id) == "blocked")
    app.registry = app.runtime.registry = known


@pytest.fixture
def blocked(tmp_path):
    """A run whose child is blocked by other code."""
    app = App(f"sqlite:///{tmp_path}/web.db")
    app.start(parent(), run_id="p")
    app.runtime.tend("p")
    child = next(one.run_id for one in app.runs().runs if one.run_id != "p")
    wait_until(lambda: tended(app, child) and len(log_of(app, child)) == 4)  # the thread of its parent may tend it
    with_other_code(app, kid, kid_changed, child)
    yield app, child.replace("~", "%7E")
    app.close()


def test_a_document_without_payloads_holds_no_value_anywhere(blocked):
    app, child = blocked
    with served(app, payloads=False) as client:
        for path in ("/runs", "/runs/p/inspection", f"/runs/{child}/inspection", "/runs/p", f"/runs/{child}/history"):
            got = client.api("GET", path)
            assert got.status == 200
            assert "4111" not in json.dumps(got.json, ensure_ascii=False)
        seen = client.api("GET", "/runs/p/inspection").json
        assert seen["branches"][0]["open"][0]["text"]


def damaged(path, run_id, position, packed):
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        (run,) = store.execute("select id from run where run_id = ?", (run_id,)).fetchone()
        store.execute("update event set bytes = ? where run = ? and position = ?", (packed, run, position))


def test_what_is_wrong_with_a_log_quotes_none_of_it_where_values_are_hidden(tmp_path, caplog):
    app = App(f"sqlite:///{tmp_path}/web.db")
    opened(app, asks(), "a")
    damaged(tmp_path / "web.db", "a", 2, f'{{"e":"issued","value":"{CANARY}"'.encode())
    told = {}
    for shows in (False, True):
        caplog.clear()
        with served(app, page=True, payloads=shows) as client:
            got = client.api("GET", "/runs/a/history")
            forked = Browser(client).post("runs/a/fork", {"at": "3"})
        assert (got.status, got.json["type"], forked.status) == (500, "urn:yieldflow:undecodable", 500)
        told[shows] = got.text, forked.text, caplog.text
    app.close()
    assert ["4111" in text for text in told[False]] == [False, False, False]
    assert ["4111" in text for text in told[True]] == [True, True, True]


def test_whoever_has_a_link_is_told_nothing_of_a_log_that_cannot_be_read(tmp_path):
    app = App(f"sqlite:///{tmp_path}/web.db", base_url="http://shop.example")
    token = opened(app, asks(), "a")["decision"]
    damaged(tmp_path / "web.db", "a", 2, f'{{"e":"issued","value":"{CANARY}"'.encode())
    app.runtime.cache.clear()
    with served(app) as client:
        got = client.post(f"/hooks/{token}", "yes")
    app.close()
    assert (got.status, got.json["type"]) == (500, "urn:yieldflow:undecodable")
    assert "4111" not in got.text


def test_a_reader_is_shown_no_values_in_why_another_run_is_blocked(blocked):
    """They may hold a token that its workflow has chosen; those of each run are not at hand."""
    app, child = blocked
    with served(app, page=True, readers=READER) as client:
        reader, told = Browser(client, READER), {"Authorization": f"Bearer {READER}"}
        parent = reader.page("runs/p")
        texts = [parent.one(id=part).text for part in ("run-head", "run-children", "run-source")]
        texts += [reader.get(path).text for path in ("runs", "blocked", "blocked/stuck")]
        texts += [client("GET", path, None, told).text for path in ("/runs", f"/runs/{child}", "/runs/p")]
        seen = client("GET", "/runs/p/inspection", None, told).json
        seen["data"], own = [], reader.get(f"runs/{child}").text
    texts.append(json.dumps(seen))
    assert all(
        "has changed under a running run" in text for text in (texts[4], texts[6], seen["children"][0]["blocked"])
    )
    assert not [text for text in texts if "4111" in text]
    assert f"{CANARY} changed" in own  # its own page knows the tokens of its log


@pytest.mark.parametrize("broken", ["\n", "\n  at:       ", "\u2028", "\x85", "\r", "\n  asked:    "])
def test_a_value_with_lines_of_its_own_is_hidden_as_a_whole(broken):
    reason = f"""workflow shop:packs has changed under a running run:
at path 1 its log holds another command than is asked
  recorded: pack('x')
  asked:    pack('y')
            order.a{broken}line two: recorded '{CANARY}', asked 'y'
{CANARY}
  at:       shop.py:3 in packs
            packed = yield from pack(order)
  likely:   it was renamed
Nothing is lost: it goes on."""
    hidden = reason_of(reason, shows_payloads=False)
    assert "4111" not in hidden
    assert "line two" not in hidden
    for kept in ("at path 1", "recorded: (hidden)", "shop.py:3", "packed = yield", "it was renamed", "Nothing is lost"):
        assert kept in hidden


def test_a_reason_that_was_cut_within_its_values_ends_there():
    reason = f"workflow shop:packs has changed under a running run:\n  recorded: pack('x')\n{CANARY}"
    assert "4111" not in reason_of(reason, shows_payloads=False)


# --- the store --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("unix:///r.sock?password=s3cret", "unix:///r.sock?password=***"),
        ("redis://h/0?db=1&password=s3cret&x=1", "redis://h/0?db=1&password=***&x=1"),
        ("rediss://h/0?ssl_password=s3cret", "rediss://h/0?ssl_password=***"),
        ("redis+sentinel://h/m/0?Sentinel_Password=s@3/c:ret", "redis+sentinel://h/m/0?Sentinel_Password=***"),
        ("redis://u:s3@cret@h/0", "redis://u:***@h/0"),
        ("redis://:s3/cret@h/0", "redis://:***@h/0"),
        ("redis://:s3?c/r?et@h/0", "redis://:***@h/0"),
        ("redis://:6379@h/0", "redis://:***@h/0"),
        ("redis://:12/34@h/0", "redis://:***@h/0"),
        ("redis://:12?34@h/0", "redis://:***@h/0"),
        ("redis://[::1]:6379/0?name=a@b", "redis://[::1]:6379/0?name=a@b"),
        ("redis://h:6379/0?name=a@b", "redis://h:6379/0?name=a@b"),
        ("sqlite:////home/x/runs.db", "sqlite:////home/x/runs.db"),
    ],
)
def test_a_url_is_told_without_its_password_wherever_it_stands(url, shown):
    assert without_password(url) == shown


def test_a_page_names_the_store_without_whom_it_is_opened_as():
    app = App("redis://anna:s3cret@127.0.0.1:1/0?password=s3cret&client_name=bert")
    with served(app, page=True) as client:
        foot = Browser(client).get("runs/x").text.partition("<footer")[2]
    app.close()
    assert "redis://127.0.0.1:1/0" in foot
    assert not [one for one in ("s3cret", "anna", "bert", "***") if one in foot]
