"""The OpenAPI 3.1 document: the table of operations, and the links, as others read them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from yieldflow.metrics.exposition import CONTENT_TYPE
from yieldflow.web.http import HTML, JSON, PROBLEM
from yieldflow.web.operation import Operation, Parameter
from yieldflow.web.operations import OPERATIONS
from yieldflow.web.payloads import FORM
from yieldflow.web.schema import FLAG, TEXT, WHOLE, Schema, record

_PROBLEM = record({"type": TEXT, "title": TEXT, "status": WHOLE, "detail": TEXT})
_LET_IN = (401, 403, 421, 429, 431)  # until it is known who asks; 401 is counted, and so 429
_ALWAYS = (*_LET_IN, 400, 422, 500, 503)  # what each operation may say; 500: of a log that cannot be read
_WITH_BODY = (408, 413, 415)
_PAGE_TEXT: Schema = {"type": "string"}


@cache
def openapi() -> Mapping[str, Any]:
    """Without where it is served: its paths are relative to that."""
    paths = dict[str, dict[str, Any]]()
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    paths["/hooks/{token}"] = {"get": _page(), "post": _delivery()}
    paths["/metrics"] = {"get": _metrics()}
    paths["/openapi.json"] = {"get": _itself()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "yieldflow", "version": "1", "summary": "Durable workflows over HTTP."},
        "servers": [{"url": "."}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Problem": _PROBLEM},
        },
    }


def statuses(operation: Operation) -> tuple[int, ...]:
    """All that an operation may answer."""
    body = _WITH_BODY if operation.method == "POST" else ()
    return (operation.answers[0], *sorted({*_ALWAYS, *body, *operation.refusals}))


def _operation(one: Operation) -> dict[str, Any]:
    status, schema = one.answers
    said: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.text,
        "parameters": [_parameter(known) for known in one.parameters],
        "responses": {
            str(status): {"description": HTTPStatus(status).phrase, "content": {JSON: {"schema": schema}}},
            **_refusals(statuses(one)[1:]),
        },
    }
    if one.body is not None:
        said["requestBody"] = {"required": one.needs_body, "content": {JSON: {"schema": one.body}}}
    return said


def _parameter(known: Parameter) -> dict[str, Any]:
    return {
        "name": known.name,
        "in": known.place,
        "required": known.required,
        "description": known.text,
        "schema": known.schema,
    }


def _refusals(known: tuple[int, ...]) -> dict[str, Any]:
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": HTTPStatus(status).phrase, "content": content} for status in known}


def _link(name: str, text: str) -> dict[str, Any]:
    token = {"name": "token", "in": "path", "required": True, "schema": TEXT, "description": "Of an open hook."}
    return {"operationId": name, "summary": text, "security": [], "parameters": [token]}


def _page() -> dict[str, Any]:
    html = {HTML.partition(";")[0]: {"schema": _PAGE_TEXT}}
    known = (200, 404, 405, 429, 503)
    said = {str(status): {"description": HTTPStatus(status).phrase, "content": html} for status in known}
    return {
        **_link("form", "A form for whoever was given the link."),
        "responses": {**said, **_refusals((400, 431, 500))},
    }


def _delivery() -> dict[str, Any]:
    media: dict[str, Any] = {JSON: {}, FORM: {"schema": {"type": "object"}}, "text/plain": {"schema": TEXT}}
    media["application/octet-stream"] = {}
    answered = {JSON: {"schema": record({"delivered": FLAG})}}
    key = {"name": "Idempotency-Key", "in": "header", "required": False, "schema": TEXT}
    said = _link("deliver", "Deliver the body to the hook that has the token.")
    said["parameters"] = [*said["parameters"], {**key, "description": "The same again counts once."}]
    return {
        **said,
        "requestBody": {"required": False, "content": media},
        "responses": {
            "202": {"description": "Accepted", "content": answered},
            **_refusals((400, 401, 403, 404, 408, 413, 415, 422, 429, 431, 500, 503)),
        },
    }


def _metrics() -> dict[str, Any]:
    content = {CONTENT_TYPE.partition(";")[0]: {"schema": _PAGE_TEXT}}
    return {
        "operationId": "metrics",
        "summary": "Figures of the store, for Prometheus.",
        "responses": {"200": {"description": "OK", "content": content}, **_refusals((*_LET_IN, 500, 503))},
    }


def _itself() -> dict[str, Any]:
    content = {JSON: {"schema": {"type": "object"}}}
    return {
        "operationId": "openapi",
        "summary": "This document.",
        "responses": {"200": {"description": "OK", "content": content}, **_refusals(_LET_IN)},
    }
