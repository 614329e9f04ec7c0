"""What may be done to a run: cancel, terminate, pause, resume, retry, fork. Each asks once, and is a verb of `App`.

Offered only where it makes sense for how the run stands, and to whoever may change something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen

from yieldflow.app import App
from yieldflow.core.chain import chain_of
from yieldflow.errors import RunExists, UsageError, error
from yieldflow.inspection.reading import newest, stand
from yieldflow.ports import LIVE, Status
from yieldflow.reach import LONGEST_REASON
from yieldflow.runtime import fresh
from yieldflow.web.page.html import Content, Html, el
from yieldflow.web.page.pieces import ask, toolbar
from yieldflow.web.page.run.shelf import shelf_of
from yieldflow.web.page.run.sight import Sight
from yieldflow.web.page.views import Action, Done, Question
from yieldflow.web.page.visit import Visit

_SEEN = "yieldflow-seen"  # a hidden field: how the run stood when it was asked
_ONCE = "yieldflow-id"  # another: what the fork is called if nobody names it


@error
class WentOn(UsageError):
    run_id: str
    newest: str

    def __str__(self) -> str:
        return f"run {self.run_id!r} has gone on as {self.newest!r} already: look at that one"


@frozen
class Deed:
    """*statuses*: of runs to which it does something. *said*: what is shown when it is done. *seen*: of the run, what
    the form brings back; if that is not empty, the question says *again*, too.
    """

    name: str
    statuses: tuple[Status, ...]
    button: str
    sentence: str
    said: str
    do: Callable[[App, str, Mapping[str, str]], object]
    gives_reason: bool = True
    danger: bool = False
    seen: Callable[[App, str], str] = lambda _, __: ""
    again: str = ""

    def question(self, visit: Visit) -> Question:
        """Raises `UnknownRun`, `StoreError`."""
        run_id = visit.path["run_id"]
        status = _status(visit, run_id)
        lead = "" if status in self.statuses else f"It is {status}, so this will be refused. "
        title = f"{self.button} {run_id}?"
        button = f"{self.button} the run"  # Cancel alone reads as: do not ask
        seen = self.seen(visit.app, run_id)
        sentence = f"{lead}{self.sentence}{self.again if seen else ''}"
        return Question(title, sentence, button, self._fields(visit, seen), self.danger)

    def done(self, visit: Visit, form: Mapping[str, str]) -> Done:
        """Raises what the verb of `App` raises."""
        run_id = visit.path["run_id"]
        self.do(visit.app, run_id, form)
        return Done(visit.link("runs", chain_of(run_id)[0]), f"Run {run_id} {self.said}.")

    def _fields(self, visit: Visit, seen: str) -> Html:
        reason = field("reason", "Reason", "kept with the run", visit) if self.gives_reason else None
        return el("div", el("input", type="hidden", name=_SEEN, value=seen) if seen else None, reason)

    @property
    def action(self) -> Action:
        return Action(("runs", "{run_id}", self.name), self.question, self.done)


DEEDS = (
    Deed(
        "cancel",
        LIVE,
        "Cancel",
        "It is asked to stop: Cancelled is thrown where its program waits, and its clean-up is carried out.",
        "was asked to stop",
        lambda app, run_id, form: app.cancel(run_id, _reason(form), again=_means_again(app, run_id, form)),
        seen=lambda app, run_id: _last_cancel(app, newest(app.store, run_id)),
        again=" That was asked before: it is thrown once more, also into the clean-up.",
    ),
    Deed(
        "pause",
        ("running", "blocked"),
        "Pause",
        "What happens to it is kept, and told to its program when it is resumed. Steps that run may end.",
        "is paused",
        lambda app, run_id, form: app.pause(run_id, _reason(form)),
    ),
    Deed(
        "resume",
        ("paused",),
        "Resume",
        "It goes on with what has happened meanwhile.",
        "goes on",
        lambda app, run_id, _: app.resume(run_id),
        gives_reason=False,
    ),
    Deed(
        "retry",
        ("failed",),
        "Retry",
        "It goes on from the command whose failure ended it, under the same run id and with the same idempotency "
        "keys; the attempts are counted anew.",
        "goes on from its failure",
        lambda app, run_id, _: app.retry(_expected_newest(app, run_id)),
        gives_reason=False,
    ),
    Deed(
        "terminate",
        LIVE,
        "Terminate",
        "It ends at once, without being asked: no clean-up is carried out, and its children are cancelled. This "
        "cannot be undone.",
        "was ended",
        lambda app, run_id, form: app.terminate(run_id, _reason(form)),
        danger=True,
    ),
)


def toolbar_of(sight: Sight) -> Content:
    """Of the past only a fork: all others are done to the run as it stands now."""
    if not sight.visit.may_change:
        return None
    chain, number = chain_of(sight.run_id)
    if sight.newest != number:  # all verbs mean the generation that goes on
        return toolbar(el("a", "Its newest generation", href=sight.visit.link("runs", chain), class_="button"))
    at = sight.seen.position if sight.at is not None else None
    fork = ask("Fork from here" if at else "Fork", sight.action("fork", at=at), id="ask-fork")
    if sight.at is not None and sight.seen.position < sight.seen.length:
        return toolbar(fork)
    fitting = [deed for deed in DEEDS if sight.status in deed.statuses]
    buttons = [_button(deed, sight) for deed in fitting]
    last = sum(not deed.danger for deed in fitting)  # what cannot be undone stands apart
    return toolbar(*buttons[:last], fork, *buttons[last:])


def _button(deed: Deed, sight: Sight) -> Html:
    again = deed.name == "cancel" and sight.story.timeline.run.cancelled is not None
    text = "Cancel again" if again else deed.button
    return ask(text, sight.action(deed.name), danger=deed.danger, id=f"ask-{deed.name}")


# --- done once, however often it is sent ------------------------------------------------------------------------------


def _last_cancel(app: App, generation: str) -> str:
    """Which one it was; nothing: there was none."""
    run = shelf_of(app).read(app.store, generation).timeline.run
    return "" if run.cancelled is None else f"{generation}:{run.cancelled_at}"


def _means_again(app: App, run_id: str, form: Mapping[str, str]) -> bool:
    """Whoever was told that it is asked to stop already, and nobody has asked since."""
    seen = form.get(_SEEN, "")
    return seen != "" and seen == _last_cancel(app, newest(app.store, run_id))


def _expected_newest(app: App, run_id: str) -> str:
    """Raises `WentOn`: what has gone on under the same id since is another log."""
    goes_on = newest(app.store, run_id)
    if chain_of(run_id)[1] != chain_of(goes_on)[1]:
        raise WentOn(run_id, goes_on)
    return goes_on


# --- what a question says ---------------------------------------------------------------------------------------------


def _status(visit: Visit, run_id: str) -> Status:
    return stand(visit.app.store, newest(visit.app.store, run_id)).summary.status


def _reason(form: Mapping[str, str]) -> str | None:
    return form.get("reason", "").strip() or None


def field(name: str, label: str, hint: str, visit: Visit, **attributes: str | int | None) -> Html:
    told = visit.given.get(name, attributes.pop("value", None))
    attributes |= {"name": name, "id": f"ask-{name}", "value": told, "maxlength": LONGEST_REASON}
    control = el("input", autocomplete="off", **attributes)
    return el("label", el("span", label, " ", el("small", hint, class_="muted")), control, class_="field")


# --- fork -------------------------------------------------------------------------------------------------------------


def _fork_question(visit: Visit) -> Question:
    """Raises `UnknownRun`, `WentOn`, `UsageError`, `StoreError`."""
    run_id = visit.path["run_id"]
    _status(visit, _expected_newest(visit.app, run_id))
    asked = visit.query.get("at")
    at = None if asked is None else _position(asked)
    once = visit.given.get(_ONCE) or f"{chain_of(run_id)[0].partition('~')[0][:180]}-{fresh()}"
    fields = el(
        "div",
        el("input", type="hidden", name=_ONCE, value=once),
        field("at", "Events it shares", "empty: all but the end", visit, value=at, type="number", min=1),
        field("new_run_id", "Id of the fork", "empty: a random one", visit),
    )
    sentence = (
        "A run of its own begins with the events that it shares, and goes on from there with the code that the workers "
        "have. What came after is done again, with idempotency keys, hook tokens and random numbers of its own. "
        f"{run_id} stays as it is."
    )
    return Question(f"Fork {run_id}?", sentence, "Fork the run", fields)


def _fork(visit: Visit, form: Mapping[str, str]) -> Done:
    """Raises `UnknownRun`, `WentOn`, `RunExists`, `BadRunId`, `UsageError`."""
    run_id = _expected_newest(visit.app, visit.path["run_id"])
    text, chosen, once = form.get("at", "").strip(), form.get("new_run_id", "").strip(), form.get(_ONCE, "")
    at = _position(text) if text else None
    try:
        name = visit.app.fork(run_id, at=at, new_run_id=chosen or once or None).run_id
    except RunExists as exists:
        if chosen:
            raise
        return Done(visit.link("runs", once), f"Run {exists.run_id} exists already: it was forked from {run_id} once.")
    return Done(visit.link("runs", name), f"Run {name} was forked from {run_id}.")


def _position(text: str) -> int:
    """Raises `UsageError`."""
    if not text.isdecimal() or len(text) > 9:
        raise UsageError("the number of events it shares is a whole number from 1 on")
    return int(text)


ACTIONS = (*(deed.action for deed in DEEDS), Action(("runs", "{run_id}", "fork"), _fork_question, _fork))
