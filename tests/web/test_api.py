"""The API: each verb over HTTP, who is let in, and how it says no."""

import json
import threading
import time
from urllib.parse import quote

import pytest

from tests.web import shop
from tests.web.conftest import TOKEN, log_of, opened, served, status_of
from yieldflow import App
from yieldflow.errors import UsageError
from yieldflow.web import Bounds, asgi

CHECKOUT = shop.checkout.definition.name
REFUSED = shop.refused.definition.name
UNTYPED = shop.untyped.definition.name


def test_a_run_is_started_carried_out_and_its_result_waited_for(app, client):
    with app.worker(threads=2):
        asked = {
            "workflow": CHECKOUT,
            "args": ["o-1"],
            "kwargs": {"cents": 7},
            "run_id": "o-1",
            "tags": {"team": "shop"},
        }
        for _ in range(2):  # idempotent
            got = client.api("POST", "/runs", asked)
            assert (got.status, got.json) == (202, {"run_id": "o-1"})
        got = client.api("GET", "/runs/o-1/result?wait=20")
        assert (got.status, got.json) == (200, {"run_id": "o-1", "status": "completed", "result": "o-1 for 7"})
    run = client.api("GET", "/runs/o-1").json
    assert (run["status"], run["workflow"], run["tags"]) == ("completed", CHECKOUT, {"team": "shop"})
    assert run["finished_at"] > run["started_at"]


def test_an_idempotency_key_starts_one_run(app, client):
    ids = [
        client.api("POST", "/runs", {"workflow": UNTYPED, "kwargs": {"count": 2}}, Idempotency_Key=key).json["run_id"]
        for key in ("mail-7", "mail-7", "mail-8")
    ]
    assert ids[0] == ids[1] != ids[2]
    assert client.api("POST", "/runs", {"workflow": UNTYPED}, Idempotency_Key="mail-7").status == 409
    assert len(app.runs().runs) == 2


@pytest.mark.parametrize(
    ("status", "asked", "says"),
    [
        (404, {"workflow": "nobody:knows"}, "no workflow of this name is loaded here"),
        (422, {"workflow": CHECKOUT}, "missing a required argument: 'order'"),
        (422, {"workflow": CHECKOUT, "args": ["o", "many"]}, "cents cannot be read as int"),
        (422, {"workflow": CHECKOUT, "args": ["o"], "colour": 1}, "has 'colour', which nothing knows"),
        (422, {"args": ["o"]}, "has no 'workflow'"),
        (422, {"workflow": CHECKOUT, "args": "o"}, "must be a list"),
        (422, {"workflow": CHECKOUT, "args": ["o"], "run_id": "a~b"}, "cannot be a run id"),
        (422, {"workflow": CHECKOUT, "args": ["o"], "tags": {"a": 1}}, "the body.tags.a must be a string"),
        (422, {"workflow": CHECKOUT, "args": ["o"], "timeout": "soon"}, "timeout: 'soon' is not a duration"),
        (422, {"workflow": CHECKOUT, "args": ["o"], "timeout": 0}, "timeout: 0 leaves no time at all"),
        (422, {"workflow": CHECKOUT, "args": ["o"], "kwargs": {"self": 1}}, "unexpected keyword argument 'self'"),
        (422, [], "must be an object"),
    ],
)
def test_what_cannot_be_started_is_said_in_a_sentence_and_nothing_is_started(shared, status, asked, says):
    app, client = shared
    before = app.runs().runs
    got = client.api("POST", "/runs", asked)
    assert got.status == status, got.body
    assert says in got.json["detail"]
    assert got.headers["content-type"] == "application/problem+json"
    assert set(got.json) == {"type", "title", "status", "detail"}
    assert app.runs().runs == before


@pytest.mark.parametrize(("wait", "status"), [("5e-3", 200), ("1E-2", 200), ("-1e-9", 422), ("1e999", 422)])
def test_a_number_is_read_however_a_program_spells_it(shared, wait, status):
    app, client = shared
    app.start(shop.approval(), run_id="numbers")
    assert client.api("GET", f"/runs/numbers/result?wait={wait}").status == status


