"""`POST /reassign`: one lead by any of its ids, against the state that the caller saw; and by filter."""

from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from app.audit.verify import verify
from tests.support.factories import keyed
from tests.support.jobs import finished
from tests.support.workspace import Workspace

ACTIONS = """
SELECT type, body FROM actions WHERE workspace_id = $1 AND state <> 'withdrawn' ORDER BY sequence
"""
FOLLOWED = """
queues: {desk: {}}
pipeline:
  - rule: {name: named, when: {source: ana}, then: {owner: ana}}
  - round_robin: {team: inbound}
  - queue: {name: desk}
follow_up:
  - do: [{type: set_owner}, {type: notify, via: slack, text: "A lead for you"}]
"""


@pytest_asyncio.fixture
async def quick(busy: Workspace) -> Workspace:
    """A workspace whose worker rests for a moment only."""
    return busy


async def post(workspace: Workspace, key: str | None = None, **body: Any) -> httpx2.Response:
    """The answer to a reassignment."""
    return await workspace.client.post("/reassign", json=body, headers=keyed(key))


async def run(workspace: Workspace, **body: Any) -> dict[str, Any]:
    """The finished job of a filter."""
    answer = await post(workspace, **body)
    assert answer.status_code == 202, answer.text
    return await finished(workspace.client, answer.json()["job_id"])


async def actions(workspace: Workspace) -> list[tuple[str, str]]:
    """The type and the body of every action in the outbox."""
    return [(row["type"], row["body"]) for row in await workspace.fetch(ACTIONS)]


async def leads_of(workspace: Workspace, owner: str, count: int) -> list[dict[str, Any]]:
    """New leads of this owner, who is named by a rule of the plan or of the import."""
    return [await workspace.assign(external_id=f"{owner}-{number}", source=owner) for number in range(count)]


@pytest.mark.parametrize(
    "ids", [{"lead_id": None}, {"external_id": "crm-7"}, {"crm_lead_id": "00Q5g000001abcd"}]
)
async def test_lead_is_reassigned_by_any_of_its_ids(workspace: Workspace, ids: Mapping[str, Any]) -> None:
    lead = await workspace.assign(external_id="crm-7", crm={"lead_id": "00Q5g000001abcd"})
    address = {"lead_id": lead["lead_id"]} if "lead_id" in ids else ids
    answer = await post(workspace, **address, to="ben")
    assert answer.status_code == 201
    assert (answer.json()["lead_id"], answer.json()["owner"]["id"]) == (lead["lead_id"], "ben")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "exactly_one"),
        ({"external_id": "a", "crm_lead_id": "b"}, "exactly_one"),
        ({"filter": {}}, "required"),
        ({"filter": {"older_than": "soon"}}, "invalid_duration"),
        ({"filter": {"owner": "ana", "state": "closed"}}, "not_allowed"),
        ({"filter": {"owner": "ana"}, "to": "nobody"}, "unknown_owner"),
        ({"external_id": "a", "actions": "each"}, "not_allowed"),
        (
            {"filter": {"owner": "ana"}, "if_assignment_id": "01890000-0000-7000-8000-000000000000"},
            "not_allowed",
        ),
    ],
)
async def test_bad_body_is_refused(workspace: Workspace, body: dict[str, Any], code: str) -> None:
    answer = await post(workspace, **body)
    assert answer.status_code == 422, answer.text
    assert [error["code"] for error in answer.json()["errors"]] == [code]


async def test_key_of_nobody_is_not_found_and_key_of_two_is_ambiguous(workspace: Workspace) -> None:
    assert (await post(workspace, external_id="nobody")).status_code == 404
    for source in ("form", "shop"):
        await workspace.assign(external_id="7", external_id_source=source, email=f"{source}@x.example")
    answer = await post(workspace, external_id="7")
    assert (answer.status_code, answer.json()["code"]) == (409, "ambiguous")
    assert len(answer.json()["lead_ids"]) == 2


