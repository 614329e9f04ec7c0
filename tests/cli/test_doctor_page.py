"""The screen of docs/doctor.md is a true one."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from tests.doctor import flows
from tests.servers import valkey
from yieldflow import App
from yieldflow.cli.commands import yieldflow

PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"


def shown() -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    screen = text[text.index("$ yieldflow doctor") : text.index("```\n\nThe exit code")]
    return [plain(line) for line in screen.splitlines()[1:]]


def plain(line: str) -> str:
    """Without what differs from one machine to the next."""
    return re.sub(r"redis://\S+|[0-9.]+ MiB|within [0-9]+ ms|Valkey [0-9.]+", "…", line.rstrip())


def test_the_screen_of_the_page_is_what_the_command_says() -> None:
    with valkey("--appendonly", "no") as server:
        app = App(server.url)
        for number in range(3):
            app.start(flows.asks(), run_id=f"order-{number}")
            app.serving(("yieldflow",)).tend(f"order-{number}")
        app.start(flows.sleeps(86_400.0), run_id="nightly")
        app.serving(("yieldflow",)).tend("nightly")
        app.client.zrem("yieldflow:alarms", "nightly")
        app.close()
        done = CliRunner().invoke(yieldflow, ["doctor", "--url", server.url], env={"COLUMNS": "80", "NO_COLOR": "1"})
    assert [plain(line) for line in done.stdout.splitlines()] == shown()
    assert done.exit_code == 1
