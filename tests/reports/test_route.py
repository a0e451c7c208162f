"""`GET /metrics/{report}`: periods, filters, CSV, keys, and what is refused."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.reports import ask
from app.store import workspaces
from app.store.reports import reading
from tests.reports.case import Case, begin
from tests.support.workspace import Workspace

PLAN = """
slas: {fifteen: {touch: 15m}}
pipeline:
  - rule: {name: ana, when: {source: ana}, then: {owner: ana, sla: fifteen}}
  - round_robin: {name: turns, team: inbound}
  - queue: {name: desk}
queues: {desk: {}}
"""


@pytest.fixture
async def case(workspace: Workspace) -> Case:
    """A workspace in Berlin with this plan, in November 2099."""
    async with workspace.pool.acquire() as connection:
        await workspaces.set_time_zone(connection, workspace.workspace_id, "Europe/Berlin")
    return await begin(workspace, PLAN, datetime(2099, 11, 1, tzinfo=UTC))


async def refused(case: Case, status: int, **parameters: Any) -> str:
    answer = await case.workspace.client.get("/metrics/sla", params=parameters)
    assert answer.status_code == status, answer.text
    return str(answer.json()["errors"][0]["pointer" if "pointer" in answer.json()["errors"][0] else "code"])


@pytest.mark.parametrize("name", ["speed-to-lead", "sla", "attribution", "quality"])
async def test_answer_with_too_many_rows_is_refused(
    case: Case, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for module in (ask, reading):
        monkeypatch.setattr(module, "MAX_ROWS", 2)
    for day in (9, 10):
        await case.lead(datetime(2099, 11, day, 12, tzinfo=UTC), source="ana")
    two = await case.report(name, from_="2099-11-01", to="2099-12-01", group_by="day")
    assert len(two["rows"]) == 2
    await case.lead(datetime(2099, 11, 11, 12, tzinfo=UTC), source="ana")
    answer = await case.workspace.client.get(
        f"/metrics/{name}", params={"from": "2099-11-01", "to": "2099-12-01", "group_by": "day"}
    )
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["code"], fault["path"]) == (422, "too_many_items", "group_by")


async def test_no_more_rows_are_read_than_a_report_may_have(workspace: Workspace) -> None:
    endless = """
