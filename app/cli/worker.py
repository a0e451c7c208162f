"""`lead-assignment worker`."""

import asyncio
import signal

import structlog

from app import logs
from app.cli.context import CommandError, require_tables, settings_now
from app.settings import Settings


def worker() -> None:
    """Do what comes due, without serving requests, until a signal ends it."""
    settings = settings_now()
    if not settings.database_url:
        raise CommandError("Set DATABASE_URL.")
    require_tables(settings.database_url)
    logs.configure(level=settings.log_level)
    asyncio.run(_until_signal(settings))


async def _until_signal(settings: Settings) -> None:
    # These imports take long, and no other command waits for them.
    from app.dispatch.dispatcher import Dispatcher
    from app.metrics import Metrics
    from app.outbox.safe_http import AllowedHosts, SafeHttp
    from app.plugins.process import PluginLimits
    from app.registry import strategies
    from app.secrets import SecretBox
    from app.store.connection.monitor import ConnectionMonitor
    from app.store.connection.pool import open_pool
    from app.worker.target_deliveries import sender_of
    from app.worker.worker import working

    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    log = structlog.get_logger()
    pool = await open_pool(
        settings.database_url or "",
        size=settings.pool_size,
        pgbouncer=settings.pgbouncer,
        connect=ConnectionMonitor(log),
        request_seconds=settings.request_timeout_seconds,
    )
    metrics = Metrics()
    dispatch = Dispatcher(
        pool,
        strategies(),
        metrics,
        deadline=settings.request_timeout_seconds,
        plugins=PluginLimits(settings.plugin_timeout_seconds, settings.plugin_memory_mb),
    )
    allowed = AllowedHosts.parse(settings.allowed_target_hosts, development=settings.development)
    secrets = SecretBox(settings.secrets_keys())
    sender = sender_of(pool, dispatch, SafeHttp(allowed), secrets, metrics)
    try:
        async with working(pool, dispatch, sender, settings.worker_interval_seconds):
            log.info("working")
            await ended.wait()
    finally:
        await dispatch.close()
        await pool.close()
