"""Puts the service together. Everything is made here and passed on; nothing is global."""

import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from importlib.metadata import version

import structlog
from fastapi import FastAPI

from app.api.http import problems
from app.api.http.auth import Authentication, FailureLimit
from app.api.http.json_response import KeptJson
from app.api.http.middleware import RequestMiddleware
from app.api.http.rate_limits import RateLimits, exchanging
from app.api.http.turns import TakingTurns
from app.api.routes import (
    actions,
    api_docs,
    assign,
    audit_sample,
    clock,
    console_links,
    diagnosis,
    directory,
    endpoints,
    enrichment,
    events,
    forms,
    intake_failures,
    jobs,
    leads,
    merges,
    open_leads,
    operations,
    plans,
    preferences,
    privacy,
    queues,
    reassign,
    reconcile,
    reports,
    review,
    signals,
    spend,
    suppressions,
    tables,
    targets,
    teams,
    webhooks,
)
from app.audit.exporter import Exporter
from app.background import in_background
from app.console.kept import KeptAnswers
from app.console.refusals import respond_as_page
from app.console.rendering import load_templates
from app.console.router import routers as console_routers
from app.console.sessions import ConsoleSessions
from app.directory.console_links import ConsoleLinks
from app.dispatch.dispatcher import Dispatcher
from app.engine.compile.plan import Strategy
from app.enrichment.registry import installed as providers_installed
from app.forms.fetch.fetcher import Fetcher
from app.forms.receive import FormReceiver
from app.forms.vendors import SHAKING_HANDS
from app.garbage import collecting_all, settle_memory
from app.intake.companies import load_icann_suffixes
from app.intake.domains import load_suffixes
from app.intake.job_titles import load_titles
from app.intake.mail_domains import load_mail_domains
from app.intake.sources import load_sources
from app.logs import FastLogger
from app.loop_lag import measured
from app.metrics.process import Metrics
from app.outbox.safe_http import AllowedHosts, SafeHttp
from app.plan_check.capabilities import Capabilities
from app.plans.kept_findings import KeptFindings
from app.plans.words import PlansInWords
from app.plugins.process import PluginLimits
from app.rates import Rate
from app.registry import strategies as installed
from app.reports.upkeep import FactUpkeep
from app.secrets import SecretBox
from app.settings import Settings
from app.store import api_keys, workspaces
from app.store.connection.monitor import ConnectionMonitor
from app.store.connection.pool import Pool, borrowed, open_pool, when_ready
from app.tracing import Tracing
from app.webhooks.endpoints import Endpoints
from app.webhooks.receive import Receiver
from app.worker.target_deliveries import sender_of
from app.worker.watch import watching
from app.worker.worker import working

UNKNOWN_PATHS = 60
"""Unknown paths of webhooks that one address may try in a minute."""


