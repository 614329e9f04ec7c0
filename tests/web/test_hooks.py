"""Hook links: what is delivered, and what is refused with nothing written."""

import hashlib
import hmac
import json
import re
import time
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.servers import valkey
from tests.web import shop
from tests.web.conftest import log_of, opened, served
from yieldflow import App
from yieldflow.core.events import HookReceived
from yieldflow.errors import UsageError
from yieldflow.web import Bounds, Rate, Signature

JSON = {"Content-Type": "application/json"}


def received(app, run_id):
    events = app.get(run_id).history()
    return [app.codec.decode(event.payload, object) for event in events if isinstance(event, HookReceived)]


def ended(app, run_id):
    app.runtime.tend(run_id)
    return app.get(run_id).result(timeout=10)


def test_json_is_delivered_to_the_hook_that_has_the_token(app, client):
    token = opened(app, shop.approval(), "a")["approval"]
    got = client.post(f"/hooks/{token}", True)
    assert (got.status, got.json) == (202, {"delivered": True})
    assert ended(app, "a") == "yes"


def test_a_form_of_a_program_becomes_what_the_type_says(app, client):
    token = opened(app, shop.answered(), "a")["answer"]
    got = client.form(f"/hooks/{token}", {"approved": "true", "comment": "fine", "unknown": "x"})
    assert got.status == 202
    assert ended(app, "a") == "True fine"
    assert received(app, "a") == [{"approved": True, "comment": "fine"}]


def test_a_form_for_a_hook_without_a_type_is_a_dict_of_texts(lite):
    token = opened(lite, shop.untyped(), "a")["anything"]
    with served(lite) as client:
        assert client.form(f"/hooks/{token}", [("a", "1"), ("b", "2"), ("b", "ü")]).status == 202
    assert ended(lite, "a") == [{"a": "1", "b": ["2", "ü"]}]


@pytest.mark.parametrize(
    ("media", "body", "payload"),
    [
        ("text/plain", b"gr\xc3\xbcn", "grün"),
        ("text/plain; charset=UTF-8", b"", ""),
        ("application/octet-stream", b"\x00\xff", b"\x00\xff"),
        ("image/png", b"\x89PNG", b"\x89PNG"),
        (None, b"\x01", b"\x01"),
        (None, b"", None),
        ("application/vnd.shop+json", b'{"$": "bytes", "v": 1}', {"$": "bytes", "v": 1}),
        ("application/json", b"[1, 2.5, null]", [1, 2.5, None]),
    ],
)
def test_what_a_body_becomes_without_a_type(shared, media, body, payload):
    app, client = shared
    run_id = uuid4().hex
    token = opened(app, shop.untyped(), run_id)["anything"]
    got = client("POST", f"/hooks/{token}", body, {} if media is None else {"Content-Type": media})
    assert got.status == 202, got.body
    assert ended(app, run_id) == [payload]


