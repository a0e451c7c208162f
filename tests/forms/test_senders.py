"""Who sent a form, by which method, and what they agreed to when."""

from ipaddress import ip_network

import pytest

from tests.forms.deliveries import form, leads, post, settled
from tests.support.workspace import Workspace

URLENCODED = {"content_type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "GET"])
async def test_gravity_forms_may_send_by_any_method(workspace: Workspace, method: str) -> None:
    path = await form(workspace, "gravity_forms")
    entry = {"id": "31", "form_id": "4", "2": "runa@moewe.example"}
    async with workspace.caller(None) as tool:
        if method == "GET":
            answer = await tool.get(path, params=entry)
        else:
            answer = await tool.request(method, path, json=entry)
    assert (answer.status_code, "x-problem-id" in answer.headers) == (200, False)
    await settled(workspace)
    (lead,) = await leads(workspace)
    assert lead["fields"]["email"] == "runa@moewe.example"


@pytest.mark.parametrize(("kind", "method"), [("typeform", "PUT"), ("html", "GET"), ("gravity_forms", "GET")])
async def test_other_methods_and_a_glance_at_the_address_are_no_delivery(
    workspace: Workspace, kind: str, method: str
) -> None:
    path = await form(workspace, kind)
    async with workspace.caller(None) as tool:
        assert (await tool.request(method, path)).status_code == 405
    assert (await workspace.get("/intake/failures"))["items"] == []


async def test_the_address_of_a_visitor_is_what_a_trusted_proxy_tells(workspace: Workspace) -> None:
    path = await form(workspace, "html")
    spoofed = {**URLENCODED, "x_visitor_address": "198.51.100.1", "x_forwarded_for": "203.0.113.8"}
    await post(workspace, path, b"email=runa@moewe.example", **spoofed)
    workspace.app.state.trusted_proxies = [ip_network("203.0.113.9/32")]
    try:
        await post(workspace, path, b"email=tilda@moewe.example", **spoofed)
    finally:
        workspace.app.state.trusted_proxies = []
    await settled(workspace)
    assert [each["fields"].get("ip") for each in await leads(workspace)] == [None, "203.0.113.8"]


async def test_the_address_of_a_tool_is_none_of_a_visitor(workspace: Workspace) -> None:
    path = await form(workspace, "typeform")
    answers = [{"type": "email", "email": "runa@moewe.example", "field": {"id": "a"}}]
    body = {"event_type": "form_response", "form_response": {"token": "t-1", "answers": answers}}
    await post(workspace, path, body, x_forwarded_for="203.0.113.8", x_real_ip="203.0.113.8")
    await settled(workspace)
    (lead,) = await leads(workspace)
    assert "ip" not in lead["fields"]


async def test_a_tick_on_a_form_opens_a_channel_again(workspace: Workspace) -> None:
    path = await form(workspace, "html")
    await post(workspace, path, b"email=runa@moewe.example", **URLENCODED)
    await settled(workspace)
    (first,) = await leads(workspace)
    withdrawn = await workspace.client.post(
        f"/assignments/{first['assignments'][0]['assignment_id']}/events",
        json={"type": "unsubscribed", "id": "u-1"},
    )
    assert withdrawn.status_code == 200, withdrawn.text
    for answer in ("Only by telephone", "false", ""):
        body = f"email=runa@moewe.example&note={answer}&consent_email={answer}".encode()
        await post(workspace, path, body, **URLENCODED)
    await settled(workspace)
    assert await _allows_mail(workspace, first["id"]) is False
    await post(workspace, path, b"email=runa@moewe.example&consent_email=on&form_name=Prices", **URLENCODED)
    await settled(workspace)
    assert await _allows_mail(workspace, first["id"]) is True


async def _allows_mail(workspace: Workspace, lead_id: str) -> bool:
    preferences = await workspace.get(f"/leads/{lead_id}/preferences")
    return str(preferences["consents"]["email"]["state"]) == "granted"


async def test_the_form_is_a_field_of_the_lead(workspace: Workspace) -> None:
    path = await form(workspace, "gravity_forms")
    await post(
        workspace, path, {"id": "31", "form_id": "4", "form_title": "Prices", "2": "runa@moewe.example"}
    )
    await settled(workspace)
    (lead,) = await leads(workspace)
    assert lead["fields"]["form"] == "Prices"


async def test_refusals_are_zero_from_the_start(only_workspace: Workspace) -> None:
    text = only_workspace.app.state.metrics.registry
    samples = [
        each
        for family in text.collect()
        if family.name == "lead_assignment_forms_refused"
        for each in family.samples
        if each.name.endswith("_total")
    ]
    shown = {(each.labels["kind"], each.labels["code"]): each.value for each in samples}
    assert shown["typeform", "signature_mismatch"] == 0
    assert shown["html", "rate_limited"] == 0
