"""OpenTelemetry: `Tracing`, an observer that makes spans. It needs `yieldflow[otel]`; nobody else imports it."""

from yieldflow.otel.tracing import Tracing

__all__ = ["Tracing"]
