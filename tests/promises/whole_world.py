"""A workspace in which everything that a plan and a directory can hold is in use."""

import random
from typing import Any

from tests.plugins.odd import DEEDS

CANARY = "zqcanary"
REPS = 8
ACCOUNTS = 30
START = "2031-05-05T06:00:00Z"
COUNTRIES = ("DE", "AT", "FR", "US", "CA", "BR")

CALENDARS: dict[str, dict[str, Any]] = {
    "berlin": {"timezone": "Europe/Berlin", "hours": "Mo-Fr 09:00-17:30; PH off", "country": "DE"},
    "nights": {"timezone": "America/New_York", "hours": "Mo-Su 22:00-06:00"},
    "days": {"timezone": "UTC", "hours": "Mo-Su 08:00-20:00"},
}
TEAMS: dict[str, list[int]] = {
    "inbound": [0, 1, 2, 3, 4],
    "sdr-EMEA-smb": [1, 2, 3],
    "sdr-EMEA-mid": [0, 4],
    "sdr-NA-smb": [5, 6],
    "sdr-NA-mid": [0, 7],
    "success": [6, 7],
    "team-a": [0, 1, 5],
    "team-b": [2, 3, 6],
}
PLAN: dict[str, Any] = {
    "queues": {"desk": {"claimable_by": "inbound"}, "unrouted": {}},
    "paths": {"newsletter": {"accountable": {"team": "inbound"}}},
    "sequences": ["a-welcome", "b-welcome", "hot"],
    "products": {
        "a": {"team": "team-a", "sequences": ["a-welcome"]},
        "b": {"team": "team-b", "sequences": ["b-welcome"]},
    },
    "slas": {"hot": {"accept": "5m", "touch": "15m"}, "calm": {"touch": "4h"}},
    "sla_rules": [{"when": {"lead_type": "demo_request"}, "sla": "calm"}],
    "returning_leads": {
        "window": "2h",
        "duplicate_window": "10m",
        "keep_owner": ["account_owner", "previous_owner"],
        "reroute_when": [{"when": {"lead_type": "winback_help"}}],
    },
    "fields": {
        "region": {"from": "country", "EMEA": ["DE", "FR", "AT", "CH"], "NA": ["US", "CA"]},
        "segment": [{"when": {"employees": {"lt": 200}}, "value": "smb"}, {"value": "mid"}],
        "attributes.seats": {"type": "integer"},
    },
    "scores": {
        "fit": [
            {"when": {"employees": {"gte": 200}}, "points": 30},
            {"when": {"title": {"matches": "(?i)head|vp"}}, "points": 20},
            {"when": {"account.tier": "named"}, "points": 5},
        ],
        "intent": [
            {
                "when": {"engagement": {"name": "pricing", "within": "14d", "count": {"gte": 2}}},
                "points": 40,
                "half_life": "7d",
            },
        ],
    },
    "pipeline": [
        {"rule": {"name": "students", "when": {"lead_type": "student"}, "then": {"block": "students"}}},
        {"odd": {"name": "ask", "when": {"source": "odd"}, "team": "inbound"}},
        {
            "account": {
                "roles": ["sdr", "owner"],
                "inherit_from_parent": True,
                "if_unavailable": ["delegate", {"hold": "4h"}, {"team": "success"}],
                "customers": {"team": "success", "prefer": "team"},
                "off_hours": "hold",
                "sla": "hot",
            }
        },
        {"product": {"within": "30d", "unless": {"exists": "account.open_opportunity"}, "off_hours": "hold"}},
        {
            "rule": {
                "name": "zip",
                "when": {"attributes.seats": {"gte": 5}},
                "table": "zip",
                "match_on": {"country": "eq", "postal_code": "longest_prefix", "employees": "range"},
                "else": [{"queue": "desk"}],
            }
        },
        {
            "score": {
                "model": ["fit", "intent"],
                "bands": {"hot": {"gte": 60}, "warm": {"gte": 15}, "cold": {}},
            }
        },
        {
            "rule": {
                "name": "hot",
                "when": {"band": ["hot", "warm"], "exists": "region"},
                "then": {
                    "team": "sdr-{region}-{segment}",
                    "sla": "hot",
                    "priority": 80,
                    "off_hours": "next",
                    "else": [{"team": "inbound", "match": ["language"]}],
                },
            }
        },
        {"rule": {"name": "cold", "when": {"lead_type": "content"}, "then": {"path": "newsletter"}}},
        {"round_robin": {"team": "inbound", "off_hours": "hold"}},
        {"queue": {"name": "unrouted"}},
    ],
    "follow_up": [
        {
            "when": {"band": "hot"},
            "do": [
                {"type": "task", "title": "Call {lead.first_name} of {account.name} now", "due": "touch"},
                {
                    "type": "sequence",
                    "name": "hot",
                    "consent": "email",
                    "without_consent": {"type": "task", "title": "Write by hand"},
                },
            ],
        },
        {"do": [{"type": "set_owner"}, {"type": "notify", "via": "slack", "to": "{owner.email}"}]},
    ],
}
"""`odd` is the plugin of `tests/plugins/odd.py`."""
OTHER_PLAN: dict[str, Any] = {
    **PLAN,
    "pipeline": [
        *PLAN["pipeline"][:2],
        {
            "account": {
                "roles": ["owner"],
                "if_unavailable": [{"hold": "30m"}, {"queue": "desk"}],
                "ignore_caps": True,
            }
        },
        *PLAN["pipeline"][4:],
    ],
}


