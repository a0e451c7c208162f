"""Reports in the console: the same numbers as the API gives, addresses that filter, and the audit sample."""

import re
from datetime import timedelta
from typing import Any

import pytest

from app.console import report_tables
from app.console.names import NO_NAMES, Names
from app.console.report_tables import address, cell_of, chart_of, details_of
from app.reports.statistics import Rate
from app.reports.tables import Column, Table
from tests.console.pair import Pair, add_key, signed_in
from tests.reports.case import begin
from tests.support.workspace import NOON, Workspace

ACCEPTANCE = "/console/reports/acceptance"
SAMPLE = "/console/reports/audit-sample"


@pytest.mark.parametrize(
    ("unit", "value", "text", "note"),
    [
        ("rate", Rate(3, 4), "75 %", "30–95 %, 3 of 4"),
        ("rate", Rate(0, 0), "–", "of 0"),
        ("seconds", 5400, "1 h 30 min", ""),
        ("seconds", "not_reached", "not reached", ""),
        ("seconds", None, "–", ""),
        ("name", None, "none", ""),
        ("count", 12345, "12,345", ""),
        ("money", 12, "12.00", ""),
        ("number", -0.25, "−0.25", ""),
        ("hours", 1.25, "1.2 h", ""),
        ("text", True, "yes", ""),
    ],
)
def test_cell_says_its_value_with_interval_and_sample(unit: str, value: Any, text: str, note: str) -> None:
    found = cell_of(unit, value)
    assert (found.text, found.note) == (text, note)


def test_chart_is_a_line_over_time_and_bars_else_and_shows_what_is_chosen() -> None:
    def table(name: str) -> Table:
        columns = (Column(name, "name", ""), Column("leads", "count", ""), Column("touched", "rate", ""))
        return Table(columns, [{name: "a", "leads": 3, "touched": Rate(1, 3)}, {name: None, "leads": 1}])

    found = [
        chart_of(table(name), shown, NO_NAMES)
        for name, shown in (("day", ""), ("owner", "leads"), ("owner", "x"))
    ]
    assert [(each["kind"], each["unit"], each["column"].name) for each in found if each] == [
        ("line", "percent", "touched"),
        ("bar", "count", "leads"),
        ("bar", "percent", "touched"),
    ]
    assert found[0] is not None
    assert [(row["label"], row["cell"].value is None) for row in found[0]["rows"]] == [
        ("a", False),
        ("none", True),
    ]
    assert chart_of(Table((Column("leads", "count", ""),), [{"leads": 3}]), "", NO_NAMES) is None
    named = chart_of(table("owner"), "", Names(owners={"a": "Ana"}))
    assert named is not None
    assert [row["label"] for row in named["rows"]] == ["Ana", "none"]


def test_details_of_any_shape_become_small_tables() -> None:
    rows = [{"lead_id": str(number), "by_seconds": 60} for number in range(report_tables.MAX_LISTED + 2)]
    found = details_of({"untouched": 3, "missed": rows, "by_cause": {"time_out": 2}, "none": []})
    assert [each["title"] for each in found] == ["Untouched", "Missed", "By cause"]
    assert found[0]["cell"].text == "3"
    assert (found[1]["left_out"], found[1]["rows"][0][1][1].text) == (2, "1 min")
    assert [cell.text for _, cell in found[2]["rows"][0]] == ["Time out", "2"]


def test_address_keeps_what_is_asked_and_replaces_what_changes() -> None:
    query = [("group_by", "owner"), ("group_by", "day"), ("after", "100")]
    assert address("/x", query, drop=("after",), owner="a&b") == "/x?group_by=owner&group_by=day&owner=a%26b"


async def test_csv_is_that_of_the_api(pair: Pair) -> None:
    asked = "group_by=owner&by=lead"
    browser = await pair.as_("analyst")
    answer = await browser.get(f"{ACCEPTANCE}/csv?{asked}")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="acceptance.csv"'
    api = await pair.workspace.client.get(
        f"/metrics/acceptance?{asked}&format=csv&bom=true",
        headers={"Authorization": f"Bearer {pair.keys['analyst']}"},
    )
    assert answer.text == api.text != ""
    assert (await (await pair.as_("rep")).get(f"{ACCEPTANCE}/csv")).status_code == 403


