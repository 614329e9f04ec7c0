"""The help texts: each command shows an example, and what the examples say can be said."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from yieldflow.cli.commands import COMMANDS, yieldflow

EXAMPLE = re.compile(r"^(?:Examples?:)?\s*(?:\$ )?((?:.*\| *|eval .*)?yieldflow \S.*)$")
ENDS = ("|", ">", "#", "&&", ")")


def command_of(name):
    found = yieldflow.get_command(click.Context(yieldflow), name)
    assert found is not None
    return found


def help_of(name):
    command = command_of(name)
    return command.get_help(click.Context(command, info_name=f"yieldflow {name}", terminal_width=100))


def examples(name):
    """The words of each, from the command's name on."""
    lines = (line.strip() for line in help_of(name).splitlines() if not line.startswith("Usage:"))
    for line in lines:
        if EXAMPLE.match(line) and f"yieldflow {name} " in f"{line} ":
            rest = line[line.index(f"yieldflow {name}") + len(f"yieldflow {name}") :].rstrip('"').rstrip()
            words = shlex.split(rest.removesuffix(")"), comments=True)
            ends = [at for at, word in enumerate(words) if word in ENDS]
            yield words[: ends[0]] if ends else words


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_an_example_that_it_takes(name):
    found = list(examples(name))
    assert found, f"the help of {name} has no example"
    for words in found:
        command_of(name).make_context(name, list(words), parent=click.Context(yieldflow, info_name="yieldflow"))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_worded_alike(name):
    command = command_of(name)
    assert command.help is not None
    first = command.help.strip().splitlines()[0]
    assert first[0].isupper()
    paragraph = command.help.strip().split("\n\n")[0]
    assert paragraph.rstrip()[-1] in ".:", paragraph
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            assert option.help, option.name
            assert option.help[0].isupper() or option.help[0] in "$-", option.help
            assert option.help.rstrip().endswith("."), option.help


@pytest.mark.parametrize("name", COMMANDS)
def test_the_common_options_say_the_same_everywhere(name):
    said = {option.name: option.help for option in command_of(name).params if isinstance(option, click.Option)}
    assert said.get("url", "The store.").startswith("The store.")
    assert said.get("as_json", "One JSON document.").startswith("One JSON document")
    assert "url" in said or name == "completion"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_terminal_of_eighty_columns(name):
    command = command_of(name)
    text = command.get_help(click.Context(command, info_name=f"yieldflow {name}", terminal_width=80))
    assert max(map(len, text.splitlines())) <= 80
