"""How fast it is, each figure beside another one of the same run: `python -m benchmarks --help`.

What is measured stands in `rows/`, the other systems in `rivals/`. Nothing here is asserted about time.
"""