def create_app(
    settings: Settings, strategies: Mapping[str, Strategy] | None = None, tracing: Tracing | None = None
) -> FastAPI:
    """The application. The pool opens, and connects, with the server's start.

    `strategies` are those that plans may use, by name; all that are installed unless given. With `tracing`,
    requests and decisions have spans.
    """
    offered = installed() if strategies is None else strategies
    metrics = Metrics()
    exporter = Exporter(metrics, settings.metrics_workspaces)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = await open_pool(
            settings.database_url or "",
            size=settings.pool_size,
            pgbouncer=settings.pgbouncer,
            connect=ConnectionMonitor(structlog.get_logger()),
            request_seconds=settings.request_timeout_seconds,
            troubles=metrics.troubles,
        )
        app.state.pool = pool
        box = app.state.secret_box
        admit = partial(_admit_delivery, app.state.rate_limits, settings.rate_of_endpoints)
        receiver = app.state.receiver = Receiver(pool, box, settings.public_base_url, metrics, admit)
        app.state.form_receiver = FormReceiver(pool, receiver.endpoints, receiver.tally, metrics, admit)
        app.state.endpoints = Endpoints(
            pool, box, settings.public_base_url, receiver.forget, development=settings.development
        )
        app.state.authentication = await _authentication(pool, settings, metrics)
        app.state.console_sessions = ConsoleSessions(pool, app.state.authentication)
        app.state.plans_in_words = PlansInWords(pool, offered)
        app.state.dispatch = Dispatcher(
            pool,
            offered,
            metrics,
            deadline=settings.request_timeout_seconds,
            plugins=PluginLimits(settings.plugin_timeout_seconds, settings.plugin_memory_mb),
            tracing=tracing,
            http=app.state.target_http,
            box=box,
            providers=providers_installed(settings.ip_country_database),
        )
        app.state.fact_upkeep = FactUpkeep(pool)
        _load_lists()
        settle_memory()
        _prefer_the_event_loop()
        try:
            sender = sender_of(
                pool, app.state.dispatch, app.state.target_http, box, metrics, app.state.console_links
            )
            every = settings.worker_interval_seconds
            fetcher = Fetcher(pool, app.state.target_http, app.state.secret_box, metrics.form_fetched)
            worker = working(
                pool, app.state.dispatch, sender, fetcher, every, metrics, development=settings.development
            )
            async with (
                measured(metrics.loop_late),
                exchanging(app.state.rate_limits, pool),
                nullcontext() if settings.no_worker else worker,
                in_background(receiver.endpoints.learn(SHAKING_HANDS), "endpoints"),
                in_background(load_templates(), "templates") if settings.console else nullcontext(),
                in_background(collecting_all(), "garbage"),
                exporter.reading(pool),
                watching(pool, metrics, None if settings.development else app.state.dispatch.workspaces),
            ):
                yield
        finally:
            await app.state.dispatch.close()
            await receiver.close()
            await pool.close()

    # The framework's own API pages load their files from a CDN.
    app = FastAPI(
        title="lead-assignment",
        version=version("lead-assignment"),
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url=None,
        # The framework's spans would hold paths and query strings. Ours are in `app.tracing`.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.settings = settings
    app.state.draining = False
    app.state.trusted_proxies = settings.trusted_proxies
    app.state.metrics = metrics
    app.state.exporter = exporter
    app.state.rate_limits = RateLimits(metrics.rate_limited)
    app.state.unknown_paths = FailureLimit(allowed=UNKNOWN_PATHS, window=60.0, clock=time.monotonic)
    app.state.secret_box = SecretBox(settings.secrets_keys())
    app.state.target_http = SafeHttp(
        AllowedHosts.parse(settings.allowed_target_hosts, development=settings.development)
    )
    _prepare_checks(app, settings, offered)
    app.state.console_answers = KeptAnswers()
    problems.install(app, _respond(settings))
    _include_routes(app, settings)
    app.add_middleware(TakingTurns, routes=app.router.routes)
    app.state.traces = tracing is not None
    app.state.observed = _observed(settings, metrics, tracing)
    app.add_middleware(app.state.observed)
    return app


def _prepare_checks(app: FastAPI, settings: Settings, strategies: Mapping[str, Strategy]) -> None:
    """Set what checks of plans know of the service, and where their findings are kept."""
    app.state.strategies = strategies
    app.state.console_links = ConsoleLinks.of(settings)
    app.state.capabilities = Capabilities(strategies, app.state.console_links.refusal)
    app.state.kept_findings = KeptFindings()


def _respond(settings: Settings) -> problems.Respond:
    """What makes a response of a problem that no route has handled."""
    return respond_as_page if settings.console else problems.problem_response


def _observed(settings: Settings, metrics: Metrics, tracing: Tracing | None) -> partial[RequestMiddleware]:
    """What wraps all answers, also those that the HTTP protocol gives by itself."""
    return partial(
        RequestMiddleware,
        log=FastLogger(),
        observe=metrics.requests.note,
        access_log=settings.access_log,
        tracing=tracing,
        respond=_respond(settings),
    )


def _include_routes(app: FastAPI, settings: Settings) -> None:
    # All beside one another, those on the hot path first. A nested router is matched twice for each request,
    # and its routes are made again for each app, while the first request waits.
    resources = (
        assign,
        reassign,
        jobs,
        events,
        forms,
        intake_failures,
        actions,
        signals,
        open_leads,
        queues,
        leads,
        merges,
        privacy,
        preferences,
        suppressions,
        enrichment,
        operations,
        diagnosis,
        audit_sample,
        review,
        directory,
        console_links,
        teams,
        tables,
        targets,
        plans,
        endpoints,
        reconcile,
        spend,
        webhooks,
        clock,
        reports,
    )
    app.state.kept_json = KeptJson()
    docs = api_docs.open_router if settings.serves_api_docs else api_docs.guarded_router
    for router in (assign.hot, webhooks.hot, forms.hot, *(each.router for each in resources), docs):
        app.router.routes.extend(router.routes)
    if settings.console:
        for router in console_routers():
            app.router.routes.extend(router.routes)


def _admit_delivery(limits: RateLimits, rate: Rate | None, workspace_id: int, endpoint_id: str) -> int:
    return 0 if rate is None else limits.admit_delivery(workspace_id, endpoint_id, rate)


async def _authentication(pool: Pool, settings: Settings, metrics: Metrics) -> Authentication:
    async def find_development_workspace() -> int | None:
        async with borrowed(pool, pool.acquire_seconds) as connection:
            found = await workspaces.find_workspace(connection, settings.development_workspace)
        return found.id if found else None

    if settings.development:
        await when_ready(find_development_workspace)
    return Authentication(
        lambda ids: api_keys.find_keys(pool, ids),
        find_development_workspace=find_development_workspace if settings.development else None,
        failed=metrics.authentication_failed,
    )


def _load_lists() -> None:
    """Read the lists of intake now, not with the first lead."""
    load_suffixes()
    load_icann_suffixes()
    load_mail_domains()
    load_sources()
    load_titles()


def _prefer_the_event_loop() -> None:
    """Let requests go on soon while a thread computes: by default each waits 5 ms for it, several times."""
    sys.setswitchinterval(0.0005)
