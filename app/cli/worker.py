"""`lead-assignment worker`."""

import asyncio
import math
from importlib.metadata import version
from typing import Annotated

import structlog
import typer

from app import logs, signals
from app.cli.context import CommandError, require_tables, settings_now
from app.cli.traces import traces
from app.settings import Settings
from app.tracing import Tracing


def worker(
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="A port for /metrics that needs no key.")
    ] = None,
) -> None:
    """Do what comes due, without serving requests, until a signal ends it."""
    settings = settings_now()
    if metrics_port is not None:
        settings = settings.model_copy(update={"metrics_port": metrics_port})
    if not settings.database_url:
        raise CommandError("Set DATABASE_URL.")
    logs.configure(level=settings.log_level)
    signals.end_at_once(logs.wait_for_writers)
    require_tables(settings.database_url, math.inf)
    with traces() as tracing:
        asyncio.run(_until_signal(settings, tracing))


async def _until_signal(settings: Settings, tracing: Tracing | None) -> None:
    # These imports take long, and no other command waits for them.
    from app.audit.exporter import Exporter
    from app.cli.metrics_port import metrics_port
    from app.directory.console_links import ConsoleLinks
    from app.dispatch.dispatcher import Dispatcher
    from app.enrichment.registry import installed
    from app.forms.fetch.fetcher import Fetcher
    from app.loop_lag import measured
    from app.metrics.process import Metrics
    from app.outbox.safe_http import AllowedHosts, SafeHttp
    from app.plugins.process import PluginLimits
    from app.registry import strategies
    from app.secrets import SecretBox
    from app.store.connection.monitor import ConnectionMonitor
    from app.store.connection.pool import open_pool
    from app.store.connection.revision import find_revision
    from app.worker.target_deliveries import sender_of
    from app.worker.watch import watching
    from app.worker.worker import working

    ended = asyncio.Event()
    log = structlog.get_logger()
    metrics = Metrics()
    pool = await open_pool(
        settings.database_url or "",
        size=settings.pool_size,
        pgbouncer=settings.pgbouncer,
        connect=ConnectionMonitor(log),
        request_seconds=settings.request_timeout_seconds,
        troubles=metrics.troubles,
    )
    allowed = AllowedHosts.parse(settings.allowed_target_hosts, development=settings.development)
    http = SafeHttp(allowed)
    secrets = SecretBox(settings.secrets_keys())
    dispatch = Dispatcher(
        pool,
        strategies(),
        metrics,
        deadline=settings.request_timeout_seconds,
        plugins=PluginLimits(settings.plugin_timeout_seconds, settings.plugin_memory_mb),
        tracing=tracing,
        http=http,
        box=secrets,
        providers=installed(settings.ip_country_database),
    )
    sender = sender_of(pool, dispatch, http, secrets, metrics, ConsoleLinks.of(settings))
    fetcher = Fetcher(pool, http, secrets, metrics.form_fetched)
    told = signals.told(asyncio.get_running_loop(), lambda _: ended.set(), logs.wait_for_writers)
    try:
        every = settings.worker_interval_seconds
        exporter = Exporter(metrics, settings.metrics_workspaces)
        with metrics_port(settings, exporter), told:
            async with (
                exporter.reading(pool),
                measured(metrics.loop_late),
                working(pool, dispatch, sender, fetcher, every, metrics, development=settings.development),
                watching(pool, metrics),
            ):
                log.info(
                    "working",
                    version=version("lead-assignment"),
                    schema=await find_revision(pool, settings.request_timeout_seconds),
                    settings=settings.to_log(),
                    traces=tracing is not None,
                )
                await ended.wait()
    finally:
        await dispatch.close()
        await pool.close()
        log.info("stopped")
