"""Durable workflows for Python: a workflow is a generator that yields commands."""
