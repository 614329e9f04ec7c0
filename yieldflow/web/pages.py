"""The pages behind a link that was mailed to somebody: a form, and what became of the answer.

Plain HTML without a script. A page changes nothing by being looked at: mail programs open links before people do.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape

from yieldflow.web.fields import Field, Fields
from yieldflow.web.http import HTML, Reply
from yieldflow.web.payloads import ONCE

_APPROVALS = {"value", "ok", "approve", "approved", "accept", "accepted", "allow", "allowed"}
YES_AND_NO = {"true": "Yes", "false": "No"}

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem;"
    "color:#111;background:#fff}"
    "label,legend{display:block;font-weight:600;margin:1rem 0 .25rem}fieldset{border:0;padding:0;margin:0}"
    "input,select,textarea,button{font:inherit;padding:.5rem .75rem;border:1px solid #555;border-radius:.25rem}"
    "input,select,textarea{width:100%;box-sizing:border-box}"
    "button{margin:.5rem .5rem 0 0;min-height:2.75rem;min-width:7rem;background:#f2f2f2;color:#111;cursor:pointer}"
    "[role=alert]{border-left:.25rem solid #b00020;padding-left:.75rem}"
)
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEADERS = (
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
            f"style-src 'sha256-{_STYLE_HASH}'"
        ),
    ),
    ("Referrer-Policy", "no-referrer"),  # the address is the secret
    ("X-Robots-Tag", "noindex, nofollow"),
)


def form(hook: str, fields: Fields, given: Mapping[str, str] | None = None, wrong: str | None = None) -> Reply:
    """The form of a hook; with what was *wrong* in what was *given* before."""
    values = given or {}
    decision = fields.decision
    others = "".join(_control(one, values.get(one.name, "")) for one in fields.fields if one is not decision)
    alert = "" if wrong is None else f'<p role="alert" id="wrong">{escape(wrong)}</p>'
    buttons = '<button type="submit">Send</button>' if decision is None else _buttons(decision)
    body = (
        f"<h1>{escape(title(hook))}</h1>{alert}"
        '<form method="post" accept-charset="utf-8">'
        '<button type="submit" disabled hidden></button>'  # what Enter presses: it takes no decision for anybody
        f'<input type="hidden" name="{ONCE}" value="{secrets.token_urlsafe(16)}">'
        f"{others}{buttons}</form>"
    )
    return _page(200 if wrong is None else 422, title(hook), body)


def thanks(hook: str) -> Reply:
    return _page(200, "Thank you", f'<h1>Thank you</h1><p role="status">Your answer to {escape(hook)} is there.</p>')


def refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Reply:
    """What a browser is told instead of a problem document."""
    told = sentence[:1].upper() + sentence[1:]
    return _page(status, "Not possible", f'<h1>Not possible</h1><p role="alert">{escape(told)}.</p>', headers)


def title(name: str) -> str:
    """`due_date` as "Due date"."""
    text = name.replace("_", " ").replace("-", " ").strip() or name
    return text[:1].upper() + text[1:]


def said(one: Field, text: str) -> str:
    """What is chosen, as people say it: who is asked to approve, says no Yes."""
    if one.flag and one.name in _APPROVALS:
        return "Approve" if text == "true" else "Reject"
    return YES_AND_NO[text] if one.flag else title(text)


def _page(status: int, title: str, body: str, headers: Mapping[str, str] | None = None) -> Reply:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>\n"
    )
    return Reply(status, text.encode("utf-8", "replace"), HTML, (*_HEADERS, *(headers or {}).items()))


def _buttons(decision: Field) -> str:
    name = escape(decision.name)
    pressed = "".join(
        f'<button type="submit" name="{name}" value="{escape(text)}">{escape(said(decision, text))}</button>'
        for text, _ in decision.choices
    )
    is_asked = decision.flag and decision.name in _APPROVALS
    legend = "Your answer" if is_asked or decision.name == "value" else title(decision.name)
    return f"<fieldset><legend>{escape(legend)}</legend>{pressed}</fieldset>"


def _control(one: Field, given: str) -> str:
    """A label and what it labels."""
    name, must = escape(one.name), " required" if one.required and not one.null else ""
    label = "Answer" if one.name == "value" else title(one.name)
    hint = "" if must or one.control == "long" else " (may be left out)"
    start = f'<label for="f-{name}">{escape(label)}{hint}</label>'
    at = f'id="f-{name}" name="{name}"'
    match one.control:
        case "choice":
            texts = ["", *(text for text, _ in one.choices)] if not must else [text for text, _ in one.choices]
            options = "".join(_option(one, text, chosen=text == given) for text in texts)
            return f"{start}<select {at}>{options}</select>"
        case "long":
            return f'{start}<textarea {at} rows="4">{escape(given)}</textarea>'
        case "json":
            return f'{start}<textarea {at} rows="4"{must}>{escape(given)}</textarea>'
        case "whole":
            return f'{start}<input {at} type="number" step="1" value="{escape(given)}"{must}>'
        case "number":
            return f'{start}<input {at} type="number" step="any" value="{escape(given)}"{must}>'
        case "date":
            return f'{start}<input {at} type="date" value="{escape(given)}"{must}>'
        case "text":
            return f'{start}<input {at} type="text" value="{escape(given)}"{must}>'


def _option(one: Field, text: str, *, chosen: bool) -> str:
    shown = YES_AND_NO.get(text, text) if one.flag else text
    return f'<option value="{escape(text)}"{" selected" if chosen else ""}>{escape(shown)}</option>'
