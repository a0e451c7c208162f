"""Whatever happens to leads, in whatever order, the books stay right."""

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.audit.verify import verify
from app.worker.worker import duties
from tests.support.workspace import Filled, Workspace, open_filled

START = datetime(2099, 11, 23, 8, tzinfo=UTC)
STEPS = 120
OWNERS = ("ana", "ben", "eve")
FACTS = (
    "first_touch",
    "reached",
    "meeting",
    "qualified",
    "opportunity",
    "note",
    "spam",
    "disqualified",
    "x-own",
)
REASONS = ("no_budget", "wrong_region", "student", "competitor")
PLAN = """
queues:
  desk:
    claimable_by: inbound
    aging: 10/h
    max_wait: {for: 8h, clock: wall}
    then: {team: inbound}
    claim: {lease: 4h, max: 3, hide: [email, phone]}
  lost: {claimable_by: inbound}
paths: {newsletter: {accountable: {team: inbound}}}
slas:
  fast:
    {accept: 15m, touch: 1h, remind: [50%], on_breach: take_away, max_attempts: 3, pause_after: 4,
     escalate_to: [{queue: lost}]}
close_idle: 3d
reject_after_touch: true
reject_reasons:
  no_budget: {refund: false, then: {path: newsletter}}
  wrong_region: {refund: true, then: reroute}
  student: {refund: true, then: {block: students}}
  competitor: {refund: true, then: {block: competitors}, suppress: domain}
handoffs:
  - {name: to-ben, when_event: qualified, to: {owner: ben, else: [{queue: lost}]}}
  - {name: kept, when_event: x-own, to: {team: inbound}, keep: true}
on_event:
  opportunity: [{do: [{type: cancel_task}]}]
pipeline:
  - rule: {name: nurture, when: {source: content}, then: {path: newsletter}}
  - rule: {name: desk, when: {source: partner}, then: {queue: desk}}
  - round_robin: {team: inbound, sla: fast}
  - queue: {name: desk}
follow_up:
  - do: [{type: task, title: "Call {lead.first_name}", due: accept}]
"""
CLOCK = """
INSERT INTO clocks (workspace_id, set_at, base_time, speed) VALUES ($1, now(), $2, 0)
ON CONFLICT (workspace_id) DO UPDATE SET base_time = excluded.base_time
"""


