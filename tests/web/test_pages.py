"""The curl commands of docs/http.md, as requests."""

import re
import shlex
from pathlib import Path

from tests.web import shop
from tests.web.conftest import TOKEN, opened, served
from yieldflow.web.operations import OPERATIONS

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text()
COMMANDS = re.findall(r"^curl (?:.*\\\n)*.*$", PAGE, re.MULTILINE)


def request_of(command):
    """Method, path, body and headers, as curl would send them."""
    words = shlex.split(command.replace("\\\n", " ").replace("$YIELDFLOW_WEB_TOKEN", TOKEN))[1:]
    headers, body, path = {}, None, None
    while words:
        word = words.pop(0)
        if word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = words.pop(0)
        else:
            path = word.removeprefix("localhost:8420")
    return "GET" if body is None else "POST", path, body, headers


def test_the_commands_of_the_page_do_what_it_says(lite):
    opened(lite, shop.approval(), "o-1")
    asked = [request_of(command.replace("shop:checkout", "shop:of_nobody")) for command in COMMANDS]
    assert len(asked) == 5
    with served(lite) as client:
        answers = [client(*one).status for one in asked[1:]]
        started = client(*asked[0])
    assert answers == [200, 200, 202, 202]
    assert started.status == 404  # no such workflow is loaded here, and it was understood
    assert "no workflow of this name" in started.json["detail"]


def test_the_page_lists_every_operation():
    for one in OPERATIONS:
        path = one.path.replace("{run_id}", "ID").replace("{schedule_id}", "ID").replace("{hook}", "NAME")
        place, _, last = path.rpartition("/")
        rows = [line for line in PAGE.splitlines() if f"{one.method} {place}/" in line]
        assert f"{one.method} {path}`" in PAGE or any(f"· `{last}`" in line for line in rows), one.name
