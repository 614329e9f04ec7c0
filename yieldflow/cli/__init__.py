"""The command line. It only says what an `App` does; nothing here decides anything about a run."""

from yieldflow.cli.commands import main

__all__ = ["main"]