async def test_group_leads_to_its_own_report_and_filters_can_be_taken_back(pair: Pair) -> None:
    browser = await pair.as_("analyst")
    answer = (await browser.get(f"{ACCEPTANCE}/answer?group_by=owner&group_by=source")).text
    (link,) = re.findall(r'href="([^"]+owner=ana)"', answer)
    page = (await browser.get(link.replace("&amp;", "&"))).text
    assert "Owner: ana" in page
    assert 'value="source" selected' in page
    assert re.search(r'href="/console/reports/acceptance\?group_by=source"', page)
    only = (await browser.get(f"{ACCEPTANCE}/answer?group_by=owner&filter=owner:ana")).text
    assert ("owner=ana" in only, "owner=ben" in only) == (True, False)


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/console/reports/nothing", 404, "There is no such report."),
        (f"{ACCEPTANCE}?from=&to=&group_by=&by=&within=", 200, "Acceptance"),
        (f"{ACCEPTANCE}?from=2030-01-05&to=2030-01-05", 200, "must be after the first day"),
        (f"{ACCEPTANCE}?email=x@y.example", 422, "not valid"),
        (f"{ACCEPTANCE}/answer?group_by=weather", 422, "must be at most 3 of"),
        (f"{ACCEPTANCE}/answer?from=2001-01-01&to=2001-02-01&group_by=day", 200, "No data for this period."),
        ("/console/reports/diagnosis?outcome=luck", 422, "outcome"),
        (f"{SAMPLE}/list?week=2030-W99", 422, "must be an ISO week"),
        (f"{SAMPLE}/decision?week=2001-W01", 200, "The sample is not that large."),
    ],
)
async def test_addresses_take_what_the_api_takes(pair: Pair, path: str, status: int, text: str) -> None:
    answer = await (await pair.as_("admin")).get(path)
    assert (answer.status_code, text in answer.text) == (status, True)


async def test_sample_is_gone_through_one_by_one(pair: Pair) -> None:
    browser = await pair.as_("manager")
    asked = f"week={pair.ids['this_week']}&n=4"
    listed = (await browser.get(f"{SAMPLE}/list?{asked}")).text
    found = re.findall(rf'href="({SAMPLE}/decision[^"]+)"', listed)
    pages = [(await browser.get(each.replace("&amp;", "&"))).text for each in found]
    assert [f"Decision {at} of 4" in page for at, page in enumerate(pages, 1)] == [True] * 4
    ends = [('rel="prev"' in page, 'rel="next"' in page) for page in pages]
    assert ends == [(False, True), (True, True), (True, True), (True, False)]
    decisions = [set(re.findall(r"/console/assignments/([0-9a-f-]{36})", page)) for page in pages]
    assert len(set().union(*decisions)) == 4
    assert "<img" not in "".join(page.partition("<main")[2] for page in pages)


async def test_missed_promises_name_their_leads_for_those_who_may_see_them(workspace: Workspace) -> None:
    plan = """
slas: {prompt: {touch: 5m}}
pipeline: [{round_robin: {team: inbound, sla: prompt}}]
"""
    begun = NOON.replace(year=2098)
    case = await begin(workspace, plan, begun)
    lead = await case.lead(last_name="Overdue")
    await case.at(begun + timedelta(hours=1))
    path, shown = f"/console/leads/{lead['lead_id']}", []
    for scope in ("leads:read", "claim"):
        key = await add_key(workspace, ("reports", scope), None)
        client = await signed_in(workspace.app, key)
        text = (await client.get("/console/reports/sla/answer")).text
        shown.append((path in text, "Overdue" in text, lead["lead_id"] in text))
    assert shown == [(True, True, True), (False, False, True)]
