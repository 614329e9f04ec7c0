"""What starts workflows. Both type checkers accept every line."""

from __future__ import annotations

from typing import assert_type

from use import Order, Receipt, checkout

from yieldflow import App, Handle, start

app = App("memory:")
assert_type(app.start(checkout(Order("1", 2)), run_id="o"), Handle[Receipt])
assert_type(app.run(checkout(Order("1", 2))), Receipt)
assert_type(start(checkout(Order("1", 2))).result(timeout=1), Receipt)
