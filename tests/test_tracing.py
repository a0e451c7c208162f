"""Traces: one from the request to the commit, without anything that callers submit, and off by default."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx2
import pytest
import structlog

from app.main import create_app
from app.settings import Settings
from app.tracing import NotesOutages, Tracing, tracing_of
from tests.support.factories import lead
from tests.support.workspace import SECRETS_KEY, Filled, client_of

pytest.importorskip("opentelemetry.sdk", reason="the extra `opentelemetry` is not installed")

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"
PARENT = {"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"}
STEPS = ["lock", "decide and write", "commit"]
GROUP = "commit group"


class Traces:
    """The spans that ended."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracing = Tracing(provider)

    def named(self, name: str) -> list[ReadableSpan]:
        """Those of one name."""
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def only(self, name: str) -> ReadableSpan:
        """The one of this name."""
        (span,) = self.named(name)
        return span


@asynccontextmanager
async def traced(filled: Filled) -> AsyncIterator[tuple[httpx2.AsyncClient, Traces]]:
    """A client of the service with traces."""
    traces = Traces()
    settings = Settings(env="production", database_url=filled.dsn, secrets_key=SECRETS_KEY, no_worker=True)
    app = create_app(settings, tracing=traces.tracing)
    async with app.router.lifespan_context(app), client_of(app, filled.key) as client:
        yield client, traces


def parent_of(span: ReadableSpan) -> int:
    """The id of the span that it is part of, 0 for none."""
    return span.parent.span_id if span.parent is not None else 0


def id_of(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    return context.span_id


def trace_of(span: ReadableSpan) -> str:
    context = span.get_span_context()
    assert context is not None
    return f"{context.trace_id:032x}"


async def test_a_request_is_one_trace_from_the_caller_to_the_commit(filled: Filled) -> None:
    async with traced(filled) as (client, traces):
        await client.post("/assign", json=lead("first"))
        traces.exporter.clear()
        answer = await client.post("/assign", json=lead(1), headers=PARENT)
        assert answer.status_code == 201
        request, decide, group = (traces.only(name) for name in ("POST /assign", "decide", GROUP))
        spans = [request, decide, group, *(traces.only(step) for step in STEPS)]
    assert {trace_of(span) for span in spans} == {TRACE_ID}
    assert f"{parent_of(request):016x}" == PARENT_ID
    assert parent_of(decide) == id_of(request)
    assert parent_of(group) == id_of(decide)
    assert [parent_of(span) for span in spans[3:]] == [id_of(group)] * 3
    moments = [moment for span in spans[3:] for moment in (span.start_time, span.end_time)]
    assert moments == sorted(moment or 0 for moment in moments)
    assert (group.start_time, group.end_time) == (moments[0], moments[-1])


async def test_requests_of_one_commit_group_are_linked_both_ways(filled: Filled) -> None:
    async with traced(filled) as (client, traces):
        await client.post("/assign", json=lead("first"))
        traces.exporter.clear()
        answers = await asyncio.gather(*(client.post("/assign", json=lead(number)) for number in range(12)))
        assert {answer.status_code for answer in answers} == {201}
        groups, decisions = traces.named(GROUP), {id_of(span): span for span in traces.named("decide")}
    assert len(decisions) == 12
    assert len({trace_of(span) for span in decisions.values()}) == 12
    assert len(groups) < 12
    served = []
    for group in groups:
        linked = [link.context.span_id for link in group.links]
        assert group.attributes
        assert group.attributes["lead_assignment.jobs"] == 1 + len(linked)
        for each in linked:
            assert [link.context.span_id for link in decisions[each].links] == [id_of(group)]
        served += [parent_of(group), *linked]
    assert sorted(served) == sorted(decisions)


async def test_a_group_is_shown_though_its_first_request_is_not_traced(filled: Filled) -> None:
    not_sampled = {"traceparent": f"{PARENT['traceparent'][:-2]}00"}
    async with traced(filled) as (client, traces):
        await client.post("/assign", json=lead("first"), headers=not_sampled)
        assert traces.exporter.get_finished_spans() == ()
        sent = [(lead(number), not_sampled if number % 2 == 0 else {}) for number in range(12)]
        await asyncio.gather(*(client.post("/assign", json=body, headers=headers) for body, headers in sent))
        decisions = [id_of(span) for span in traces.named("decide")]
        served = [
            each
            for group in traces.named(GROUP)
            for each in (parent_of(group), *(link.context.span_id for link in group.links))
        ]
    assert len(decisions) == 6
    assert sorted(served) == sorted(decisions)


async def test_spans_hold_nothing_that_callers_submit(filled: Filled) -> None:
    async with traced(filled) as (client, traces):
        sent = lead("canary-1", first_name="canary-2", phone="+4915112345678")
        await client.post("/assign?canary-3=canary-4", json=sent)
        await client.get("/leads/canary-5")
        await client.post("/queues/canary-6/claim", json={"owner_id": "canary-7"})
        await client.get("/canary-8", headers={"User-Agent": "canary-9", "Authorization": "Bearer canary-10"})
        shown = "".join(span.to_json() for span in traces.exporter.get_finished_spans())
    assert "/queues/{name}/claim" in shown
    for word in ("canary", "people.example", "4915112345678", "SELECT", "INSERT"):
        assert word not in shown


async def test_a_refused_decision_is_marked_and_its_problem_names_the_trace(filled: Filled) -> None:
    async with traced(filled) as (client, traces):
        answer = await client.post("/queues/unrouted/claim", json={"owner_id": "nobody"}, headers=PARENT)
        decide = traces.only("decide")
    assert answer.status_code >= 400
    assert answer.json()["trace_id"] == TRACE_ID
    assert decide.attributes
    assert "error.type" in decide.attributes
    assert decide.events == ()


async def test_a_problem_names_the_trace_of_the_caller_without_traces_too(filled: Filled) -> None:
    app = create_app(Settings(env="production", database_url=filled.dsn, secrets_key=SECRETS_KEY))
    async with app.router.lifespan_context(app), client_of(app, filled.key) as client:
        answer = await client.get("/nothing", headers=PARENT)
        assert answer.json()["trace_id"] == TRACE_ID
        assert "trace_id" not in (await client.get("/nothing")).json()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_SERVICE_NAME": "ours"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_traces_are_off_unless_they_are_asked_for(environment: dict[str, str]) -> None:
    assert tracing_of(environment) is None


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "127.0.0.1:4318/v1/traces"},
    ],
)
def test_what_there_is_not_is_refused_in_a_sentence(environment: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"OTEL_\w+.*\.$"):
        tracing_of(environment)


class Collector(InMemorySpanExporter):
    """A collector that is away at times."""

    def __init__(self, *answers: SpanExportResult) -> None:
        super().__init__()
        self.answers = list(answers)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self.answers.pop(0)


def test_an_outage_of_the_collector_is_two_lines() -> None:
    taken, failed = SpanExportResult.SUCCESS, SpanExportResult.FAILURE
    exporter = NotesOutages(Collector(taken, failed, failed, failed, taken, taken, failed))
    with structlog.testing.capture_logs() as lines:
        results = [exporter.export([]) for _ in range(7)]
    assert results[1:4] == [failed] * 3
    assert [each["event"] for each in lines] == [
        "traces not delivered",
        "traces delivered again",
        "traces not delivered",
    ]


def test_without_traces_nothing_of_the_sdk_is_imported() -> None:
    code = (
        "import sys, app.main, app.cli; print([name for name in sys.modules if 'opentelemetry.sdk' in name])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