def test_another_workflow_under_that_id_is_a_conflict(app, client):
    opened(app, shop.untyped(), "a")
    before = log_of(app, "a")
    got = client.api("POST", "/runs", {"workflow": UNTYPED, "args": [2], "run_id": "a"})
    assert (got.status, got.json["type"]) == (409, "urn:yieldflow:run-exists")
    assert log_of(app, "a") == before


def test_runs_are_listed_by_filters_and_in_pages(app, client):
    for number in range(5):
        app.start(shop.untyped(), run_id=f"r-{number}", tags={"side": "left" if number % 2 else "right"})
    pages, path = [], "/runs?limit=2&oldest_first=true"
    while True:
        page = client.api("GET", path).json
        pages.append([one["run_id"] for one in page["runs"]])
        if page["cursor"] is None:
            break
        path = f"/runs?limit=2&oldest_first=true&cursor={quote(page['cursor'], safe='')}"
    assert pages == [["r-0", "r-1"], ["r-2", "r-3"], ["r-4"]]
    found = client.api(
        "GET", f"/runs?tag=side%3Dleft&status=running&status=paused&since=1h&workflow={quote(UNTYPED)}"
    ).json
    assert [one["run_id"] for one in found["runs"]] == ["r-3", "r-1"]
    assert client.api("GET", "/runs?status=failed").json == {"runs": [], "cursor": None}


@pytest.mark.parametrize(
    "query",
    [
        "status=odd",
        "limit=0",
        "limit=many",
        "limit=1&limit=2",
        "cursor=nonsense",
        "since=yesterday-ish",
        "tag=alone",
        "tag=a%3D1&tag=a%3D2",
        "oldest_first=yes",
        "colour=red",
    ],
)
def test_a_wrong_filter_is_refused_not_ignored(shared, query):
    _, client = shared
    got = client.api("GET", f"/runs?{query}")
    assert got.status == 422, got.body
    assert got.json["detail"]


def test_a_history_is_read_in_pages(app, client):
    opened(app, shop.untyped(3), "a")
    for number in range(4):
        app.send("a", "anything", number)
    length = len(log_of(app, "a"))
    first = client.api("GET", "/runs/a/history?limit=3").json
    rest = client.api("GET", f"/runs/a/history?after={first['next']}&payloads=true").json
    assert [one["position"] for one in first["events"] + rest["events"]] == list(range(1, length + 1))
    assert rest["next"] is None
    assert first["events"][0]["event"] == "run_started"
    assert [one["value"] for one in rest["events"] if one["event"] == "hook_received"] == [0, 1, 2, 3]
    assert all("value" not in one for one in first["events"])


def test_an_inspection_says_why_it_waits_and_shows_tokens_only_if_asked(app, client):
    token = opened(app, shop.approval(), "a")["approval"]
    seen = client.api("GET", "/runs/a/inspection")
    assert seen.json["why"].startswith("hook approval")
    assert token not in seen.text
    assert token in client.api("GET", "/runs/a/inspection?tokens=true").text
    assert client.api("GET", "/runs/a/inspection?at=1").json["position"] == 1
    assert client.api("GET", "/runs/a/inspection?at=99").status == 422


def test_a_payload_is_sent_to_a_hook_by_its_name(app, client):
    opened(app, shop.untyped(2), "a")
    one = client.api("POST", "/runs/a/hooks/anything", {"n": 1}, Idempotency_Key="k")
    again = client.api("POST", "/runs/a/hooks/anything", {"n": 1}, Idempotency_Key="k")
    assert one.status == 202
    assert one.json == again.json
    assert client.api("POST", "/runs/a/hooks/anything", None).status == 415  # no body
    client.api("POST", "/runs/a/hooks/anything", "x")
    app.runtime.tend("a")
    got = client.api("GET", "/runs/a/result")
    assert got.json["result"] == [{"n": 1}, "x"]
    assert client.api("POST", "/runs/a/hooks/anything", 3).status == 409


