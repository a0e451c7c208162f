"""A CRM's events come in any order and more than once, and the books end the same."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.audit.verify import verify
from app.webhooks.crm_events import CrmEvent
from tests.support.crm import Crm, books, open_crm
from tests.support.office import at
from tests.support.workspace import Workspace

NOON = datetime(2098, 12, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ORDERS = [0, *(pytest.param(number, marks=pytest.mark.long) for number in range(1, 34))]
"""Each makes three orders, so that a long run has more than a hundred."""


@dataclass(frozen=True)
class Names:
    """What a kind of CRM calls its objects and fields."""

    person: str
    owner: str
    company: str
    stage: str
    won: str
    amount: str
    link: str
    open: str


VENDORS = {
    "hubspot": Names(
        "contact",
        "hubspot_owner_id",
        "company",
        "dealstage",
        "closedwon",
        "amount",
        "association.contact",
        "qualifiedtobuy",
    ),
    "salesforce": Names(
        "lead", "OwnerId", "Company", "StageName", "Closed Won", "Amount", "ContactId", "Prospecting"
    ),
    "pipedrive": Names("contact", "owner_id", "org_name", "status", "won", "value", "person_id", "open"),
    "dynamics": Names(
        "lead", "ownerid", "companyname", "statecode", "1", "actualvalue", "originatingleadid", "0"
    ),
    "zoho": Names(
        "contact", "Owner", "Title", "Stage", "Closed Won", "Amount", "Contact_Name", "Qualification"
    ),
    "standard": Names("contact", "owner", "company", "stage", "won", "amount", "contact_id", "open"),
}


def stream(crm: Crm, names: Names, ids: Sequence[str]) -> list[CrmEvent]:
    """An afternoon of two records: three owners, a company, a deal won, corrected and taken back, a merge.

    The second record has a deal, which is won before the merge and corrected after it.
    """
    first, second, deal, other = ids
    person: dict[str, Any] = {"object": names.person, "origin": "person"}
    of_deal: dict[str, Any] = {"object": "deal", "origin": "person"}
    return [
        crm.event(first, {names.owner: "2"}, at=NOON, **person),
        crm.event(first, {names.company: "Kunde"}, at=NOON + MINUTE, **person),
        crm.event(first, {names.owner: "3"}, at=NOON + 2 * MINUTE, **person),
        crm.event(second, {names.owner: "4"}, at=NOON + 2 * MINUTE, **person),
        crm.event(deal, {names.link: first, names.stage: names.open}, at=NOON + 3 * MINUTE, **of_deal),
        crm.event(deal, {names.link: first, names.stage: names.won}, at=NOON + 4 * MINUTE, **of_deal),
        crm.event(deal, {names.link: first, names.amount: "4400"}, at=NOON + 5 * MINUTE, **of_deal),
        crm.event(deal, {names.link: first, names.stage: names.open}, at=NOON + 6 * MINUTE, **of_deal),
        crm.event(other, {names.link: second, names.stage: names.won}, at=NOON + 4 * MINUTE, **of_deal),
        crm.event(other, {names.link: second, names.amount: "900"}, at=NOON + 5 * MINUTE, **of_deal),
        crm.event(first, {names.company: "Kunde AG"}, at=NOON + 6 * MINUTE, **person),
        crm.event(first, kind="merged", others=[second], at=NOON + 7 * MINUTE, must_read=True, **person),
        crm.event(second, kind="deleted", at=NOON + 7 * MINUTE, object=names.person),
        crm.event(first, {names.owner: "1"}, at=NOON + 8 * MINUTE, **person),
        crm.event(other, {names.link: second, names.amount: "1000"}, at=NOON + 9 * MINUTE, **of_deal),
    ]


async def outcome(crm: Crm, names: Names, ids: Sequence[str], order: int | None) -> dict[str, Any]:
    """How the books stand after the stream in this order; None is the order in which it happened."""
    person = [crm.workspace.assign(crm={"lead_id": id_}, email=f"p{id_}@kunde.example") for id_ in ids[:2]]
    leads = [(await each)["lead_id"] for each in person]
    for id_ in ids[:2]:
        await crm.tell(crm.event(id_, {names.company: "Old"}, object=names.person, at=NOON - MINUTE))
    events = stream(crm, names, ids)
    if order is not None:
        chance = random.Random(order)
        events = chance.sample(events * 2, 2 * len(events))
    waiting: list[CrmEvent] = []
    for event in events:
        for each in [event, *waiting]:
            done = (await crm.tell(each)).result == "done"
            waiting = [other for other in waiting if other is not each] + ([] if done else [each])
    for each in waiting:
        await crm.tell(replace(each))
    state = (await books(crm.workspace))[ids[0]]
    shown, merged = [await crm.workspace.get(f"/leads/{each}") for each in leads]
    reads = await crm.workspace.fetch(
        """SELECT DISTINCT body #>> '{params,object}' AS object FROM actions
            WHERE workspace_id = $1 AND type = 'read_record' AND body #>> '{params,id}' = ANY ($2)""",
        list(ids),
    )
    return {
        "lead": state,
        "other": (await books(crm.workspace))[ids[1]],
        "company": shown["fields"].get("company"),
        "conversions": (shown["conversions"], merged["conversions"]),
        "revenue": [each["amount"] for of in (shown, merged) for each in of["revenue"] if each["amount"]],
        "read": sorted(row["object"] for row in reads),
    }


