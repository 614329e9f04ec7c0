"""Whatever is asked, right or wrong, the answer is one that the OpenAPI document knows, and what is refused changes
nothing.
"""

import json
import sqlite3
from contextlib import closing
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web import shop
from tests.web.conftest import TOKEN, log_of, opened, served
from yieldflow import App
from yieldflow.web import Bounds, Rate
from yieldflow.web.openapi import openapi
from yieldflow.web.schema import check

DOCUMENT = openapi()
ASKED = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
OPEN = ["RUN-0", "RUN-1"]  # stand for two runs that wait
RUNS = [*OPEN, *OPEN, "nobody", "a/b", "x~1"]
SANE = {
    "start": {"workflow": shop.approval.definition.name},
    "deliver": True,
    "send": True,
    "cancel": {},
    "terminate": {},
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
TEXTS = st.sampled_from(["", "1", "0", "-1", "true", "2d", "running", "2026-01-31T12:00", "k=v"]) | st.text(max_size=20)


def of_schema(schema):
    """Values that fit a schema."""
    if "anyOf" in schema:
        return st.one_of([of_schema(one) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object":
            known = {name: of_schema(one) for name, one in schema.get("properties", {}).items()}
            must = {name: known.pop(name) for name in schema.get("required", ())}
            return (
                st.fixed_dictionaries(must, optional=known)
                if must or known
                else st.dictionaries(TEXTS, TEXTS, max_size=2)
            )
        case "array":
            return st.lists(of_schema(schema["items"]), max_size=3)
        case "integer":
            return st.integers(schema.get("minimum", -5), min(schema.get("maximum", 20), 20))
        case "number":
            return st.floats(0, 0.01)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "string":
            return TEXTS
        case _:
            return ANYTHING


@st.composite
def requests(draw):
    path, method = draw(st.sampled_from(ASKED))
    operation = DOCUMENT["paths"][path][method]
    sane = draw(st.booleans())
    query, headers = [], {"Authorization": f"Bearer {TOKEN}"}
    for one in operation.get("parameters", ()):
        fits = sane or draw(st.booleans())
        value = draw(of_schema(one["schema"]) if fits else TEXTS)
        if one["in"] == "path":
            known = (
                ["TOKEN-0", "TOKEN-1"] if one["name"] == "token" else RUNS if one["name"] == "run_id" else ["approval"]
            )
            text = draw(st.sampled_from(known[:2]) if sane else st.sampled_from(known) | TEXTS)
            path = path.replace(f"{{{one['name']}}}", quote(text, safe=""))
        elif one["in"] == "query" and draw(st.booleans()):
            query += [(one["name"], json.dumps(part) if type(part) is not str else part) for part in listed(value)]
        elif one["in"] == "header" and draw(st.booleans()):
            headers[one["name"]] = "".join(c for c in str(value) if " " <= c <= "~")
    body = None
    if "requestBody" in operation and draw(st.integers(0, 9)):
        media, known = draw(st.sampled_from(sorted(operation["requestBody"]["content"].items())))
        tree = draw(of_schema(known.get("schema", {})) | ANYTHING)
        body = json.dumps(tree).encode() if draw(st.integers(0, 9)) else draw(st.binary(max_size=30))
        headers["Content-Type"] = media
        if sane and operation["operationId"] in SANE:
            body, headers["Content-Type"] = json.dumps(SANE[operation["operationId"]]).encode(), "application/json"
    return operation, method.upper(), path + (f"?{urlencode(query)}" if query else ""), body, headers


def listed(value):
    return value if isinstance(value, list) else [value]


class Shop:
    """Two runs that wait, whatever is done to them: one that has ended is followed by another."""

    def __init__(self, app):
        self.app, self.count, self.ids, self.tokens = app, 0, [], []
        for _ in OPEN:
            self.open(len(self.ids))

    def open(self, place):
        self.count += 1
        run_id = f"run/{self.count}"
        self.tokens[place : place + 1] = [opened(self.app, shop.approval(), run_id)["approval"]]
        self.ids[place : place + 1] = [run_id]

    def meant(self, path):
        for place, (run_id, token) in enumerate(zip(self.ids, self.tokens, strict=True)):
            path = path.replace(f"RUN-{place}", quote(run_id, safe="")).replace(f"TOKEN-{place}", token)
        return path

    def all(self):
        return [log_of(self.app, run_id) for run_id in self.ids], self.app.runs().runs

    def mend(self):
        for place, run_id in enumerate(self.ids):
            if self.app.get(run_id).status() == "paused":
                self.app.resume(run_id)
            self.app.runtime.tend(run_id)
            if self.app.get(run_id).status() != "running":
                self.open(place)


@pytest.fixture(scope="module")
def shop_open(tmp_path_factory):
    app = App(f"sqlite:///{tmp_path_factory.mktemp('document')}/web.db")
    with served(app, bounds=Bounds(address=Rate(10_000, 10_000), link=Rate(10_000, 10_000))) as client:
        yield Shop(app), client, set()
    app.close()


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(asked=requests())
def test_every_answer_is_one_that_the_document_knows(shop_open, asked):
    store, client, seen = shop_open
    operation, method, path, body, headers = asked
    before = store.all()
    got = client(method, store.meant(path), body, headers)
    known = operation["responses"]
    assert str(got.status) in known, (got.status, got.body)
    media = got.headers["content-type"].partition(";")[0]
    schema = known[str(got.status)]["content"][media]["schema"]
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if media.endswith("json"):
        check(got.json, schema, "the answer")
    if got.status >= 400 or method == "GET":
        assert store.all() == before
    seen.add((operation["operationId"], got.status < 400))
    store.mend()


def test_the_document_knows_what_is_said_under_another_name_and_of_a_log_that_cannot_be_read(lite, tmp_path):
    opened(lite, shop.approval(), "a")
    with closing(sqlite3.connect(f"{tmp_path}/web.db")) as store, store:
        store.execute("update event set bytes = ? where position = 2", (b"{}",))
    with served(lite) as ours, served(lite, token=None, trusted=True, hosts=["shop.example"]) as elsewhere:
        for path, method in ASKED:
            known, place = DOCUMENT["paths"][path][method]["responses"], path.replace("{run_id}", "a")
            broken = ours.api(method.upper(), place, None if method == "get" else {})
            assert str(broken.status) in known, (path, broken.body)
            assert ("421" in known) == (elsewhere(method.upper(), place).status == 421)
        assert ours.api("GET", "/runs/a/history").status == 500


def test_most_operations_were_answered_and_most_refused(shop_open):
    _, _, seen = shop_open
    assert len({name for name, fine in seen if fine}) >= 12
    assert len({name for name, fine in seen if not fine}) >= 12
