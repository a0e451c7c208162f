"""Which leads the reports about the life of leads count, and who may ask."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from app.dispatch.jobs.import_lead import ImportLead
from app.intake.arrival import normalize
from tests.support.crm import Crm
from tests.support.told_lives import WEEK, arrive, give, report, shown, tell
from tests.support.workspace import Workspace

REPORTS = (
    "acceptance",
    "rejections",
    "reassignment",
    "contact",
    "qualification",
    "quality",
    "experience",
)


async def test_lead_that_was_merged_away_counts_as_one_with_the_other(office: Workspace) -> None:
    """Of three leads two are one person: the touch and the verdict of one are those of the other."""
    first = await office.assign(external_id="a", source="ana", crm={"lead_id": "101"})
    second = await office.assign(external_id="b", source="ben", crm={"lead_id": "102"})
    await arrive(office, "cem")
    await tell(office, second, "first_touch", "reached", "qualified")
    crm = Crm(office)
    merged = crm.event("101", kind="merged", others=["102"], at=datetime(2099, 12, 1, 8, tzinfo=UTC))
    await crm.tell(merged)
    assert (await office.get(f"/leads/{second['lead_id']}"))["state"] == "merged"
    contact, verdicts = await report(office, "contact"), await report(office, "qualification")
    assert shown(contact.totals, "leads", "worked", "reached") == {
        "leads": 2,
        "worked": "1/2",
        "reached": "1/2",
    }
    assert verdicts.totals["qualified"] == "1/2"
    assert (await report(office, "reassignment")).totals["leads"] == 2
    quality = await report(office, "quality")
    assert shown(quality.totals, "received", "merged", "leads") == {
        "received": 3,
        "merged": "1/3",
        "leads": 2,
    }
    assert first["lead_id"] != second["lead_id"]


async def test_erasure_changes_no_number(office: Workspace) -> None:
    moved = await arrive(office, "ana")
    await give(office, moved, "ben")
    await tell(office, moved, "accepted", "first_touch", "reached", "qualified", "unsubscribed")
    await tell(office, await arrive(office, "ana"), "rejected", reason="wrong_region")
    before = {name: (await report(office, name)).totals for name in REPORTS}
    answer = await office.client.delete(f"/leads/{moved['lead_id']}")
    assert answer.status_code == 200, answer.text
    assert {name: (await report(office, name)).totals for name in REPORTS} == before


async def test_imported_leads_are_in_no_sample(office: Workspace) -> None:
    since = datetime(2099, 12, 1, 7, tzinfo=UTC)
    job = ImportLead(arrival=normalize({"external_id": "old"}), owner_id="ana", since=since)
    await office.app.state.dispatch.ask(office.workspace_id, job)
    await tell(office, await arrive(office), "accepted")
    first = {"acceptance": "offers", "rejections": "given", "quality": "received"}
    counted = {name: (await report(office, name)).totals[first.get(name, "leads")] for name in REPORTS}
    assert counted == dict.fromkeys(REPORTS, 1)


async def key_of(office: Workspace, owner: str) -> str:
    """A key for reports that is bound to an owner."""
    key = await office.issue_key("reports")
    await office.pool.execute("UPDATE api_keys SET owner_id = $2 WHERE id = $1", key.split("_")[2], owner)
    return key


@pytest.mark.parametrize("name", [name for name in REPORTS if name != "quality"])
async def test_key_of_an_owner_gets_only_what_is_theirs(office: Workspace, name: str) -> None:
    for owner in ("ana", "ana", "ben"):
        await tell(office, await arrive(office, owner), "first_touch")
    async with office.caller(await key_of(office, "ben")) as ben:
        own = await ben.get(f"/metrics/{name}", params={**WEEK, "group_by": "owner", "owner": "ana"})
    assert own.status_code == 200, own.text
    assert [row["owner"] for row in own.json()["rows"]] in (["ben"], [])
    counted = {"acceptance": "offers", "rejections": "given"}.get(name, "leads")
    assert own.json()["totals"][counted] == 1


async def test_quality_is_not_for_owners(office: Workspace) -> None:
    async with office.caller(await key_of(office, "ben")) as ben:
        assert (await ben.get("/metrics/quality", params=WEEK)).status_code == 403


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize(
    "group_by", ["owner,team", "rule,week", "source,campaign,channel", "lead_type,band,account_status",
                 "plan_version,day,month", "step,form"],
)  # fmt: skip
async def test_every_report_can_be_grouped_by_every_dimension_and_is_the_same_as_csv(
    office: Workspace, name: str, group_by: str
) -> None:
    for source in ("ana", "ben", "desk", "newsletter"):
        lead = await arrive(office, source, campaign="=cmd()", channel="web", lead_type="demo")
        await tell(office, lead, "first_touch", "qualified", "unsubscribed", by="ana")
    await tell(office, await arrive(office, "ana"), "rejected", reason="no_budget")
    asked: dict[str, Any] = {**WEEK, "group_by": group_by}
    found = await report(office, name, group_by=group_by)
    text = (await office.client.get(f"/metrics/{name}", params={**asked, "format": "csv"})).text
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == len(found.rows) + 1
    for line, row in zip(lines, found.body["rows"], strict=False):
        for column in found.body["columns"]:
            cell, shown_as = row[column["name"]], line[column["name"]]
            value = cell["rate"] if isinstance(cell, dict) else cell
            expected = "" if value is None else str(value).replace("=cmd()", "'=cmd()").removesuffix(".0")
            assert shown_as == expected, column["name"]
