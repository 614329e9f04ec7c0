"""The command line as a whole."""

import subprocess
import sys

import click
import pytest

from yieldflow.cli.commands import COMMANDS, yieldflow


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_where_the_table_says_and_has_a_line_of_help_that_fits(name):
    command = yieldflow.get_command(click.Context(yieldflow), name)
    assert command.name == name
    assert command.help
    assert len(COMMANDS[name][1]) <= 60
    assert COMMANDS[name][1].endswith(".")


def test_commands_are_listed_in_the_order_of_the_alphabet():
    assert list(COMMANDS) == sorted(COMMANDS)


HEAVY = ("redis", "rq", "rich", "sqlite3", "asyncio", "yieldflow.app")
SAY_WHAT_IS_IMPORTED = f"""
import sys
from yieldflow.cli.commands import yieldflow
try:
    yieldflow(["--help"])
except SystemExit:
    print([name for name in {HEAVY} if name in sys.modules])
"""


def test_help_imports_no_store_no_queue_and_nothing_that_paints():
    command = [sys.executable, "-c", SAY_WHAT_IS_IMPORTED]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "Commands:" in said
    assert said.splitlines()[-1] == "[]"


def test_a_command_that_is_misspelt_is_refused_in_a_sentence():
    said = subprocess.run(
        [sys.executable, "-m", "yieldflow", "inpect"], capture_output=True, text=True, check=False, timeout=60
    )
    assert said.returncode == 2
    assert said.stderr == "yieldflow: no such command 'inpect' (`yieldflow --help` says how)\n"
