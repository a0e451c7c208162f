"""The path with all of intake that every lead passes: exact matching, suppression, consent, caps and junk."""

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

import orjson

from bench import leads
from bench.load import RunTimes, post
from bench.processes import Service
from bench.scenarios import QUEUE, Row, alternate, create_team_workspace, measure_each, slower

ACCOUNTS = 200
SUPPRESSED = 1000
PIPELINE = [{"round_robin": {"team": "inbound"}}, {"queue": {"name": "unrouted"}}]
TASK = {"type": "task", "title": "Call {lead.first_name} now", "due": "15m"}
WITHOUT: dict[str, Any] = {
    **QUEUE,
    "sequences": ["welcome"],
    "pipeline": PIPELINE,
    "follow_up": [{"do": [TASK, {"type": "sequence", "name": "welcome"}]}],
}
WITH: dict[str, Any] = {
    **QUEUE,
    "sequences": ["welcome"],
    "consent": {"required": ["sms"]},
    "quiet_hours": {"from": "21:00", "to": "08:00"},
    "frequency": [{"max": 3, "days": 7}],
    "pipeline": [{"account": {}}, *PIPELINE],
    "follow_up": [{"do": [TASK, {"type": "sequence", "name": "welcome", "consent": "email"}]}],
}
JUNK = {"block_at": 60, "review_at": 50, "queue": "unrouted"}
VELOCITY = {"per": {"ip": 10, "identity": 3, "domain": 30}, "within": "1m"}
_numbers = count()


def intake(service: Service) -> Iterator[Row]:
    """Leads that match an account without an owner, are on no list, may be contacted, and are no junk."""
    plain = _workspace(service, "no-intake", WITHOUT)
    whole = _workspace(service, "intake", {**WITH, "junk": JUNK})
    fast = _workspace(service, "intake-velocity", {**WITH, "junk": {**JUNK, "velocity": VELOCITY}})
    for connections, requests in ((1, 400), (32, 2000)):
        sides: list[partial[RunTimes]] = [
            partial(measure_each, service.port, connections, requests, partial(_request, key))
            for key in (plain, whole, fast)
        ]
        for side in sides:
            side()
        none, without_velocity, with_velocity = alternate(*sides)
        at = f"time of a decision, {connections} connection" + "s" * (connections > 1)
        yield slower(f"matching, consent and junk to none, {at}", [none, without_velocity], 1.15)
        yield slower(f"the same with velocity, {at}", [none, with_velocity], 1.15)


def _workspace(service: Service, name: str, plan: dict[str, Any]) -> str:
    key = create_team_workspace(service, name)
    for number in range(ACCOUNTS):
        domains = [f"company-{number}.example"]
        service.send(key, "PUT", f"/accounts/a-{number}", {"name": f"Company {number}", "domains": domains})
    if "frequency" in plan:
        entries = [f"rival-{number}.example" for number in range(SUPPRESSED)]
        service.send(key, "POST", "/suppressions", {"list": "competitors", "entries": entries})
    service.send(key, "POST", "/plans", plan)
    service.send(key, "POST", "/plans/2/publish", {"comment": "to be measured"})
    return key


def _request(key: str, _: int) -> bytes:
    number = next(_numbers)
    lead = leads.new_lead() | {
        "email": f"jane.doe.{number}@company-{number % ACCOUNTS}.example",
        "company": f"Company {number % ACCOUNTS}",
        "website": None,
        "crm": {},
        "ip": f"198.{number % 250}.{number // 250 % 250}.7",
    }
    return post("/assign", orjson.dumps({"lead": lead, "trigger": "form"}), key)
