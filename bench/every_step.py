"""A plan with every kind of step, against one with only a round robin."""

from collections.abc import Iterator
from typing import Any

from bench.processes import Service
from bench.scenarios import TEAM, Row, alternate, create_team_workspace, measure, slower

ACCOUNTS = 1000
TERRITORIES = 3000

PLAN: dict[str, Any] = {
    "queues": {"unrouted": {"claimable_by": "inbound"}},
    "paths": {"newsletter": {"accountable": {"team": "inbound"}}},
    "sequences": ["hot", "crm-welcome", "erp-welcome"],
    "products": {
        "crm": {"team": "sdr-EMEA-mid", "sequences": ["crm-welcome"]},
        "erp": {"team": "dach", "sequences": ["erp-welcome"]},
    },
    "fields": {
        "region": {"from": "country", "EMEA": ["DE", "FR", "AT", "CH"], "NA": ["US", "CA"]},
        "segment": [{"when": {"employees": {"lt": 200}}, "value": "smb"}, {"value": "mid"}],
        "attributes.seats": {"type": "integer"},
    },
    "scores": {
        "fit": [
            {"when": {"employees": {"gte": 200}}, "points": 30},
            {"when": {"title": {"matches": "(?i)head|vp|chief"}}, "points": 20},
        ],
        "intent": [
            {"when": {"pages": {"contains": "pricing"}}, "points": 25},
            {
                "when": {"engagement": {"name": "pricing", "within": "14d", "count": {"gte": 2}}},
                "points": 20,
                "half_life": "7d",
            },
        ],
    },
    "slas": {"hot": {"accept": "5m", "touch": "15m"}},
    "sla_rules": [{"when": {"lead_type": "demo_request"}, "sla": "hot"}],
    "returning_leads": {
        "keep_owner": ["account_owner", "previous_owner"],
        "reroute_when": [{"when": {"lead_type": "winback_help"}}],
    },
    "pipeline": [
        {"account": {"roles": ["sdr", "owner"], "if_unavailable": ["delegate", {"team": "dach"}]}},
        {
            "rule": {
                "name": "zip",
                "table": "zip",
                "match_on": {"country": "eq", "postal_code": "longest_prefix"},
            }
        },
        {"product": {"within": "30d", "when": {"lead_type": "trial"}}},
        {
            "score": {
                "model": ["fit", "intent"],
                "bands": {"hot": {"gte": 60}, "warm": {"gte": 15}, "cold": {}},
            }
        },
        {
            "rule": {
                "name": "hot",
                "when": {"band": "hot", "region": "EMEA"},
                "then": {
                    "team": "sdr-{region}-{segment}",
                    "sla": "hot",
                    "priority": 80,
                    "else": [{"team": "dach"}],
                },
            }
        },
        {"round_robin": {"team": "inbound"}},
        {"queue": {"name": "unrouted"}},
    ],
    "follow_up": [
        {
            "when": {"band": "hot"},
            "do": [
                {"type": "notify", "via": "slack"},
                {"type": "task", "title": "Call {lead.first_name} now", "due": "touch"},
                {
                    "type": "sequence",
                    "name": "hot",
                    "consent": "email",
                    "without_consent": {"type": "task", "title": "Write by hand"},
                },
            ],
        }
    ],
}


def every_step(service: Service) -> Iterator[Row]:
    """The lead matches an account without an owner, no row of the table matches, and the band is hot."""
    plain, whole = create_team_workspace(service, "one-step"), create_team_workspace(service, "every-step")
    _equip(service, whole)
    for key in (plain, whole):
        measure(service.port, key, 8, 200)
    sides = alternate(
        lambda: measure(service.port, plain, 8, 1000), lambda: measure(service.port, whole, 8, 1000)
    )
    yield slower("every kind of step to a round robin alone, time of a decision", sides, 1.3)


def _equip(service: Service, key: str) -> None:
    members = [{"owner": f"rep-{number}"} for number in range(TEAM)]
    for team in (
        "dach",
        *(f"sdr-{region}-{segment}" for region in ("EMEA", "NA") for segment in ("smb", "mid")),
    ):
        service.send(key, "PUT", f"/teams/{team}", {"members": members})
    for number in range(ACCOUNTS):
        domains = ["acme.example"] if number == 0 else [f"company-{number}.example"]
        service.send(key, "PUT", f"/accounts/a-{number}", {"domains": domains, "tier": "mid"})
    rows = [["DE", f"{number:04}x", {"team": "dach"}] for number in range(TERRITORIES)]
    service.send(key, "PUT", "/tables/zip", {"columns": ["country", "postal_code"], "rows": rows})
    service.send(key, "POST", "/plans", PLAN)
    service.send(key, "POST", "/plans/2/publish", {"comment": "every step"})
