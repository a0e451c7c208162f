"""Somebody changes the owner of a record in the CRM, and the books follow."""

import itertools
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.audit.verify import verify
from app.store.stored_bytes import unpack
from app.webhooks.crm_events import CrmRecord
from tests.support.crm import Crm, actions, books, findings, open_crm
from tests.support.workspace import Workspace

SECOND = timedelta(seconds=1)


@pytest.fixture
async def crm(workspace: Workspace) -> AsyncIterator[Crm]:
    async with open_crm(workspace) as made:
        yield made


async def lead_of(crm: Crm, id_: str = "101", owner: str = "ana", **fields: Any) -> dict[str, Any]:
    """A lead of an owner that the CRM knows by this id, and whose owner our executor has written."""
    decision = await crm.workspace.assign(crm={"lead_id": id_}, email=f"p{id_}@kunde.example", **fields)
    if decision["owner"]["id"] != owner:
        answer = await crm.workspace.client.post(
            "/reassign", json={"lead_id": decision["lead_id"], "to": owner}
        )
        assert answer.status_code == 201, answer.text
        decision = answer.json()
    return decision


def time_of(decision: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(decision["decided_at"])


async def test_a_person_gives_a_lead_to_somebody_else(crm: Crm) -> None:
    decision = await lead_of(crm)
    lead, at = decision["lead_id"], time_of(decision)
    done = await crm.owner("101", "2", at + 60 * SECOND, origin="person", previous={"hubspot_owner_id": "1"})
    assert (done.result, done.code, done.lead_id) == ("done", "followed", lead)
    assert await books(crm.workspace) == {"101": ("assigned", "ben", None)}
    shown = await crm.workspace.get(f"/leads/{lead}")
    newest = shown["assignments"][-1]
    assert (newest["cause"], newest["reason"]["code"]) == ("crm", "crm_owner")
    assert shown["assignments"][-2]["end_cause"] == "crm"
    turns = await crm.workspace.fetch("SELECT chosen FROM ledger_entries WHERE workspace_id = $1")
    assert len(turns) == 1
    # The old owner's tasks are canceled, the new one has their own, and nothing is written back.
    assert await actions(crm.workspace, lead) == [("cancel_task", "ana"), ("notify", "ana"), ("task", None)]
    clocks = await crm.workspace.fetch(
        "SELECT owner_id, state FROM sla_clocks WHERE workspace_id = $1 AND owner_id IN ('ana', 'ben')"
    )
    assert {(row["owner_id"], row["state"]) for row in clocks} == {("ana", "withdrawn"), ("ben", "pending")}


async def test_what_comes_back_is_no_change_and_what_only_looks_like_it_is(crm: Crm) -> None:
    """An echo, a workflow under the same user, and two people."""
    ben = await lead_of(crm, owner="ben")
    at = time_of(ben) + 3 * SECOND
    told = [
        await crm.owner("101", "2", at, actor="app", origin="integration"),
        await crm.owner("101", "4", at + SECOND / 25, actor="app", origin="workflow"),
        await crm.owner("101", "3", at + 420 * SECOND, actor="u9", origin="person"),
        await crm.owner("101", "2", at + 540 * SECOND, actor="u9", origin="person"),
        await crm.owner("101", "3", at + 420 * SECOND, actor="u9", origin="person"),
        await crm.owner("101", "2", at + 540 * SECOND, actor="u9", origin="person"),
    ]
    assert [each.code for each in told] == [
        "echo",
        "followed",
        "followed",
        "followed",
        "stale",
        "nothing_new",
    ]
    assert await books(crm.workspace) == {"101": ("assigned", "ben", None)}
    shown = await crm.workspace.get(f"/leads/{ben['lead_id']}")
    assert [each["owner"]["id"] for each in shown["assignments"][-4:]] == ["ben", "dia", "cem", "ben"]
    report = await verify(crm.workspace.pool, crm.workspace.workspace_id)
    assert report.clean, report.differences


async def test_a_change_and_our_own_write(crm: Crm) -> None:
    """Who wins when a person and the service give a lead to two owners."""
    titled: dict[str, tuple[str, dict[str, Any], str, str]] = {
        # The change came before our write, which overwrote it.
        "before": ("101", {"at": -60, "previous": "1"}, "before_our_write", "ben"),
        # It came after: the value before is what we wrote.
        "after": ("102", {"at": 60, "previous": "2"}, "followed", "cem"),
        # So close that nobody can tell.
        "close": ("103", {"at": -4, "previous": "1"}, "followed", "cem"),
        # The CRM does not say what was before.
        "untold": ("104", {"at": -60}, "followed", "cem"),
        # A whole record that our write has not reached yet.
        "whole": ("105", {"at": -60, "complete": True}, "before_our_write", "ben"),
        # A whole record that a person has edited since, and of which nothing was heard before.
        "edited": ("106", {"at": 1, "complete": True}, "followed", "cem"),
    }
    for title, (id_, how, code, owner) in titled.items():
        await lead_of(crm, id_, "ana")
        ours = await lead_of(crm, id_, "ben")
        more: dict[str, Any] = {"complete": how.get("complete", False), "origin": "person", "actor": "u9"}
        if "previous" in how:
            more["previous"] = {"hubspot_owner_id": how["previous"]}
        done = await crm.owner(id_, "3", time_of(ours) + how["at"] * SECOND, **more)
        assert (done.code, (await books(crm.workspace))[id_][1]) == (code, owner), title


async def test_nobody_since_our_write_or_since_an_older_change(crm: Crm) -> None:
    """A record without an owner is decided again, unless that is older than what we wrote."""
    older, newer = time_of(await lead_of(crm, "101")), time_of(await lead_of(crm, "102"))
    await crm.tell(crm.event("101", {"firstname": "Jo"}, at=older - 60 * SECOND))
    before = await crm.owner("101", None, older - 60 * SECOND, origin="person")
    after = await crm.owner("102", None, newer + SECOND, origin="person")
    assert [before.code, after.code] == ["before_our_write", "rerouted"]
    # Both come late and in their order: the owner is followed, and then there is none.
    at = time_of(await lead_of(crm, "103")) - 600 * SECOND
    owned = await crm.owner("103", "2", at, origin="person")
    cleared = await crm.owner("103", None, at + SECOND, origin="person")
    assert [owned.code, cleared.code] == ["followed", "rerouted"]


async def test_order_of_owner_changes(crm: Crm) -> None:
    """The CRM's time counts; a person goes before a workflow of the same time; else the record is read."""
    at = time_of(await lead_of(crm)) + 60 * SECOND
    assert (await crm.owner("101", "3", at, origin="person")).code == "followed"
    assert (await crm.owner("101", "2", at - SECOND, origin="person")).code == "stale"
    assert (await crm.owner("101", "4", at, origin="workflow")).code == "stale"
    tie = await crm.owner("101", "4", at, origin="person")
    assert (tie.code, await books(crm.workspace)) == ("must_read", {"101": ("assigned", "cem", None)})
    asked = await crm.workspace.fetch(
        "SELECT body ->> 'params' AS params FROM actions WHERE workspace_id = $1 AND type = 'read_record'"
    )
    assert [json.loads(row["params"]) for row in asked] == [
        {"kind": "hubspot", "object": "contact", "id": "101"}
    ]


async def test_nobody_queues_and_strangers(crm: Crm) -> None:
    at = time_of(await lead_of(crm)) + 60 * SECOND
    queued = await crm.owner("101", "q1", at, origin="person")
    assert (queued.code, await books(crm.workspace)) == ("followed", {"101": ("queued", None, "recycled")})
    unknown = await crm.owner("101", "77", at + SECOND, origin="person")
    assert unknown.code == "unknown_user"
    assert (await books(crm.workspace))["101"] == ("queued", None, "recycled")
    assert await findings(crm.workspace) == {("unknown_user", "101"): 1}
    # Nobody has it any more: the plan decides again, and what it decides is written.
    cleared = await crm.owner("101", "", at + 2 * SECOND, origin="person")
    state, owner, _ = (await books(crm.workspace))["101"]
    assert (cleared.code, state) == ("rerouted", "assigned")
    assert owner in ("ana", "ben", "cem", "dia")
    assert (await actions(crm.workspace, cleared.lead_id or ""))[-2:] == [("set_owner", None), ("task", None)]
    report = await verify(crm.workspace.pool, crm.workspace.workspace_id)
    assert report.clean, report.differences


async def test_a_new_owner_who_is_away_over_their_caps_or_inactive_keeps_it(crm: Crm) -> None:
    body = {"name": "Ben", "crm": {"hubspot": "2"}, "caps": {"open": 0}}
    await crm.workspace.put("owners", "ben", body)
    await crm.workspace.put("owners", "cem", {"name": "Cem", "crm": {"hubspot": "3"}, "active": False})
    at = time_of(await lead_of(crm)) + 60 * SECOND
    done = await crm.owner("101", "2", at, origin="person")
    (stored,) = await crm.workspace.fetch(
        "SELECT response FROM assignments WHERE workspace_id = $1 AND open AND lead_id = $2", done.lead_id
    )
    assert json.loads(unpack(stored["response"]))["over_cap"] is True
    await crm.owner("101", "3", at + SECOND, origin="person")
    assert (await books(crm.workspace))["101"] == ("assigned", "cem", None)
    assert await findings(crm.workspace) == {("inactive_owner", "101"): 1}


async def test_a_turn_is_counted_only_if_the_mapping_says_so(crm: Crm) -> None:
    counting = Crm(crm.workspace, mapping={"count_turn": True})
    at = time_of(await lead_of(crm)) + 60 * SECOND
    turns = "SELECT chosen FROM ledger_entries WHERE workspace_id = $1 ORDER BY number"
    await crm.owner("101", "2", at, origin="person")
    assert [row["chosen"] for row in await crm.workspace.fetch(turns)] == ["ana"]
    await counting.owner("101", "3", at + SECOND, origin="person")
    assert [row["chosen"] for row in await crm.workspace.fetch(turns)] == ["ana", "cem"]
    report = await verify(crm.workspace.pool, crm.workspace.workspace_id)
    assert report.clean, report.differences


async def test_a_closed_lead_changes_hands_and_stays_closed(crm: Crm) -> None:
    decision = await lead_of(crm)
    closed = await crm.workspace.client.post(
        f"/assignments/{decision['assignment_id']}/events", json={"type": "closed"}
    )
    assert closed.status_code == 200
    await crm.owner("101", "2", time_of(decision) + 60 * SECOND, origin="person")
    assert await books(crm.workspace) == {"101": ("closed", "ben", None)}
    report = await verify(crm.workspace.pool, crm.workspace.workspace_id)
    assert report.clean, report.differences


@pytest.mark.parametrize("order", list(itertools.permutations("123")))
async def test_two_changes_after_our_write_end_the_same_in_any_order(
    workspace: Workspace, order: str
) -> None:
    """The second one does not name our value as the one before it, as if it had come before our write."""
    async with open_crm(workspace, "pipedrive") as crm:
        decision = await lead_of(crm)
        at = time_of(decision)
        minute = 60 * SECOND
        person: dict[str, Any] = {"origin": "person", "actor": "7"}
        ours: dict[str, Any] = {"origin": "integration", "actor": "app"}
        told = {
            "1": crm.event("101", {"owner_id": "1"}, at=at + SECOND, previous={"owner_id": "9"}, **ours),
            "2": crm.event("101", {"owner_id": "2"}, at=at + minute, previous={"owner_id": "1"}, **person),
            "3": crm.event(
                "101", {"owner_id": "3"}, at=at + 2 * minute, previous={"owner_id": "2"}, **person
            ),
        }
        for each in order:
            await crm.tell(told[each])
        if ("read_record", None) in await actions(crm.workspace, decision["lead_id"]):
            await crm.effects.deliver_record(
                crm.workspace.workspace_id,
                crm.source,
                CrmRecord("contact", "101"),
                {"owner_id": "3"},
                at + 2 * minute,
            )
        assert (await books(crm.workspace))["101"][1] == "cem"
