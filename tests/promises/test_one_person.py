"""Concurrent submissions of one person are one lead with one owner and one turn."""

from typing import Any

import pytest

from tests.promises.audit import audit
from tests.support.callers import callers, insist_on_all
from tests.support.processes import services
from tests.support.workspace import stored_workspace


def by_email(number: int) -> dict[str, Any]:
    """The same address, in ever other case, under ever other ids."""
    email = "".join(letter.upper() if number >> place & 1 else letter for place, letter in enumerate("jane"))
    return {"external_id": f"form-{number}", "email": f"{email}@people.example"}


def by_phone(number: int) -> dict[str, Any]:
    """The same number, written in two ways."""
    return {
        "external_id": f"form-{number}",
        "phone": ["+49 30 123456", "030/123456"][number % 2],
        "country": "DE",
    }


def by_crm(number: int) -> dict[str, Any]:
    """The same lead of the CRM."""
    return {"email": f"p{number}@people.example", "crm": {"lead_id": "00Q1"}}


@pytest.mark.parametrize("body", [by_email, by_phone, by_crm])
@pytest.mark.parametrize("known_before", [False, True], ids=["new", "stored"])
async def test_twenty_submissions_at_once_are_one_lead(database: str, body: Any, known_before: bool) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                bodies = [(None, {"lead": body(number)}) for number in range(20)]
                first = await insist_on_all(clients, bodies[:1], 1) if known_before else []
                answers = first + await insist_on_all(clients, bodies[len(first) :], 20)
            assert not any(service.logged_errors for service in running)
        books = await audit(workspace)
    assert len({answer["owner"]["id"] for answer in answers}) == 1
    assert len({answer["lead_id"] for answer in answers}) == 1
    assert sum(books.shares().values()) == 1
    new = [answer for answer in answers if answer["existing_lead"] is None]
    assert len(new) == 1
    assert len(new[0]["actions"]) == 1
    others = [answer for answer in answers if answer["existing_lead"] is not None]
    assert {answer["existing_lead"]["kind"] for answer in others} == {"duplicate"}
    assert {answer["existing_lead"]["assignment_id"] for answer in others} == {new[0]["assignment_id"]}
    assert [answer["actions"] for answer in others] == [[]] * 19


async def test_a_queued_lead_keeps_the_highest_priority_of_its_submissions(database: str) -> None:
    ranks = {"gold": 50, "silver": 20, "tin": 1}
    rules = [
        {"rule": {"name": name, "when": {"tier": name}, "then": {"queue": "desk", "priority": priority}}}
        for name, priority in ranks.items()
    ]
    plan = {
        "queues": {"desk": {}},
        "returning_leads": {"window": "90d", "duplicate_window": "10m"},
        "pipeline": [*rules, {"queue": {"name": "desk"}}],
    }
    async with stored_workspace(database) as workspace:
        await workspace.publish(plan)
        with services(database, 1) as running:
            async with callers(workspace, running) as clients:
                tiers = ["tin", "gold", "silver", "tin"] * 5
                bodies = [(None, {"lead": {"email": "jane@people.example", "tier": tier}}) for tier in tiers]
                answers = await insist_on_all(clients, bodies, 20)
        await audit(workspace)
        rows = await workspace.fetch("SELECT priority FROM assignments WHERE workspace_id = $1 AND open")
    assert [row["priority"] for row in rows] == [50]
    highest = 0
    for answer in sorted(answers, key=lambda one: one["decision_number"]):
        assert answer["priority"] >= highest
        highest = answer["priority"]
    assert highest == 50
