"""The link in the mail shows a page, and its buttons answer."""

import re
import time
from threading import Thread

import pytest
from approval_by_link import expense

from tests.web.conftest import served
from yieldflow import App


@pytest.mark.parametrize(("pressed", "said"), [("Approve", "approved"), ("Reject", "refused")])
def test_the_boss_answers_by_the_link_in_the_mail(tmp_path, capfd, pressed, said):
    app = App(f"sqlite:///{tmp_path}/expenses.db", base_url="http://127.0.0.1")
    answers = []
    with served(app, token=None) as browser:
        running = Thread(target=lambda: answers.append(app.run(expense("ada", 250), run_id="trip")))
        running.start()
        link = re.search(r"http://127.0.0.1(/hooks/\S+)", printed(capfd, "Answer here"))[1]
        page = browser("GET", link).text
        name, value = re.search(rf'<button type="submit" name="(\w+)" value="(\w+)">{pressed}<', page).groups()
        once = re.search(r'name="yieldflow-once" value="([^"]+)"', page)[1]
        fields = {"yieldflow-once": once, name: value, "comment": "as you like"}
        assert browser.form(link, fields).status == 200
        running.join(30)
    app.close()
    assert answers == [said]
    assert f"Your expense of 250 is {said}\n\nas you like" in capfd.readouterr().out


def printed(capfd, words):
    """What was printed until these words."""
    text, end = "", time.monotonic() + 20
    while words not in text:
        assert time.monotonic() < end
        text += capfd.readouterr().out
        time.sleep(0.01)
    return text


def test_it_is_the_same_expense_wherever_it_is_loaded_from():
    assert expense.definition.name == "expense"
