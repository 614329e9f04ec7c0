"""Other systems, side by side. They are no dependencies of ours: each has its own environment in a folder of its own.

`python -m benchmarks.rivals install FOLDER` makes these; a script here, run by that environment, plays the rows and
prints one line of JSON.
"""

from benchmarks.rivals.running import rivals

__all__ = ["rivals"]
