"""Records of a CRM are made, merged, converted, deleted and restored, in any order."""

import itertools
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.audit.verify import verify
from app.webhooks.crm_events import CrmRecord
from app.worker import crm_upkeep
from app.worker.crm_upkeep import CrmUpkeep
from tests.support.crm import Crm, actions, books, findings, open_crm
from tests.support.office import at
from tests.support.workspace import Workspace

NOON = datetime(2098, 12, 1, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
ROUTED = {"objects": {"contact": {"created": "route"}}}


@pytest.fixture
async def crm(workspace: Workspace) -> AsyncIterator[Crm]:
    async with open_crm(workspace) as made:
        await stand_at(made, NOON)
        yield made


async def stand_at(crm: Crm, moment: datetime) -> None:
    await at(crm.workspace, moment.isoformat())


async def lead_of(crm: Crm, id_: str, owner: str) -> str:
    """A lead that the CRM knows by this id, with a turn of its first owner, maybe moved to another one."""
    decision = await crm.workspace.assign(crm={"lead_id": id_}, email=f"p{id_}@kunde.example")
    if decision["owner"]["id"] != owner:
        moved = {"lead_id": decision["lead_id"], "to": owner}
        assert (await crm.workspace.client.post("/reassign", json=moved)).status_code == 201
    return str(decision["lead_id"])


async def is_clean(crm: Crm) -> None:
    report = await verify(crm.workspace.pool, crm.workspace.workspace_id)
    assert report.clean, report.differences


async def upkeep(crm: Crm) -> None:
    """What the worker does about CRMs."""
    duty = CrmUpkeep(crm.workspace.pool, crm.workspace.app.state.dispatch, every=0)
    while await duty.run(await crm.workspace.agenda()):
        pass


async def test_a_merge_makes_a_third_id(crm: Crm) -> None:
    """In orders with repetitions: one lead, the primary's owner, one refund, nothing closed."""
    told = [
        lambda ids: crm.event(ids[2], kind="merged", others=ids[:2], at=NOON, must_read=True),
        lambda ids: crm.event(ids[1], kind="deleted", at=NOON + SECOND),
        lambda ids: crm.event(ids[0], kind="deleted", at=NOON + 2 * SECOND),
        lambda ids: crm.event(ids[2], {"firstname": "Jo"}, at=NOON + 3 * SECOND, origin="person"),
    ]
    orders = list(itertools.permutations(range(4)))
    chosen = random.Random(38).sample(orders, 6)
    for number, order in enumerate(chosen):
        ids = [f"{number}{id_}" for id_ in ("101", "202", "303")]
        first, second = await lead_of(crm, ids[0], "ana"), await lead_of(crm, ids[1], "ben")
        for position in (*order, *random.Random(number).choices(order, k=4)):
            await crm.tell(told[position](ids))
        state = await books(crm.workspace)
        assert {state[id_] for id_ in ids} == {("assigned", "ana", None)}, order
        assert {(await crm.workspace.get(f"/leads?crm_lead_id={id_}"))["items"][0]["id"] for id_ in ids} == {
            first
        }
        rows = await crm.workspace.fetch(
            "SELECT state, merged_into::text AS into FROM leads WHERE workspace_id = $1 AND id = $2", second
        )
        assert [tuple(row) for row in rows] == [("merged", first)]
        shown = (await crm.workspace.get(f"/leads/{second}"))["assignments"]
        assert {each["state"] for each in shown} == {"superseded"}
        ended = await crm.workspace.fetch(
            """SELECT end_cause FROM assignments WHERE workspace_id = $1 AND lead_id = $2 AND owner_id = 'ben'
                ORDER BY decision_number DESC LIMIT 1""",
            second,
        )
        assert [row["end_cause"] for row in ended] == ["merged"]
    refunds = await crm.workspace.fetch(
        "SELECT count(*) AS found FROM assignments WHERE workspace_id = $1 AND refunded"
    )
    taken = await crm.workspace.fetch(
        """SELECT count(*) AS found FROM assignments JOIN ledger_entries AS turn
               ON turn.workspace_id = $1 AND turn.assignment_id = assignments.id AND turn.cause = 'turn'
            WHERE assignments.workspace_id = $1 AND end_cause = 'merged'"""
    )
    assert refunds[0]["found"] == taken[0]["found"]
    await stand_at(crm, NOON + timedelta(hours=25))
    await upkeep(crm)
    assert {each[0] for each in (await books(crm.workspace)).values()} == {"assigned"}
    await is_clean(crm)


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 0, 1)])
async def test_a_late_merge_brings_no_record_back_that_was_merged_since(
    crm: Crm, order: tuple[int, ...]
) -> None:
    """Of a chain of merges one record remains, and the lead goes with it."""
    leads = [await lead_of(crm, id_, "ana") for id_ in ("101", "102", "103")]
    told = [
        crm.event("201", kind="merged", others=["101", "102"], at=NOON, must_read=True),
        crm.event("301", kind="merged", others=["201", "103"], at=NOON + SECOND, must_read=True),
    ]
    for position in order:
        await crm.tell(told[position])
    rows = await crm.workspace.fetch(
        "SELECT id, state, merged_into FROM crm_records WHERE workspace_id = $1 ORDER BY id"
    )
    merged = [(id_, "merged", "301") for id_ in ("101", "102", "103", "201")]
    assert [tuple(row) for row in rows] == [*merged, ("301", "live", None)]
    await crm.tell(crm.event("301", kind="deleted", at=NOON + 2 * SECOND))
    await stand_at(crm, NOON + timedelta(hours=25))
    await upkeep(crm)
    shown = [(await crm.workspace.get(f"/leads/{each}"))["state"] for each in leads]
    assert sorted(shown) == ["closed", "merged", "merged"]
    await is_clean(crm)


