"""New leads, as a form sends them, and a sample of a decision."""

from itertools import count
from typing import Any

import orjson

_numbers = count(1)
_LEAD = {
    "first_name": "Jane", "last_name": "Doe", "title": "VP Sales", "company": "ACME GmbH",
    "website": "https://www.acme.example", "country": "DE", "state": "BE", "city": "Berlin",
    "postal_code": "10115", "language": "de", "industry": "software", "employees": 500,
    "annual_revenue": 40000000, "lead_type": "demo_request", "lifecycle_stage": "mql",
    "customer_status": "prospect", "lifetime_value": 0, "product_interest": ["crm"],
    "channel": "paid_search", "source": "google", "campaign": "spring", "utm": {"source": "google"},
    "pages": ["pricing"], "content": [], "visits": 3, "last_seen_at": "2026-11-20T10:00:00Z",
    "engagement": [
        {"at": "2026-11-20T10:00:00Z", "type": "page", "name": "pricing", "product": "crm", "count": 2}
    ],
    "consent": {"email": True, "sms": False, "phone": None}, "attributes": {"seats": 1},
}  # fmt: skip


def new_lead() -> dict[str, Any]:
    """A lead with an external id, CRM id, e-mail and phone of its own."""
    number = next(_numbers)
    return {
        "external_id": f"form-{number}",
        "email": f"Jane.Doe.{number}@ACME.example",
        "phone": f"+49 30 {10_000_000 + number}",
        "crm": {"lead_id": f"00Q{number}", "account_id": "0011", "owner_id": "005A"},
        **_LEAD,
    }


def one() -> bytes:
    """The body of `POST /assign`."""
    return orjson.dumps({"lead": new_lead(), "trigger": "form"})


def hundred() -> bytes:
    """The body of `POST /assign/batch` with 100 leads."""
    return orjson.dumps({"items": [{"lead": new_lead(), "trigger": "form"} for _ in range(100)]})


_ID = "01a2002a-1775-785e-9961-e6a19d664d6a"
ANSWER: dict[str, Any] = {
    "assignment_id": _ID,
    "lead_id": _ID,
    "decision_number": 4711,
    "decided_at": "2026-11-20T10:00:00Z",
    "outcome": "assigned",
    "owner": {"id": "rep-1", "name": "Rep 1", "email": None, "crm": {}},
    "team": "inbound",
    "queue": None,
    "path": None,
    "block": None,
    "priority": 0,
    "over_cap": False,
    "account_team": {},
    "reason": {"code": "round_robin", "text": "Assigned by round robin. Rep 1 is next in team Inbound."},
    "sla": None,
    "actions": [
        {"id": f"{_ID}.1", "type": "task", "params": {"title": "Call Jane now"}, "due_at": None}
    ],
    "normalized": {
        "email": "jane.doe@acme.example", "email_domain": "acme.example", "phone": "+493010000001",
        "country": "DE", "language": "de", "website_domain": "acme.example", "flags": [],
    },
    "plan_version": 1,
    "existing_lead": None,
    "replayed": False,
    "degraded": [],
    "trace": {
        "steps": [
            {
                "step": "inbound", "strategy": "round_robin", "code": "round_robin",
                "targets": [
                    {
                        "target": {"team": "inbound"}, "code": "chosen", "pick": "round_robin",
                        "candidates": [
                            {
                                "owner": f"rep-{n}", "code": "not_next", "open_leads": 5,
                                "balance_before": 0, "balance_after": 9,
                            }
                            for n in range(20)
                        ],
                    }
                ],
            }
        ],
        "not_evaluated": 0,
    },
}  # fmt: skip
