"""Deliveries of form tools over HTTP: what is answered, what becomes a lead, and what a repeat does."""

import base64
import hmac
from datetime import timedelta
from typing import Any

import pytest

from app.contract.endpoints import CRM_KINDS, SIGNED_FORMS
from app.forms.vendors import FORM_KINDS
from app.store import clocks
from tests.forms.deliveries import form, leads, post, settled
from tests.forms.vendors import (
    test_calendly,
    test_callrail,
    test_google_ads,
    test_gravity_forms,
    test_hubspot_form,
    test_jotform,
    test_typeform,
    test_unbounce,
    test_webflow,
    test_wordpress,
    test_zoom_webinar,
)
from tests.forms.vendors.sent import form as as_form
from tests.forms.vendors.sent import sent
from tests.support.workspace import Workspace

FORM = "application/x-www-form-urlencoded"
KEY = "key-of-the-advertiser"
UNSIGNED = {
    "calendly": (test_calendly.event(), "mj@kundin.example"),
    "callrail": (sent(test_callrail.CALL), None),
    "contact_form_7": (as_form({"your-email": "ida@kundin.example"}), "ida@kundin.example"),
    "elementor": (as_form(test_wordpress.ADVANCED), "ida@kundin.example"),
    "gravity_forms": (sent(test_gravity_forms.ENTRY), "ida@kundin.example"),
    "hubspot_form": (sent(test_hubspot_form.CONTACT), "ana@kundin.example"),
    "jotform": (test_jotform.posted(), "ida@kundin.example"),
    "typeform": (sent(test_typeform.BODY), "lena@kundin.example"),
    "unbounce": (test_unbounce.posted(), "ida@kundin.example"),
    "webflow": (sent(test_webflow.BODY), "ida@kundin.example"),
    "wpforms": (as_form({"fields[1][value]": "ida@kundin.example"}), "ida@kundin.example"),
}


def test_the_kinds_of_the_api_are_those_that_are_read() -> None:
    assert FORM_KINDS.keys().isdisjoint(CRM_KINDS)
    assert {name for name, kind in FORM_KINDS.items() if kind.proof == "required"} == SIGNED_FORMS


async def deliver(workspace: Workspace, path: str, request: Any) -> Any:
    headers = {name: value.decode("latin-1") for name, value in request.headers.items()}
    return await post(workspace, path, request.body, **headers)


async def stored(workspace: Workspace) -> str:
    """The bodies as they are kept."""
    kept = "SELECT * FROM crm_deliveries WHERE workspace_id = $1"
    return " ".join(str(dict(row)) for row in await workspace.fetch(kept))


@pytest.mark.parametrize("kind", UNSIGNED)
async def test_a_delivery_and_its_repeat_are_one_lead(kind: str, workspace: Workspace) -> None:
    request, email = UNSIGNED[kind]
    path = await form(workspace, kind)
    for _ in range(2):
        answer = await deliver(workspace, path, request)
        assert answer.status_code == 200
        assert "x-problem-id" not in answer.headers
    await settled(workspace)
    (lead,) = await leads(workspace)
    assert lead["fields"].get("email") == email
    assert lead["assignments"][0]["outcome"] == "assigned"


async def test_a_google_lead_is_verified_answered_and_updated(workspace: Workspace) -> None:
    path = await form(workspace, "google_ads", secrets=[KEY])
    body = {**test_google_ads.LEAD, "google_key": KEY}
    answer = await post(workspace, path, body)
    assert (answer.status_code, answer.json()) == (200, {})
    refused = await post(workspace, path, {**body, "google_key": "123"})
    assert refused.status_code == 401
    assert refused.json().keys() == {"message"}
    columns = [*test_google_ads.COLUMNS, {"column_id": "CITY", "string_value": "Bonn"}]
    await post(workspace, path, {**body, "user_column_data": columns})
    await settled(workspace)
    (lead,) = {each["id"]: each for each in await leads(workspace)}.values()
    assert lead["fields"]["submission_id"] == "9007199254740993"
    kept = await stored(workspace)
    assert KEY not in kept


async def test_a_correction_of_a_submission_repeats_no_action_however_late(workspace: Workspace) -> None:
    start = await workspace.start_at_noon()
    path = await form(workspace, "google_ads", secrets=[KEY])
    body = {**test_google_ads.LEAD, "google_key": KEY}
    others = [each for each in test_google_ads.COLUMNS if each["column_id"] != "PHONE_NUMBER"]
    for hours, phone in ((0, "+49 30 901820"), (3, "+49 30 901821")):
        async with workspace.pool.acquire() as connection:
            later = start + timedelta(hours=hours)
            await clocks.set_clock(connection, workspace.workspace_id, later, speed=1)
        column = {"column_id": "PHONE_NUMBER", "string_value": phone}
        await post(workspace, path, {**body, "user_column_data": [*others, column]})
        await settled(workspace)
    first, second = await leads(workspace)
    assert first["id"] == second["id"]
    assert second["fields"]["phone"] == "+4930901821"
    decided = "SELECT code FROM assignments WHERE workspace_id = $1 ORDER BY decision_number"
    assert [row["code"] for row in await workspace.fetch(decided)] == ["round_robin", "duplicate"]


async def test_a_wrong_signature_stores_nothing(workspace: Workspace) -> None:
    path = await form(workspace, "typeform", secrets=["secret-of-typeform"])
    raw = sent(test_typeform.BODY).body
    code = base64.b64encode(hmac.digest(b"secret-of-typeform", raw, "sha256")).decode()
    for header in ("sha256=x", f"sha256={code[:-2]}"):
        assert (await post(workspace, path, raw, typeform_signature=header)).status_code == 401
    assert (await post(workspace, path, raw)).status_code == 401
    await settled(workspace)
    assert await leads(workspace) == []
    assert (await post(workspace, path, raw, typeform_signature=f"sha256={code}")).status_code == 200
    await settled(workspace)
    assert len(await leads(workspace)) == 1