@pytest.mark.parametrize("number", ORDERS)
@pytest.mark.parametrize("kind", VENDORS)
async def test_same_books_in_any_order(workspace: Workspace, kind: str, number: int) -> None:
    names = VENDORS[kind]
    async with open_crm(workspace, kind, actors=frozenset()) as crm:
        await at(crm.workspace, (NOON + timedelta(hours=1)).isoformat())
        straight = await outcome(crm, names, ["a1", "a2", "d1", "d2"], None)
        assert straight["lead"] == ("assigned", "ana", None)
        assert straight["other"] == straight["lead"]
        assert (straight["conversions"], straight["revenue"]) == ((1, 0), [1000])
        for turn in range(3):
            ids = [f"{name}{turn}" for name in "bcef"]
            assert await outcome(crm, names, ids, 100 * number + turn) == straight, (kind, number, turn)
        report = await verify(crm.workspace.pool, crm.workspace.workspace_id)
        assert report.clean, report.differences


async def test_two_records_of_a_burst_are_one_group(workspace: Workspace) -> None:
    """Events of many records are applied in one call, and each is answered."""
    async with open_crm(workspace) as crm:
        await at(crm.workspace, NOON.isoformat())
        ids = [str(number) for number in range(100, 120)]
        for id_ in ids:
            await crm.workspace.assign(crm={"lead_id": id_}, email=f"p{id_}@kunde.example")
        told = [crm.event(id_, {"hubspot_owner_id": "4"}, at=NOON + MINUTE, origin="person") for id_ in ids]
        answered = await crm.tell_all(told)
        assert {each.result for each in answered} == {"done"}
        assert {each[1] for each in (await books(crm.workspace)).values()} == {"dia"}


async def test_a_person_who_is_erased_in_the_crm_is_erased_here(workspace: Workspace) -> None:
    """What comes later about the record creates nothing."""
    async with open_crm(workspace) as crm:
        await at(crm.workspace, NOON.isoformat())
        lead = (await crm.workspace.assign(crm={"lead_id": "101"}, email="canary@kunde.example"))["lead_id"]
        await crm.tell(crm.event("101", {"firstname": "CANARY"}, at=NOON))
        erased = await crm.tell(crm.event("101", kind="erased", at=NOON + MINUTE))
        assert erased.code == "erased"
        rows = await crm.workspace.fetch("SELECT state FROM leads WHERE workspace_id = $1 AND id = $2", lead)
        assert [row["state"] for row in rows] == ["erased"]
        late = [
            crm.event("101", {"firstname": "CANARY"}, at=NOON + 2 * MINUTE),
            crm.event("404", kind="merged", others=["101"], at=NOON + 3 * MINUTE),
            crm.event("9", {"association.contacts": "101", "hs_call_body": "CANARY"}, object="call"),
            crm.event("101", kind="deleted", at=NOON + 4 * MINUTE),
        ]
        assert [(await crm.tell(each)).code for each in late] == ["for_erased"] * 4
        assert await crm.workspace.fetch("SELECT id FROM crm_records WHERE workspace_id = $1") == []
        back = await crm.workspace.assign(email="canary@kunde.example")
        assert back["lead_id"] != lead
        assert back["existing_lead"] is None


async def test_a_merge_of_an_erased_person_with_another_one_brings_only_the_other(
    workspace: Workspace,
) -> None:
    async with open_crm(workspace) as crm:
        await at(crm.workspace, NOON.isoformat())
        for id_ in ("101", "202"):
            await crm.workspace.assign(crm={"lead_id": id_}, email=f"p{id_}@kunde.example")
        await crm.tell(crm.event("101", kind="erased", at=NOON))
        await crm.tell(crm.event("303", kind="merged", others=["101", "202"], at=NOON + MINUTE))
        assert set(await books(crm.workspace)) == {"202", "303"}
        rows = await crm.workspace.fetch("SELECT id FROM crm_records WHERE workspace_id = $1 ORDER BY id")
        assert [row["id"] for row in rows] == ["202", "303"]


async def test_findings_are_listed_with_cause_and_remedy(workspace: Workspace) -> None:
    async with open_crm(workspace) as crm:
        await at(crm.workspace, NOON.isoformat())
        for id_ in ("101", "102"):
            await crm.workspace.assign(crm={"lead_id": id_}, email=f"p{id_}@kunde.example")
            await crm.owner(id_, "77", NOON + MINUTE, origin="person")
        first = await crm.workspace.get("/webhooks/findings?limit=1")
        rest = await crm.workspace.get(f"/webhooks/findings?limit=9&endpoint=crm&after={first['next']}")
        shown = [*first["items"], *rest["items"]]
        assert [(each["code"], each["record"], each["count"]) for each in shown] == [
            ("unknown_user", "101", 1),
            ("unknown_user", "102", 1),
        ]
        assert all(each["cause"] and each["remedy"] and each["lead_id"] for each in shown)
        assert rest["next"] is None


async def test_an_endpoint_takes_only_a_mapping_that_means_something(workspace: Workspace) -> None:
    async with open_crm(workspace) as crm:
        mapping = {"objects": {"contact": {"fields": {"country": "county"}}}, "imports": "route"}
        answer = await crm.workspace.client.put(
            "/endpoints/crm", json={"kind": "hubspot", "mapping": mapping, "secrets": ["a-secret-of-the-app"]}
        )
        assert answer.status_code == 422, answer.text
        places = {fault["path"] for fault in answer.json()["errors"]}
        assert places == {"mapping.objects.contact.fields.country", "mapping.imports"}
