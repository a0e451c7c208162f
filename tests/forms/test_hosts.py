"""Who books a meeting belongs to its host."""

from tests.forms.deliveries import form, leads, post, settled
from tests.support.workspace import Workspace

BOOKED = {
    "event": "invitee.created",
    "created_at": "2026-11-30T10:00:00.000000Z",
    "payload": {
        "uri": "https://api.calendly.example/scheduled_events/E1/invitees/I1",
        "email": "maite@olivar.example",
        "name": "Maite Olivar",
        "first_name": None,
        "last_name": None,
        "rescheduled": False,
        "old_invitee": None,
        "questions_and_answers": [],
        "scheduled_event": {
            "uri": "https://api.calendly.example/scheduled_events/E1",
            "start_time": "2026-12-10T09:00:00.000000Z",
            "event_memberships": [{"user_email": "EVE@dach.example"}],
        },
    },
}


async def test_the_host_owns_a_new_lead_unless_the_endpoint_says_otherwise(workspace: Workspace) -> None:
    owners = (await workspace.get("/owners"))["items"]
    eve = next(each for each in owners if each["id"] == "eve")
    BOOKED["payload"]["scheduled_event"]["event_memberships"][0]["user_email"] = eve["email"].upper()  # type: ignore[index]
    path = await form(workspace, "calendly", "meetings")
    assert (await post(workspace, path, BOOKED)).status_code == 200
    await settled(workspace)
    (lead,) = await leads(workspace)
    assert (lead["owner"]["id"], lead["assignments"][0]["reason"]["code"]) == ("eve", "manual")
    turns = "SELECT FROM ledger_entries WHERE workspace_id = $1"
    assert await workspace.fetch(turns) == []
    (event,) = await workspace.fetch("SELECT type FROM events WHERE workspace_id = $1")
    assert event["type"] == "meeting"