async def test_reassignment_against_a_lead_that_moved_on_is_refused(workspace: Workspace) -> None:
    lead = await workspace.assign(external_id="a")
    seen = {"lead_id": lead["lead_id"], "if_assignment_id": lead["assignment_id"]}
    repeat = await workspace.assign(external_id="a")
    assert (
        await post(workspace, **{**seen, "if_assignment_id": repeat["assignment_id"]}, to="ben")
    ).is_success
    answer = await post(workspace, **seen, to="ana")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["state"]) == (409, "superseded", "superseded")
    assert problem["owner_id"] == "ben"
    async with workspace.caller(await workspace.issue_key("assign")) as client:
        assert "owner_id" not in (await client.post("/reassign", json={**seen, "to": "ana"})).json()
    current = (await workspace.get(f"/leads/{lead['lead_id']}"))["assignments"][-1]
    await workspace.client.post(f"/assignments/{current['assignment_id']}/events", json={"type": "closed"})
    closed = await post(workspace, lead_id=lead["lead_id"], if_assignment_id=current["assignment_id"])
    assert (closed.status_code, closed.json()["code"]) == (409, "already_closed")


async def test_owner_over_a_cap_gets_the_lead_only_with_force(workspace: Workspace) -> None:
    first, full = await workspace.assign(external_id="a"), await workspace.assign(external_id="b")
    for lead, owner in ((first, "ben"), (full, "ana")):
        assert (await post(workspace, lead_id=lead["lead_id"], to=owner)).status_code == 201
    await workspace.client.patch("/owners/ben", json={"caps": {"open": 1}})
    again = await post(workspace, lead_id=first["lead_id"], to="ben")
    assert (again.status_code, again.json()["over_cap"]) == (201, False)
    refused = await post(workspace, lead_id=full["lead_id"], to="ben")
    assert (refused.status_code, refused.json()["code"]) == (409, "over_cap")
    forced = await post(workspace, lead_id=full["lead_id"], to="ben", force=True)
    assert (forced.status_code, forced.json()["over_cap"]) == (201, True)
    await workspace.client.patch("/owners/eve", json={"active": False})
    inactive = await post(workspace, lead_id=full["lead_id"], to="eve", force=True)
    assert (inactive.status_code, inactive.json()["code"]) == (409, "inactive")


async def test_dry_run_shows_who_would_get_what_and_stores_nothing(workspace: Workspace) -> None:
    made = [await workspace.assign(external_id=f"e{number}") for number in range(6)]
    anas = [each for each in made if each["owner"]["id"] == "ana"]
    shown = await post(workspace, filter={"owner": "ana"}, exclude=["ana"], dry_run=True)
    assert shown.status_code == 200, shown.text
    preview = shown.json()
    assert preview["total"] == len(anas)
    assert [item["lead_id"] for item in preview["items"]] == [each["lead_id"] for each in anas]
    assert {item["result"] for item in preview["items"]} == {"moved"}
    assert sum(preview["owners"].values()) == len(anas)
    assert "ana" not in preview["owners"]
    one = await post(workspace, lead_id=anas[0]["lead_id"], to="ben", dry_run=True)
    assert (one.status_code, one.json()["owner"]["id"], one.json()["assignment_id"]) == (200, "ben", None)
    assert len(await workspace.fetch("SELECT 1 FROM assignments WHERE workspace_id = $1")) == 6
    assert await workspace.fetch("SELECT 1 FROM bulk_jobs WHERE workspace_id = $1") == []


