"""The monthly review through HTTP: the numbers of the reports on one page that needs nothing but itself."""

import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Any

import pytest

from app.reports.registry import REPORTS
from app.reports.review import SHOWN
from tests.reports.case import Case, begin, minutes
from tests.support.workspace import Workspace

OCTOBER = datetime(2030, 10, 15, 12, tzinfo=UTC)
NOVEMBER = datetime(2030, 11, 12, 12, tzinfo=UTC)
DECEMBER = datetime(2030, 12, 2, 12, tzinfo=UTC)
PLAN = """
slas: {fast: {touch: 15m}}
pipeline:
  - round_robin: {team: inbound, sla: fast}
"""


@pytest.fixture
async def case(workspace: Workspace) -> Case:
    """Two leads in October, one touched in time; four in November, of which three are; now it is December."""
    found = await begin(workspace, PLAN, OCTOBER)
    for month, touched, leads in ((OCTOBER, 1, 2), (NOVEMBER, 3, 4)):
        decisions = [await found.lead(month + minutes(number)) for number in range(leads)]
        await found.at(month + minutes(10))
        for decision in decisions[:touched]:
            await found.event(decision, "first_touch", month + minutes(9), by=decision["owner"]["id"])
    await found.at(DECEMBER)
    return found


async def page(case: Case, **parameters: Any) -> Any:
    """The answer for these parameters."""
    answer = await case.workspace.client.get("/metrics/review", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer


async def test_markdown_has_every_report_beside_the_month_before(case: Case) -> None:
    answer = await page(case, month="2030-11")
    assert answer.headers["content-type"].startswith("text/markdown")
    text = answer.text
    assert text.startswith("# Routing in 2030-11\n")
    titles = ["SLA" if name == "sla" else name.replace("-", " ").capitalize() for name in REPORTS]
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == titles
    # Wilson: 3 of 4 is 30.1 to 95.4 per cent, 1 of 2 is 9.5 to 90.5.
    assert "| within 15m | 75.0 % (3 of 4; 30.1 to 95.4) | 50.0 % (1 of 2; 9.5 to 90.5) |" in text
    assert "| leads | 4 | 2 |" in text
    assert "| response median | 8 min | 9 min |" in text
    assert "| touch: compliance | 75.0 % (3 of 4; 30.1 to 95.4) | 50.0 % (1 of 2; 9.5 to 90.5) |" in text
    # Weights are 2, 1, 1, and everybody could take each lead.
    assert re.search(r"^\| inbound \| ana \| 2 \|.* 2 \| 2 \| 0 \| 0 \|$", text, re.MULTILINE)
    assert "not complete" not in text


async def test_fairness_shows_each_difference_that_there_is(case: Case) -> None:
    body = {"lead": {"external_id": "excluded"}, "exclude": ["ana"]}
    assert (await case.workspace.client.post("/assign", json=body)).status_code == 201
    text = (await page(case, month="2030-12")).text
    assert "| team | owner | due by weight | excluded | due as eligible | received |" in text
    assert re.search(r"^\| inbound \| ana \| 0.5 \| -0.5 \| 0 \| 0 \|", text, re.MULTILINE)


async def test_html_stands_alone_and_has_charts(case: Case) -> None:
    answer = await page(case, month="2030-11", format="html")
    assert answer.headers["content-type"].startswith("text/html")
    text = answer.text
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
    assert not re.search(r"(?:src|style|\bon\w+)\s*=|href=(?!\"#)|<script|@import|url\(", text)
    assert set(re.findall(r'href="#([^"]*)"', text)) == set(re.findall(r'<section id="([^"]*)"', text))
    charts = [ET.fromstring(each) for each in re.findall(r"<svg.*?</svg>", text)]
    titles = [each[0].text for each in charts]
    assert {"within 15m by week, per cent", "compliance by week, per cent", "Shares due and received"} <= set(
        titles
    )
    touched = charts[titles.index("within 15m by week, per cent")]
    labels = [each.text for each in touched.iter("{http://www.w3.org/2000/svg}text")]
    assert labels == ["2030-W46", "75"]
    by_accept = await case.workspace.client.get("/metrics/review", headers={"Accept": "text/html"})
    assert by_accept.text.startswith("<!doctype html>")


async def test_money_and_times_and_reasons_read_well(case: Case) -> None:
    row = {"campaign": "autumn", "day": "2030-11-18", "currency": "EUR", "amount": 1870.5}
    answer = await case.workspace.client.put("/spend", json={"rows": [row]})
    assert answer.status_code == 200, answer.text
    text = (await page(case, month="2030-11")).text
    assert "| EUR: spend | 1,870.50 | 0.00 |" in text or "| EUR: spend | 1,870.50 | – |" in text
    assert "| save rate | – (0 of 0) | – (0 of 0) |" in text
    assert re.search(r"^\| inbound \|.*\| (–|20\d\d-\d\d-\d\d \d\d:\d\d UTC) \|$", text, re.MULTILINE)
    assert ".." not in text
    assert re.search(r"^fraud: not available\. [A-Z].*[^.]\.$", text, re.MULTILINE)


async def test_the_last_month_is_the_default_and_a_running_one_is_not_complete(case: Case) -> None:
    assert (await page(case)).text.startswith("# Routing in 2030-11\n")
    assert "The month is not complete." in (await page(case, month="2030-12")).text
    assert "# Routing in 2029-01" in (await page(case, month="2029-01")).text


@pytest.mark.parametrize("month", ["1970-01", "2030-13", "2030-1", "201", "2030/11", "9999-12"])
async def test_a_month_that_does_not_exist_is_named(workspace: Workspace, month: str) -> None:
    answer = await workspace.client.get("/metrics/review", params={"month": month})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "month"


async def test_every_number_that_is_chosen_exists(case: Case) -> None:
    for name, columns in SHOWN.items():
        found = await case.report(name)
        assert set(columns) <= {each["name"] for each in found["columns"]}, name
