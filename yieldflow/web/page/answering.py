"""The type of a hook as controls of a form, for whoever answers it on the page.

What a control is for, and how it is read, `web.fields` says; this is only how it looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from yieldflow.web.fields import VALUE, Field, Fields
from yieldflow.web.page.html import Html, el, joined, typed
from yieldflow.web.pages import YES_AND_NO, said, title


def controls(fields: Fields, given: Mapping[str, str]) -> Html:
    """One for each field, in order; with what was *given* before."""
    decision = fields.decision
    return joined(_decided(one, given) if one is decision else _labelled(one, given) for one in fields.fields)


def labelled(name: str, *, must: bool) -> Html:
    """The name of a control, which says if nothing has to be filled in."""
    return el("span", name, None if must else el("span", " (may be left out)", class_="muted"))


def _decided(one: Field, given: Mapping[str, str]) -> Html:
    """What has to be decided is chosen in the open, and nothing is chosen before."""
    choices = [
        el(
            "label",
            el("input", type="radio", name=one.name, value=text, required=True, checked=given.get(one.name) == text),
            el("span", said(one, text)),
            class_="choice",
        )
        for text, _ in one.choices
    ]
    legend = "Your answer" if one.name == VALUE else title(one.name)
    return el("fieldset", el("legend", legend), el("div", *choices, class_="choices"), class_="field")


def _labelled(one: Field, given: Mapping[str, str]) -> Html:
    must = one.required and not one.null
    name = "Your answer" if one.name == VALUE else title(one.name)
    control = _control(one, given.get(one.name, ""), must=must)
    kind = el("span", "JSON; what is none is taken as a text", class_="muted hint") if one.control == "json" else None
    return el("label", labelled(name, must=must), control, kind, class_="field")


def _control(one: Field, given: str, *, must: bool) -> Html:
    match one.control:
        case "choice":
            texts = [text for text, _ in one.choices] if must else ["", *(text for text, _ in one.choices)]
            options = [
                el("option", YES_AND_NO.get(text, text) if one.flag else text, value=text, selected=text == given)
                for text in texts
            ]
            return el("select", *options, name=one.name)
        case "long" | "json":
            needed = must and one.control == "json"  # of texts, an empty one is an answer
            return el("textarea", "\n", typed(given), name=one.name, rows=4, required=needed, spellcheck="false")
        case "whole":
            return el("input", name=one.name, type="number", step=1, value=given, required=must)
        case "number":
            return el("input", name=one.name, type="number", step="any", value=given, required=must)
        case "date":
            return el("input", name=one.name, type="date", value=given, required=must)
        case "text":
            return el("input", name=one.name, type="text", value=given, required=must, autocomplete="off")
        case _:
            assert_never(one.control)