async def test_a_webinar_is_validated_registered_and_left(workspace: Workspace) -> None:
    path = await form(workspace, "zoom_webinar", secrets=["secret-of-zoom"])
    answer = await post(workspace, path, test_zoom_webinar.validation().body)
    token = "qgg8vlvZRS6UYooatFL8Aw"
    assert answer.json()["encryptedToken"] == hmac.digest(b"secret-of-zoom", token.encode(), "sha256").hex()
    assert (await post(workspace, path, test_zoom_webinar.event().body)).status_code == 401


def booked(which: str, before: str | None, day: int, said: str) -> Any:
    """A booking for a day of December, which moves the one before."""
    names = {"uri": which, "old_invitee": before}
    at = {"start_time": f"2026-12-{day}T10:00:00Z"}
    return test_calendly.event(
        scheduled_event={**test_calendly.INVITEE["scheduled_event"], **at}, said=said, **names
    )


async def test_a_booking_that_is_moved_is_one_lead_with_its_host(workspace: Workspace) -> None:
    await workspace.put("owners", "hosting", {"name": "Ana", "email": "ana@we.example"})
    path = await form(workspace, "calendly")
    third = "https://api.calendly.com/invitees/3"
    canceled = test_calendly.event("invitee.canceled", rescheduled=True, new_invitee=test_calendly.SECOND)
    # The second comes before the first, and the third names only the second.
    for request in (
        booked(test_calendly.SECOND, test_calendly.FIRST, 12, "2026-11-30T09:00:00Z"),
        canceled,
        booked(test_calendly.FIRST, None, 10, "2026-11-30T08:00:00Z"),
        booked(third, test_calendly.SECOND, 14, "2026-11-30T10:00:00Z"),
        test_calendly.event("invitee_no_show.created", uri=third, old_invitee=test_calendly.SECOND),
    ):
        assert (await deliver(workspace, path, request)).status_code == 200
        await settled(workspace)
    (lead,) = {each["id"]: each for each in await leads(workspace)}.values()
    assert lead["owner"]["id"] == "hosting"
    assert lead["assignments"][0]["reason"]["text"] == "Assigned to Ana, who has a meeting with the lead."
    assert lead["fields"]["attributes"]["full_name"] == "María José de la Cruz Ortiz"
    (assignment,) = lead["assignments"]
    events = (await workspace.get(f"/assignments/{assignment['assignment_id']}"))["events"]
    assert [(each["type"], (each["for"] or "")[:10]) for each in events] == [
        ("meeting", "2026-12-14"),
        ("x-no_show", ""),
    ]
    assert (await workspace.get("/intake/failures"))["items"] == []


async def test_contacts_that_became_one_are_one_lead_and_what_is_refused_is_listed(
    workspace: Workspace,
) -> None:
    path = await form(workspace, "intercom", secrets=["secret-of-intercom"])

    async def tell(topic: str, item: Any) -> None:
        raw = sent({"id": f"{topic}{item['id']}", "topic": topic, "data": {"item": item}}).body
        code = "sha1=" + hmac.new(b"secret-of-intercom", raw, "sha1").hexdigest()
        assert (await post(workspace, path, raw, x_hub_signature=code)).status_code == 200
        await settled(workspace)

    chat, work = {"id": "chat", "email": "ida@home.example"}, {"id": "work", "email": "ida@kundin.example"}
    await tell("contact.lead.created", {"id": "chat", "email": None, "name": "Ida"})
    (anonymous,) = await leads(workspace)
    assert (anonymous["state"], anonymous["junk"]["parts"]) == ("assigned", {})
    await tell("contact.lead.added_email", chat)
    first, lead = await leads(workspace)
    assert first["id"] == lead["id"] == anonymous["id"]
    assert lead["fields"]["email"] == "ida@home.example"
    await tell("contact.user.created", work)
    await tell("contact.merged", {**work, "merged_from": {"id": "chat"}})
    found = (await workspace.client.post("/leads/lookup", json={"email": "ida@home.example"})).json()["items"]
    assert [each["id"] for each in found] == [lead["id"]]
    other = (await workspace.client.post("/leads/lookup", json={"email": "ida@kundin.example"})).json()[
        "items"
    ]
    assert [each["id"] for each in other] == [lead["id"]]
    await tell("contact.unsubscribed", chat)
    consents = (await workspace.get(f"/leads/{lead['id']}/preferences"))["consents"]
    assert consents["email"]["state"] == "withdrawn"
    assert (await workspace.get("/intake/failures"))["items"] == []


async def test_what_nothing_maps_is_answered_like_a_success_and_listed(workspace: Workspace) -> None:
    path = await form(workspace, "webflow")
    answer = await post(
        workspace, path, {"triggerType": "form_submission", "payload": {"id": "w", "data": {"x": "y"}}}
    )
    assert answer.status_code == 200
    failures = (await workspace.get("/intake/failures"))["items"]
    assert [each["id"] for each in failures] == [answer.headers["x-problem-id"]]


async def test_the_address_in_a_body_is_kept_nowhere(workspace: Workspace) -> None:
    path = await form(workspace, "jotform")
    address = f"https://leads.example{path}"
    for raw in (None, "{"):
        request = test_jotform.posted(raw, webhookURL=address)
        assert (await deliver(workspace, path, request)).status_code == 200
    await settled(workspace)
    kept = await stored(workspace)
    assert path.rpartition("/")[2] not in kept
    assert "[redacted]" in kept
    assert len(await leads(workspace)) == 1
