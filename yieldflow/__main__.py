"""`python -m yieldflow` is the command line."""

from yieldflow.cli import main

main()