async def test_job_moves_only_what_was_open_when_it_was_made(workspace_with_worker: Workspace) -> None:
    """A lead that was closed or moved meanwhile is a result of its own; new leads are not in it."""
    await workspace_with_worker.publish(FOLLOWED)
    # No worker runs in between: the one of this workspace rests for a second.
    closed, moved, stays = await leads_of(workspace_with_worker, "ana", 3)
    job = (await post(workspace_with_worker, key="k", filter={"owner": "ana"}, to="ben")).json()
    assert job["total"] == 3
    await workspace_with_worker.client.post(
        f"/assignments/{closed['assignment_id']}/events", json={"type": "closed"}
    )
    await post(workspace_with_worker, lead_id=moved["lead_id"], to="eve")
    late = await workspace_with_worker.assign(external_id="late", source="ana")
    done = await finished(workspace_with_worker.client, job["job_id"])
    by_lead = {item["lead_id"]: item for item in done["items"]}
    if by_lead[closed["lead_id"]]["result"] == "skipped":
        assert by_lead[closed["lead_id"]]["code"] == "closed"
    assert by_lead[stays["lead_id"]]["owner"] == "ben"
    assert late["lead_id"] not in by_lead
    assert (done["total"], done["done"]) == (3, 3)
    again = await post(workspace_with_worker, key="k", filter={"owner": "ana"}, to="ben")
    assert (again.status_code, again.json()) == (202, job)
    other = await post(workspace_with_worker, key="k", filter={"owner": "ana"}, to="eve")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_filter_takes_only_what_fits(quick: Workspace) -> None:
    await quick.publish(FOLLOWED)
    await leads_of(quick, "ana", 2)
    assert (await run(quick, filter={"step": "named"}, to={"queue": "desk"}))["counts"]["queued"] == 2
    shown = await quick.get("/queues/desk/leads")
    assert len(shown["items"]) == 2
    assert (await run(quick, filter={"owner": "ana"}))["total"] == 0
    assert (await run(quick, filter={"older_than": "1d", "team": "inbound"}))["total"] == 0
    moved = await run(quick, filter={"queue": "desk"}, to="ben")
    assert moved["counts"]["moved"] == 2
    assert (await verify(quick.pool, quick.workspace_id)).clean


@pytest.mark.parametrize(("mode", "notices"), [(None, 2), ("each", 8), ("none", 0)])
async def test_many_leads_are_told_in_few_notices(quick: Workspace, mode: str | None, notices: int) -> None:
    """The kind `digest` is one notice for each new owner, `each` one for each lead, `none` none."""
    await quick.publish(FOLLOWED)
    for owner in ("ben", "eve"):
        await quick.client.patch(f"/owners/{owner}", json={"crm": {"hubspot": owner}, "caps": None})
    await quick.client.put("/teams/inbound", json={"members": [{"owner": "ben"}, {"owner": "eve"}]})
    await leads_of(quick, "ana", 8)
    await quick.client.patch("/owners/ana", json={"active": False})
    chosen = {} if mode is None else {"actions": mode}
    job = await run(quick, filter={"owner": "ana"}, **chosen)
    assert job["counts"]["moved"] == 8
    found = await actions(quick)
    assert [kind for kind, _ in found].count("set_owner") == 8
    told = [body for kind, body in found if kind == "notify"]
    assert len(told) == notices
    if mode is None:
        assert all('"count":4' in body and "/assignments?owner=" in body for body in told)
    assert (await verify(quick.pool, quick.workspace_id)).clean


async def test_caps_hold_and_what_finds_no_place_waits(quick: Workspace) -> None:
    """The rest waits in the queue of the ladder, with the codes of all candidates."""
    await quick.publish(FOLLOWED)
    for owner, places in (("ben", 5), ("eve", 3)):
        await quick.client.patch(f"/owners/{owner}", json={"caps": {"open": places}})
    await quick.client.put("/teams/inbound", json={"members": [{"owner": "ben"}, {"owner": "eve"}]})
    await leads_of(quick, "ana", 12)
    await quick.client.patch("/owners/ana", json={"active": False})
    job = await run(quick, filter={"owner": "ana"})
    counts = job["counts"]
    assert (job["state"], counts["moved"], counts["no_eligible_member"], counts["failed"]) == (
        "finished",
        8,
        4,
        0,
    )
    waiting = [item for item in job["items"] if item["result"] == "no_eligible_member"]
    assert {item["queue"] for item in waiting} == {"desk"}
    codes = {each["owner"]: each["code"] for each in waiting[0]["candidates"]}
    assert codes == {"ana": "inactive", "ben": "cap_open", "eve": "cap_open"}
    assert (await quick.get("/assignments?owner=ana"))["items"] == []
    await quick.client.patch("/owners/ben", json={"caps": {"open": 7}})
    more = await run(quick, filter={"queue": "desk"}, to={"team": "inbound"})
    assert (more["counts"]["moved"], more["counts"]["no_eligible_member"]) == (2, 2)
    assert (await verify(quick.pool, quick.workspace_id)).clean


