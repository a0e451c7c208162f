"""Endpoints of forms in any state, with a new path or a secret; and what never leaks."""

import asyncio
import json

import pytest

from app import places
from app.forms.effects import FormEffects
from app.metrics.process import Metrics
from app.webhooks.inbox import Inbox
from tests.forms.deliveries import form, leads, post, settled
from tests.support.workspace import Filled, Workspace, open_filled
from tests.webhooks.test_inbox import Recorder

LEAD = {"email": "odile@fjord.example", "company": "Fjord"}


async def failures(workspace: Workspace) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await workspace.get("/intake/failures"))["items"]
    return found


async def test_what_comes_to_an_inactive_endpoint_waits_until_it_is_active(workspace: Workspace) -> None:
    path = await form(workspace, active=False)
    answer = await post(workspace, path, LEAD)
    assert answer.status_code == 200
    (failure,) = await failures(workspace)
    assert (failure["code"], failure["id"]) == ("endpoint_inactive", answer.headers["x-problem-id"])
    assert await leads(workspace) == []

    await workspace.client.patch("/endpoints/web", json={"active": True})
    await settled(workspace)
    assert len(await leads(workspace)) == 1
    assert await failures(workspace) == []


async def test_a_deleted_endpoint_keeps_what_comes_until_it_is_made_again(workspace: Workspace) -> None:
    path = await form(workspace)
    assert (await workspace.client.delete("/endpoints/web")).status_code == 204
    assert (await post(workspace, path, LEAD)).status_code == 200
    (failure,) = await failures(workspace)
    assert failure["code"] == "endpoint_deleted"

    assert await form(workspace) == path
    await settled(workspace)
    assert len(await leads(workspace)) == 1


async def test_a_renewed_and_deleted_endpoint_comes_back_with_both_paths(workspace: Workspace) -> None:
    old = await form(workspace)
    new = (await workspace.client.post("/endpoints/web/path")).json()["path"]
    await workspace.client.delete("/endpoints/web")
    for number, path in enumerate((old, new)):
        assert (await post(workspace, path, {"email": f"r{number}@fjord.example"})).status_code == 200
    answer = await workspace.client.put("/endpoints/web", json={"kind": "generic"})
    assert (answer.json()["path"], answer.json()["former_path"]) == (new, old)
    await settled(workspace)
    assert len(await leads(workspace)) == 2


async def test_a_deleted_endpoint_is_unknown_after_thirty_days(workspace: Workspace) -> None:
    path = await form(workspace)
    assert (await workspace.client.delete("/endpoints/web")).status_code == 204
    await workspace.pool.execute("UPDATE webhook_paths SET ends_at = ends_at - interval '30 days'")
    assert (await post(workspace, path, LEAD)).status_code == 404
    await workspace.pool.execute("SELECT 1")
    assert (await post(workspace, "/forms/none", LEAD)).status_code == 404


async def test_both_paths_work_after_one_is_renewed(workspace: Workspace) -> None:
    old = await form(workspace)
    new = (await workspace.client.post("/endpoints/web/path")).json()
    assert new["path"] != old
    assert new["former_path"] == old
    for number, path in enumerate((old, new["path"])):
        assert (await post(workspace, path, {**LEAD, "email": f"o{number}@fjord.example"})).status_code == 200
    await settled(workspace)
    assert len(await leads(workspace)) == 2
    await workspace.pool.execute(
        "UPDATE webhook_paths SET ends_at = ends_at - interval '7 days' WHERE ends_at IS NOT NULL"
    )
    await workspace.client.patch("/endpoints/web", json={"active": True})
    assert (await post(workspace, old, LEAD)).status_code == 404
    assert (await post(workspace, new["path"], LEAD)).status_code == 200


