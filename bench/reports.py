"""Reports over a million leads, as a ratio to counting the rows that they are about."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import asyncpg

from bench import leads
from bench.processes import Service
from bench.scenarios import Row, at_most, create_team_workspace, plan

PLAYED = 1000
"""Leads that are really decided, with events. The others are copies of their facts."""
COPIES = 1000
COPIES_AT_ONCE = 50
TIMES = 3
MOST = 10
"""A report may take so many times as long as counting."""
COUNTED = {
    "speed-to-lead": ("assignment_facts", "decided_at"),
    "sla": ("promise_facts", "arrived_at"),
    "fairness": ("share_facts", "at"),
    "acceptance": ("assignment_facts", "decided_at"),
    "rejections": ("assignment_facts", "decided_at"),
    "reassignment": ("lead_facts", "received_at"),
    "contact": ("lead_facts", "received_at"),
    "qualification": ("lead_facts", "received_at"),
    "quality": ("lead_facts", "received_at"),
    "experience": ("lead_facts", "received_at"),
    "conversion": ("lead_facts", "received_at"),
    "revenue": ("lead_facts", "received_at"),
    "retention": ("lead_facts", "received_at"),
    "attribution": ("lead_facts", "received_at"),
}
"""What each report is about: its facts, and the time that puts them in a period."""
EVENTS = ("accepted", "first_touch", "reached", "qualified", "meeting", "purchase")
COLUMNS = """
SELECT table_name::text AS name, column_name::text AS column, data_type::text AS type
  FROM information_schema.columns
 WHERE table_schema = 'public' AND table_name = ANY($1) AND is_generated = 'NEVER'
"""
IDS = ("lead_id", "assignment_id", "event_id")
BEGINNINGS = ("received_at", "lead_received_at", "arrived_at", "decided_at", "started_at", "due_at")
"""When something begins. What comes of it takes longer in each further copy."""
EARLIER = "copy * interval '40 minutes'"
"""So much earlier is each copy, so that all of them fill four weeks."""
LONGER = 17
"""So many seconds longer does everything take in each copy."""


def reports(service: Service) -> Iterator[Row]:
    """Each report over everything, asked through the API."""
    key = create_team_workspace(service, "reports")
    pipeline = [{"round_robin": {"team": "inbound", "sla": "call"}}, {"queue": {"name": "unrouted"}}]
    document = plan(0) | {"slas": {"call": {"touch": "15m"}}, "pipeline": pipeline}
    service.send(key, "POST", "/plans", document)
    service.send(key, "POST", "/plans/2/publish", {"comment": "to be measured"})
    _play(service, key)
    asyncio.run(_copy(service))
    today = datetime.now(UTC).date()
    period = f"from={today - timedelta(1)}&to={today + timedelta(2)}"
    for name, (table, column) in COUNTED.items():
        asked = min(_ask(service, key, f"/metrics/{name}?{period}") for _ in range(TIMES))
        counted = asyncio.run(_count(service, table, column))
        yield Row(f"report {name}", f"{asked:,.2f} s, counting {counted:,.2f} s")
        yield at_most(f"report {name}, time to counting the same rows", asked / counted, MOST)


def _play(service: Service, key: str) -> None:
    """Decide leads, and report events about them: fewer with each further step."""
    sent = [{"lead": leads.new_lead()} for _ in range(PLAYED)]
    decided = service.send(key, "POST", "/assign/batch", {"items": sent})["items"]
    events = [
        {
            "id": f"{name}-{number}",
            "type": name,
            "assignment_id": item["decision"]["assignment_id"],
            **({"amount": 100, "currency": "EUR", "ref": f"d{number}"} if name == "purchase" else {}),
        }
        for step, name in enumerate(EVENTS)
        for number, item in enumerate(decided)
        if number % (step + 1) == 0
    ]
    for first in range(0, len(events), 500):
        service.send(key, "POST", "/events", {"items": events[first : first + 500]})
    service.send(key, "GET", "/metrics/quality", None)


async def _copy(service: Service) -> None:
    """Multiply the facts by SQL. All rows of one copy have the ids of that copy."""
    connection = await service.connect()
    try:
        tables = {"lead_facts", "event_facts", "sale_facts", *(table for table, _ in COUNTED.values())}
        types: dict[str, dict[str, str]] = {}
        for row in await connection.fetch(COLUMNS, list(tables)):
            types.setdefault(row["name"], {})[row["column"]] = row["type"]
        for table, columns in types.items():
            copied = ", ".join(_copied(table, *column) for column in columns.items())
            await connection.execute(f"CREATE TEMP TABLE played AS SELECT * FROM {table}")
            for first in range(1, COPIES, COPIES_AT_ONCE):
                await connection.execute(
                    f"INSERT INTO {table} ({', '.join(columns)}) SELECT {copied}"
                    f" FROM played, generate_series({first}, {first + COPIES_AT_ONCE - 1}) AS copy",
                    timeout=600,
                )
            await connection.execute("DROP TABLE played")
            await connection.execute(f"VACUUM ANALYZE {table}", timeout=600)
    finally:
        await connection.close()


def _copied(table: str, column: str, type_: str) -> str:
    if column in IDS:
        return f"md5({column}::text || copy)::uuid"
    if type_ == "timestamp with time zone":
        begins = column in BEGINNINGS or table == "share_facts"
        return f"{column} - {EARLIER}" + ("" if begins else f" + copy * interval '{LONGER} seconds'")
    if column.endswith("work_seconds"):
        return f"{column} + copy * {LONGER}"
    return "number + copy * 1000000" if column == "number" else column


def _ask(service: Service, key: str, path: str) -> float:
    began = time.perf_counter()
    service.send(key, "GET", path, None)
    return time.perf_counter() - began


async def _count(service: Service, table: str, column: str) -> float:
    connection: asyncpg.Connection = await service.connect()
    try:
        times = []
        for _ in range(TIMES):
            began = time.perf_counter()
            await connection.fetchval(f"SELECT count(*) FROM {table} WHERE {column} > '2020-01-01'")
            times.append(time.perf_counter() - began)
        return min(times)
    finally:
        await connection.close()
