"""`metrics`: how the store stands, as Prometheus reads it; and what is made of it: a dashboard, rules for alerts."""

from __future__ import annotations

from importlib import resources

import click

from yieldflow.cli.options import Place, at_a_place
from yieldflow.errors import UsageError
from yieldflow.metrics.gauges import page


@click.command(
    epilog="""\b
Examples:
  yieldflow metrics --url redis://localhost:6379/0
  yieldflow metrics --dashboard > dashboard.json
  yieldflow metrics --alerts > /etc/prometheus/yieldflow.yml
"""
)
@click.option("--dashboard", is_flag=True, help="Print a dashboard for Grafana instead.")
@click.option("--alerts", is_flag=True, help="Print rules for Prometheus instead.")
@at_a_place
def metrics(dashboard: bool, alerts: bool, url: str | None, modules: tuple[str, ...]) -> None:
    """Print how the store stands, as text for Prometheus: runs by status, late alarms, what waits in which queue.

    What workers have done each of them tells: yieldflow worker --metrics PORT. `yieldflow web` serves this at /metrics.
    """
    if dashboard and alerts:
        raise UsageError("--dashboard or --alerts: one at a time")
    if dashboard or alerts:
        name = "dashboard.json" if dashboard else "alerts.yml"
        click.echo((resources.files("yieldflow.metrics") / name).read_text(encoding="utf-8"), nl=False)
        return
    with Place(url, modules).app() as app:
        click.echo(page(app), nl=False)