async def test_a_late_conversion_brings_no_record_back_that_was_merged_since(crm: Crm) -> None:
    for id_ in ("101", "103"):
        await lead_of(crm, id_, "ana")
    await crm.tell(crm.event("301", kind="merged", others=["201", "103"], at=NOON + SECOND))
    await crm.tell(crm.event("101", kind="converted", others=["201"], at=NOON))
    rows = await crm.workspace.fetch(
        "SELECT id, state, merged_into FROM crm_records WHERE workspace_id = $1 ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        ("101", "live", None),
        ("103", "merged", "301"),
        ("201", "merged", "301"),
        ("301", "live", None),
    ]
    await is_clean(crm)


async def test_created_says_only_a_number(crm: Crm) -> None:
    """One question, one decision, and what changed meanwhile is part of it."""
    routing = Crm(crm.workspace, mapping=ROUTED)
    created = [routing.event("555", kind="created", at=NOON, must_read=True) for _ in range(3)]
    for each in created:
        assert (await routing.tell(each)).result == "wait"
    waits = await routing.tell(routing.event("555", {"country": "AT"}, at=NOON + 5 * SECOND))
    assert (waits.result, await books(crm.workspace)) == ("wait", {})
    asked = await crm.workspace.fetch("SELECT type FROM actions WHERE workspace_id = $1")
    assert [row["type"] for row in asked] == ["read_record"]
    fields = {"email": "jo@kunde.example", "firstname": "Jo", "country": "US"}
    record = CrmRecord("contact", "555")
    effects, id_ = routing.effects, crm.workspace.workspace_id
    done = await effects.deliver_record(id_, routing.source, record, fields, NOON + SECOND)
    assert done.code == "routed"
    again = await effects.deliver_record(id_, routing.source, record, fields, NOON + SECOND)
    assert (again.result, again.lead_id) == ("done", done.lead_id)
    await routing.tell(created[0])
    await routing.tell(routing.event("555", {"country": "AT"}, at=NOON + 5 * SECOND))
    shown = await crm.workspace.get(f"/leads/{done.lead_id}")
    assert (shown["fields"]["country"], shown["fields"]["trigger"]) == ("AT", "crm_created")
    assert len(shown["assignments"]) == 1
    await is_clean(crm)


async def test_a_record_that_nobody_reads_is_a_finding(crm: Crm) -> None:
    routing = Crm(crm.workspace, mapping=ROUTED)
    event = routing.event("556", kind="created", at=NOON, must_read=True)
    assert (await routing.tell(event)).result == "wait"
    await stand_at(crm, NOON + 16 * MINUTE)
    late = await routing.tell(event)
    assert (late.result, late.code) == ("done", "record_not_read")
    assert (await findings(crm.workspace), await books(crm.workspace)) == (
        {("record_not_read", "556"): 1},
        {},
    )


async def test_a_form_of_the_same_person_comes_first(crm: Crm) -> None:
    routing = Crm(crm.workspace, mapping=ROUTED)
    await routing.tell(routing.event("557", kind="created", at=NOON, must_read=True))
    form = await crm.workspace.assign(email="jo@kunde.example")
    done = await routing.effects.deliver_record(
        crm.workspace.workspace_id,
        routing.source,
        CrmRecord("contact", "557"),
        {"email": "jo@kunde.example", "company": "Kunde"},
        NOON,
    )
    assert done.lead_id == form["lead_id"]
    await routing.owner("557", "4", NOON + MINUTE, origin="person")
    assert (await crm.workspace.get(f"/leads/{form['lead_id']}"))["assignments"][-1]["owner"]["id"] == "dia"


