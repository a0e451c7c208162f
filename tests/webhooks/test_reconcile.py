"""The CRM's list of its leads is compared with the books, and the books follow it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.worker.bulk_jobs import BulkJobs
from tests.support.crm import Crm, actions, books, findings, open_crm
from tests.support.workspace import Workspace

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
NOTHING = dict.fromkeys(
    (
        "same", "owner_differs", "changed_here", "write_under_way", "no_owner", "unknown_owner",
        "unknown_record", "other_record", "not_a_lead", "missing",
    ),
    0,
)  # fmt: skip


@pytest.fixture
async def crm(workspace: Workspace) -> AsyncIterator[Crm]:
    async with open_crm(workspace) as made:
        answer = await made.workspace.client.put(
            "/endpoints/crm", json={"kind": "hubspot", "secrets": ["long enough"]}
        )
        assert answer.status_code == 201, answer.text
        yield made


async def lead_of(crm: Crm, id_: str, owner: str) -> dict[str, Any]:
    """A lead that this owner has here, and that the CRM has heard of."""
    decision = await crm.workspace.assign(crm={"lead_id": id_}, email=f"p{id_}@kunde.example")
    at = datetime.fromisoformat(decision["decided_at"])
    user = {"ana": "1", "ben": "2", "cem": "3", "dia": "4"}
    await crm.owner(id_, user[decision["owner"]["id"]], at + SECOND)
    await crm.owner(id_, user[owner], at + 60 * SECOND, origin="person")
    assert (await books(crm.workspace))[id_] == ("assigned", owner, None)
    return decision


async def reconcile(crm: Crm, *leads: Mapping[str, Any], key: str | None = None, **more: Any) -> Any:
    """What `POST /reconcile` answers to a list as of now."""
    now = (await crm.workspace.pool.fetchval("SELECT now()")).isoformat()
    sent = {"endpoint": "crm", "as_of": now, "leads": leads, **more}
    headers = {"Idempotency-Key": key} if key else {}
    return await crm.workspace.client.post("/reconcile", json=sent, headers=headers)


async def compared(crm: Crm, *leads: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    answer = await reconcile(crm, *leads, **more)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def run_jobs(crm: Crm) -> None:
    jobs = BulkJobs(crm.workspace.pool, crm.workspace.app.state.dispatch)
    while await jobs.run(await crm.workspace.agenda()):
        pass


def row(id_: str, owner: str | None, **more: Any) -> dict[str, Any]:
    return {"id": id_, "owner": owner, "modified_at": "2099-01-01T00:00:00Z", **more}


async def test_books_that_agree_with_the_list_differ_nowhere(crm: Crm) -> None:
    await lead_of(crm, "101", "ana")
    await lead_of(crm, "102", "ben")
    answer = await compared(crm, row("101", "1"), row("102", "2", object="contact"), complete=True)
    assert answer == {"counts": {**NOTHING, "same": 2}, "job": None, "items": []}


async def test_list_is_only_compared_unless_it_is_to_be_applied(crm: Crm) -> None:
    decision = await lead_of(crm, "101", "ana")
    answer = await compared(crm, row("101", "2"))
    assert answer["counts"] == {**NOTHING, "owner_differs": 1}
    assert answer["job"] is None
    assert answer["items"] == [
        {
            "object": "contact",
            "id": "101",
            "result": "owner_differs",
            "crm_owner": "2",
            "lead_id": decision["lead_id"],
            "owner": "ana",
            "queue": None,
            "to_owner": "ben",
            "to_queue": None,
        }
    ]
    await run_jobs(crm)
    assert (await books(crm.workspace))["101"] == ("assigned", "ana", None)


async def test_books_follow_the_list_without_turns_and_without_writing_back(crm: Crm) -> None:
    decisions = [await lead_of(crm, str(number), "ana") for number in range(101, 104)]
    turns = "SELECT count(*) AS n FROM ledger_entries WHERE workspace_id = $1"
    ((before,),) = await crm.workspace.fetch(turns)
    told = [await actions(crm.workspace, each["lead_id"]) for each in decisions]

    answer = await compared(
        crm, row("101", "2"), row("102", "q1"), row("103", "1"), apply=True, key="list of today"
    )
    assert answer["counts"] == {**NOTHING, "owner_differs": 2, "same": 1}
    assert answer["job"]["total"] == 2
    await run_jobs(crm)

    assert await books(crm.workspace) == {
        "101": ("assigned", "ben", None),
        "102": ("queued", None, "recycled"),
        "103": ("assigned", "ana", None),
    }
    job = await crm.workspace.get(f"/jobs/{answer['job']['job_id']}")
    assert (job["kind"], job["state"]) == ("reconcile", "finished")
    assert [(each["result"], each["owner"], each["queue"]) for each in job["items"]] == [
        ("moved", "ben", None),
        ("queued", None, "recycled"),
    ]
    assert [tuple(each) for each in await crm.workspace.fetch(turns)] == [(before,)]
    moved = await crm.workspace.get(f"/leads/{decisions[0]['lead_id']}")
    assert moved["assignments"][-1]["cause"] == "crm"
    # One notice for the whole list; nothing else, and nothing for the lead that stayed.
    after = [await actions(crm.workspace, each["lead_id"]) for each in decisions]
    assert after == [[*told[0], ("notify", "ben")], told[1], told[2]]

    again = await reconcile(
        crm, row("101", "2"), row("102", "q1"), row("103", "1"), apply=True, key="list of today"
    )
    assert again.status_code == 422  # another `as_of` is another list
    assert (await compared(crm, row("101", "2"), row("102", "q1"), row("103", "1")))["items"] == []


async def test_same_key_makes_one_job(crm: Crm) -> None:
    await lead_of(crm, "101", "ana")
    as_of = "2098-01-01T00:00:00Z"
    first, again = [
        await reconcile(crm, row("101", "2"), apply=True, as_of=as_of, key="list") for _ in range(2)
    ]
    assert first.content == again.content
    assert again.headers["Idempotency-Replayed"] == "true"
    rows = await crm.workspace.fetch("SELECT id FROM bulk_jobs WHERE workspace_id = $1")
    assert [str(each["id"]) for each in rows] == [first.json()["job"]["job_id"]]


async def test_lead_that_changed_here_after_the_list_is_left_alone(crm: Crm) -> None:
    decision = await lead_of(crm, "101", "ana")
    at = datetime.fromisoformat(decision["decided_at"]) - SECOND
    answer = await compared(crm, row("101", "2"), as_of=at.isoformat(), apply=True)
    assert (answer["counts"], answer["job"]) == ({**NOTHING, "changed_here": 1}, None)


async def test_lead_that_moves_before_its_turn_is_left_alone(crm: Crm) -> None:
    decision = await lead_of(crm, "101", "ana")
    answer = await compared(crm, row("101", "2"), apply=True)
    moved = await crm.workspace.client.post(
        "/reassign", json={"lead_id": decision["lead_id"], "to": {"owner": "dia"}}
    )
    assert moved.status_code == 201, moved.text
    await run_jobs(crm)
    job = await crm.workspace.get(f"/jobs/{answer['job']['job_id']}")
    assert [(each["result"], each["code"]) for each in job["items"]] == [("skipped", "moved")]
    assert (await books(crm.workspace))["101"] == ("assigned", "dia", None)


async def test_owner_who_is_on_the_way_to_the_crm_stays(crm: Crm) -> None:
    """The record is older than our decision, and its owner has not come back yet."""
    decision = await crm.workspace.assign(crm={"lead_id": "101"}, email="p@kunde.example")
    owner, at = decision["owner"]["id"], datetime.fromisoformat(decision["decided_at"])
    other = "2" if owner != "ben" else "1"
    older, newer = (at - HOUR).isoformat(), (at + SECOND).isoformat()
    answer = await compared(crm, row("101", other, modified_at=older))
    assert answer["counts"] == {**NOTHING, "write_under_way": 1}
    answer = await compared(crm, row("101", other, modified_at=newer))
    assert answer["counts"] == {**NOTHING, "owner_differs": 1}


async def test_unknown_ids_and_leads_that_are_not_listed_are_findings_and_lose_nothing(crm: Crm) -> None:
    for number in range(101, 105):
        await lead_of(crm, str(number), "ana")
    lists = (row("101", "1"), row("102", "999"), row("103", None), row("777", "1"))

    answer = await compared(crm, *lists, apply=True)
    counts = {**NOTHING, "same": 1, "unknown_owner": 1, "no_owner": 1, "unknown_record": 1}
    assert (answer["counts"], answer["job"]) == (counts, None)
    assert await findings(crm.workspace) == {("unknown_user", "102"): 1}

    answer = await compared(crm, *lists, apply=True, complete=True)
    assert answer["counts"] == {**counts, "missing": 1}
    assert [each["id"] for each in answer["items"] if each["result"] == "missing"] == ["104"]
    assert (await findings(crm.workspace))["missing_in_crm", "104"] == 1
    assert set((await books(crm.workspace)).values()) == {("assigned", "ana", None)}


async def test_lead_that_no_event_told_of_is_found_by_its_id_in_the_crm(crm: Crm) -> None:
    await crm.workspace.assign(crm={"lead_id": "101"}, email="a@kunde.example")
    await crm.workspace.assign(crm={"lead_id": "102"}, email="b@kunde.example")
    await crm.workspace.assign(email="c@kunde.example")
    answer = await compared(crm, row("101", "4"), complete=True, apply=True)
    results = {each["id"]: each["result"] for each in answer["items"]}
    assert results["102"] == "missing"
    assert len(results) == answer["counts"]["owner_differs"] + answer["counts"]["missing"]
    await run_jobs(crm)
    assert (await books(crm.workspace))["101"] == ("assigned", "dia", None)


async def test_older_event_about_the_owner_comes_too_late_after_the_list(crm: Crm) -> None:
    decision = await lead_of(crm, "101", "ana")
    at = datetime.fromisoformat(decision["decided_at"])
    modified = (at + DAY).isoformat()
    await compared(crm, row("101", "2", modified_at=modified), apply=True)
    await run_jobs(crm)
    late = await crm.owner("101", "3", at + HOUR, origin="person")
    assert (late.code, (await books(crm.workspace))["101"]) == ("stale", ("assigned", "ben", None))
    newer = await crm.owner("101", "3", at + DAY + HOUR, origin="person")
    assert (newer.code, (await books(crm.workspace))["101"]) == ("followed", ("assigned", "cem", None))


async def test_closed_lead_follows_and_stays_closed(crm: Crm) -> None:
    decision = await lead_of(crm, "101", "ana")
    shown = await crm.workspace.get(f"/leads/{decision['lead_id']}")
    newest = shown["assignments"][-1]["assignment_id"]
    closed = await crm.workspace.client.post(f"/assignments/{newest}/events", json={"type": "closed"})
    assert closed.status_code == 200, closed.text
    await compared(crm, row("101", "2"), apply=True)
    await run_jobs(crm)
    assert (await books(crm.workspace))["101"] == ("closed", "ben", None)


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"endpoint": "nowhere"}, "endpoint", "unknown_endpoint"),
        ({"as_of": "yesterday"}, "as_of", "invalid_timestamp"),
        ({"leads": [{"owner": "1"}]}, "leads[0].id", "required"),
        ({"leads": [{"id": "1", "owner": "1", "modified_at": 5}]}, "leads[0].modified_at", "wrong_type"),
        ({"leads": [{"id": "1", "owner": ["1"]}]}, "leads[0].owner", "wrong_type"),
        ({"leads": [{"id": "1", "email": "canary"}]}, "leads[0].email", "unknown_field"),
        ({"leads": [row(str(n), "1") for n in range(10_001)]}, "leads", "too_many_items"),
    ],
)
async def test_list_that_cannot_be_read_is_refused_with_its_path(
    crm: Crm, change: dict[str, Any], path: str, code: str
) -> None:
    sent = {"endpoint": "crm", "as_of": datetime.now(UTC).isoformat(), "leads": [], **change}
    answer = await crm.workspace.client.post("/reconcile", json=sent)
    assert answer.status_code == 422
    assert [(each["path"], each["code"]) for each in answer.json()["errors"]] == [(path, code)]
    assert "canary" not in answer.text


async def test_key_that_may_only_assign_cannot_overrule_the_books(crm: Crm) -> None:
    key = await crm.workspace.issue_key("assign", "events", "leads:read")
    async with crm.workspace.caller(key) as caller:
        for path in ("/reconcile", "/reconcile/owners"):
            assert (await caller.post(path, json={})).status_code == 403


async def test_many_long_lists_of_one_workspace_hold_one_connection(crm: Crm) -> None:
    await lead_of(crm, "101", "ana")
    rows = [row(str(number), "2") for number in range(101, 1101)]
    asked = [asyncio.create_task(reconcile(crm, *rows)) for _ in range(6)]
    shares, most = crm.workspace.pool.shares, 0
    while not all(each.done() for each in asked):
        if any(each.done() for each in asked):  # by then each has looked up its endpoint
            most = max(most, shares.held(crm.workspace.workspace_id))
        await asyncio.sleep(0)
    for each in asked:
        answer = each.result()
        assert answer.status_code == 200, answer.text
        assert answer.json()["counts"] == {**NOTHING, "owner_differs": 1, "unknown_record": 999}
    assert most <= 2  # one for a list, one for a worker
