"""Mistakes in starting workflows. Both type checkers reject every marked line, and no other."""

from use import charge, checkout
from use_app import app

from yieldflow import start

app.start(charge("a", 1))  # E: not a call of a workflow
app.run(checkout)  # E: a workflow that was not called
start(checkout)  # E: a workflow that was not called