async def test_an_unknown_record_is_dropped_and_an_import_is_recorded(crm: Crm) -> None:
    change = crm.event("600", {"hubspot_owner_id": "2"}, at=NOON, origin="person")
    assert (await crm.tell(change)).result == "wait"
    await stand_at(crm, NOON + 11 * MINUTE)
    late = await crm.tell(change)
    assert (late.result, late.code) == ("done", "unknown_record")
    routing = Crm(crm.workspace, mapping=ROUTED)
    for number in range(3):
        fields = {"email": f"import{number}@kunde.example"}
        new = routing.event(f"70{number}", fields, "created", at=NOON, origin="import", complete=True)
        assert (await routing.tell(new)).code == "recorded"
    assert (await findings(crm.workspace), await books(crm.workspace)) == (
        {("import_not_routed", "*"): 3},
        {},
    )
    lead = await lead_of(crm, "101", "ana")
    before = await actions(crm.workspace, lead)
    await crm.owner("101", "2", NOON + 12 * MINUTE, origin="import")
    assert (await books(crm.workspace))["101"] == ("assigned", "ben", None)
    assert await actions(crm.workspace, lead) == before
    importing = Crm(crm.workspace, mapping={**ROUTED, "import": "route"})
    new = importing.event(
        "710", {"email": "x@kunde.example"}, "created", at=NOON, origin="import", complete=True
    )
    assert (await importing.tell(new)).code == "routed"


async def test_a_deleted_lead_is_closed_after_a_day_unless_it_is_restored(crm: Crm) -> None:
    for id_ in ("101", "102"):
        await lead_of(crm, id_, "ana")
        await crm.tell(crm.event(id_, {"firstname": "Jo"}, at=NOON))
        await crm.tell(crm.event(id_, kind="deleted", at=NOON + SECOND))
    await crm.tell(crm.event("102", kind="restored", at=NOON + MINUTE))
    await stand_at(crm, NOON + timedelta(hours=23))
    await upkeep(crm)
    assert {each[0] for each in (await books(crm.workspace)).values()} == {"assigned"}
    await stand_at(crm, NOON + timedelta(hours=25))
    await upkeep(crm)
    assert {id_: each[0] for id_, each in (await books(crm.workspace)).items()} == {
        "101": "closed",
        "102": "assigned",
    }
    # What comes back later opens the lead again, where it was.
    await crm.tell(crm.event("101", kind="restored", at=NOON + timedelta(hours=25)))
    assert (await books(crm.workspace))["101"] == ("assigned", "ana", None)
    await is_clean(crm)


async def test_a_lead_is_closed_whose_record_was_deleted_before_anything_else_came(crm: Crm) -> None:
    await lead_of(crm, "101", "ana")
    assert (await crm.tell(crm.event("101", kind="deleted", at=NOON + SECOND))).code == "gone"
    await crm.tell(crm.event("101", {"firstname": "Jo"}, at=NOON))
    await stand_at(crm, NOON + timedelta(hours=25))
    await upkeep(crm)
    assert (await books(crm.workspace))["101"][0] == "closed"


async def test_a_deal_whose_lead_never_becomes_known_does_not_wait_for_ever(crm: Crm) -> None:
    deal = crm.event("9", kind="created", object="deal", at=NOON, must_read=True)
    assert (await crm.tell(deal)).result == "wait"
    await stand_at(crm, NOON + 16 * MINUTE)
    assert [(each.result, each.code) for each in [await crm.tell(deal)]] == [("done", "record_not_read")]


async def test_a_deletion_is_looked_after_once_and_later_ones_are_too(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crm_upkeep, "SLICE", 1)
    for second, id_ in enumerate(("101", "102")):
        await lead_of(crm, id_, "ana")
        await crm.tell(crm.event(id_, kind="deleted", at=NOON + second * SECOND))
    await stand_at(crm, NOON + timedelta(hours=25))
    await upkeep(crm)
    assert {each[0] for each in (await books(crm.workspace)).values()} == {"closed"}

    # The person comes back by another way. The CRM says again that the record is gone.
    lead_id = (await crm.workspace.assign(email="p101@kunde.example"))["lead_id"]
    await crm.tell(crm.event("101", kind="deleted", at=NOON))
    await stand_at(crm, NOON + timedelta(hours=50))
    await upkeep(crm)
    assert (await crm.workspace.get(f"/leads/{lead_id}"))["state"] == "assigned"
    await is_clean(crm)


