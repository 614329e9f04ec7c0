"""Every error of the command line as one sentence on stderr and an exit code.

0 done · 1 the run failed, was cancelled or is blocked · 2 wrong usage · 3 not found · 4 the store cannot be
used · 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

import click

from yieldflow.errors import BadDefinition, NotFoundError, StoreError, UsageError, YieldflowError, error, shortened

_LONGEST = 8_000  # characters of an error; a difference of a workflow from its log takes some

DONE, ENDED_BADLY, WRONG_USAGE, NOT_FOUND, NO_STORE, INTERRUPTED = 0, 1, 2, 3, 4, 130


@error
class BrokenModule(UsageError):
    module: str
    reason: str

    def __str__(self) -> str:
        return f"{shortened(self.module, 200)} cannot be imported: {self.reason}"


@error
class NoModule(NotFoundError):
    module: str
    reason: str

    def __str__(self) -> str:
        return f"{shortened(self.module, 200)} cannot be loaded: {self.reason}"


@error
class NoStore(StoreError):
    url: str
    file: str

    def __str__(self) -> str:
        return f"there is no store {self.url} yet: {self.file} is missing; a first run makes it, --url names another"


@error
class Interrupted(YieldflowError):
    """Ctrl-C, after all was put in order."""

    advice: str

    def __str__(self) -> str:
        return self.advice


def exit_code(raised: YieldflowError | click.ClickException) -> int:
    match raised:
        case NotFoundError():
            return NOT_FOUND
        case UsageError() | BadDefinition() | click.UsageError():
            return WRONG_USAGE
        case StoreError():
            return NO_STORE
        case Interrupted():
            return INTERRUPTED
        case _:
            return ENDED_BADLY


class Commands(click.Group):
    """A group whose commands answer their exit code, or raise: this is the one place where errors end."""

    def main(self, *args: Any, **options: Any) -> NoReturn:
        options["standalone_mode"] = False
        try:
            code = super().main(*args, **options)
            sys.stdout.flush()
        except (YieldflowError, click.ClickException) as raised:
            _say(raised)
            code = exit_code(raised)
        except (KeyboardInterrupt, click.Abort):
            code = INTERRUPTED
        except BrokenPipeError:  # whoever read our output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = ENDED_BADLY
        sys.exit(code if isinstance(code, int) else DONE)


def _say(raised: YieldflowError | click.ClickException) -> None:
    match raised:
        case Interrupted():
            text = str(raised)
        case click.UsageError(ctx=click.Context(command_path=command)):
            text = f"yieldflow: {shortened(_sentence(raised))} (`{command} --help` says how)"
        case click.ClickException():
            text = f"yieldflow: {shortened(_sentence(raised))}"
        case _:
            text = f"yieldflow: {shortened(str(raised), _LONGEST)}"
    click.echo(visible(text), err=True)


def visible(text: str) -> str:
    """Nothing of a text that somebody else wrote moves the cursor or paints the terminal."""
    return "".join(one if one.isprintable() or one in "\n\t" else ascii(one)[1:-1] for one in text)


def _sentence(raised: click.ClickException) -> str:
    text = raised.format_message().strip().rstrip(".")
    return text[:1].lower() + text[1:]
