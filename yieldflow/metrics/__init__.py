"""Figures for Prometheus: `Metrics` counts what a process does, `gauges` reads how a store stands; and a dashboard."""

from yieldflow.metrics.counters import Metrics
from yieldflow.metrics.gauges import gauges

__all__ = ["Metrics", "gauges"]
