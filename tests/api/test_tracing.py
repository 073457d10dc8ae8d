"""Traces: a request is a span in its caller's trace, its statements are children, and no value is in them."""

from collections.abc import Sequence

import httpx
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from typing_extensions import override

from app.api.tracing import TracingMiddleware
from app.main import create_app
from app.observability.tracing import Tracing, statement_span
from app.settings import Settings

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ASKED = "salary-of-the-board"


class Kept(SpanExporter):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS


async def traced(settings: Settings, *calls: tuple[str, str]) -> list[ReadableSpan]:
    exporter = Kept()
    tracing = Tracing("0.0.0", exporter)
    app = create_app(settings)
    app.add_middleware(TracingMiddleware, tracing=tracing)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            for method, path in calls:
                await client.request(method, path, headers={"traceparent": PARENT})
    tracing.close()
    return exporter.spans


async def test_a_request_and_its_statements_join_the_callers_trace(settings: Settings) -> None:
    spans = await traced(settings, ("GET", f"/indexes/{ASKED}"))
    [request] = [span for span in spans if span.name == "GET /indexes/{name}"]
    children = [span for span in spans if span is not request]
    assert {format(span.context.trace_id, "032x") for span in spans} == {PARENT.split("-")[1]}
    assert request.parent is not None
    assert format(request.parent.span_id, "016x") == PARENT.split("-")[2]
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 404
    assert "indexes/get_index" in {span.name for span in children}
    assert all(span.parent and span.parent.span_id == request.context.span_id for span in children)
    assert ASKED not in " ".join(span.to_json() for span in spans)


async def test_probes_and_metrics_are_not_traced(settings: Settings) -> None:
    assert await traced(settings, ("GET", "/health"), ("GET", "/health/ready"), ("GET", "/metrics")) == []


def test_without_an_endpoint_statements_have_no_span() -> None:
    with statement_span("indexes/get_index") as span:
        assert span is None


def test_the_resource_says_which_service() -> None:
    exporter = Kept()
    tracing = Tracing("1.2.3", exporter)
    with tracing.request({}):
        pass
    tracing.close()
    [span] = exporter.spans
    assert span.resource.attributes["service.name"] == "onyx-vector-search"
    assert span.resource.attributes["service.version"] == "1.2.3"
