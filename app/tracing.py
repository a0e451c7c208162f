"""Traces for OpenTelemetry: one from the request through the wait for the lock to the commit.

They are off, and nothing of OpenTelemetry is imported here, unless its environment variables say where traces
go. No span holds a submitted value: no body, no query string, no path but its template, and no SQL.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol, cast

import structlog

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from opentelemetry.trace import Span

log = structlog.get_logger()

MAX_LINKS = 64
"""The requests that one commit group names. The others still name the group."""
FLUSH_SECONDS = 2.0
"""How long the end of a process waits for the last spans to be taken."""
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_STEPS = ("lock", "decide and write", "commit")


class Traced(Protocol):
    """A job, with the span of its decision."""

    span: "Span | None"


def tracing_of(environment: Mapping[str, str] = os.environ) -> "Tracing | None":
    """Traces as the standard variables `OTEL_…` ask for them, and None unless they do.

    Raises ValueError with a sentence where they ask for what there is not.
    """
    exporter = environment.get("OTEL_TRACES_EXPORTER", "")
    named = exporter == "otlp" or any(environment.get(name) for name in _ENDPOINTS)
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or exporter == "none" or not named:
        return None
    if exporter not in ("", "otlp"):
        raise ValueError("OTEL_TRACES_EXPORTER must be otlp or none.")
    protocol = next(filter(None, (environment.get(name) for name in _PROTOCOLS)), "http/protobuf")
    if protocol != "http/protobuf":
        raise ValueError("Traces are sent by OTLP over HTTP only: OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf.")
    for name in _ENDPOINTS:
        if environment.get(name) and not environment[name].strip().lower().startswith(
            ("http://", "https://")
        ):
            raise ValueError(f"{name} must be a URL, such as http://127.0.0.1:4318.")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ValueError(
            "OTEL_… asks for traces: install the extra, pip install 'lead-assignment[opentelemetry]'."
        ) from None
    resource = {"service.version": version("lead-assignment")}
    if not environment.get("OTEL_SERVICE_NAME"):
        resource["service.name"] = "lead-assignment"
    # What the environment says about the resource goes over the name that we give.
    provider = TracerProvider(resource=Resource(resource).merge(Resource.create()), shutdown_on_exit=False)
    logging.getLogger(OTLPSpanExporter.__module__).disabled = True  # several lines for each batch
    provider.add_span_processor(BatchSpanProcessor(cast("SpanExporter", NotesOutages(OTLPSpanExporter()))))
    return Tracing(provider)


class NotesOutages:
    """An exporter that says in one line that spans do not arrive, and in one that they do again."""

    def __init__(self, exporter: "SpanExporter") -> None:
        self._exporter = exporter
        self._failing = False

    def export(self, spans: "Sequence[ReadableSpan]") -> "SpanExportResult":
        """Send spans. Those that fail are lost."""
        result = self._exporter.export(spans)
        failed = result.name != "SUCCESS"
        if failed and not self._failing:
            log.warning("traces not delivered", hint="the collector does not take them")
        elif self._failing and not failed:
            log.info("traces delivered again")
        self._failing = failed
        return result

    def shutdown(self) -> None:
        """Send nothing more."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Whether nothing is left to be sent."""
        return self._exporter.force_flush(timeout_millis)


class Tracing:
    """Makes the spans of requests, decisions and commit groups."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import context, propagate, trace

        self._context, self._propagate, self._trace = context, propagate, trace
        self._provider = provider
        self._tracer = provider.get_tracer("lead-assignment", version("lead-assignment"))

    def request(self, method: str, headers: Mapping[str, str]) -> "RequestSpan":
        """Begin the span of a request, within the trace of the caller if the headers name one.

        Until its end it is what spans of the same task belong to.
        """
        parent = self._propagate.extract(headers)
        span = self._tracer.start_span(method, parent, kind=self._trace.SpanKind.SERVER)
        token = self._context.attach(self._trace.set_span_in_context(span, parent))
        return RequestSpan(self, span, token)

    def leave(self, token: "Token[Context]") -> None:
        """What follows belongs to the request no more."""
        self._context.detach(token)

    def set_failed(self, span: "Span", kind: str) -> None:
        """The span stands for something that failed; `kind` is a status or the type of an exception."""
        span.set_attribute("error.type", kind)
        span.set_status(self._trace.StatusCode.ERROR)

    @contextmanager
    def deciding(self, workspace_id: int, jobs: Sequence[Traced]) -> Iterator[None]:
        """The span of the decision of jobs that one request brought: from their entering to the replies."""
        about = {"lead_assignment.workspace": workspace_id, "lead_assignment.jobs": len(jobs)}
        with self._tracer.start_as_current_span(
            "decide", attributes=about, record_exception=False, set_status_on_exception=False
        ) as span:
            for job in jobs:
                job.span = span
            try:
                yield
            except Exception as error:
                self.set_failed(span, type(error).__name__)
                raise

    def group_ended(
        self, workspace_id: int, jobs: Sequence[Traced], times: Sequence[float], failed: str | None = None
    ) -> None:
        """A commit group has ended: the span of it, and of its steps as far as it came.

        `times` are those of `time.perf_counter`: when it began, had the lock, had written, and had committed.
        It belongs to the first traced request that it served. With the others it is linked, both ways.
        """
        # Without those that are not sampled, or whose caller has gone.
        spans = (job.span for job in jobs if job.span is not None and job.span.is_recording())
        served = list(dict.fromkeys(spans))
        if not served:
            return
        since_epoch = time.time_ns() - time.perf_counter_ns()
        moments = [int(each * 1e9) + since_epoch for each in times]
        first, *others = served
        group = self._tracer.start_span(
            "commit group",
            self._trace.set_span_in_context(first),
            attributes={"lead_assignment.workspace": workspace_id, "lead_assignment.jobs": len(jobs)},
            links=[self._trace.Link(span.get_span_context()) for span in others[:MAX_LINKS]],
            start_time=moments[0],
        )
        for span in others:
            span.add_link(group.get_span_context())
        within = self._trace.set_span_in_context(group)
        for name, start, end in zip(_STEPS, moments, moments[1:], strict=False):
            self._tracer.start_span(name, within, start_time=start).end(end)
        if failed is not None:
            self.set_failed(group, failed)
        group.end(moments[-1])

    def close(self) -> None:
        """Send what is left, and give up after two seconds."""
        # The shutdown sends them, and would wait ten seconds for a collector that is away.
        last = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        last.start()
        last.join(FLUSH_SECONDS)


class RequestSpan:
    """The span of one request, under way."""

    def __init__(self, tracing: Tracing, span: "Span", token: "Token[Context]") -> None:
        self._tracing, self._span, self._token = tracing, span, token

    @property
    def trace_id(self) -> str:
        """The trace that it is part of."""
        return f"{self._span.get_span_context().trace_id:032x}"

    def end(self, method: str, route: str, status: int, about: Mapping[str, object]) -> None:
        """The response was sent. `route` is a template; `about` is who called, for attributes of our own."""
        self._tracing.leave(self._token)
        if self._span.is_recording():
            self._span.update_name(f"{method} {route}")
            self._span.set_attributes(
                {"http.request.method": method, "http.route": route, "http.response.status_code": status}
            )
            for name, value in about.items():
                self._span.set_attribute(f"lead_assignment.{name}", str(value))
            if status >= 500:
                self._tracing.set_failed(self._span, str(status))
        self._span.end()
