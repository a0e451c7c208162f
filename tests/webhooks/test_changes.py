"""Fields, deals, calls and users change in the CRM."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from app.webhooks.crm_events import CrmEvent
from tests.support.crm import Crm, books, findings, open_crm
from tests.support.workspace import Workspace
from tests.webhooks.test_reconcile import run_jobs
from tests.webhooks.test_records import is_clean, lead_of, stand_at, upkeep

NOON = datetime(2098, 12, 1, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
async def crm(workspace: Workspace) -> AsyncIterator[Crm]:
    async with open_crm(workspace) as made:
        await stand_at(made, NOON)
        yield made


async def test_a_field_that_the_plan_reads_changes(crm: Crm) -> None:
    """Fields are kept; with `reassign_on` the plan decides again, at most three times an hour."""
    lead = await lead_of(crm, "101", "ana")
    kept = await crm.tell(
        crm.event("101", {"country": "Austria", "email": "new@kunde.example"}, at=NOON + MINUTE)
    )
    shown = await crm.workspace.get(f"/leads/{lead}")
    assert (kept.code, shown["fields"]["country"], shown["fields"]["email"]) == (
        None,
        "AT",
        "new@kunde.example",
    )
    assert (await crm.workspace.assign(email="new@kunde.example"))["lead_id"] == lead
    cleared = await crm.tell(crm.event("101", {"country": ""}, at=NOON + 2 * MINUTE))
    assert cleared.result == "done"
    assert "country" not in (await crm.workspace.get(f"/leads/{lead}"))["fields"]
    for status, left in (("OPEN", {"lead_status": "OPEN"}), ("", None)):
        moment = NOON + (3 + len(status)) * MINUTE if status else NOON + 9 * MINUTE
        await crm.tell(crm.event("101", {"hs_lead_status": status}, at=moment))
        assert (await crm.workspace.get(f"/leads/{lead}"))["fields"].get("attributes") == left
    watching = Crm(crm.workspace, mapping={"reassign_on": ["owner_cleared", {"field": "country"}]})
    countries = ["DE", "US", "AT", "US", "DE"]
    codes = []
    for number, country in enumerate(countries, 1):
        moment = NOON + (10 + number) * MINUTE
        await stand_at(crm, moment)
        codes.append((await watching.tell(watching.event("101", {"country": country}, at=moment))).code)
    assert codes == ["rerouted", "rerouted", "rerouted", "loop", "loop"]
    assert (await books(crm.workspace))["101"] == ("queued", None, "unrouted")
    assert await findings(crm.workspace) == {("loop", "101"): 2}
    shown = await crm.workspace.get(f"/leads/{lead}")
    assert [each["team"] for each in shown["assignments"][-4:-1]] == ["dach", "inbound", "dach"]
    assert shown["assignments"][-1]["cause"] == "crm_reassign"
    await is_clean(crm)


async def test_a_later_decision_of_a_person_stands(crm: Crm) -> None:
    """The plan decides again only about the assignment that the event saw."""
    await lead_of(crm, "101", "ana")
    watching = Crm(crm.workspace, mapping={"reassign_on": [{"field": "country"}]})
    late = await watching.tell(watching.event("101", {"country": "DE"}, at=NOON - MINUTE))
    assert (late.code, (await books(crm.workspace))["101"][1]) == ("superseded", "ana")


async def test_one_sale_told_several_times_corrected_and_taken_back(crm: Crm) -> None:
    """In order and shuffled: the last amount counts, and nothing is counted twice."""
    stream = [
        ({"dealstage": "closedwon", "amount": "4000", "deal_currency_code": "EUR"}, 0),
        ({"dealstage": "closedwon", "amount": "4000", "deal_currency_code": "EUR"}, 20),
        ({"amount": "4400"}, 120),
        ({"dealstage": "qualifiedtobuy"}, 360),
    ]
    await stand_at(crm, NOON + timedelta(hours=7))
    for number in range(4):
        contact, deal = f"10{number}", f"9{number}"
        lead = await lead_of(crm, contact, "ana")
        await crm.tell(crm.event(contact, {"firstname": "Jo"}, at=NOON))
        events = [
            crm.event(
                deal, {**fields, "association.contact": contact}, object="deal", at=NOON + minutes * MINUTE
            )
            for fields, minutes in stream
        ]
        told = events[:3] if number == 0 else events
        if number > 1:
            told = random.Random(number).sample(events * 2, 8)
        for event in told:
            await crm.tell(event)
        shown = await crm.workspace.get(f"/leads/{lead}")
        expected = (1, 4400) if number == 0 else (0, 0)
        amounts = [each["amount"] for each in shown["revenue"]] or [0]
        assert (shown["conversions"], *amounts) == expected, number
    await is_clean(crm)


@pytest.mark.parametrize("at_once", [False, True])
async def test_deals_of_merged_leads_count_once_for_the_lead_that_remains(crm: Crm, at_once: bool) -> None:
    """Deals that were won before a merge are corrected and taken back after it, also in the same group."""
    contacts, deals = ["101", "102", "103"], ["901", "902", "903"]
    leads = [await lead_of(crm, id_, "ana") for id_ in contacts]
    await stand_at(crm, NOON + timedelta(hours=1))
    for contact, deal in zip(contacts, deals, strict=True):
        fields = {"association.contact": contact, "dealstage": "closedwon", "amount": "1000"}
        await crm.tell(crm.event(deal, fields, object="deal", at=NOON))
    first = crm.event("102", kind="merged", others=["103"], at=NOON + MINUTE)
    second = crm.event("101", kind="merged", others=["102"], at=NOON + 2 * MINUTE)
    corrected = crm.event("902", {"amount": "1200"}, object="deal", at=NOON + 3 * MINUTE)
    taken_back = crm.event("903", {"dealstage": "qualifiedtobuy"}, object="deal", at=NOON + 4 * MINUTE)
    await crm.tell(first)
    if at_once:
        await crm.tell_all([second, corrected, taken_back])
    else:
        assert [await brought(crm, each) for each in leads] == [(1, 1000), (2, 2000), (0, 0)]
        for each in (second, corrected, taken_back):
            await crm.tell(each)
    assert [await brought(crm, each) for each in leads] == [(2, 2200), (0, 0), (0, 0)]
    effects = await crm.workspace.fetch(
        """SELECT effect FROM events WHERE workspace_id = $1 AND type IN ('purchase', 'reversed')
            ORDER BY sequence"""
    )
    assert [row["effect"] for row in effects] == ["counted"] * 3 + ["amended", "reversed"]
    await is_clean(crm)


async def brought(crm: Crm, lead_id: str) -> tuple[int, float]:
    """The won deals of a lead, and their amounts."""
    shown = await crm.workspace.get(f"/leads/{lead_id}")
    return shown["conversions"], sum(each["amount"] for each in shown["revenue"])


async def test_calls_and_mails_are_touches_of_their_owners(crm: Crm) -> None:
    """An integration touches nobody; a call that is told twice is one event."""
    lead = await lead_of(crm, "101", "ana")
    await crm.tell(crm.event("101", {"firstname": "Jo"}, at=NOON))
    link = {"association.contact": "101"}
    ours = crm.event("c1", {**link, "hubspot_owner_id": "1"}, object="call", at=NOON, actor="app")
    await crm.tell(ours)
    stranger = crm.event("c2", {**link, "hubspot_owner_id": "99"}, object="call", at=NOON)
    await crm.tell(stranger)
    touched = "SELECT touched_at FROM assignments WHERE workspace_id = $1 AND open"
    assert [row["touched_at"] for row in await crm.workspace.fetch(touched)] == [None]
    call = {**link, "hubspot_owner_id": "1", "hs_timestamp": NOON.isoformat()}
    for _ in range(2):
        await crm.tell(crm.event("c3", call, object="call", at=NOON + MINUTE))
    reply = {**link, "hubspot_owner_id": "1", "hs_email_direction": "INCOMING_EMAIL"}
    await crm.tell(crm.event("m1", reply, object="email", at=NOON + MINUTE))
    events = await crm.workspace.fetch(
        "SELECT type, by_id, via, effect FROM events WHERE workspace_id = $1 ORDER BY sequence"
    )
    assert [tuple(row) for row in events] == [
        ("first_touch", "hubspot", "auto", "none"),
        ("first_touch", "99", "phone", "none"),
        ("first_touch", "ana", "phone", "touched"),
        ("reached", "ana", "email", "touched"),
    ]
    assert [row["touched_at"] for row in await crm.workspace.fetch(touched)] == [NOON]
    assert (await crm.workspace.get(f"/leads/{lead}"))["assignments"][-1]["owner"]["id"] == "ana"


async def test_deactivated_while_somebody_hands_over(workspace: Workspace) -> None:
    """Nobody is moved twice, and what is left over moves after a while."""
    async with open_crm(workspace, "pipedrive") as crm:
        await stand_at(crm, NOON)
        ids = [f"20{number}" for number in range(6)]
        for id_ in ids:
            await lead_of(crm, id_, "ana")
        await crm.tell(_user(crm, "1", active=False, moment=NOON))
        owner = await crm.workspace.get("/owners/ana")
        assert owner["active"] is False
        for number, id_ in enumerate(ids[:4]):
            moment = NOON + (number + 1) * 20 * SECOND
            await stand_at(crm, moment)
            fields = {"owner_id": 3}
            await crm.tell(crm.event(id_, fields, previous={"owner_id": 1}, at=moment, origin="person"))
        await stand_at(crm, NOON + 4 * MINUTE)
        await upkeep(crm)
        assert await crm.workspace.fetch("SELECT FROM bulk_jobs WHERE workspace_id = $1") == []
        await stand_at(crm, NOON + 5 * MINUTE)
        await upkeep(crm)
        jobs = await crm.workspace.fetch("SELECT kind, total FROM bulk_jobs WHERE workspace_id = $1")
        assert [tuple(row) for row in jobs] == [("deactivate", 2)]
        state = await books(crm.workspace)
        assert [state[id_][1] for id_ in ids[:4]] == ["cem"] * 4
        await run_jobs(crm)
        state = await books(crm.workspace)
        assert {state[id_][1] for id_ in ids[4:]} <= {"ben", "cem", "dia"}
        await crm.tell(_user(crm, "1", active=True, moment=NOON - MINUTE))
        assert (await crm.workspace.get("/owners/ana"))["active"] is False
        await crm.tell(_user(crm, "1", active=True, moment=NOON + 6 * MINUTE))
        assert (await crm.workspace.get("/owners/ana"))["active"] is True
        await is_clean(crm)


async def test_user_who_was_active_again_only_here_leaves_again(workspace: Workspace) -> None:
    async with open_crm(workspace, "pipedrive") as crm:
        await stand_at(crm, NOON)
        await crm.tell(_user(crm, "1", active=False, moment=NOON))
        await stand_at(crm, NOON + 4 * MINUTE)
        await upkeep(crm)
        await crm.workspace.client.patch("/owners/ana", json={"active": True})
        await lead_of(crm, "101", "ana")
        await crm.tell(_user(crm, "1", active=False, moment=NOON + 5 * MINUTE))
        await stand_at(crm, NOON + 9 * MINUTE)
        await upkeep(crm)
        jobs = await crm.workspace.fetch(
            "SELECT total FROM bulk_jobs WHERE workspace_id = $1 ORDER BY created_at"
        )
        assert [row["total"] for row in jobs] == [0, 1]


def _user(crm: Crm, id_: str, *, active: bool, moment: datetime) -> CrmEvent:
    return crm.event(id_, {"active_flag": active}, object="user", at=moment)


async def test_out_of_office_is_an_absence_that_the_crm_ends(workspace: Workspace) -> None:
    async with open_crm(workspace, "standard") as crm:
        await stand_at(crm, NOON)
        away = {"out_of_office": True, "out_of_office_until": "2098-12-05T00:00:00Z"}
        for _ in range(2):
            await crm.tell(crm.event("2", away, object="user", at=NOON))
        found = (await crm.workspace.get("/owners/ben/absences"))["items"]
        assert [(each["from"], each["to"], each["origin"]) for each in found] == [
            ("2098-12-01T12:00:00Z", "2098-12-05T00:00:00Z", "crm")
        ]
        await stand_at(crm, NOON + MINUTE)
        await crm.tell(crm.event("2", {"out_of_office": False}, object="user", at=NOON + MINUTE))
        found = (await crm.workspace.get("/owners/ben/absences"))["items"]
        assert [each["to"] for each in found] == ["2098-12-01T12:01:00Z"]
