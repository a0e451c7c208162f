"""Who works in the simulated week: 20 owners in three time zones, and the plan that routes to them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.cli.week.client import Client
from app.plan.language.hours import Hours, read_hours

WORKING_HOURS = "Mo-Fr 09:00-17:00"
COUNTRIES = {"berlin": ("DE", "FR", "IT"), "new-york": ("US", "CA"), "singapore": ("SG", "JP", "AU")}
"""The countries whose leads each team gets."""
ZONES = {"berlin": "Europe/Berlin", "new-york": "America/New_York", "singapore": "Asia/Singapore"}
DESK = "lena"
"""Gets what is escalated."""
CUSTOMER_TEAM = "customers"
PARTNER_QUEUE = "partners"
CLAIMING_TEAM = "new-york"
_NAMES = {
    "berlin": ("ana", "ben", "cem", "dia", "eva", "finn"),
    "new-york": ("gus", "hana", "ian", "jo", "kim", "liam"),
    "singapore": ("mei", "nils", "oya", "pia", "quin"),
}
_CUSTOMER_NAMES = {"rosa": "berlin", "sam": "new-york"}


@dataclass(frozen=True, slots=True)
class Person:
    """An owner, and when they work."""

    id: str
    place: str
    hours: Hours

    def works_at(self, at: datetime) -> bool:
        """Whether they are on shift."""
        return self.hours.is_open(at)


def people() -> dict[str, Person]:
    """Every owner by id."""
    places = {name: place for place, names in _NAMES.items() for name in names}
    places |= {**_CUSTOMER_NAMES, DESK: "berlin"}
    hours = {place: read_hours(WORKING_HOURS, zone) for place, zone in ZONES.items()}
    return {name: Person(name, place, hours[place]) for name, place in sorted(places.items())}


def members(team: str) -> tuple[str, ...]:
    """The members of a team."""
    return tuple(_CUSTOMER_NAMES) if team == CUSTOMER_TEAM else _NAMES[team]


def build(client: Client) -> None:
    """Put calendars, owners, teams and the plan onto the server."""
    for place, zone in ZONES.items():
        client.put(f"/calendars/{place}", {"timezone": zone, "hours": WORKING_HOURS})
    for person in people().values():
        body = {
            "name": person.id.capitalize(),
            "email": f"{person.id}@bikes.example",
            "timezone": ZONES[person.place],
            "calendar": person.place,
            "crm": {"demo": f"crm-{person.id}"},
            "caps": {"open": 150},
        }
        client.put(f"/owners/{person.id}", body)
    for team in (*_NAMES, CUSTOMER_TEAM):
        joined = [{"owner": name} for name in members(team)]
        client.put(f"/teams/{team}", {"name": team.replace("-", " ").title(), "members": joined})
    client.put("/settings/actions", {"reader": True})
    draft = client.post("/plans", plan())
    client.post(f"/plans/{draft['version']}/publish", {"comment": "The simulated week"})


def plan() -> dict[str, Any]:
    """The plan of the week."""
    shares: list[dict[str, Any]] = [
        {
            "round_robin": {
                "name": team,
                "team": team,
                "when": {"country": {"in": list(countries)}},
                "off_hours": "hold",
                "sla": "prompt",
            }
        }
        for team, countries in COUNTRIES.items()
    ]
    return {
        "queues": {
            PARTNER_QUEUE: {"claimable_by": CLAIMING_TEAM, "aging": "10/h", "claim": {"lease": "24h"}},
            "unrouted": {"claimable_by": CLAIMING_TEAM},
        },
        "paths": {"newsletter": {"accountable": {"owner": DESK}}},
        "campaigns": ["welcome-offer"],
        "slas": {
            "prompt": {
                "accept": "1h",
                "touch": "4h",
                "remind": ["50%"],
                "on_breach": "take_away",
                "max_attempts": 3,
                "max_wall": "4d",
                "escalate_to": [{"owner": DESK}, {"queue": "unrouted"}],
                "pause_after": 5,
                "pause_for": "4h",
            }
        },
        "reject_reasons": {
            "wrong_region": {"refund": True},
            "no_budget": {"then": {"path": "newsletter"}},
            "student": {"refund": True, "then": {"block": "students"}},
            "competitor": {"refund": True, "then": {"block": "competitors"}, "suppress": "domain"},
        },
        "max_refunds_per_day": 3,
        "close_idle": "4d",
        "scores": {"size": [{"when": {"employees": {"gte": 100}}, "points": 50}]},
        "pipeline": [
            {
                "score": {
                    "name": "size",
                    "model": ["size"],
                    "bands": {"large": {"gte": 50}, "small": {"lt": 50}},
                }
            },
            {"rule": {"name": "readers", "when": {"source": "newsletter"}, "then": {"path": "newsletter"}}},
            {"rule": {"name": "partners", "when": {"source": "partner"}, "then": {"queue": PARTNER_QUEUE}}},
            *shares,
            {"queue": {"name": "unrouted"}},
        ],
        "follow_up": [
            {
                "when": {"outcome": "assigned"},
                "do": [
                    {"type": "set_owner"},
                    {"type": "task", "title": "Call {lead.first_name}", "due": "accept"},
                ],
            }
        ],
        "on_event": {"purchase": [{"do": [{"type": "suppress_campaign", "name": "welcome-offer"}]}]},
        "handoffs": [
            {"name": "to-customers", "when_event": "purchase", "to": {"team": CUSTOMER_TEAM}},
        ],
    }
