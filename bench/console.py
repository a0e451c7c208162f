"""Pages of the console over a hundred thousand leads: how long the server takes for each."""

import asyncio
import re
import time
from collections.abc import Iterator

import httpx2

from bench.processes import Service
from bench.reports import FACTS, copy_rows, played_workspace
from bench.scenarios import Row, at_most

COPIES = 100
TIMES = 40
MOST_MS = 100
PAGES = (
    "/console/today",
    "/console/today/now",
    "/console/leads",
    "/console/assignments/{id}",
    "/console/queues",
    "/console/queues/unrouted",
    "/console/people",
    "/console/people/owners/rep-1",
    "/console/people/teams/inbound",
    "/console/plan",
    "/console/plan/versions/2/changes",
    "/console/reports",
    "/console/reports/speed-to-lead",
    "/console/operations",
    "/console/operations/jobs",
)
"""What a browser asks for when a page is opened. Parts that come later have a time of their own."""


def console(service: Service) -> Iterator[Row]:
    """Each page, asked for again and again by one browser that is signed in."""
    key = played_workspace(service, "console")
    asyncio.run(copy_rows(service, *FACTS, "leads", "assignments", copies=COPIES, documents=True))
    newest = service.send(key, "GET", "/assignments?order=newest&limit=1", None)["items"][0]
    with httpx2.Client(base_url=f"http://127.0.0.1:{service.port}", timeout=120) as browser:
        origin = {"Origin": f"http://127.0.0.1:{service.port}"}
        browser.post("/console/sign-in", data={"key": key}, headers=origin)
        for page in PAGES:
            times = sorted(_open(browser, page.format(id=newest["assignment_id"])) for _ in range(TIMES))
            p95 = times[int(0.95 * TIMES)] * 1000
            yield at_most(f"console {re.sub(r'[{}]', '', page)}, p95 in milliseconds", p95, MOST_MS)


def _open(browser: httpx2.Client, page: str) -> float:
    began = time.perf_counter()
    browser.get(page).raise_for_status()
    return time.perf_counter() - began