class Life:
    """Random things that happen in a workspace, one after another, the same for the same seed."""

    def __init__(self, workspace: Workspace, seed: int) -> None:
        self.workspace, self.random = workspace, random.Random(seed)
        self.now = START
        self.assignments: list[str] = []
        self.leads: list[str] = []
        self.duties = duties(workspace.pool, workspace.app.state.dispatch)

    async def call(self, method: str, url: str, body: object = None) -> dict[str, Any]:
        """The answer to a request, which may be refused but never fails."""
        answer = await self.workspace.client.request(method, url, json=body)
        assert answer.status_code < 500, (method, url, body, answer.text)
        found = answer.json() if answer.content else {}
        decision = found.get("decision") or found
        if decision.get("assignment_id"):
            self.assignments.append(decision["assignment_id"])
            self.leads.append(decision["lead_id"])
        return dict(found)

    def owner(self) -> str:
        return self.random.choice(OWNERS)

    async def arrive(self) -> None:
        number = self.random.randrange(30)
        source = self.random.choice(["web", "web", "partner", "content"])
        await self.call(
            "POST",
            "/assign",
            {
                "lead": {
                    "external_id": f"a{number}",
                    "source": source,
                    "email": f"p{number}@firm{number % 4}.example",
                    "title": f"{self.random.random()}",
                }
            },
        )

    async def report(self) -> None:
        type_ = self.random.choice((*FACTS, "accepted", "closed"))
        body: dict[str, Any] = {"type": type_, "by": self.random.choice((None, *OWNERS)), "via": "phone"}
        if type_ in ("opportunity",):
            body |= {
                "ref": f"d{self.random.randrange(3)}",
                "amount": self.random.randrange(100),
                "currency": "EUR",
            }
        await self.event(body)

    async def reject(self) -> None:
        await self.event({"type": "rejected", "reason": self.random.choice(REASONS)})

    async def dispute(self) -> None:
        result = self.random.choice(("upheld", "overturned"))
        await self.event({"type": self.random.choice(("disputed", "dispute_settled")), "result": result})

    async def give_back(self) -> None:
        if self.assignments:
            await self.call("POST", f"/assignments/{self.random.choice(self.assignments)}/release", {})

    async def signal(self) -> None:
        item = {"type": "page_view", "name": "pricing", "count": 3}
        body = {"external_id": f"a{self.random.randrange(30)}", "engagement": [item]}
        await self.call("POST", "/signals", {"id": f"s{self.random.randrange(50)}", **body})

    async def reassign_all(self) -> None:
        await self.call("POST", "/reassign", {"filter": {"owner": self.owner()}, "reason": "test"})

    async def snooze(self) -> None:
        until = self.now + timedelta(hours=self.random.randrange(1, 48))
        await self.event({"type": "snoozed", "until": until.isoformat()})

    async def event(self, body: dict[str, Any]) -> None:
        if self.assignments:
            body["id"] = f"e{self.random.randrange(200)}"
            await self.call("POST", f"/assignments/{self.random.choice(self.assignments)}/events", body)

    async def reassign(self) -> None:
        if self.leads:
            body: dict[str, Any] = {"lead_id": self.random.choice(self.leads)}
            if self.random.random() < 0.5:
                body["to"] = self.random.choice(
                    ({"owner": self.owner()}, {"queue": "desk"}, {"team": "inbound"})
                )
            await self.call("POST", "/reassign", body)

    async def claim(self) -> None:
        queue = self.random.choice(("desk", "held"))
        await self.call("POST", f"/queues/{queue}/claim", {"owner_id": self.owner()})

    async def edit_owner(self) -> None:
        change = self.random.choice(
            (
                {"active": False}, {"active": False, "open_leads": "move"}, {"active": True},
                {"caps": {"open": 2}}, {"caps": None}, {"calendar": "day"}, {"calendar": None},
                {"timezone": "Asia/Tokyo"},
            )
        )  # fmt: skip
        await self.call("PATCH", f"/owners/{self.owner()}", change)

    async def edit_team(self) -> None:
        owner = self.owner()
        if self.random.random() < 0.5:
            await self.call("DELETE", f"/teams/inbound/members/{owner}")
        else:
            await self.call(
                "PUT", f"/teams/inbound/members/{owner}", {"weight": self.random.choice((0.5, 1, 2))}
            )

    async def leave(self) -> None:
        owner = self.owner()
        start = self.now + timedelta(hours=self.random.randrange(-5, 20))
        end = start + timedelta(hours=self.random.randrange(1, 60))
        body: dict[str, Any] = {"from": start.isoformat(), "to": end.isoformat()}
        if self.random.random() < 0.5:
            body |= {"cover": {"owner": self.owner()}, "open_leads": "move"}
        await self.call("POST", f"/owners/{owner}/absences", body)

    async def come_back(self) -> None:
        owner = self.owner()
        for absence in (await self.call("GET", f"/owners/{owner}/absences"))["items"]:
            await self.call("DELETE", f"/owners/{owner}/absences/{absence['id']}")

    async def wait(self) -> None:
        self.now += timedelta(minutes=self.random.choice((1, 10, 45, 300)))
        await self.workspace.pool.execute(CLOCK, self.workspace.workspace_id, self.now)

    async def work(self) -> None:
        """The worker does what is due."""
        agenda = await self.workspace.agenda()
        for duty in self.duties:
            while duty.is_due(agenda) and await duty.run(agenda):
                agenda = await self.workspace.agenda()

    def happenings(self) -> list[Callable[[], Awaitable[None]]]:
        often = [self.arrive, self.report, self.wait, self.work]
        return [*often, *often, self.snooze, self.reject, self.reject, self.dispute, self.give_back,
                self.signal, self.reassign_all, self.reassign, self.claim, self.edit_owner, self.edit_team,
                self.leave, self.come_back]  # fmt: skip


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 20))]
)
async def test_books_stay_right_whatever_happens(filled: Filled, seed: int) -> None:
    async with open_filled(filled, worker_interval_seconds=3600) as workspace:
        await workspace.pool.execute(CLOCK, workspace.workspace_id, START)
        await workspace.put("calendars", "day", {"timezone": "Europe/Berlin", "hours": "Mo-Fr 09:00-17:00"})
        await workspace.publish(PLAN)
        life = Life(workspace, seed)
        for _ in range(STEPS):
            await life.random.choice(life.happenings())()
        await life.work()
        report = await verify(workspace.pool, workspace.workspace_id)
        assert report.clean, report.lines()
        assert report.decisions > 10
