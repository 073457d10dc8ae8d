"""Traces by OpenTelemetry, when an endpoint is configured; without one a statement pays for a look only.

Everything else is OpenTelemetry's own to configure: OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER,
OTEL_EXPORTER_OTLP_HEADERS and its other variables work as its documentation says.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, Tracer

_tracer: ContextVar[Tracer | None] = ContextVar("tracer", default=None)


class Tracing:
    """The traces of a process.

    Parameters
    ----------
    version
        Of the service, for the resource.
    exporter
        Where spans go; by default to OTEL_EXPORTER_OTLP_ENDPOINT, over HTTP.
    """

    def __init__(self, version: str, exporter: SpanExporter | None = None) -> None:
        ours = Resource({SERVICE_NAME: "onyx-vector-search", SERVICE_VERSION: version})
        # What the environment says of the resource goes before our own.
        self._provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()))
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("onyx-vector-search", version)

    @contextmanager
    def request(self, headers: Mapping[str, str]) -> Iterator[Span]:
        """Begin the span of a request, as a child of the caller's if its headers name one."""
        token = _tracer.set(self._tracer)
        try:
            with self._tracer.start_as_current_span("request", propagate.extract(headers), SpanKind.SERVER) as span:
                yield span
        finally:
            _tracer.reset(token)

    def close(self) -> None:
        """Send what waits and stop."""
        self._provider.shutdown()


def statement_span(name: str) -> AbstractContextManager[Span | None]:
    """Begin the span of a statement within a traced request; bind values stay out of it."""
    if (tracer := _tracer.get()) is None:
        return nullcontext()
    attributes = {"db.system.name": "postgresql", "db.query.summary": name}
    return tracer.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=attributes)


def trace_id() -> str | None:
    """Return the id of the current trace, for log lines."""
    if _tracer.get() is None:
        return None
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else None
