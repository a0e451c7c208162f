"""An afternoon in a CRM, heard by signed webhooks in any order and more than once, ends with equal books."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.audit.verify import verify
from tests.support.crm import USERS, books, employ
from tests.support.office import until
from tests.support.workspace import Filled, open_filled
from tests.webhooks.deliveries import BASE_URL, endpoint, hubspot

SECRET = "client-secret-of-the-app"
APP = "54321"
BATCH = 20
PENDING = "SELECT FROM crm_inbox WHERE workspace_id = $1 AND state = 'pending' LIMIT 1"
FAILED = "SELECT code FROM crm_inbox WHERE workspace_id = $1 AND state = 'failed'"


class Afternoon:
    """What happens in the CRM, and who owns each contact in the end."""

    def __init__(self, leads: Sequence[dict[str, Any]], chance: random.Random) -> None:
        self.owners: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        self._chance = chance
        self._numbers = iter(range(1, 1_000_000))
        for lead in leads:
            self._lead(lead)

    def _lead(self, lead: dict[str, Any]) -> None:
        contact, decided = lead["contact"], datetime.fromisoformat(lead["decided_at"])
        user = next(user for user, owner in USERS.items() if owner == lead["owner"]["id"])
        at = decided + timedelta(seconds=2)
        self._tell(contact, at, "hubspot_owner_id", user, changeSource="INTEGRATION", sourceId=APP)
        self.owners[contact] = USERS[user]
        for _ in range(self._chance.randrange(3)):
            at += timedelta(seconds=self._chance.randrange(10, 60))
            user = self._chance.choice(list(USERS))
            self._tell(contact, at, "hubspot_owner_id", user, changeSource="CRM_UI", sourceId="userId:9")
            self.owners[contact] = USERS[user]
        if self._chance.random() < 0.4:
            self._tell(contact, at + timedelta(seconds=5), "country", self._chance.choice(["DE", "US"]))

    def merge(self, first: str, second: str, at: datetime) -> None:
        """The second contact becomes the first one, which keeps its owner."""
        ids = {"primaryObjectId": int(first), "mergedObjectIds": [int(first), int(second)]}
        self.events.append(self._item(first, "contact.merge", at, **ids))
        self.events.append(self._item(second, "contact.deletion", at + timedelta(seconds=1)))
        self.owners[second] = self.owners[first]

    def _tell(self, contact: str, at: datetime, name: str, value: str, **more: Any) -> None:
        item = self._item(
            contact, "contact.propertyChange", at, propertyName=name, propertyValue=value, **more
        )
        self.events.append(item)

    def _item(self, contact: str, type_: str, at: datetime, **more: Any) -> dict[str, Any]:
        number = next(self._numbers)
        return {
            "eventId": number, "subscriptionId": 1, "portalId": 62515, "subscriptionType": type_,
            "objectId": int(contact), "occurredAt": int(at.timestamp() * 1000), "attemptNumber": 0, **more,
        }  # fmt: skip

    def deliveries(self) -> Iterator[bytes]:
        """All events in any order, some twice."""
        told = self._chance.sample(self.events, len(self.events))
        told += self._chance.choices(self.events, k=len(self.events) // 3)
        for start in range(0, len(told), BATCH):
            yield json.dumps(told[start : start + BATCH]).encode()


@pytest.mark.parametrize("count", [40, pytest.param(200, marks=pytest.mark.long)])
async def test_books_equal_the_crm_after_an_afternoon(filled: Filled, count: int) -> None:
    async with open_filled(filled, worker_interval_seconds=0.05) as workspace:
        await employ(workspace, "hubspot")
        path = await endpoint(
            workspace,
            kind="hubspot",
            secrets=[SECRET],
            base_url=BASE_URL,
            options={"actor": [APP]},
            mapping={"reassign_on": ["owner_cleared"]},
        )
        leads = []
        for number in range(count):
            contact = str(1000 + number)
            lead = await workspace.assign(crm={"lead_id": contact}, email=f"p{number}@kunde.example")
            leads.append({**lead, "contact": contact})
        afternoon = Afternoon(leads, random.Random(7))
        last = max(datetime.fromisoformat(lead["decided_at"]) for lead in leads) + timedelta(hours=1)
        for first in range(0, count, 10):
            afternoon.merge(str(1000 + first), str(1001 + first), last)
        for body in afternoon.deliveries():
            answer = await workspace.client.post(path, content=body, headers=hubspot(path, body, SECRET))
            assert answer.status_code in {200, 204}, answer.text

        async def done() -> bool:
            return not await workspace.fetch(PENDING)

        await until(done)
        assert await workspace.fetch(FAILED) == []
        stand = {contact: owner for contact, (_, owner, _) in (await books(workspace)).items()}
        assert stand == afternoon.owners
        written = await workspace.fetch(
            """SELECT FROM assignments AS crm JOIN actions
                   ON actions.workspace_id = $1 AND actions.assignment_id = crm.id AND type = 'set_owner'
                WHERE crm.workspace_id = $1 AND crm.cause = 'crm'"""
        )
        assert written == []
        report = await verify(workspace.pool, workspace.workspace_id)
        assert report.clean, report.differences