@pytest.mark.parametrize(
    ("options", "headers", "status"),
    [
        ({}, {}, 401),
        ({}, {"authorization": "Bearer second-factor"}, 200),
        ({}, {"authorization": "Basic YW55OnNlY29uZC1mYWN0b3I="}, 200),
        ({"user": "any"}, {"authorization": "Basic b3RoZXI6c2Vjb25kLWZhY3Rvcg=="}, 401),
        ({"header": "X-Form-Key"}, {"x_form_key": "second-factor"}, 200),
        ({"header": "X-Form-Key"}, {"x_form_key": "second-factoR"}, 401),
        ({"header": "X-Form-Key"}, {"authorization": "Bearer second-factor"}, 401),
    ],
)
async def test_a_secret_makes_a_second_factor_necessary(
    workspace: Workspace, options: dict[str, str], headers: dict[str, str], status: int
) -> None:
    path = await form(workspace, options=options, secrets=["second-factor"])
    assert (await post(workspace, path, LEAD, **headers)).status_code == status
    stored = await workspace.fetch("SELECT FROM crm_deliveries WHERE workspace_id = $1")
    assert len(stored) == (status == 200)
    metrics = (await workspace.client.get("/metrics")).text
    assert ("lead_assignment_forms_refused_total" in metrics.replace("# ", "#")) is True


async def test_a_corrected_mapping_makes_a_lead_of_what_could_not_be_read(workspace: Workspace) -> None:
    path = await form(workspace)
    answer = await post(workspace, path, {"kontakt": {"adresse": "x"}, "wer": "Odile Fjord"})
    assert answer.status_code == 200
    problem = answer.headers["x-problem-id"]
    again = await post(workspace, path, {"kontakt": {"adresse": "x"}, "wer": "Odile Fjord"})
    assert again.headers["x-problem-id"] == problem
    shown = await workspace.get(f"/intake/failures/{problem}")
    assert (shown["code"], json.loads(shown["body"])["wer"]) == ("no_identity", "Odile Fjord")

    mapping = {"fields": {"company": "$.wer", "attributes.address": "$.kontakt.adresse"}}
    await workspace.client.patch("/endpoints/web", json={"mapping": mapping})
    assert (await workspace.client.post(f"/intake/failures/{problem}/retry")).status_code == 200
    await settled(workspace)
    (lead,) = await leads(workspace)
    assert lead["fields"]["company"] == "Odile Fjord"
    assert await failures(workspace) == []


async def test_long_failure_waits_for_its_place_before_it_is_read_again(filled: Filled) -> None:
    async with open_filled(filled, no_worker=True) as workspace:
        path = await form(workspace)
        answer = await post(workspace, path, {"wer": "Odile Fjord", "text": "x" * places.LONG_BYTES})
        problem = answer.headers["x-problem-id"]
        await workspace.client.patch("/endpoints/web", json={"mapping": {"fields": {"company": "$.wer"}}})
        await workspace.client.post(f"/intake/failures/{problem}/retry")
        forms = FormEffects(workspace.pool, workspace.app.state.dispatch)
        inbox = Inbox(workspace.pool, Recorder(), Metrics(), others=forms)
        async with places.FORMS.take(workspace.workspace_id):
            run = asyncio.create_task(inbox.run(workspace.workspace_id))
            for _ in range(100):
                await workspace.fetch("SELECT $1::bigint")
            assert not run.done()
        await run
        assert await failures(workspace) == []


async def test_neither_path_nor_secret_reaches_the_database(filled: Filled) -> None:
    async with open_filled(filled, no_worker=True) as workspace:
        path = await form(workspace, secrets=["canary-secret-77"])
        random = path.rpartition("/")[2]
        body = {
            **LEAD,
            "webhook": f"https:\\/\\/leads.example{path}",
            "key": "canary-secret-77",
            random: random.upper(),
        }
        answer = await post(workspace, f"{path}?u={random}", body, authorization="Bearer canary-secret-77")
        assert answer.status_code == 200
        dump = ""
        for table in ("crm_deliveries", "crm_inbox", "form_ids", "changes", "directory", "webhook_paths"):
            for row in await workspace.pool.fetch(f"SELECT * FROM {table}"):
                dump += "".join(
                    value.decode("latin-1") if isinstance(value, bytes) else str(value)
                    for value in row.values()
                )
        assert "odile@fjord.example" in dump
        assert random.lower() not in dump.lower()
        assert "canary-secret" not in dump


async def test_a_test_lead_is_decided_and_leaves_no_trace(workspace: Workspace) -> None:
    path = await form(workspace, mapping={"fields": {"email": "$.email"}, "test": "$.sample"})
    assert (await post(workspace, path, {**LEAD, "sample": True})).status_code == 200
    await settled(workspace)
    assert await leads(workspace) == []
    (test,) = (await workspace.get("/intake/tests"))["items"]
    assert test["lead"]["email"] == LEAD["email"]
    assert test["decision"]["outcome"] == "assigned"