async def test_a_new_record_that_was_deleted_meanwhile_is_asked_for_no_more(crm: Crm) -> None:
    router = Crm(crm.workspace, mapping=ROUTED)
    created = router.event("700", kind="created", at=NOON, must_read=True)
    assert (await router.tell(created)).result == "wait"
    assert (await router.tell(router.event("700", kind="deleted", at=NOON + SECOND))).result == "done"
    assert (await router.tell(created)).result == "done"

    await stand_at(crm, NOON + timedelta(hours=1))
    await upkeep(crm)
    assert len(await crm.workspace.fetch("SELECT FROM actions WHERE workspace_id = $1")) == 1
    assert await findings(crm.workspace) == {}
    await stand_at(crm, NOON + timedelta(hours=25))
    await upkeep(crm)
    assert await crm.workspace.fetch("SELECT FROM crm_records WHERE workspace_id = $1") == []


async def test_a_deleted_deal_takes_no_lead_with_it(crm: Crm) -> None:
    await lead_of(crm, "101", "ana")
    deal = crm.event("9", {"dealstage": "new", "association.contact": "101"}, object="deal", at=NOON)
    await crm.tell(deal)
    assert (await crm.tell(crm.event("9", kind="deleted", object="deal", at=NOON + MINUTE))).code == "gone"
    await stand_at(crm, NOON + timedelta(hours=25))
    await upkeep(crm)
    assert (await books(crm.workspace))["101"] == ("assigned", "ana", None)


async def test_a_write_that_never_came_back_is_a_finding(crm: Crm) -> None:
    decision = await crm.workspace.assign(crm={"lead_id": "101"}, email="jo@kunde.example")
    await crm.tell(crm.event("101", {"firstname": "Jo"}, at=NOON))
    other = await crm.workspace.assign(crm={"lead_id": "102"}, email="bo@kunde.example")
    user = {"ana": "1", "ben": "2", "cem": "3", "dia": "4"}[other["owner"]["id"]]
    assert (await crm.owner("102", user, NOON + SECOND, actor="app")).code == "echo"
    await stand_at(crm, NOON + timedelta(hours=25))
    await upkeep(crm)
    await upkeep(crm)
    assert decision["owner"] is not None
    assert await findings(crm.workspace) == {("write_not_confirmed", "101"): 1}


async def test_a_lead_becomes_a_contact(workspace: Workspace) -> None:
    """Three ids of one lead; the deal's win counts for it, and the contact's owner is its owner."""
    async with open_crm(workspace, "salesforce", actors=frozenset()) as crm:
        await stand_at(crm, NOON)
        lead, contact, deal = "00Q5g00000AbCd1", "0035g00000AbCd7", "0065g00000AbCd9"
        await lead_of(crm, lead, "ana")
        early = crm.event(
            deal, {"StageName": "Prospecting", "OwnerId": "4"}, "created", object="deal", at=NOON
        )
        assert (await crm.tell(early)).result == "wait"
        converted = crm.event(lead, kind="converted", object="lead", at=NOON)
        others = [
            CrmRecord("contact", contact),
            CrmRecord("deal", deal),
            CrmRecord("company", "0015g0000012345"),
        ]
        for _ in range(2):
            await crm.tell(type(converted)(**{**_slots(converted), "others": others}))
        await crm.tell(early)
        week = NOON + timedelta(days=7)
        await stand_at(crm, week)
        won = {"StageName": "Closed Won", "Amount": 24000, "CurrencyIsoCode": "EUR"}
        await crm.tell(crm.event(deal, won, object="deal", at=week))
        await crm.tell(crm.event(contact, {"OwnerId": "2"}, at=week, origin="person"))
        found = await crm.workspace.get(f"/leads?crm_lead_id={contact}")
        shown = found["items"][0]
        assert (shown["assignments"][-1]["owner"]["id"], shown["conversions"]) == ("ben", 1)
        assert [(each["currency"], each["amount"]) for each in shown["revenue"]] == [("EUR", 24000)]
        events = await crm.workspace.fetch(
            "SELECT type FROM events WHERE workspace_id = $1 ORDER BY sequence"
        )
        assert [row["type"] for row in events] == ["qualified", "opportunity", "purchase"]
        await is_clean(crm)


def _slots(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__slots__}