@pytest.mark.parametrize("media", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_a_hook_of_bytes_gets_the_body_as_it_came(shared, media):
    app, client = shared
    token = opened(app, shop.raw(), media)["raw"]
    assert client("POST", f"/hooks/{token}", b' "12345"  ', {"Content-Type": media}).status == 202
    assert ended(app, media) == 10


def test_a_text_is_read_by_the_type(lite):
    token, words = opened(lite, shop.approval(), "a")["approval"], opened(lite, shop.worded(), "b")["words"]
    with served(lite) as client:
        assert client("POST", f"/hooks/{token}", b"true", {"Content-Type": "text/plain"}).status == 202
        assert client("POST", f"/hooks/{words}", b"true", {"Content-Type": "text/plain"}).status == 202
    assert (ended(lite, "a"), ended(lite, "b")) == ("yes", "true")


def test_what_does_not_fit_the_type_is_told_and_nothing_is_written(app, client):
    token = opened(app, shop.answered(), "a")["answer"]
    before = log_of(app, "a")
    got = client.post(f"/hooks/{token}", {"approved": 1})
    assert got.status == 422
    assert got.headers["content-type"] == "application/problem+json"
    assert got.json["detail"] == (
        "the payload does not fit hook 'answer': value.approved cannot be read as bool: it holds 1"
    )
    assert client.form(f"/hooks/{token}", {"approved": "perhaps"}).status == 422
    assert client("POST", f"/hooks/{token}", b"\xff", {"Content-Type": "image/png"}).status == 422
    assert log_of(app, "a") == before


@pytest.mark.parametrize(
    ("status", "media", "body", "headers"),
    [
        (400, "application/json", b"{", {}),
        (400, "application/json", b"\xff\xfe", {}),
        (400, "application/json", b"NaN", {}),
        (400, "application/json", b"9" * 500, {}),
        (400, "application/json", b"[" * 100_000, {}),
        (400, "application/x-www-form-urlencoded", b"a=%ff", {}),
        (400, "application/x-www-form-urlencoded", b"&".join([b"a=1"] * 200), {}),
        (400, "application/json", b"true", {"Idempotency-Key": "x" * 300}),
        (403, "application/x-www-form-urlencoded", b"value=true", {"Sec-Fetch-Site": "cross-site"}),
        (415, "multipart/form-data; boundary=x", b"--x--", {}),
        (415, "application/json; charset=utf-16", b"true", {}),
        (415, "application/json", b"true", {"Content-Encoding": "gzip"}),
        (415, "application/x-www-form-urlencoded", b'{"a": 1}', {}),
    ],
)
def test_what_cannot_be_taken_is_told_and_nothing_is_written(shared, status, media, body, headers):
    app, client = shared
    run_id = uuid4().hex
    token = opened(app, shop.approval(), run_id)["approval"]
    before = log_of(app, run_id)
    got = client("POST", f"/hooks/{token}", body, {"Content-Type": media, **headers})
    assert got.status == status, got.body
    assert got.json["status"] == status
    assert log_of(app, run_id) == before


def test_unknown_closed_and_malformed_tokens_are_one_answer(app, client):
    closed = opened(app, shop.approval(), "a")["approval"]
    client.post(f"/hooks/{closed}", True)
    assert ended(app, "a") == "yes"
    stopped = opened(app, shop.approval(), "b")["approval"]
    app.terminate("b")
    before = log_of(app, "a"), log_of(app, "b")
    answers, seconds = [], []
    for token in (
        closed,
        stopped,
        "A" * 43,
        "x",
        "%00",
        "..",
        "%2e%2e",
        closed + "%2F",
        "ü".encode().hex(),
        "A" * 2_000,
    ):
        began = time.monotonic()
        got = client.post(f"/hooks/{token}", True)
        seconds.append(time.monotonic() - began)
        answers.append((got.status, got.body, {**got.headers, "date": ""}))
        assert client("GET", f"/hooks/{token}").status == 404
    assert all(one == answers[0] for one in answers)
    assert answers[0][0] == 404
    assert min(seconds) >= 0.05  # each is answered when any would have been found
    assert (log_of(app, "a"), log_of(app, "b")) == before


def test_deliveries_with_one_key_count_once(app, client):
    token = opened(app, shop.untyped(9), "a")["anything"]
    for payload, key in ((1, "k"), (2, "k"), (1, "cancel"), (3, "other")):
        assert client.post(f"/hooks/{token}", payload, Idempotency_Key=key).status == 202
    assert received(app, "a") == [1, 1, 3]
    app.cancel("a")
    app.runtime.tend("a")
    assert app.get("a").status() == "cancelled"  # a stranger's key is never one of ours


def test_two_hooks_of_a_run_do_not_share_a_key(lite):
    tokens = opened(lite, shop.two(), "a")
    with served(lite) as client:
        for name in ("one", "other"):
            assert client.post(f"/hooks/{tokens[name]}", name, Idempotency_Key="1").status == 202
    assert ended(lite, "a") == ["one", "other"]


def test_a_page_that_is_sent_twice_counts_once(lite):
    token = opened(lite, shop.untyped(9), "a")["anything"]
    with served(lite) as client:
        fields = {"yieldflow-once": hidden(client("GET", f"/hooks/{token}")), "value": "x"}
        assert [client.form(f"/hooks/{token}", fields).status for _ in range(2)] == [200, 200]
    assert received(lite, "a") == ["x"]


def test_a_store_that_is_gone_is_not_named_to_strangers():
    with valkey() as store:
        app = App(store.url)
        token = opened(app, shop.approval(), "a")["approval"]
        with served(app) as client:
            store.kill()
            got = client.post(f"/hooks/{token}", True)
            assert (got.status, got.headers["retry-after"]) == (503, "5")
            assert str(store.port) not in got.text
            assert client("GET", f"/hooks/{token}").status == 503
            assert client.api("GET", "/runs").status == 503
        app.close()


def test_a_full_inbox_asks_to_come_again(tmp_path):
    app = App(f"sqlite:///{tmp_path}/small.db", inbox_limit=1)
    token = opened(app, shop.untyped(2), "a")["anything"]
    with served(app) as client:
        assert client.post(f"/hooks/{token}", 1).status == 202
        got = client.post(f"/hooks/{token}", 2)
    app.close()
    assert (got.status, got.headers["retry-after"]) == (429, "60")


# --- rates ---------------------------------------------------------------------------------------------------------


def test_a_flood_on_one_link_is_held_up_and_others_are_not(app):
    one, other = (opened(app, shop.untyped(9), name)["anything"] for name in "ab")
    with served(app, bounds=Bounds(link=Rate(burst=3, per_second=0.01))) as client:
        statuses = [client.post(f"/hooks/{one}", number).status for number in range(6)]
        assert statuses == [202, 202, 202, 429, 429, 429]
        assert client.post(f"/hooks/{other}", 1).status == 202
        late = client.post(f"/hooks/{one}", 1)
        assert int(late.headers["retry-after"]) > 1
    assert received(app, "a") == [0, 1, 2]


def test_a_flood_of_guesses_from_one_address_is_held_up(lite):
    token = opened(lite, shop.approval(), "a")["approval"]
    with served(lite, bounds=Bounds(address=Rate(burst=5, per_second=0.01))) as client:
        statuses = [client("GET", f"/hooks/guess-{number}").status for number in range(8)]
        assert statuses == [404] * 5 + [429] * 3
        assert client.post(f"/hooks/{token}", True).status == 429
        assert client("GET", "/runs").status == 401  # tokens of the API are counted apart
        assert client.api("GET", "/runs").status == 200


# --- signatures ----------------------------------------------------------------------------------------------------

TIMED = Signature("s3cret", header="X-Sign", prefix="v0=", timestamp="X-Time", signed="v0:{timestamp}:{body}")


def signed(body, at, secret=b"s3cret"):
    digest = hmac.new(secret, b"v0:" + str(at).encode() + b":" + body, hashlib.sha256).hexdigest()
    return {**JSON, "X-Sign": f"v0={digest}", "X-Time": str(at)}


def now():
    return int(datetime.now(UTC).timestamp())


def test_a_signed_hook_takes_what_is_signed_and_fresh_once(app):
    token = opened(app, shop.untyped(9), "a")["anything"]
    body = json.dumps({"paid": 5}).encode()
    with served(app, signatures={"anything": TIMED}) as client:
        deliver = lambda body, headers: client("POST", f"/hooks/{token}", body, headers).status
        at = now()
        assert deliver(body, signed(body, at)) == 202
        assert deliver(body, {**signed(body, at), "Idempotency-Key": "another"}) == 202  # a replay: counted once
        assert deliver(body + b" ", signed(body, at)) == 401
        assert deliver(body, signed(body, at, b"wrong")) == 401
        assert deliver(body, signed(body, at - 400)) == 401
        assert deliver(body, signed(body, at + 400)) == 401
        assert deliver(body, JSON) == 401
        assert deliver(body, {**signed(body, at), "X-Time": "x"}) == 401
        assert deliver(body, signed(body, at + 1)) == 202
        assert client("GET", f"/hooks/{token}").status == 405
    assert received(app, "a") == [{"paid": 5}, {"paid": 5}]


def test_a_signature_of_the_body_alone_and_a_secret_that_is_changed(lite):
    token = opened(lite, shop.untyped(9), "a")["anything"]
    both = Signature(["new", "old"], header="X-Hub-Signature-256")
    base64 = Signature("old", encoding="base64", prefix="")
    assert len(base64.made(b"1")) == 44
    with served(lite, signatures={"anything": both}) as client:
        for secret, status in (("new", 202), ("old", 202), ("other", 401)):
            header = {"X-Hub-Signature-256": Signature(secret).made(b"1")}
            assert client("POST", f"/hooks/{token}", b"1", {**JSON, **header}).status == status


@pytest.mark.parametrize("tolerance", ["5 minuten", 0, -1, "", None])
def test_a_signature_that_could_never_be_fresh_is_refused_before_anything_comes(tolerance):
    with pytest.raises(UsageError, match="tolerance"):
        Signature("s3cret", timestamp="X-Time", tolerance=tolerance)


# --- pages ---------------------------------------------------------------------------------------------------------


def hidden(page):
    return re.search(r'name="yieldflow-once" value="([^"]+)"', page.text)[1]


def test_a_link_in_a_mail_shows_a_form_that_approves(app, client):
    token = opened(app, shop.answered(), "a")["answer"]
    before = log_of(app, "a")
    page = client("GET", f"/hooks/{token}")
    assert page.status == 200
    assert ">Approve</button>" in page.text
    assert ">Reject</button>" in page.text
    assert '<label for="f-comment">Comment</label><textarea id="f-comment" name="comment"' in page.text
    assert "<script" not in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert client("HEAD", f"/hooks/{token}").body == b""
    assert log_of(app, "a") == before  # mail programs open links before people do
    fields = {"yieldflow-once": hidden(page), "approved": "false", "comment": "no <b>"}
    thanks = client.form(f"/hooks/{token}", fields)
    assert (thanks.status, "Thank you" in thanks.text) == (200, True)
    assert client.form(f"/hooks/{token}", fields).status in {200, 404}  # pressed twice
    assert ended(app, "a") == "False no <b>"
    assert received(app, "a") == [{"approved": False, "comment": "no <b>"}]


def test_a_form_that_does_not_fit_comes_back_with_what_was_written(lite):
    token = opened(lite, shop.answered(), "a")["answer"]
    with served(lite) as client:
        page = client("GET", f"/hooks/{token}")
        wrong = client.form(f"/hooks/{token}", {"yieldflow-once": hidden(page), "comment": 'a"<script>'})
    assert wrong.status == 422
    assert 'role="alert"' in wrong.text
    assert "a&quot;&lt;script&gt;" in wrong.text
    assert received(lite, "a") == []


def test_each_kind_of_field_can_be_filled_in(lite):
    token = opened(lite, shop.everything(), "a")["everything"]
    given = {
        "decision": "later",
        "name": "Ada",
        "count": "3",
        "share": "0.5",
        "day": "2026-01-31",
        "urgency": "high",
        "sure": "true",
        "note": "",
        "parts": '["a"]',
    }
    with served(lite) as client:
        page = client("GET", f"/hooks/{token}")
        assert set(given) == set(re.findall(r'name="([a-z]+)"', page.text)) - {"viewport"}
        assert client.form(f"/hooks/{token}", {"yieldflow-once": hidden(page), **given}).status == 200
    made = ended(lite, "a")
    assert (made.decision, made.count, made.share, made.urgency) == ("later", 3, 0.5, shop.Urgency.HIGH)
    assert (made.note, made.parts, str(made.day), made.sure) == (None, ["a"], "2026-01-31", True)


def test_every_field_of_a_page_has_a_label_and_enter_decides_nothing(lite):
    token = opened(lite, shop.everything(), "a")["everything"]
    with served(lite) as client:
        page = client("GET", f"/hooks/{token}").text
    assert sorted(re.findall(r'<label for="([^"]+)"', page)) == sorted(re.findall(r' id="(f-[^"]+)"', page))
    assert page.index("disabled hidden") < page.index('name="decision"')
    assert '<html lang="en">' in page


def test_a_hook_without_a_type_has_a_field_for_json_or_text(lite):
    token = opened(lite, shop.untyped(2), "a")["anything"]
    with served(lite) as client:
        for text in ('{"a": 1}', "plain words"):
            page = client("GET", f"/hooks/{token}")
            assert client.form(f"/hooks/{token}", {"yieldflow-once": hidden(page), "value": text}).status == 200
    assert ended(lite, "a") == [{"a": 1}, "plain words"]
