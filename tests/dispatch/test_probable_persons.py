"""New leads that are probably a person who is known, over the API."""

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import pytest

from app.audit.verify import verify
from tests.support.workspace import Workspace

PLAN: Mapping[str, Any] = {
    "returning_leads": {"probable": {"review": 0.7, "known": 0.9}},
    "queues": {"desk": {}, "doubt": {}},
    "pipeline": [
        {"rule": {"name": "doubt", "when": {"review": True}, "then": {"queue": "doubt"}}},
        {"round_robin": {"team": "inbound"}},
        {"queue": {"name": "desk"}},
    ],
}
LIA = {"first_name": "Lia", "last_name": "Sorge"}
WORK = {**LIA, "email": "lia.sorge@werft.example", "phone": "+49 30 901820"}
SAME_COMPANY = {**LIA, "email": "l.sorge@werft.example"}
SAME_PHONE = {**LIA, "email": "lia@gmail.com", "phone": "+49 30 901820"}
BOTH = {**LIA, "email": "sorge@werft.example", "phone": "030 901820", "country": "DE"}


@pytest.fixture
async def office(workspace: Workspace) -> Workspace:
    await workspace.publish(PLAN)
    return workspace


def told(decision: Mapping[str, Any]) -> list[tuple[str, str, float]]:
    found = decision.get("possible_duplicate", [])
    return [(each["lead_id"], each["key"], each["score"]) for each in found if "score" in each]


async def test_same_name_at_one_company_is_a_case_for_review(office: Workspace) -> None:
    first = await office.assign(**WORK)
    second = await office.assign(**SAME_COMPANY)
    assert told(second) == [(first["lead_id"], "name_and_company", 0.85)]
    assert (second["review"], second["queue"]) == (True, "doubt")
    assert second["lead_id"] != first["lead_id"]
    assert (await office.get(f"/leads/{first['lead_id']}"))["fields"]["email"] == WORK["email"]


@pytest.mark.parametrize("lead", [SAME_PHONE, BOTH], ids=["phone", "both"])
async def test_person_who_is_known_by_the_score_gets_the_same_owner_and_is_not_merged(
    office: Workspace, lead: dict[str, Any]
) -> None:
    first = await office.assign(**WORK)
    second = await office.assign(**lead)
    assert second["reason"]["code"] == "probable_person"
    assert second["owner"] == first["owner"]
    assert "review" not in second
    assert told(second)[0][:2] == (first["lead_id"], "name_and_phone")
    assert second["lead_id"] != first["lead_id"]
    explained = await office.get(f"/assignments/{second['assignment_id']}/explain")
    assert explained["reproduced"] is True
    assert (await verify(office.pool, office.workspace_id)).differences == []


async def test_nobody_is_known_unless_the_plan_says_from_which_score(office: Workspace) -> None:
    await office.publish({**PLAN, "returning_leads": {"probable": {}}})
    await office.assign(**WORK)
    second = await office.assign(**BOTH)
    assert (second["review"], second["queue"]) == (True, "doubt")


async def test_plan_that_does_not_ask_compares_no_names(office: Workspace) -> None:
    await office.publish({name: part for name, part in PLAN.items() if name != "returning_leads"})
    await office.assign(**WORK)
    second = await office.assign(**SAME_COMPANY)
    assert "review" not in second
    assert "possible_duplicate" not in second
    assert await office.fetch("SELECT FROM identities WHERE workspace_id = $1 AND kind = 'person'") == []


@pytest.mark.parametrize(
    "other",
    [
        {"first_name": "Lia", "last_name": "Kant", "email": "lia.kant@werft.example"},
        {**LIA, "email": "lia.sorge@gmail.com"},
        {**LIA, "email": "lia.sorge@reederei.example"},
        {"first_name": "L.", "last_name": "Sorge", "email": "ls@werft.example"},
        {"last_name": "Sales", "email": "sales@werft.example"},
    ],
    ids=["family name", "free mail", "other company", "initial", "placeholder"],
)
async def test_other_people_are_no_case_for_review(office: Workspace, other: dict[str, Any]) -> None:
    await office.assign(**WORK)
    assert told(await office.assign(**other)) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("John", "Smith Jr."), ("John", "Smith Sr.")),
        (("Herr Kim", "Berg"), ("Frau Kim", "Berg")),
        (("Jan", "Novak"), ("Jan", "Nowak")),
    ],
)
async def test_two_people_of_nearly_one_name_are_no_case_for_review(
    office: Workspace, one: tuple[str, str], other: tuple[str, str]
) -> None:
    for number, (first, last) in enumerate((one, other)):
        lead = {"first_name": first, "last_name": last, "phone": f"+49 30 90182{number}"}
        decision = await office.assign(**lead, email=f"n{number}@werft.example")
    assert told(decision) == []


@pytest.mark.parametrize("title", ["Dr. Lia", "Frau Lia"])
async def test_a_title_makes_nobody_another_one(office: Workspace, title: str) -> None:
    await office.assign(**WORK)
    second = await office.assign(**{**SAME_COMPANY, "first_name": title})
    assert len(told(second)) == 1


async def test_two_ids_of_one_crm_are_two_people(office: Workspace) -> None:
    await office.assign(**WORK, crm={"lead_id": "003A"})
    assert told(await office.assign(**SAME_COMPANY, crm={"lead_id": "003B"})) == []


async def test_order_of_arrival_does_not_matter(office: Workspace) -> None:
    pairs: list[set[tuple[frozenset[str], float]]] = []
    for number, order in enumerate(permutations([WORK, SAME_COMPANY, SAME_PHONE])):
        ids: dict[str, str] = {}
        found: set[tuple[frozenset[str], float]] = set()
        for lead in order:
            sent = {
                **lead,
                "last_name": f"Sorge{'abcdef'[number]}{'abcdef'[number]}n",
                "email": lead["email"].replace("@", f"{number}@").replace("werft", f"werft{number}"),
            }
            if "phone" in lead:
                sent["phone"] = f"+49 30 90182{number}"
            decision = await office.assign(**sent)
            ids[decision["lead_id"]] = lead["email"]
            for other, _, score in told(decision):
                found.add((frozenset((lead["email"], ids[other])), score))
        assert len(ids) == 3
        pairs.append(found)
    assert all(each == pairs[0] for each in pairs)
    assert pairs[0]


async def test_name_of_an_erased_person_is_gone(office: Workspace) -> None:
    first = await office.assign(**WORK)
    assert (await office.client.delete(f"/leads/{first['lead_id']}")).status_code == 200
    assert told(await office.assign(**SAME_COMPANY)) == []
