"""Reports over a million leads, as a ratio to counting the rows that they are about in SQL."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median

import asyncpg

from app.store.reports import leads as lead_facts
from app.store.reports import offers, speed_to_lead
from bench import leads
from bench.processes import Service
from bench.scenarios import Row, at_most, create_team_workspace, plan

PLAYED = 1000
"""Leads that are really decided, with events. The others are copies of their facts."""
COPIES = 1000
COPIES_AT_ONCE = 50
TIMES = 3
SCRAPES = 11
MOST_SCRAPE_MS = 20
MOST = 10
"""A report may take so many times as long as counting."""
LEADS = ("lead_facts", "received_at", lead_facts.SAMPLE)
COUNTED = {
    "speed-to-lead": ("assignment_facts", "arrived_at", speed_to_lead.SAMPLE),
    "sla": ("promise_facts", "arrived_at", "first AND excluded IS NULL"),
    "fairness": ("share_facts", "at", "true"),
    "acceptance": ("assignment_facts", "decided_at", f"{offers.GIVEN} AND cause <> 'claim'"),
    "rejections": ("assignment_facts", "decided_at", offers.GIVEN),
    "reassignment": ("lead_facts", "received_at", "owner_id IS NOT NULL AND NOT imported"),
    "contact": LEADS,
    "qualification": LEADS,
    "quality": ("lead_facts", "received_at", "NOT imported"),
    "experience": LEADS,
    "conversion": LEADS,
    "revenue": LEADS,
    "retention": LEADS,
    "attribution": LEADS,
}
"""The rows that each report is about: its facts, the time that puts them in a period, and which of them."""
FACTS = sorted({"event_facts", "sale_facts", *(table for table, _, _ in COUNTED.values())})
EVENTS = ("accepted", "first_touch", "reached", "qualified", "meeting", "purchase")
COLUMNS = """
SELECT column_name::text, data_type::text FROM information_schema.columns
 WHERE table_schema = 'public' AND table_name = $1
"""
FOLLOW = """
UPDATE fact_cursors AS cursor SET decision_number = (
  SELECT max(decision_number) FROM assignments WHERE assignments.workspace_id = cursor.workspace_id)
"""
"""Copies of decisions have their facts."""
BEGINNINGS = ("received_at", "lead_received_at", "arrived_at", "decided_at", "started_at", "due_at")
"""When something begins. What comes of it takes longer in each further copy."""
EARLIER = "copy * interval '40 minutes'"
"""So much earlier is each copy, so that all of them fill four weeks."""
LONGER = 17
"""So many seconds longer does everything take in each copy."""


def reports(service: Service) -> Iterator[Row]:
    """Each report over everything, asked through the API."""
    key = played_workspace(service, "reports")
    asyncio.run(copy_rows(service, *FACTS))
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first, last = today - timedelta(40), today + timedelta(2)
    for name, (table, column, condition) in COUNTED.items():
        path = f"/metrics/{name}?from={first.date()}&to={last.date()}"
        rows = f"FROM {table} WHERE {column} >= $1 AND {column} < $2 AND {condition}"
        times = [
            (_ask(service, key, path), asyncio.run(_count(service, rows, first, last))) for _ in range(TIMES)
        ]
        asked, counted = (min(each) for each in zip(*times, strict=True))
        yield Row(f"report {name}", f"{asked:,.2f} s, counting {counted:,.2f} s")
        yield at_most(f"report {name}, time to counting the same rows", asked / counted, MOST)
    asyncio.run(copy_rows(service, "leads", "assignments"))
    scrape = median(_scrape(service, key) for _ in range(SCRAPES)) * 1000
    yield at_most("scrape of a workspace with a million leads, ms", scrape, MOST_SCRAPE_MS)


def played_workspace(service: Service, name: str) -> str:
    """Create a workspace with an SLA, and with leads and events. Returns a key for it."""
    key = create_team_workspace(service, name)
    pipeline = [{"round_robin": {"team": "inbound", "sla": "call"}}, {"queue": {"name": "unrouted"}}]
    document = plan(0) | {"slas": {"call": {"touch": "15m"}}, "pipeline": pipeline}
    service.send(key, "POST", "/plans", document)
    service.send(key, "POST", "/plans/2/publish", {"comment": "to be measured"})
    _play(service, key)
    return key


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


async def copy_rows(service: Service, *tables: str, copies: int = COPIES, documents: bool = False) -> None:
    """Multiply the rows of tables by SQL. All rows of one copy have the ids of that copy.

    What decisions stored of themselves takes the most room, and is copied only with `documents`.
    """
    connection = await service.connect()
    try:
        for table in tables:
            found = await connection.fetch(COLUMNS, table)
            columns = [_copied(table, name, type_, documents) for name, type_ in found]
            names, copied = (", ".join(each) for each in zip(*columns, strict=True))
            await connection.execute(f"CREATE TEMP TABLE played AS SELECT * FROM {table}")
            for first in range(1, copies, COPIES_AT_ONCE):
                await connection.execute(
                    f"INSERT INTO {table} ({names}) SELECT {copied}"
                    f" FROM played, generate_series({first}, {first + COPIES_AT_ONCE - 1}) AS copy",
                    timeout=600,
                )
            await connection.execute("DROP TABLE played")
            await connection.execute(f"VACUUM ANALYZE {table}", timeout=600)
        await connection.execute(FOLLOW)
    finally:
        await connection.close()


def _copied(table: str, column: str, type_: str, documents: bool) -> tuple[str, str]:
    """A column, and its value in a copy."""
    if type_ == "uuid" and column != "split_id":
        return column, f"md5({column}::text || copy)::uuid"
    if type_ == "bytea" and not documents:
        return column, "''"
    if type_ == "timestamp with time zone":
        begins = column in BEGINNINGS or table == "share_facts"
        return column, f"{column} - {EARLIER}" + ("" if begins else f" + copy * interval '{LONGER} seconds'")
    if column.endswith("work_seconds"):
        return column, f"{column} + copy * {LONGER}"
    if column == "number" or (column == "decision_number" and table == "assignments"):
        return column, f"{column} + copy * 1000000"
    return column, column


def _scrape(service: Service, key: str) -> float:
    """How long a scrape takes, when it is not the next one at once."""
    time.sleep(0.5)
    began = time.perf_counter()
    service.fetch(key, "/metrics")
    return time.perf_counter() - began


def _ask(service: Service, key: str, path: str) -> float:
    began = time.perf_counter()
    service.send(key, "GET", path, None)
    return time.perf_counter() - began


async def _count(service: Service, rows: str, first: datetime, last: datetime) -> float:
    connection: asyncpg.Connection = await service.connect()
    try:
        began = time.perf_counter()
        await connection.fetchval(f"SELECT count(*) {rows}", first, last)
        return time.perf_counter() - began
    finally:
        await connection.close()
