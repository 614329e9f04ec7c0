"""OpenTelemetry: `Tracing`, an observer that makes spans. It needs `yieldflow[otel]`; nobody else imports it."""

try:
    from yieldflow.otel.tracing import Tracing
except ModuleNotFoundError as missing:
    if missing.name is None or missing.name.partition(".")[0] != "opentelemetry":
        raise
    raise ImportError("yieldflow.otel needs OpenTelemetry's SDK: pip install 'yieldflow[otel]'") from missing

__all__ = ["Tracing"]
