"""What a child process observes with: spans that are lines of a file once they are exported, by whatever process."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult

from yieldflow.otel import Tracing

FILE = "SPANS_FILE"
BATCHES = "SPANS_IN_BATCHES"


class FileExporter(SpanExporter):
    """One write a span: processes may share the file."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        file = os.open(os.environ[FILE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for span in spans:
            os.write(file, json.dumps({**told(span), "pid": os.getpid()}).encode() + b"\n")
        os.close(file)
        return SpanExportResult.SUCCESS


def told(span: ReadableSpan) -> dict[str, Any]:
    """A span as a test compares it."""
    assert span.context is not None
    return {
        "name": span.name,
        "trace": span.context.trace_id,
        "span": span.context.span_id,
        "parent": None if span.parent is None else span.parent.span_id,
        "start": span.start_time,
        "end": span.end_time,
        "attributes": dict(span.attributes or {}),
        "links": [[link.context.span_id, dict(link.attributes or {})] for link in span.links],
        "status": span.status.status_code.name,
        "said": [span.status.description, *[[event.name, dict(event.attributes or {})] for event in span.events]],
    }


def exported(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def tracing() -> Tracing:
    provider = TracerProvider()
    processor = BatchSpanProcessor if os.environ.get(BATCHES) else SimpleSpanProcessor
    provider.add_span_processor(processor(FileExporter()))
    return Tracing(provider)


TRACING = tracing()