async def test_what_is_too_large_is_told_to_tools_that_send_again(workspace: Workspace) -> None:
    path = await form(workspace)
    answer = await post(workspace, path, b"{" + b" " * 300_000)
    assert (answer.status_code, answer.headers["retry-after"]) == (413, "60")
    html = await form(workspace, "html", "site")
    answer = await post(workspace, html, b"a=" + b"x" * 300_000)
    assert answer.status_code == 200
    (failure,) = await failures(workspace)
    assert (failure["endpoint"], failure["code"]) == ("site", "too_large")


async def test_a_flood_is_parked_for_tools_that_do_not_send_again(filled: Filled) -> None:
    async with open_filled(filled, no_worker=True, webhook_rate="2/min") as workspace:
        path, html = await form(workspace), await form(workspace, "html", "site")
        told = [await post(workspace, path, {"email": f"n{n}@fjord.example"}) for n in range(3)]
        assert [each.status_code for each in told][-1] == 429
        seen = [await post(workspace, html, f"email=n{n}@fjord.example".encode()) for n in range(8)]
        assert {each.status_code for each in seen} == {200}
        assert {each["code"] for each in await failures(workspace)} == {"rate_limited"}


async def test_who_tries_unknown_paths_keeps_nobody_at_the_same_address_from_theirs(
    workspace: Workspace,
) -> None:
    path = await form(workspace, "html", id_="new")
    statuses = [(await post(workspace, f"/forms/{place:043}", {})).status_code for place in range(70)]
    assert (statuses[0], statuses[-1]) == (404, 429)
    answer = await post(workspace, path, {"email": "runa@moewe.example"})
    assert answer.status_code == 200
    await settled(workspace)
    assert len(await leads(workspace)) == 1


async def test_what_cannot_be_read_can_be_completed_by_hand(workspace: Workspace) -> None:
    path = await form(workspace, "jotform")
    cut = b"submissionID=7&rawRequest=%7B%22q1_email%22%3A%22runa%40moe"
    answer = await post(workspace, path, cut, content_type="application/x-www-form-urlencoded")
    problem = answer.headers["x-problem-id"]
    lead = {"email": "runa@moewe.example", "first_name": "Runa"}
    completed = await workspace.client.post(f"/intake/failures/{problem}/complete", json={"lead": lead})
    assert completed.status_code == 200, completed.text
    await settled(workspace)
    (made,) = await leads(workspace)
    assert made["fields"]["email"] == "runa@moewe.example"
    assert (await workspace.get("/intake/failures"))["items"] == []
    again = await workspace.client.post(f"/intake/failures/{problem}/complete", json={"lead": lead})
    assert again.status_code == 404


@pytest.mark.parametrize(
    ("mapping", "place"),
    [
        ({"fields": {"email": "$..email"}}, "mapping.fields.email"),
        ({"fields": {"email": ["$.a", "$.people[-1].mail"]}}, "mapping.fields.email"),
        ({"fields": {"email": "$.people.*"}}, "mapping.fields.email"),
        ({"fields": {"email": "$.people[?(@.role=='boss')].mail"}}, "mapping.fields.email"),
        ({"id": "$.id["}, "mapping.id"),
        ({"items": "$[]"}, "mapping.items"),
        ({"when": {"$.type.": ["demo"]}}, "mapping.when.…"),
    ],
)
async def test_path_that_leads_nowhere_is_refused_when_it_is_written(
    workspace: Workspace, mapping: dict[str, object], place: str
) -> None:
    answer = await workspace.client.put("/endpoints/web", json={"kind": "generic", "mapping": mapping})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["path"], error["code"]) == (422, place, "invalid_format")


@pytest.mark.parametrize(
    "place",
    ["$ budget", "Your [first] name", "$.a['b.c'][0]", "$.answers[name=utm source].value", "$[*].id", "a.b"],
)
async def test_labels_and_paths_are_places(workspace: Workspace, place: str) -> None:
    await form(workspace, mapping={"fields": {"email": place}})
