"""The document around what a view shows: head, navigation, what is said once; and the pages of the frame itself.

Makes replies of pages; decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from attrs import frozen

from yieldflow.web.http import HTML, Reply
from yieldflow.web.page.files import static
from yieldflow.web.page.html import Content, Html, el
from yieldflow.web.page.pieces import badge, note, place
from yieldflow.web.page.views import Page, Question, Section
from yieldflow.web.page.visit import Visit

_SECTIONS: tuple[tuple[Section, str], ...] = (
    ("runs", "Runs"),
    ("hooks", "Hooks"),
    ("schedules", "Schedules"),
    ("workers", "Workers"),
    ("blocked", "Blocked"),
)
_HEADINGS = {
    403: "Not yours to do",
    404: "There is no such page",
    409: "Too late for that",
    429: "Too much at once",
    503: "The store is away",
}
HEADERS = (
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "same-origin"),
    ("Vary", "Cookie"),
    ("X-Frame-Options", "DENY"),
    ("X-Robots-Tag", "noindex, nofollow"),
)


@frozen
class Frame:
    """What stands around a page: *signed_in*: with a session, which can be ended. *said*: once, at the top. *stranger*:
    nobody knows who asks, so nothing is shown of what there is.
    """

    visit: Visit
    signed_in: bool = False
    said: str | None = None
    stranger: bool = False


def shown(frame: Frame, page: Page, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A page of a view. Its ETag knows nothing of what is said once."""
    main = el("main", el("h1", page.title), page.body, id="main", tabindex=-1, data_live=page.live)
    text = _document(frame, page.title, [_top(frame, page.section, live=page.live), _said(frame), main, _foot(frame)])
    tag = sha256(f"{page.title}\0{main.text}\0{page.live}".encode("utf-8", "replace")).hexdigest()[:32]
    return _reply(status, text, {"ETag": f'"{tag}"', **(headers or {})})


def asked(frame: Frame, question: Question, back: str, wrong: str | None = None, status: int = 200) -> Reply:
    """The question before something is done; with what was *wrong* when it was tried."""
    submit = el("button", question.button, type="submit", class_=f"button {'danger' if question.danger else 'primary'}")
    form = el(
        "form",
        None if wrong is None else note("bad", el("p", wrong), role="alert"),
        el("p", question.sentence),
        question.fields,
        el("div", submit, el("a", "Back", href=back, class_="button", data_back=True), class_="toolbar"),
        method="post",
        accept_charset="utf-8",
        class_="question card",
    )
    return shown(frame, Page(question.title, form, section=question.section), status)


def refused(frame: Frame, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Reply:
    """What became of a request that nothing came of, in one sentence."""
    told = sentence[:1].upper() + sentence[1:] + ("" if sentence.endswith((".", "?", "!")) else ".")
    way = el("p", el("a", "All runs", href=frame.visit.link("runs"), class_="button"))
    body = el("div", note("bad", el("p", told), role="alert"), way)
    return shown(frame, Page(_HEADINGS.get(status, "That cannot be done"), body), status, headers)


def sign_in(root: str, to: str | None, wrong: str | None = None, status: int = 401) -> Reply:
    """Where the token is given. The script reads it from the fragment of a link, which no server is sent."""
    control = el("input", id="token", name="token", type="password", required=True, autocomplete="current-password")
    form = el(
        "form",
        None if wrong is None else note("bad", el("p", wrong), role="alert"),
        el("p", "It takes the token that opens the API. ", el("code", "yieldflow web"), " prints one where it starts."),
        el("label", el("span", "Token"), control, class_="field"),
        None if to is None else el("input", type="hidden", name="to", value=to),
        el("div", el("button", "Sign in", type="submit", class_="button primary"), class_="toolbar"),
        method="post",
        action=f"{root}/sign-in",
        id="sign-in",
        class_="question card",
    )
    main = el("main", el("h1", "Sign in"), form, id="main", tabindex=-1)
    return _reply(status, _markup(root, "Sign in", [_bare_top(), main]), {})


def once_more(root: str) -> Reply:
    """To a browser that was led here by another site, and sends its cookie only when we ask for it ourselves."""
    body = el("main", el("p", "One moment…"), id="main")
    return _reply(200, _markup(root, "yieldflow", [body], el("meta", http_equiv="refresh", content="0")), {})


def moved(to: str, *headers: tuple[str, str]) -> Reply:
    return Reply(303, b"", HTML, (*HEADERS, ("Location", to), *headers))


def _top(frame: Frame, section: Section, *, live: bool) -> Html:
    visit = frame.visit
    if frame.stranger:
        return _bare_top()
    links = [
        el("li", el("a", name, href=visit.link(key), aria_current="page" if key == section else None))
        for key, name in _SECTIONS
    ]
    return el(
        "header",
        el("a", "yieldflow", href=visit.link("runs"), class_="brand"),
        el("nav", el("ul", *links), aria_label="Main"),
        el(
            "div",
            el("span", "live", class_="live", id="live", role="status", hidden=True) if live else None,
            None if visit.may_change else badge("⊙", "read-only", "info"),
            None if visit.shows_payloads else badge("•", "payloads hidden", "quiet"),
            _sign_out(visit) if frame.signed_in else None,
            class_="who",
        ),
        class_="top",
    )


def _bare_top() -> Html:
    return el("header", el("span", "yieldflow", class_="brand"), class_="top")


def _sign_out(visit: Visit) -> Html:
    leave = el("button", "Sign out", type="submit", class_="plain")
    return el("form", leave, method="post", action=visit.link("sign-out"))


def _said(frame: Frame) -> Content:
    return None if frame.said is None else note("good", el("p", frame.said), role="status", id="said")


def _foot(frame: Frame) -> Content:
    return None if frame.stranger else el("footer", place(frame.visit.app.settings.url), title="The store")


def _document(frame: Frame, title: str, body: Content) -> str:
    skip = el("a", "Skip to the content", href="#main", class_="skip")
    return _markup(frame.visit.root, title, [skip, body])


def _markup(root: str, title: str, body: Content, *head: Html) -> str:
    names = static().names
    inner = el(
        "head",
        el("meta", charset="utf-8"),
        el("title", title if title == "yieldflow" else f"{title} · yieldflow"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("link", rel="icon", type="image/svg+xml", href=f"{root}/static/{names['svg']}"),
        el("link", rel="stylesheet", href=f"{root}/static/{names['css']}"),
        el("script", src=f"{root}/static/{names['js']}", defer=True),
        *head,
    )
    return f"<!doctype html>{el('html', inner, el('body', body), lang='en').text}\n"


def _reply(status: int, text: str, headers: Mapping[str, str]) -> Reply:
    return Reply(status, text.encode("utf-8", "replace"), HTML, (*HEADERS, *headers.items()))
