"""How many bytes one decision stores: `python -m bench.decision_bytes`.

Decides leads of the bench in a workspace with a team of twenty, 32 at a time. Prints how much each table grew
per decision and per million leads, indexes included, and the CPU time that compressing one decision takes.
"""

import asyncio
import tempfile
import time
from pathlib import Path

import asyncpg
import structlog

from app.main import create_app
from app.settings import Settings
from app.store.connection.migrate import migrate
from app.store.stored_bytes import pack, unpack
from bench.path_of_assign import call, prepare
from devtools.embedded_postgres import start

CALLERS = 32
DECISIONS = 4000
ATTEMPTS = 100

SELECT_SIZES = """
SELECT relname, pg_total_relation_size(oid) AS bytes FROM pg_class
 WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
SELECT_DOCUMENTS = "SELECT response, inputs FROM assignments ORDER BY decision_number DESC LIMIT 100"


async def measure(dsn: str) -> str:
    """Decide, and report what it stored."""
    app = create_app(Settings(database_url=dsn, development_workspace="path", worker_interval_seconds=3600))
    await prepare(dsn)
    connection = await asyncpg.connect(dsn)
    async with app.router.lifespan_context(app):
        before = {str(row[0]): int(row[1]) for row in await connection.fetch(SELECT_SIZES)}
        slots = asyncio.Semaphore(CALLERS)

        async def decide() -> None:
            async with slots:
                # A busy machine refuses some; what counts here is what is stored.
                for _ in range(ATTEMPTS):
                    if await call(app) == 201:
                        return
                    await asyncio.sleep(0.1)
                raise RuntimeError("a call was refused too often")

        await asyncio.gather(*(decide() for _ in range(DECISIONS)))
        after = {str(row[0]): int(row[1]) for row in await connection.fetch(SELECT_SIZES)}
    rows = await connection.fetch(SELECT_DOCUMENTS)
    await connection.close()
    grown = {table: (after[table] - before[table]) / DECISIONS for table in after}
    lines = [_line(table, size) for table, size in sorted(grown.items()) if size >= 1]
    documents = [unpack(document) for row in rows for document in row.values()]
    return "\n".join([*lines, _line("all tables", sum(grown.values())), _compression(documents)])


def _line(name: str, size: float) -> str:
    return f"{name:16} {size:6.0f} bytes per decision, {size / 1000:6.2f} GB per million leads"


def _compression(documents: list[bytes]) -> str:
    """Sizes and CPU time of a response and its inputs together."""
    decisions = len(documents) / 2
    begun = time.thread_time()
    packed = [pack(document) for document in documents]
    spent = (time.thread_time() - begun) / decisions
    plain, stored = (sum(map(len, each)) / decisions for each in (documents, packed))
    return (
        f"response and inputs: {plain:.0f} bytes, stored as {stored:.0f}, compressed in {spent * 1e6:.0f} µs"
    )


def main() -> None:
    """Measure on a database of its own, and print the report."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory(prefix="bytes-") as directory, start(Path(directory) / "data") as server:
        migrate(server.dsn)
        print(asyncio.run(measure(server.dsn)))


if __name__ == "__main__":
    main()