async def test_owner_named_for_a_job_gets_no_more_than_their_caps(quick: Workspace) -> None:
    await quick.publish(FOLLOWED)
    await quick.client.patch("/owners/ben", json={"caps": {"open": 2}})
    await leads_of(quick, "ana", 4)
    job = await run(quick, filter={"owner": "ana"}, to="ben")
    assert (job["counts"]["moved"], job["counts"]["refused"]) == (2, 2)
    assert {item["code"] for item in job["items"] if item["result"] == "refused"} == {"over_cap"}
    assert len((await quick.get("/assignments?owner=ana"))["items"]) == 2
    forced = await run(quick, filter={"owner": "ana"}, to="ben", force=True)
    assert [item["over_cap"] for item in forced["items"]] == [True, True]


async def test_owner_who_rejected_a_lead_does_not_get_it_by_a_job_either(quick: Workspace) -> None:
    await quick.publish(f"reject_reasons: {{wrong_region: {{then: {{queue: desk}}}}}}\n{FOLLOWED}")
    rejected, kept = await leads_of(quick, "ana", 2)
    sent = {"type": "rejected", "reason": "wrong_region"}
    answer = await quick.client.post(f"/assignments/{rejected['assignment_id']}/events", json=sent)
    assert answer.json()["decision"]["queue"] == "desk", answer.text
    assert (await post(quick, lead_id=kept["lead_id"], to={"queue": "desk"})).status_code == 201
    single = await post(quick, lead_id=rejected["lead_id"], to="ana")
    assert (single.status_code, [each["code"] for each in single.json()["errors"]]) == (422, ["excluded"])
    waiting: dict[str, Any] = {"filter": {"queue": "desk"}, "to": "ana"}
    preview = (await post(quick, **waiting, dry_run=True)).json()
    job = await run(quick, **waiting, force=True)
    for items in (preview["items"], job["items"]):
        results = {item["lead_id"]: (item["result"], item.get("code")) for item in items}
        assert results == {rejected["lead_id"]: ("refused", "excluded"), kept["lead_id"]: ("moved", None)}
    assert [each["lead_id"] for each in (await quick.get("/queues/desk/leads"))["items"]] == [
        rejected["lead_id"]
    ]


async def test_canceled_job_moves_nothing_more(workspace_with_worker: Workspace) -> None:
    await workspace_with_worker.publish(FOLLOWED)
    await leads_of(workspace_with_worker, "ana", 3)
    job = (await post(workspace_with_worker, filter={"owner": "ana"}, to="ben")).json()
    canceled = await workspace_with_worker.client.post(f"/jobs/{job['job_id']}/cancel")
    state = canceled.json()["state"]
    assert state in {"canceled", "finished"}
    left = [
        item
        for item in (await finished(workspace_with_worker.client, job["job_id"]))["items"]
        if item["result"] is None
    ]
    assert len((await workspace_with_worker.get("/assignments?owner=ana"))["items"]) == len(left)
    assert (await workspace_with_worker.client.post(f"/jobs/{job['job_id']}/cancel")).json()["state"] == state


async def test_reason_and_actor_are_shown_wherever_the_reassignment_is(workspace: Workspace) -> None:
    lead = await workspace.assign(external_id="a")
    answer = await post(workspace, lead_id=lead["lead_id"], to="ben", reason="Ben knows them")
    expected = {"actor": workspace.key.split("_")[2], "reason": "Ben knows them"}
    moved = answer.json()
    assert moved["reassigned"] == expected
    path = f"/assignments/{moved['assignment_id']}"
    assert (await workspace.get(path))["reassigned"] == expected
    explained = await workspace.get(f"{path}/explain")
    assert (explained["reassigned"], explained["reproduced"]) == (expected, True)
    first, second = (await workspace.get(f"/leads/{lead['lead_id']}"))["assignments"]
    assert second["reassigned"] == expected
    assert "reassigned" not in lead.keys() | first.keys()
    await workspace.client.patch("/owners/ben", json={"name": "Benny"})
    again = await post(workspace, lead_id=lead["lead_id"], to="ana")
    assert again.json()["reassigned"] == {**expected, "reason": None}


