"""A HubSpot account as far as the service can tell: people work in it, and it sends signed webhooks."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.support.processes import PATIENCE, Service
from tests.webhooks.deliveries import hubspot

SECRET, PORTAL, APP = "client secret", 62515, "54321"
BATCH = 7


@dataclass
class Contact:
    """A contact. Its times are milliseconds. `into` is the contact that took its place."""

    id: str
    owner: str
    owned_at: int
    modified_at: int
    email: str
    live: bool = True
    into: str | None = None


@dataclass
class Deal:
    """A deal of a contact."""

    id: str
    contact: str
    modified_at: int
    stage: str = "qualifiedtobuy"
    amount: int = 0


class Account:
    """Contacts and deals, and events that are not delivered yet. `offset` is how far its clock is ahead."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.contacts: dict[str, Contact] = {}
        self.deals: dict[str, Deal] = {}
        self.waiting: list[dict[str, Any]] = []
        self.offset = 0
        self._last = 0
        self._ids = iter(range(5001, 10**6))

    def tick(self) -> int:
        """The next millisecond in which something happens."""
        self._last = max(self._last + 5, time.time_ns() // 1_000_000 + self.offset)
        return self._last

    def ahead(self) -> float:
        """How many seconds the last event is ahead of the clock, because so much happened at once."""
        return max(self._last - time.time_ns() // 1_000_000 - self.offset, 0) / 1000

    def say(self, type_: str, at: int, **parts: Any) -> None:
        """Something happened; it is told later."""
        event = {
            "eventId": next(self._ids),
            "subscriptionId": 1,
            "portalId": PORTAL,
            "subscriptionType": type_,
        }
        self.waiting.append({**event, "occurredAt": at, **parts})

    def root(self, id_: str) -> Contact:
        """The contact that a contact is by now."""
        contact = self.contacts[id_]
        while contact.into is not None:
            contact = self.contacts[contact.into]
        return contact

    def live(self) -> list[Contact]:
        """The contacts that are there."""
        return [each for each in self.contacts.values() if each.live]

    def own(self, contact: Contact, user: str, *, by_app: bool = False) -> None:
        """The owner of a contact is another user, or nobody."""
        at = self.tick()
        contact.owner, contact.owned_at, contact.modified_at = user, at, at
        source = (
            {"changeSource": "INTEGRATION", "sourceId": APP}
            if by_app
            else {"changeSource": "CRM_UI", "sourceId": "userId:9"}
        )
        self.say(
            "contact.propertyChange",
            at,
            objectId=int(contact.id),
            propertyName="hubspot_owner_id",
            propertyValue=user,
            **source,
        )

    def merge(self, primary: Contact, loser: Contact) -> None:
        """Two contacts become a third one, with the owner of the first."""
        at, new = self.tick(), str(next(self._ids))
        self.contacts[new] = Contact(new, primary.owner, primary.owned_at, at, primary.email)
        ids = [int(primary.id), int(loser.id)]
        self.say(
            "contact.merge",
            at,
            objectId=ids[0],
            primaryObjectId=ids[0],
            mergedObjectIds=ids,
            newObjectId=int(new),
        )
        for contact in (primary, loser):
            contact.live, contact.into = False, new
            self.say("contact.deletion", self.tick(), objectId=int(contact.id), changeSource="MERGE")

    def delete(self, contact: Contact) -> None:
        """Somebody deletes a contact."""
        contact.live = False
        self.say("contact.deletion", self.tick(), objectId=int(contact.id), changeSource="CRM_UI")

    def open_deal(self, contact: Contact) -> None:
        """A contact gets a deal."""
        id_ = str(next(self._ids))
        self.deals[id_] = Deal(id_, contact.id, self.tick())
        self.say("deal.creation", self.tick(), objectId=int(id_))
        self.say(
            "deal.associationChange",
            self.tick(),
            associationType="DEAL_TO_CONTACT",
            fromObjectId=int(id_),
            toObjectId=int(contact.id),
            associationRemoved=False,
        )

    def advance(self, deal: Deal) -> None:
        """A deal has another amount, or another stage."""
        deal.modified_at = at = self.tick()
        if self.random.random() < 0.4:
            deal.amount = self.random.randrange(1, 90) * 100
            name, value = "amount", str(deal.amount)
        else:
            deal.stage = self.random.choice(["qualifiedtobuy", "closedwon", "closedwon"])
            name, value = "dealstage", deal.stage
        self.say("deal.propertyChange", at, objectId=int(deal.id), propertyName=name, propertyValue=value)

    def read(self, object_: str, id_: str) -> dict[str, Any]:
        """A record as its API returns it, ready to be delivered. A merged contact is the one it became."""
        if object_ == "deal":
            deal = self.deals[id_]
            fields = {
                "dealstage": deal.stage,
                "amount": str(deal.amount) if deal.amount else None,
                "association.contact": deal.contact,
            }
            return {"object": object_, "id": id_, "at": stamp(deal.modified_at), "fields": fields}
        contact = self.root(id_)
        if not contact.live:
            return {"object": object_, "id": contact.id, "deleted": True}
        fields = {"hubspot_owner_id": contact.owner or None, "email": contact.email}
        return {"object": object_, "id": contact.id, "at": stamp(contact.modified_at), "fields": fields}

    def listed(self) -> list[dict[str, Any]]:
        """The list of all contacts."""
        return [
            {"id": each.id, "owner": each.owner or None, "modified_at": stamp(each.modified_at)}
            for each in self.live()
        ]

    async def deliver(self, running: list[Service], path: str, share: float) -> None:
        """Send a share of what waits: in any order, each once to three times, to any of the processes."""
        self.random.shuffle(self.waiting)
        count = round(len(self.waiting) * share)
        sent, self.waiting = self.waiting[:count], self.waiting[count:]
        stream = [each for each in sent for _ in range(self.random.randint(1, 3))]
        self.random.shuffle(stream)
        batches = [stream[first : first + BATCH] for first in range(0, len(stream), BATCH)]
        async with httpx2.AsyncClient(timeout=PATIENCE, verify=False) as client:
            for batch in batches:
                await _post(client, lambda: self.random.choice(running).url, path, batch)


def stamp(milliseconds: int) -> str:
    """A time as text."""
    seconds, rest = divmod(milliseconds, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03}Z"


async def _post(
    client: httpx2.AsyncClient, url: Callable[[], str], path: str, batch: Sequence[Mapping[str, Any]]
) -> None:
    """Post a batch until a process has it, as HubSpot does."""
    body, until = json.dumps(batch).encode(), time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            answer = await client.post(url() + path, content=body, headers=hubspot(path, body, SECRET))
        except httpx2.TransportError:
            await asyncio.sleep(0.02)
            continue
        if answer.status_code == 200:
            return
        assert answer.status_code == 503, answer.text
    raise AssertionError("nobody answered")
