"""Who a lead is, over the API: one lead for each person, and nothing that was sent is lost."""

from itertools import permutations
from typing import Any

import pytest

from app.audit.verify import verify
from tests.support.workspace import Workspace

PLAN: dict[str, Any] = {
    "queues": {"desk": {}},
    "slas": {"fast": {"touch": "5m"}},
    "pipeline": [
        {
            "rule": {
                "name": "demos",
                "when": {"lead_type": "demo"},
                "then": {"team": "inbound", "sla": "fast"},
            }
        },
        {"rule": {"name": "cold", "when": {"not": {"country": {"exists": True}}}, "then": {"queue": "desk"}}},
        {"round_robin": {"team": "inbound"}},
        {"queue": {"name": "desk"}},
    ],
    "follow_up": [{"when": {"lead_type": "demo"}, "do": [{"type": "task", "title": "Demo"}]}],
}
DE = {"country": "DE"}


async def verified(workspace: Workspace) -> list[str]:
    """The differences that replaying everything finds."""
    return (await verify(workspace.pool, workspace.workspace_id)).differences


def told(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    shown = [tuple(each.values()) for each in answer.get("possible_duplicate", [])]
    assert answer["trace"].get("possible_duplicate", []) == answer.get("possible_duplicate", [])
    return shown


@pytest.fixture
async def office(workspace: Workspace) -> Workspace:
    await workspace.publish(PLAN)
    return workspace


async def test_form_crm_and_second_click_are_one_lead(office: Workspace) -> None:
    email = {"email": "ana.ruiz@kundin.example", **DE}
    first = await office.assign(submission_id="wf-1", **email)
    from_crm = await office.assign(crm={"lead_id": "003A"}, **email)
    again = await office.assign(submission_id="wf-2", **email)
    assert [each["existing_lead"]["kind"] for each in (from_crm, again)] == ["duplicate", "duplicate"]
    assert {each["lead_id"] for each in (first, from_crm, again)} == {first["lead_id"]}
    assert (await office.get("/leads?crm_lead_id=003A"))["items"][0]["id"] == first["lead_id"]
    lead = await office.get(f"/leads/{first['lead_id']}")
    assert (lead["fields"]["submission_id"], lead["fields"]["crm"]) == ("wf-2", {"lead_id": "003A"})


async def test_submission_id_that_comes_again_is_a_replay(office: Workspace) -> None:
    first = await office.assign(submission_id="wf-1", company="Acme")
    second = await office.client.post(
        "/assign", json={"lead": {"company": "Acme", "city": "Kiel"}, "submission_id": "wf-1"}
    )
    assert second.status_code == 200
    assert second.json() == {**first, "replayed": True}


async def test_aliases_of_an_address_are_told_and_join_nobody(office: Workspace) -> None:
    otto = await office.assign(email="p.otto@gmail.com", **DE)
    firm = await office.assign(email="p.otto@firma.example", **DE)
    again = await office.assign(email="p.otto@googlemail.com", **DE)
    assert (again["lead_id"], again["existing_lead"]["kind"]) == (otto["lead_id"], "duplicate")
    dotless = await office.assign(email="potto@gmail.com", **DE)
    tagged = await office.assign(email="p.otto+messe@gmail.com", **DE)
    assert told(dotless) == [(otto["lead_id"], "email_alias", "email")]
    assert {each for each, *_ in told(tagged)} == {otto["lead_id"], dotless["lead_id"]}
    assert told(await office.assign(email="potto@firma.example", **DE)) == []
    assert (await office.assign(email="P.Otto@Firma.Example", **DE))["lead_id"] == firm["lead_id"]
    lead = await office.get(f"/leads/{tagged['lead_id']}")
    assert lead["fields"]["email"] == "p.otto+messe@gmail.com"


async def test_two_people_with_one_mailbox_stay_two_leads(office: Workspace) -> None:
    mailbox = {"email": "info@praxis.example", **DE}
    ana = await office.assign(first_name="Ana", last_name="Sol", **mailbox)
    ben = await office.assign(first_name="Ben", last_name="Tor", lead_type="demo", **mailbox)
    nobody = await office.assign(**mailbox)
    assert told(ben) == [(ana["lead_id"], "email", "name")]
    assert {(each, why) for each, _, why in told(nobody)} == {
        (ana["lead_id"], "several_leads"),
        (ben["lead_id"], "several_leads"),
    }
    fields = (await office.get(f"/leads/{ana['lead_id']}"))["fields"]
    assert (fields["last_name"], "lead_type" in fields) == ("Sol", False)
    found = await office.client.post("/leads/lookup", json={"email": "info@praxis.example"})
    assert [each["id"] for each in found.json()["items"]] == [each["lead_id"] for each in (ana, ben, nobody)]
    assert await verified(office) == []


RECEPTION = (
    {"email": "a@x.example"},
    {"first_name": "M.", "last_name": "Kurz"},
    {"email": "c@x.example"},
)


@pytest.mark.parametrize("batch", [False, True], ids=["one by one", "together"])
async def test_number_of_a_reception_joins_nobody_with_another_address(
    office: Workspace, batch: bool
) -> None:
    for number, order in enumerate(permutations(range(3))):
        leads = [{**RECEPTION[at], "phone": f"+49 30 90182{number}"} for at in order]
        for lead in leads:
            if "email" in lead:
                lead["email"] = f"{number}{lead['email']}"
        if batch:
            body = {"items": [{"lead": lead} for lead in leads]}
            items = (await office.client.post("/assign/batch", json=body)).json()["items"]
            answers = [item["decision"] for item in items]
        else:
            answers = [await office.assign(**lead) for lead in leads]
        a, b, c = (answers[order.index(at)]["lead_id"] for at in range(3))
        assert a != c
        assert (b in {a, c}) is (order[2] != 1)
        vetoes = {why for answer in answers for _, _, why in told(answer)}
        assert vetoes == {"email", "several_leads"} if order[2] == 1 else {"email"}
    assert await verified(office) == []


async def test_implausible_number_joins_nobody_and_is_flagged(office: Workspace) -> None:
    answers = [
        await office.assign(phone=phone, company=f"Company {number}", country="US")
        for phone in ("0000000000", "1234567890", "(212) 555-0123")
        for number in range(2)
    ]
    assert len({answer["lead_id"] for answer in answers}) == 6
    assert all("phone_implausible" in answer["normalized"]["flags"] for answer in answers)


async def test_mailbox_gives_address_and_name(office: Workspace) -> None:
    answer = await office.assign(email='"Mara Lind" <mara@kunde.example>')
    fields = (await office.get(f"/leads/{answer['lead_id']}"))["fields"]
    assert (fields["email"], fields["first_name"], fields["last_name"]) == (
        "mara@kunde.example", "Mara", "Lind",
    )  # fmt: skip


async def test_whitepaper_and_then_a_demo_is_a_demo(office: Workspace) -> None:
    mara = {"email": "mara@kunde.example", **DE}
    first = await office.assign(lead_type="content", **mara)
    demo = await office.assign(lead_type="demo", attributes={"seats": 5}, **mara)
    assert (demo["owner"], demo["existing_lead"]["kind"]) == (first["owner"], "reengaged")
    assert (demo["sla"]["name"], [action["type"] for action in demo["actions"]]) == ("fast", ["task"])
    click = await office.assign(lead_type="demo", city="Kiel", **mara)
    assert (click["existing_lead"]["kind"], click["actions"]) == ("duplicate", [])
    assert click["existing_lead"]["assignment_id"] == demo["assignment_id"]
    fields = (await office.get(f"/leads/{first['lead_id']}"))["fields"]
    assert (fields["lead_type"], fields["attributes"], fields["city"]) == ("demo", {"seats": 5}, "Kiel")
    rows = await office.fetch("SELECT count(*) FROM ledger_entries WHERE workspace_id = $1")
    assert rows[0]["count"] == 1
    assert await verified(office) == []


async def test_waiting_lead_that_completes_the_form_moves(office: Workspace) -> None:
    first = await office.assign(email="mara@kunde.example")
    assert first["queue"] == "desk"
    second = await office.assign(email="mara@kunde.example", country="DE")
    assert (second["outcome"], second["lead_id"]) == ("assigned", first["lead_id"])
    refused = await office.client.post("/queues/desk/claim", json={"owner_id": "ana"})
    assert refused.status_code == 409
    assert await verified(office) == []


async def test_later_decisions_see_every_field_that_was_sent(office: Workspace) -> None:
    first = await office.assign(email="mara@kunde.example", lead_type="demo", city="Kiel")
    await office.assign(email="mara@kunde.example", city="Bonn", attributes={"seats": 5})
    again = await office.client.post("/reassign", json={"lead_id": first["lead_id"], "exclude": ["ana"]})
    assert again.status_code == 201
    fields = (await office.get(f"/leads/{first['lead_id']}"))["fields"]
    assert (fields["lead_type"], fields["city"], fields["attributes"]) == ("demo", "Bonn", {"seats": 5})
    assert await verified(office) == []


async def test_lead_that_is_too_old_gives_its_key_to_the_new_one(office: Workspace) -> None:
    await office.publish({**PLAN, "returning_leads": {"window": "0"}})
    ids = [(await office.assign(email="mara@kunde.example", **DE))["lead_id"] for _ in range(3)]
    assert len(set(ids)) == 3
    await office.publish(PLAN)
    assert (await office.assign(email="mara@kunde.example", **DE))["lead_id"] == ids[-1]


@pytest.mark.parametrize("country_first", [True, False], ids=["country first", "country last"])
async def test_phone_that_needs_the_country_of_another_submission_becomes_a_key(
    office: Workspace, country_first: bool
) -> None:
    parts = [DE, {"phone": "030 901820"}]
    for part in parts if country_first else reversed(parts):
        lead = await office.assign(email="mara@kunde.example", **part)
    by_phone = await office.assign(phone="+49 30 901820")
    assert by_phone["lead_id"] == lead["lead_id"]
    assert by_phone["existing_lead"]["matched_by"] == "phone"
    assert await verified(office) == []


async def test_malformed_address_leaves_the_readable_one_and_is_shown(office: Workspace) -> None:
    mara = {"external_id": "1", "email": "mara@kunde.example"}
    first = await office.assign(**mara, **DE)
    again = await office.assign(external_id="1", email="mara@kunde")
    assert again["normalized"]["flags"] == ["email_malformed"]
    fields = (await office.get(f"/leads/{first['lead_id']}"))["fields"]
    assert (fields["email"], fields["email_domain"]) == ("mara@kunde.example", "kunde.example")
    assert (fields["unreadable"], fields["flags"]) == ({"email": "mara@kunde"}, ["email_malformed"])
    assert (await office.assign(email="mara@kunde.example"))["lead_id"] == first["lead_id"]
    fields = (await office.get(f"/leads/{first['lead_id']}"))["fields"]
    assert not {"unreadable", "flags"} & fields.keys()
    assert await verified(office) == []


BY_TRIGGER = {
    **PLAN,
    "pipeline": [
        {"rule": {"name": "forms", "when": {"trigger": "form"}, "then": {"team": "inbound", "sla": "fast"}}},
        {"queue": {"name": "desk"}},
    ],
}


async def test_own_trigger_of_a_reassignment_makes_the_next_repeat_no_news(office: Workspace) -> None:
    await office.publish(BY_TRIGGER)
    first = await office.assign(email="mara@kunde.example", lead_type="demo")
    for to in ({"owner": "ana"}, {"owner": "ben"}, {"queue": "desk"}):
        again = await office.client.post("/reassign", json={"lead_id": first["lead_id"], "to": to})
        assert again.status_code == 201
    assert (await office.client.post("/queues/desk/claim", json={"owner_id": "eve"})).status_code == 200
    repeat = await office.assign(email="mara@kunde.example", lead_type="demo")
    assert (repeat["existing_lead"]["kind"], repeat["actions"]) == ("duplicate", [])
    body = {"lead": {"email": "mara@kunde.example"}, "trigger": "chat"}
    chat = (await office.client.post("/assign", json=body)).json()
    assert (chat["existing_lead"]["kind"], chat["trace"]["steps"][0]["news"]) == ("reengaged", ["trigger"])
    fields = (await office.get(f"/leads/{first['lead_id']}"))["fields"]
    assert (fields["trigger"], "submitted_trigger" in fields) == ("chat", False)
    assert await verified(office) == []


async def test_new_lead_leaves_an_old_one_the_equal_id_of_another_source(office: Workspace) -> None:
    await office.publish({**PLAN, "returning_leads": {"window": "0"}})
    shop = {"external_id": "1", "external_id_source": "shop"}
    fair = {"external_id": "1", "external_id_source": "fair"}
    first = await office.assign(email="mara@kunde.example", **shop)
    second = await office.assign(email="mara@kunde.example", **fair)
    assert first["lead_id"] != second["lead_id"]
    await office.publish(PLAN)
    assert (await office.assign(**shop))["lead_id"] == first["lead_id"]
    assert (await office.assign(**fair))["lead_id"] == second["lead_id"]
    assert (await office.assign(email="mara@kunde.example"))["lead_id"] == second["lead_id"]