def test_runs_are_paused_resumed_cancelled_terminated_and_retried(app, client):
    for name in "abc":
        opened(app, shop.approval(), name)
    assert client.api("POST", "/runs/a/pause", {"reason": "lunch"}).status == 202
    assert status_of(app, "a") == "paused"
    assert client.api("POST", "/runs/a/resume").json == {"run_id": "a"}
    assert status_of(app, "a") == "running"
    assert client.api("POST", "/runs/b/cancel", {"reason": "no"}).status == 202
    app.runtime.tend("b")
    assert client.api("GET", "/runs/b/result").json == {"run_id": "b", "status": "cancelled", "reason": "no"}
    assert client.api("POST", "/runs/c/terminate").status == 202
    assert status_of(app, "c") == "cancelled"
    assert client.api("POST", "/runs/c/cancel").status == 409
    app.start(shop.refused("o"), run_id="d")
    app.runtime.tend("d")
    assert client.api("GET", "/runs/d/result").json["error"] == {"type": "FatalError", "message": "o is refused"}
    assert client.api("POST", "/runs/d/retry").status == 202
    assert status_of(app, "d") == "running"
    assert client.api("POST", "/runs/d/retry").status == 409


def test_a_wait_for_a_result_is_bounded_and_ends_with_the_run(app):
    token = opened(app, shop.approval(), "a")["approval"]
    with served(app, bounds=Bounds(longest_wait=0.1, waits=1)) as client:
        began = time.monotonic()
        got = client.api("GET", "/runs/a/result?wait=60")
        assert got.json == {"run_id": "a", "status": "running"}
        assert time.monotonic() - began < 5
    with served(app, bounds=Bounds(waits=1)) as client, app.worker(threads=1):
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(client.api("GET", "/runs/a/result?wait=20")))
        waiting.start()
        time.sleep(0.2)
        assert client.api("GET", "/runs/a/result").status == 503  # one may wait, and does
        client.post(f"/hooks/{token}", True)
        waiting.join(20)
    assert answers[0].json["result"] == "yes"


def test_an_id_may_hold_slashes_dots_and_umlauts(app, client):
    for run_id in ("a/b", "..", "grün ✓", "a/b/cancel", "%2F", "?x=1"):
        opened(app, shop.approval(), run_id)
        path = f"/runs/{quote(run_id, safe='')}"
        got = client.api("GET", path)
        assert (got.status, got.json["run_id"]) == (200, run_id)
        assert client.api("POST", f"{path}/pause").status == 202
        assert status_of(app, run_id) == "paused"


def test_whoever_asks_over_http_is_not_sent_to_a_shell(shared):
    _, client = shared
    found = [
        client.api("GET", "/runs/nobody"),
        client.api("GET", "/schedules/nobody"),
        client.api("POST", "/runs", {"workflow": "nobody:knows"}),
    ]
    assert [(one.status, one.json["detail"]) for one in found] == [
        (404, "there is no run 'nobody'; GET /runs lists those that there are"),
        (404, "there is no schedule 'nobody'; GET /schedules lists those that there are"),
        (404, "'nobody:knows' cannot be started: no workflow of this name is loaded here"),
    ]


# --- who is let in -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN])
def test_without_the_token_nobody_is_let_in(shared, given):
    app, client = shared
    run_id = f"closed to {given}"
    opened(app, shop.approval(), run_id)
    before = log_of(app, run_id)
    headers = {} if given is None else {"Authorization": given}
    for method, path in (("GET", "/runs"), ("GET", "/openapi.json"), ("POST", f"/runs/{quote(run_id)}/terminate")):
        got = client(method, path, None, headers)
        assert (got.status, got.headers["www-authenticate"]) == (401, "Bearer")
    assert log_of(app, run_id) == before