def owner(number: int, dice: random.Random, *, active: bool = True) -> dict[str, Any]:
    """One of the people, with one of the calendars or none."""
    return {
        "name": f"Rep {number}",
        "email": f"rep{number}@us.example",
        "active": active,
        "calendar": dice.choice([None, "berlin", "nights", "days"]),
        "timezone": dice.choice(["Europe/Berlin", "America/New_York", "UTC"]),
        "languages": dice.choice([["de"], ["fr", "en"], []]),
        "delegate": dice.choice([None, f"rep{(number + 1) % REPS}"]),
        "caps": dice.choice(
            [None, None, {"open": 25}, {"per_day": 20, "rolling": [{"count": 6, "hours": 1}]}]
        ),
        "crm": {"salesforce": f"005-{number}"},
    }


def team(numbers: list[int], dice: random.Random) -> dict[str, Any]:
    """Members with weights, some of them newcomers, in the usual order."""
    ramps = [None, None, {"factor": 0.5, "until": "2031-05-06"}]
    return {
        "members": [
            {"owner": f"rep{number}", "weight": dice.choice([1, 2, 0.5]), "ramp": dice.choice(ramps)}
            for number in numbers
        ]
    }


def account(number: int, dice: random.Random) -> dict[str, Any]:
    """A company under another one, or under itself by way of others."""
    roles = dice.choice([{}, {"sdr": f"rep{dice.randrange(REPS)}"}, {"sdr": "nobody", "ae": "rep1"}])
    return {
        "name": f"Account {number}",
        "domains": [f"a{number}.example"] + (["gmail.com"] if number == 0 else []),
        "tier": "named" if number % 5 == 0 else None,
        "parent": dice.choice([None, None, f"a{dice.randrange(ACCOUNTS)}"]),
        "owner": dice.choice([None, f"rep{dice.randrange(REPS)}"]),
        "roles": roles,
        "customer_status": dice.choice([None, None, "active"]),
        "open_opportunity": dice.choice([None, "open"]),
        "crm": {"salesforce": f"001-{number}"},
    }


def table(dice: random.Random) -> dict[str, Any]:
    """Territories that differ each time; some name unknown owners."""
    targets: list[dict[str, Any]] = [
        {"owner": "rep0"},
        {"owner": "rep5", "off_hours": "hold"},
        {"team": "team-b"},
        {"team": "inbound", "pick": "least_loaded"},
        {"queue": "desk"},
        {"owner": "nobody"},
    ]
    rows = [
        [
            country,
            dice.choice(["1", "12", "123", "9", ""]),
            dice.choice(["1-49", "50+", None]),
            dice.choice(targets),
        ]
        for country in COUNTRIES[:5]
        for _ in range(8)
    ]
    return {"columns": ["country", "postal_code", "employees"], "rows": rows}


def person(number: int, dice: random.Random, cities: list[str | None]) -> dict[str, Any]:
    """A body for `/assign`. The same number is the same person, with another interest each time."""
    domain = dice.choice([f"a{number % ACCOUNTS}.example", "gmail.com", "people.example", "people.example"])
    fields: dict[str, Any] = {
        "external_id": f"{CANARY}-{number}",
        "email": f"{CANARY}{number}@{domain}",
        "first_name": f"{CANARY} first",
        "title": dice.choice([None, f"Head of {CANARY}"]),
        "country": dice.choice(COUNTRIES),
        "postal_code": dice.choice(["12345", "98765", "19"]),
        "language": dice.choice(["de", "fr", None]),
        "employees": dice.choice([3, 60, 500]),
        "lead_type": dice.choice([None, None, "demo_request", "content", "winback_help", "student"]),
        "product_interest": dice.choice([[], [], ["a"], ["b", "a"]]),
        "attributes": {"seats": dice.choice([1, 10, "many"]), "note": CANARY},
        "engagement": [{"type": "page", "name": "pricing", "count": 3, "at": "2031-05-01T00:00:00Z"}],
        "consent": dice.choice([{"email": True}, {}]),
        "city": dice.choice(cities),
    }
    if dice.random() < 0.1:
        fields["crm"] = {"account_id": f"001-{dice.randrange(ACCOUNTS)}"}
    if dice.random() < 0.2:
        fields["source"] = "odd"
    lead = {name: value for name, value in fields.items() if value is not None}
    return {"lead": lead, "exclude": dice.choice([[], [], ["rep1"], ["rep2", "rep3"]])}


MILD: list[str | None] = [
    None,
    None,
    "Raises",
    "Nonsense",
    "Unknown owner",
    "Mutates",
    "Odd labels",
    "Labels",
]
"""What a plugin may do without being ended for it."""
HASTY: list[str | None] = [*MILD * 8, "Hangs"]
WILD: list[str | None] = [*MILD * 4, *(deed for deed in DEEDS if deed not in {"Looks", "Prints", "Hoards"})]