WITH RECURSIVE row (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM row)
SELECT number FROM row WHERE number >= $1"""
    async with reading.report_connection(workspace.pool, workspace.workspace_id) as connection:
        with pytest.raises(reading.TooManyRows):
            await reading.fetch_rows(connection, endless, [1], 2)


async def test_weeks_begin_on_monday_at_local_midnight(case: Case) -> None:
    for moment in (
        datetime(2099, 11, 29, 22, 59, 59, tzinfo=UTC),
        datetime(2099, 11, 29, 23, tzinfo=UTC),
        datetime(2099, 11, 30, 12, tzinfo=UTC),
        datetime(2099, 12, 6, 22, 59, 59, tzinfo=UTC),
        datetime(2099, 12, 6, 23, 0, 1, tzinfo=UTC),
    ):
        await case.lead(moment, source="ana")
    found = await case.report("speed-to-lead", from_="2099-11-30", to="2099-12-07")
    assert found["totals"]["leads"] == 3
    period = found["period"]
    assert (period["from_utc"], period["to_utc"]) == ("2099-11-29T23:00:00Z", "2099-12-06T23:00:00Z")
    weeks = await case.report("speed-to-lead", from_="2099-11-01", to="2099-12-31", group_by="week")
    assert {row["week"]: row["leads"] for row in weeks["rows"]} == {
        "2099-W48": 1,
        "2099-W49": 3,
        "2099-W50": 1,
    }


async def test_days_and_months_are_local_and_one_day_has_25_hours(case: Case) -> None:
    await case.at(datetime(2099, 10, 20, tzinfo=UTC))
    for hours in range(-2, 3):
        await case.lead(
            datetime(2099, 10, 24, 22, tzinfo=UTC) + timedelta(hours=12 * hours + 0.5), source="ana"
        )
    found = await case.report("speed-to-lead", from_="2099-10-25", to="2099-10-26", group_by="day,month")
    assert [(row["day"], row["month"], row["leads"]) for row in found["rows"]] == [
        ("2099-10-25", "2099-10", 3)
    ]
    start, end = (datetime.fromisoformat(found["period"][name]) for name in ("from_utc", "to_utc"))
    assert end - start == timedelta(hours=25)


async def test_csv_has_the_columns_of_rates_and_no_formulas(case: Case) -> None:
    await case.lead(source="ana", campaign="=1+1")
    url = "/metrics/speed-to-lead?group_by=campaign"
    answer = await case.workspace.client.get(url, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    (row, total) = csv.DictReader(io.StringIO(answer.text))
    assert (row["campaign"], total["campaign"], row["leads"]) == ("'=1+1", "total", "1")
    assert (row["touched"], row["touched_numerator"], row["touched_denominator"]) == ("0", "0", "1")
    assert answer.text == (await case.workspace.client.get(f"{url}&format=csv")).text


async def test_filters_combine_and_none_is_what_has_no_value(case: Case) -> None:
    for source, campaign in (("ana", "a"), ("ana", "b"), (None, "a")):
        await case.lead(source=source, campaign=campaign)
    for parameters, leads in (
        ({"source": "ana"}, 2),
        ({"source": "ana", "campaign": "a"}, 1),
        ({"campaign": ["a", "b"]}, 3),
        ({"source": "none"}, 1),
        ({"filter": "source:ana"}, 2),
        ({"filter": ["source=ana", "campaign=b"]}, 1),
        ({"rule": "ana"}, 2),
        ({"step": "turns"}, 1),
    ):
        assert (await case.report("speed-to-lead", **parameters))["totals"]["leads"] == leads, parameters


async def test_byte_order_mark_comes_on_request(case: Case) -> None:
    await case.lead(source="ana")
    url = "/metrics/speed-to-lead?format=csv&group_by=source"
    plain = (await case.workspace.client.get(url)).content
    marked = (await case.workspace.client.get(f"{url}&bom=true")).content
    assert marked == b"\xef\xbb\xbf" + plain
    assert plain.startswith(b"source,leads,")


async def test_days_weeks_and_months_are_filters(case: Case) -> None:
    for moment in (datetime(2099, 11, 8, 22, 30, tzinfo=UTC), datetime(2099, 11, 8, 23, 30, tzinfo=UTC)):
        await case.lead(moment, source="ana")
    period = {"from_": "2099-11-01", "to": "2099-12-01"}
    for parameters, leads in (
        ({"day": "2099-11-09"}, 1),
        ({"filter": "week:2099-W45"}, 1),
        ({"week": ["2099-W45", "2099-W46"]}, 2),
        ({"month": "2099-11"}, 2),
        ({"month": "2099-10"}, 0),
    ):
        for report in ("speed-to-lead", "conversion", "reassignment"):
            found = await case.report(report, **period, **parameters)
            assert found["totals"]["leads"] == leads, (report, parameters)


async def test_questions_that_cannot_be_answered_are_refused_by_name(case: Case) -> None:
    for parameters in (
        {"group_by": "color"},
        {"group_by": "day,week,month,team"},
        {"from": "yesterday"},
        {"from": "2099-12-02", "to": "2099-12-01"},
        {"credit": "nobody"},
        {"by": "offer"},
        {"within": "30d"},
        {"filter": "color:red"},
        {"format": "xml"},
        {"colour": "red"},
    ):
        await refused(case, 422, **parameters)
    assert (await case.workspace.client.get("/metrics/nothing")).status_code == 404


async def test_key_needs_a_scope_and_sees_only_its_owner(case: Case) -> None:
    await case.lead(source="ana")
    await case.lead()
    workspace = case.workspace
    async with workspace.caller(await workspace.issue_key("leads:read")) as other:
        assert (await other.get("/metrics/sla")).status_code == 403
    async with workspace.caller(await workspace.issue_key("reports")) as reader:
        assert (await reader.get("/metrics/speed-to-lead")).json()["totals"]["leads"] == 2
    key = await workspace.issue_key("reports")
    await workspace.pool.execute("UPDATE api_keys SET owner_id = 'eve' WHERE id = $1", key.split("_")[2])
    async with workspace.caller(key) as eve:
        for parameters in ({}, {"owner": "ana"}):
            answer = await eve.get("/metrics/speed-to-lead", params=parameters)
            assert answer.json()["totals"]["leads"] == 0
            assert answer.json()["filters"] == {"owner": ["eve"]}
