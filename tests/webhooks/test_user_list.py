"""The CRM's list of its users: who is deactivated or out of office there is so here."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.crm import USERS, Crm, open_crm
from tests.support.workspace import Workspace

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def crm(workspace: Workspace) -> AsyncIterator[Crm]:
    async with open_crm(workspace) as made:
        answer = await made.workspace.client.put(
            "/endpoints/crm", json={"kind": "hubspot", "secrets": ["long enough"]}
        )
        assert answer.status_code == 201, answer.text
        yield made


async def now_of(crm: Crm) -> datetime:
    return datetime.fromisoformat((await crm.workspace.pool.fetchval("SELECT now()")).isoformat())


async def tell(crm: Crm, *owners: Mapping[str, Any], at: datetime | None = None, **more: Any) -> Any:
    """What `POST /reconcile/owners` answers."""
    sent = {"endpoint": "crm", "as_of": (at or await now_of(crm)).isoformat(), "owners": owners, **more}
    answer = await crm.workspace.client.post("/reconcile/owners", json=sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def said(answer: dict[str, Any]) -> list[tuple[str, str | None, list[str]]]:
    return [(each["id"], each["owner"], each["results"]) for each in answer["items"]]


async def active(crm: Crm, owner: str) -> bool:
    return bool((await crm.workspace.get(f"/owners/{owner}"))["active"])


async def absences(crm: Crm, owner: str) -> list[tuple[str | None, str]]:
    found = (await crm.workspace.get(f"/owners/{owner}/absences"))["items"]
    return [(each.get("kind"), each["to"]) for each in found]


async def test_list_that_says_nothing_new_edits_nothing(crm: Crm) -> None:
    before = await crm.workspace.fetch("SELECT count(*) AS n FROM changes WHERE workspace_id = $1")
    everybody = [{"id": user, "active": True, "out_of_office": None} for user in USERS]
    assert await tell(crm, *everybody) == {"unchanged": 4, "items": []}
    assert await crm.workspace.fetch("SELECT count(*) AS n FROM changes WHERE workspace_id = $1") == before


async def test_user_who_is_inactive_in_the_crm_gets_no_lead_until_the_crm_says_so(crm: Crm) -> None:
    assert said(await tell(crm, {"id": "1", "active": False})) == [("1", "ana", ["deactivated"])]
    assert not await active(crm, "ana")
    owners = {(await crm.workspace.assign(email=f"p{n}@kunde.example"))["owner"]["id"] for n in range(6)}
    assert owners == {"ben", "cem", "dia"}
    assert await tell(crm, {"id": "1", "active": False}) == {"unchanged": 1, "items": []}
    assert said(await tell(crm, {"id": "1", "active": True})) == [("1", "ana", ["reactivated"])]
    assert await active(crm, "ana")


async def test_owner_who_was_deactivated_here_stays_so(crm: Crm) -> None:
    await crm.workspace.client.patch("/owners/ben", json={"active": False})
    assert await tell(crm, {"id": "2", "active": False}) == {"unchanged": 1, "items": []}
    assert await tell(crm, {"id": "2", "active": True}) == {"unchanged": 1, "items": []}
    assert not await active(crm, "ben")


async def test_absence_of_the_crm_ends_only_by_its_list(crm: Crm) -> None:
    now = await now_of(crm)
    away = {"from": (now - DAY).isoformat(), "to": (now + 3 * DAY).isoformat()}
    assert said(await tell(crm, {"id": "3", "out_of_office": away})) == [("3", "cem", ["away"])]
    ((kind, until),) = await absences(crm, "cem")
    assert (kind, datetime.fromisoformat(until)) == ("out_of_office", now + 3 * DAY)
    # A list that says nothing of it changes nothing, and another absence is not the CRM's to end.
    assert await tell(crm, {"id": "3", "active": True}) == {"unchanged": 1, "items": []}
    own = {"from": (now + 9 * DAY).isoformat(), "to": (now + 10 * DAY).isoformat()}
    assert (await crm.workspace.client.post("/owners/cem/absences", json=own)).status_code == 201
    assert said(await tell(crm, {"id": "3", "out_of_office": None})) == [("3", "cem", ["back"])]
    ended = [datetime.fromisoformat(to) for _, to in await absences(crm, "cem")]
    assert sorted(ended)[-1] == now + 10 * DAY
    now = await now_of(crm)
    assert all(to <= now for to in sorted(ended)[:-1])


async def test_absence_that_is_to_come_begins_then(crm: Crm) -> None:
    now = await now_of(crm)
    away = {"from": (now + DAY).isoformat(), "to": (now + 3 * DAY).isoformat()}
    await tell(crm, {"id": "3", "out_of_office": away})
    (found,) = (await crm.workspace.get("/owners/cem/absences"))["items"]
    assert datetime.fromisoformat(found["from"]) == now + DAY
    over = {"from": (now - 3 * DAY).isoformat(), "to": (now - DAY).isoformat()}
    assert await tell(crm, {"id": "4", "out_of_office": over}) == {"unchanged": 1, "items": []}


async def test_older_list_does_not_undo_a_newer_one(crm: Crm) -> None:
    now = await now_of(crm)
    await tell(crm, {"id": "1", "active": False}, at=now)
    late = await tell(crm, {"id": "1", "active": True}, at=now - HOUR)
    assert said(late) == [("1", "ana", ["stale"])]
    assert not await active(crm, "ana")


async def test_owner_is_matched_by_address_only_on_request(crm: Crm) -> None:
    for id_, email in (
        ("eva", "Eva@firm.example"),
        ("two", "both@firm.example"),
        ("too", "both@firm.example"),
    ):
        answer = await crm.workspace.client.put(f"/owners/{id_}", json={"name": "X", "email": email})
        assert answer.status_code == 201, answer.text
    users = (
        {"id": "5", "email": "eva@FIRM.example", "active": False},
        {"id": "6", "email": "both@firm.example", "active": False},
        {"id": "7", "active": False},
    )
    unknown = [("6", None, ["unknown"]), ("7", None, ["unknown"])]
    assert said(await tell(crm, *users)) == [("5", "eva", ["proposed"]), *unknown]
    assert await active(crm, "eva")
    assert said(await tell(crm, *users, link=True)) == [("5", "eva", ["linked", "deactivated"]), *unknown]
    assert (await crm.workspace.get("/owners/eva"))["crm"] == {"hubspot": "5"}
    assert await active(crm, "two")


async def test_same_key_answers_the_same(crm: Crm) -> None:
    now = (await now_of(crm)).isoformat()
    sent = {"endpoint": "crm", "as_of": now, "owners": [{"id": 1, "active": False}]}
    first, again = [
        await crm.workspace.client.post("/reconcile/owners", json=sent, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert first.content == again.content
    assert (first.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")


@pytest.mark.parametrize(
    ("owner", "path"),
    [
        ({"active": True}, "owners[0].id"),
        ({"id": "1", "active": "no"}, "owners[0].active"),
        ({"id": "1", "out_of_office": True}, "owners[0].out_of_office"),
        (
            {"id": "1", "out_of_office": {"from": "2030-02-01", "to": "2030-01-01"}},
            "owners[0].out_of_office.from",
        ),
    ],
)
async def test_user_that_cannot_be_read_is_refused_with_its_path(
    crm: Crm, owner: dict[str, Any], path: str
) -> None:
    sent = {"endpoint": "crm", "as_of": "2030-01-01T00:00:00Z", "owners": [owner]}
    answer = await crm.workspace.client.post("/reconcile/owners", json=sent)
    assert answer.status_code == 422
    assert [each["path"] for each in answer.json()["errors"]] == [path]
