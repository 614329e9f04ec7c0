"""A hook of a union over HTTP: which member is meant is never guessed."""

from __future__ import annotations

from dataclasses import dataclass

from tests.web.conftest import log_of, opened, served
from yieldflow import Flow, open_hook, workflow


@dataclass
class Approve:
    comment: str = ""


@dataclass
class Reject:
    comment: str = ""


@workflow
def decided() -> Flow[str]:
    verdict = yield from open_hook("verdict", Approve | Reject)
    found = yield from verdict
    return f"{type(found).__name__}: {found.comment}"


def test_what_fits_several_members_is_refused_and_the_answer_tells_how_to_say_which(lite):
    token = opened(lite, decided(), "a")["verdict"]
    before = log_of(lite, "a")
    with served(lite) as client:
        refused = client.post(f"/hooks/{token}", {"comment": "too dear"})
        assert refused.status == 422
        assert log_of(lite, "a") == before
        assert 'it fits Approve and Reject: say which, as {"$": "Approve", "v": ...}' in refused.json["detail"]
        assert client.post(f"/hooks/{token}", {"$": "Reject", "v": {"comment": "too dear"}}).status == 202
    lite.runtime.tend("a")
    assert lite.get("a").result(timeout=10) == "Reject: too dear"
