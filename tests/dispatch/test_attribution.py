"""What a plan says of origins, and plans older than the fields of intake, through the API."""

import re

from app.audit.verify import verify
from tests.support.factories import PLAN
from tests.support.workspace import Workspace

STEPS = (
    "pipeline:\n"
    "  - rule: {name: letters, when: {attribution.channel: Email}, then: {owner: ben}}\n"
    "  - rule: {name: paid, when: {attribution.channel: Paid Social}, then: {owner: eve}}\n"
)
OWN_RULES = PLAN.replace("pipeline:\n", STEPS) + (
    "attribution:\n"
    "  source_aliases: {kundenbrief: newsletter}\n"
    "  medium_aliases: {mailing: email}\n"
    "  own_domains: [firma-help.example]\n"
    "  paid_click_ids: [ttclid]\n"
)
OWN_FIELDS = (
    PLAN.replace(
        "pipeline:\n",
        "pipeline:\n"
        "  - rule: {name: own, when: {contact: hot, attribution: web, form: long}, then: {owner: ben}}\n"
        "  - rule: {name: calls, when: {preferences: calls}, then: {owner: eve}}\n",
    )
    + "fields:\n"
    "  contact: [{value: hot, when: {visits: {gte: 3}}}]\n"
    "  attribution: {from: source, web: [google, bing]}\n"
    "  form: [{value: long, when: {employees: {gte: 10}}}]\n"
    "  preferences: [{value: calls, when: {consent.phone: true}}]\n"
)


def step(answer: dict[str, object]) -> str:
    """The step that settled the lead."""
    name: str = answer["trace"]["steps"][-1]["step"]  # type: ignore[index]
    return name


async def test_plan_says_what_aliases_domains_and_click_ids_mean(workspace: Workspace) -> None:
    await workspace.publish(OWN_RULES)
    letter = await workspace.assign(
        email="a@kunde.example", utm={"source": "Kundenbrief", "medium": "Mailing"}
    )
    assert letter["normalized"]["attribution"] == {
        "source": "newsletter", "medium": "email", "channel": "Email", "by": "utm",
        "filled": ["source", "channel"],
    }  # fmt: skip
    assert step(letter) == "letters"
    paid = await workspace.assign(email="b@kunde.example", click_ids={"ttclid": "x1"})
    assert step(paid) == "paid"
    own = await workspace.assign(
        email="c@kunde.example",
        landing_page="https://firma.example/demo",
        referrer="https://docs.firma-help.example/start",
    )
    assert own["normalized"]["attribution"]["channel"] == "Direct"
    explained = await workspace.get(f"/assignments/{paid['assignment_id']}/explain")
    assert explained["reproduced"]
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_plan_with_fields_of_these_names_goes_on_as_before(workspace: Workspace) -> None:
    await workspace.publish(OWN_FIELDS)
    own = await workspace.assign(
        email="a@kunde.example",
        visits=4,
        employees=20,
        source="google",
        form="demo-de",
        phone="+49 30 901820",
    )
    assert step(own) == "own"
    calls = await workspace.assign(email="b@kunde.example", source="fair", form="x", consent={"phone": True})
    assert step(calls) == "calls"
    body = {"channels": {"email": "withdrawn"}, "origin": "phone call"}
    await workspace.client.put(f"/leads/{calls['lead_id']}/preferences", json=body)
    again = await workspace.assign(email="b@kunde.example", source="fair", visits=9, employees=50)
    assert again["lead_id"] == calls["lead_id"]
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_metrics_count_verdicts_and_channels(workspace: Workspace) -> None:
    await workspace.assign(email="info@gmail.com", utm={"source": "xyz", "medium": "foo"})
    await workspace.assign(email="a@kunde.example", channel="Trade fair", phone="1234567890", country="US")
    await workspace.assign(company="ACME", external_id="1", gclid="x1")
    await workspace.assign(company="ACME", external_id="2")
    text = (await workspace.client.get("/metrics")).text
    found = {
        (name, label): float(value)
        for name, label, value in re.findall(
            r"lead_assignment_(contact_verdicts|channel_leads)_total"
            r'\{(?:[^}]*,)?(?:verdict|channel)="([^"]+)"[^}]*\} (\S+)',
            text,
        )
        if float(value)
    }
    verdicts = {label: value for (name, label), value in found.items() if name == "contact_verdicts"}
    assert verdicts == {
        "email_valid": 2, "email_role": 1, "email_free": 1, "email_missing": 2, "phone_missing": 3,
        "phone_implausible": 1,
    }  # fmt: skip
    channels = {label: value for (name, label), value in found.items() if name == "channel_leads"}
    assert channels == {"Unassigned": 1, "other": 1, "Paid Search": 1, "none": 1}
