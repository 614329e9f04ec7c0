"""The page that people keep open: what a browser is shown of runs, and what may be done to them there.

Server-rendered HTML on `App`; knows no store and decides nothing about a run.
"""