def test_without_a_token_of_its_own_the_api_is_closed_and_links_are_answered(lite):
    token = opened(lite, shop.approval(), "a")["approval"]
    with served(lite, token=None) as client:
        got = client.api("GET", "/runs")
        assert (got.status, "is closed" in got.json["detail"]) == (401, True)
        assert client("GET", "/runs", None, {"Authorization": "Bearer "}).status == 401
        assert client.post(f"/hooks/{token}", True).status == 202
    with served(lite, token=None, trusted=True) as client:
        assert client("GET", "/runs").status == 200


def test_where_everybody_is_trusted_no_other_site_may_use_their_browsers(lite):
    opened(lite, shop.approval(), "a")
    with served(lite, token=None, trusted=True) as client:
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
            assert client("POST", "/runs/a/terminate", None, headers).status == 403
        assert status_of(lite, "a") == "running"
        own = {"Sec-Fetch-Site": "same-origin", "Origin": f"http://127.0.0.1:{client.port}"}
        assert client("POST", "/runs/a/terminate", None, own).status == 202


def test_the_type_of_a_refusal_says_why_it_is_one(lite):
    opened(lite, shop.approval(), "a")
    reader = {"Authorization": "Bearer a-token-that-may-only-look"}
    with served(lite, readers="a-token-that-may-only-look", payloads=False) as client:
        found = [
            client("POST", "/runs/a/cancel", None, reader),
            client("GET", "/runs/a/history?payloads=true", None, reader),
            client("GET", "/runs/a/inspection?tokens=true", None, reader),
            client.api("POST", "/runs/a/cancel", Sec_Fetch_Site="cross-site"),
        ]
    assert [(one.status, one.json["type"].removeprefix("urn:yieldflow:")) for one in found] == [
        (403, "look-only"),
        (403, "payloads-hidden"),
        (403, "tokens-hidden"),
        (403, "foreign"),
    ]
    with served(lite, token=None, trusted=True, hosts=["shop.example"]) as client:
        got = client("GET", "/runs")
        assert (got.status, got.json["type"]) == (421, "urn:yieldflow:wrong-host")
        assert client("GET", "/runs", None, {"Host": "shop.example"}).status == 200


def test_a_token_can_be_changed_while_both_are_known(lite):
    with served(lite, token=["the-first-of-two-tokens", TOKEN]) as client:
        assert client.api("GET", "/runs").status == 200
        assert client("GET", "/runs", None, {"Authorization": "bearer the-first-of-two-tokens"}).status == 200


@pytest.mark.parametrize("options", [{"token": "short"}, {"token": TOKEN, "trusted": True}, {"token": "ü" * 20}])
def test_what_cannot_be_meant_is_refused(options):
    with pytest.raises(UsageError):
        asgi(App("memory:"), **options)


# --- the document ---------------------------------------------------------------------------------------------------


def test_the_document_lists_what_is_there(lite):
    with served(lite) as client:
        document = client.api("GET", "/openapi.json").json
    assert document["openapi"] == "3.1.0"
    assert {"/runs", "/runs/{run_id}/result", "/hooks/{token}", "/openapi.json", "/metrics"} <= set(document["paths"])
    names = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(names) == len(set(names)) == 25
    assert json.dumps(document).isascii()
    keyed = {
        one["operationId"]
        for path in document["paths"].values()
        for one in path.values()
        if "Idempotency-Key" in {known["name"] for known in one.get("parameters", ())}
    }
    assert keyed == {"start", "send", "deliver", "trigger_schedule"}


def test_a_wrong_method_is_told_the_right_ones(lite):
    with served(lite) as client:
        assert client.api("DELETE", "/runs").headers["allow"] == "POST, GET, HEAD"
        assert client.api("PUT", "/hooks/x").headers["allow"] == "GET, POST, HEAD"
        assert client.api("PATCH", "/openapi.json").status == 405
        assert client.api("GET", "/runs/a/cancel").status == 405
        assert client.api("GET", "/nothing").status == 404
        assert client.api("GET", "//runs").status == 404
