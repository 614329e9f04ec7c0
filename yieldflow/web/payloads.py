"""From the body of a request to the payload of a hook, by its media type and by the type of the hook.

A media type that says nothing is a body of bytes. What does not fit is refused here, where somebody is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.message import Message
from typing import Any, TypeAlias, assert_never

from attrs import frozen

from yieldflow.codec import SealedCodec
from yieldflow.errors import shortened
from yieldflow.given import BadJson, parse
from yieldflow.inspection.kinds import Kind, expect_fitting
from yieldflow.web.fields import fields_of
from yieldflow.web.http import RefusedRequest, pairs

FORM = "application/x-www-form-urlencoded"
ONCE = "yieldflow-once"  # a field that no type has: which of our pages was filled in


@frozen
class Json:
    tree: Any


@frozen
class Form:
    """*page*: a page of ours was filled in by somebody, so that its fields are those of the type."""

    pairs: tuple[tuple[str, str], ...]
    page: bool = False


@frozen
class Text:
    text: str


@frozen
class Raw:
    """Nothing is known of it."""


Content: TypeAlias = Json | Form | Text | Raw


def expect_media(content_type: str) -> str:
    """The media type without its parameters. Raises `RefusedRequest` for one that is taken by nobody."""
    header = Message()
    header["content-type"] = content_type or "application/octet-stream"
    media, charset = header.get_content_type(), header.get_param("charset", "utf-8")
    if media.startswith("multipart/"):
        raise RefusedRequest(415, f"{media} is not taken; send JSON, {FORM}, text or bytes")
    if str(charset).lower().replace("_", "-") not in {"utf-8", "utf8", "us-ascii"}:
        raise RefusedRequest(415, "texts are taken in UTF-8 alone")
    return media


def content(media: str, body: bytes, *, told: bool) -> Content:
    """*told*: a media type was sent. Raises `RefusedRequest`."""
    if not body and not told:
        return Json(None)
    if media == "application/json" or media.endswith("+json"):
        return Json(tree_of(body))
    if media == FORM:
        if body.lstrip()[:1] in (b"{", b"["):
            raise RefusedRequest(415, "the body is called a form and looks like JSON; send it as application/json")
        found = tuple(pairs(_text(body)))
        return Form(found, page=any(name == ONCE for name, _ in found))
    return Text(_text(body)) if media.startswith("text/") else Raw()


def tree_of(body: bytes) -> Any:
    """Raises `RefusedRequest`."""
    try:
        return parse("the body", _text(body))
    except BadJson as error:
        raise RefusedRequest(400, f"the body is not JSON ({shortened(error.reason, 100)})") from None


def payload(given: Content, body: bytes, hook: str, kind: Kind | None, codec: SealedCodec) -> object:
    """What is delivered. Raises `BadPayload`, if its type is known and is another."""
    found = body if kind is not None and kind.annotation is bytes else _read(given, body, kind, codec)
    expect_fitting(found, hook, kind, codec)
    return found


def _read(given: Content, body: bytes, kind: Kind | None, codec: SealedCodec) -> object:
    annotation = Any if kind is None else kind.annotation
    typed = annotation not in (Any, object)
    match given:
        case Json(tree):
            return tree
        case Form(found, page):
            return fields_of(annotation, codec).read(found) if page or typed else _collected(found)
        case Text(text):
            fields = fields_of(annotation, codec)
            return text if not typed or fields.record else fields.fields[0].read(text)
        case Raw():
            return body
        case _:
            assert_never(given)


def _collected(found: Sequence[tuple[str, str]]) -> dict[str, object]:
    """A name that comes several times is a list."""
    texts = dict[str, list[str]]()
    for name, text in found:
        texts.setdefault(name, []).append(text)
    return {name: several[0] if len(several) == 1 else several for name, several in texts.items()}


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise RefusedRequest(400, "the body is not UTF-8") from None
