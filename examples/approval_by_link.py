"""Somebody is asked by mail, and answers by the link in it: in a browser, without an account.

    yieldflow web -m examples/approval_by_link.py --url sqlite:///expenses.db
    python examples/approval_by_link.py

The first serves the link, the second starts an expense, works on it, and prints the mail. Both may be stopped and
started again meanwhile: the question waits in the log, and the link stays the same.
"""

from dataclasses import dataclass

from yieldflow import App, Flow, open_hook, step, workflow


@dataclass
class Decision:
    """What the page behind the link asks for: two buttons, and a text."""

    approved: bool
    comment: str = ""


@step
def mail(to: str, subject: str, text: str) -> None:
    print(f"To: {to}\nSubject: {subject}\n\n{text}\n", flush=True)


@workflow(name="expense")
def expense(who: str, amount: int) -> Flow[str]:
    decision = yield from open_hook("decision", Decision)
    yield mail("boss@example.org", f"May {who} spend {amount}?", f"Answer here: {decision.url}")
    answer = yield from decision.receive(timeout="3 days", default=Decision(approved=False, comment="nobody answered"))
    said = "approved" if answer.approved else "refused"
    yield mail(f"{who}@example.org", f"Your expense of {amount} is {said}", answer.comment)
    return said


if __name__ == "__main__":
    app = App("sqlite:///expenses.db", base_url="http://127.0.0.1:8420")
    print(app.run(expense("ada", 250), run_id="trip-to-rome"))
