"""The report `reassignment`, from lives that are told over HTTP; every number was counted by hand."""

from tests.support.told_lives import (
    TUESDAY,
    arrive,
    claim,
    give,
    move_to,
    owned_by,
    report,
    shown,
    tell,
)
from tests.support.workspace import Workspace


async def cover(office: Workspace, owner: str, start: str, end: str, by: str) -> None:
    """An owner is away for some hours, and another one stands in."""
    times = {"from": f"{TUESDAY}T{start}:00+01:00", "to": f"{TUESDAY}T{end}:00+01:00"}
    body = {**times, "cover": {"owner": by}, "open_leads": "move"}
    answer = await office.client.post(f"/owners/{owner}/absences", json=body)
    assert answer.status_code == 201, answer.text


async def test_cover_claims_and_first_owners_are_no_moves(office: Workspace) -> None:
    await arrive(office, "ana")
    await give(office, await arrive(office, "ana"), "ben")
    await give(office, await arrive(office, "ana"), "ben", "ana")
    covered = await arrive(office, "dia")
    await claim(office, await arrive(office, "desk"), "ana")
    await give(office, await arrive(office, "ana"), "ben", "cem", "ana")
    await cover(office, "dia", "10:00", "12:00", "ben")
    await move_to(office, "10:30")
    await owned_by(office, covered, "ben")
    await move_to(office, "12:30")
    await owned_by(office, covered, "dia")
    found = await report(office, "reassignment")
    assert found.totals == {
        "leads": 6,
        "reassigned": "3/6",
        "moves": 6,
        "moves_per_lead": 1.0,
        "most_moves": 3,
        "ping_pong": "2/6",
        "cover_moves": 2,
        "handoffs": 0,
        "claims": 1,
    }
    assert found.interval("reassigned") == (50.0, 18.8, 81.2)
    assert found.body["details"]["moves_by_cause"] == {"reassign": 6}


async def test_owner_who_rejects_loses_the_lead_to_the_next_one(office: Workspace) -> None:
    """Three leads: rejected and given to the next owner, rejected into a queue and claimed, taken away into a
    queue where it waits. Only the first one moved.
    """
    await tell(office, await arrive(office, "ana"), "rejected", reason="again")
    claimed = await arrive(office, "ana")
    await tell(office, claimed, "rejected", reason="no_budget")
    await claim(office, claimed, "cem")
    taken = await arrive(office, "ana", lead_type="hot")
    await move_to(office, "09:20")
    await owned_by(office, taken, None)
    found = await report(office, "reassignment", group_by="owner")
    names = ("leads", "reassigned", "moves", "ping_pong", "claims")
    assert shown(found.totals, *names) == {
        "leads": 3,
        "reassigned": "1/3",
        "moves": 1,
        "ping_pong": "0/3",
        "claims": 1,
    }
    assert found.body["details"]["moves_by_cause"] == {"reject": 1}
    assert found.counts("reassigned") == {"ana": "1/3"}


async def test_lead_that_comes_again_after_it_was_closed_starts_from_the_beginning(office: Workspace) -> None:
    lead = await office.assign(external_id="again", source="ana")
    await tell(office, lead, "closed")
    await move_to(office, "11:00")
    again = await office.assign(external_id="again", source="ben")
    assert (again["lead_id"], again["owner"]["id"]) == (lead["lead_id"], "ben")
    totals = (await report(office, "reassignment")).totals
    assert shown(totals, "leads", "moves") == {"leads": 1, "moves": 0}


async def test_handoff_of_the_plan_is_no_move_and_the_way_back_is(office: Workspace) -> None:
    handed, returned = [await arrive(office, "ana") for _ in range(2)]
    await tell(office, handed, "x-ready")
    await tell(office, returned, "x-ready")
    await give(office, returned, "ana")
    totals = (await report(office, "reassignment")).totals
    assert shown(totals, "leads", "moves", "handoffs", "reassigned", "ping_pong") == {
        "leads": 2,
        "moves": 1,
        "handoffs": 2,
        "reassigned": "1/2",
        "ping_pong": "1/2",
    }


async def test_leads_that_nobody_owned_are_no_sample(office: Workspace) -> None:
    await arrive(office, "desk")
    await arrive(office, "newsletter")
    await arrive(office, lead_type="spam")
    totals = (await report(office, "reassignment")).totals
    assert shown(totals, "leads", "reassigned", "moves_per_lead") == {
        "leads": 0,
        "reassigned": "0/0",
        "moves_per_lead": None,
    }


async def test_first_or_last_owner_is_credited(office: Workspace) -> None:
    await give(office, await arrive(office, "ana"), "ben", "cem")
    first = await report(office, "reassignment", group_by="owner", credit="first")
    last = await report(office, "reassignment", group_by="owner", credit="last")
    assert (first.counts("moves"), last.counts("moves")) == ({"ana": 2}, {"cem": 2})
