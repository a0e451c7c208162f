"""What a form sends is stored before it is answered, and becomes a lead like any other."""

import asyncio

from app import places
from tests.forms.deliveries import form, leads, post, settled
from tests.support.workspace import Workspace

MAPPING = {
    "fields": {"email": "$.person.emails[0].value", "company": "$.firm", "attributes.plan": "$.deal.plan"},
    "id": "$.event_id",
    "at": "$.sent",
}
BODY = {
    "event_id": "ev-1",
    "sent": "2026-11-20T08:00:00+01:00",
    "firm": "Nordlicht Werke",
    "person": {"emails": [{"value": "tilda@nordlicht.example"}]},
    "deal": {"plan": "large"},
}


async def test_json_of_any_tool_becomes_a_lead_by_the_mapping_of_its_endpoint(workspace: Workspace) -> None:
    path = await form(workspace, mapping=MAPPING)
    answer = await post(workspace, path, BODY)
    assert (answer.status_code, answer.content) == (200, b"")
    assert "x-problem-id" not in answer.headers

    await settled(workspace)
    (lead,) = await leads(workspace)
    assert lead["fields"]["email"] == "tilda@nordlicht.example"
    assert lead["fields"]["attributes"] == {"plan": "large"}
    assert (lead["fields"]["form"], lead["fields"]["submitted_at"]) == ("web", "2026-11-20T07:00:00Z")
    assert lead["assignments"][0]["outcome"] == "assigned"
    assert (await post(workspace, path, BODY)).status_code == 200
    await settled(workspace)
    assert len(await leads(workspace)) == 1


async def test_long_form_waits_for_its_place_and_holds_up_no_short_one(workspace: Workspace) -> None:
    path = await form(workspace, mapping=MAPPING)
    async with places.FORMS.take(workspace.workspace_id):
        long = asyncio.create_task(
            post(workspace, path, {**BODY, "event_id": "ev-2", "text": "x" * places.LONG_BYTES})
        )
        assert (await post(workspace, path, BODY)).status_code == 200
        assert not long.done()
    assert (await long).status_code == 200
    await settled(workspace)
    assert len(await leads(workspace)) == 2
