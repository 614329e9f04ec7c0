"""Tools for the authors of workflows: a test runs a program against answers, and needs no store and no clock."""

from yieldflow.testing.rehearse import rehearse

__all__ = ["rehearse"]