async def test_change_log_has_every_reassignment_with_its_reason_and_actor(workspace: Workspace) -> None:
    lead, other = await leads_of(workspace, "ana", 2)
    moved = (await post(workspace, lead_id=lead["lead_id"], to="ben", reason="Ben knows them")).json()
    await workspace.client.patch("/owners/ben", json={"name": "Benny"})
    await post(workspace, lead_id=lead["lead_id"], to="eve", dry_run=True)
    await post(workspace, lead_id=other["lead_id"], to="eve", force=True)
    changes = (await workspace.get("/changes?limit=1000"))["items"][-3:]
    assert [(each["resource_type"], each["resource_id"], each["comment"]) for each in changes] == [
        ("leads", lead["lead_id"], "Ben knows them"),
        ("owners", "ben", None),
        ("leads", other["lead_id"], None),
    ]
    first = changes[0]
    assert (first["actor"], first["at"]) == (workspace.key.split("_")[2], moved["decided_at"])
    assert (first["before"]["assignment_id"], first["before"]["owner"]) == (
        lead["assignment_id"],
        lead["owner"]["id"],
    )
    assert (first["after"]["assignment_id"], first["after"]["owner"]) == (moved["assignment_id"], "ben")
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_reason_is_gone_from_the_change_log_when_the_lead_is_erased(workspace: Workspace) -> None:
    lead = await workspace.assign(external_id="a")
    await post(workspace, lead_id=lead["lead_id"], to="ben", reason="Ben knows Zoe Doe")
    assert (await workspace.client.delete(f"/leads/{lead['lead_id']}")).status_code == 200
    (change,) = (await workspace.get("/changes?resource_type=leads"))["items"]
    assert (change["comment"], change["reason_code"], change["after"]["owner"]) == (None, None, "ben")


async def test_change_log_tells_code_reason_and_actor_of_each_move_of_a_lead(workspace: Workspace) -> None:
    lead, other = [await workspace.assign(external_id=each, source=each) for each in ("a", "b")]
    await post(workspace, lead_id=lead["lead_id"], to="ben", reason="Ben knows them")
    again = (await post(workspace, lead_id=lead["lead_id"], reason="Once more")).json()
    told = {
        "leads": [lead["lead_id"], other["lead_id"]],
        "survivor": other["lead_id"],
        "reason": "Same badge",
    }
    assert (await workspace.client.post("/leads/merge", json=told)).status_code == 201
    changes = (await workspace.get(f"/changes?resource_type=leads&resource_id={lead['lead_id']}"))["items"]
    assert [(each["reason_code"], each["comment"]) for each in changes] == [
        ("manual", "Ben knows them"),
        (again["reason"]["code"], "Once more"),
        (None, None),
    ]
    assert {each["actor"] for each in changes} == {workspace.key.split("_")[2]}


async def test_repeated_reassignment_is_logged_once(workspace: Workspace) -> None:
    lead = await workspace.assign(external_id="a")
    for _ in range(2):
        await post(workspace, key="once", lead_id=lead["lead_id"], to="ben")
    assert len((await workspace.get("/changes?resource_type=leads"))["items"]) == 1


async def test_job_and_the_leads_it_moves_show_its_reason_and_actor(quick: Workspace) -> None:
    await leads_of(quick, "ana", 1)
    made = await run(quick, filter={"owner": "ana"}, to="ben", reason="Handover")
    actor = quick.key.split("_")[2]
    assert (made["actor"], made["reason"]) == (actor, "Handover")
    (change,) = (await quick.get("/changes?resource_type=jobs"))["items"]
    assert (change["resource_id"], change["actor"]) == (made["job_id"], actor)
    assert change["after"]["filter"] == {"owner": "ana", "state": "open"}
    assert change["comment"] == "Handover"
    shown = await quick.get(f"/assignments/{made['items'][0]['new_assignment_id']}")
    assert shown["reassigned"] == {"actor": actor, "reason": "Handover"}
