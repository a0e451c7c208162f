"""Values as people write them: decided, answered, stored, counted and replayed."""

from typing import Any

from app.audit.verify import verify
from tests.support.metrics import sample
from tests.support.workspace import Workspace

PLAN = """
fields:
  attributes.seats: {type: integer}
  attributes.vip: {type: boolean}
  size: [{when: {employees: {gte: 200}}, value: large}, {when: {employees: {lt: 50}}, value: small}]
scores: {fit: [{when: {employees: {gte: 50}}, points: 10}]}
queues: {review: {}, west: {}, nordrhein: {}, lucia: {}, large: {}, middle: {}, vips: {}, spanish: {}, zips: {}}
returning_leads: {window: 0}
pipeline:
  - rule: {name: zips, table: zips, match_on: {country: eq, postal_code: eq}}
  - rule: {name: review, when: {any: [{flags: {contains: number_unreadable}}, {flags: {contains: postal_code_invalid}}]}, then: {queue: review}}
  - rule: {name: vips, when: {any: [{attributes.vip: true}, {attributes.seats: {gte: 50}}]}, then: {queue: vips}}
  - rule: {name: west, when: {state: [California, WA]}, then: {queue: west}}
  - rule: {name: nordrhein, when: {country: Allemagne, state: NRW}, then: {queue: nordrhein}}
  - rule: {name: lucia, when: {country: [Saint Lucia, "Moldova, Republic of"]}, then: {queue: lucia}}
  - rule: {name: spanish, when: {language: Spanish}, then: {queue: spanish}}
  - rule: {name: large, when: {size: large}, then: {queue: large}}
  - rule: {name: middle, when: {employees: {gte: 50, lte: 200}}, then: {queue: middle}}
  - queue: {name: unrouted}
"""  # noqa: E501
ZIPS = {
    "columns": ["country", "postal_code"],
    "rows": [["US", "2139", {"queue": "zips"}], ["United Kingdom", "SW1A1AA", {"queue": "zips"}]],
}
LEADS: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"country": "USA", "postal_code": "02139-4307"}, "zips", []),
    ({"country": "UK", "postal_code": "sw1a 1aa"}, "zips", []),
    ({"country": "US", "postal_code": "K1A 0B1"}, "review", ["postal_code_invalid"]),
    ({"employees": "about fifty"}, "review", ["number_unreadable"]),
    ({"attributes": {"vip": "on"}}, "vips", []),
    ({"attributes": {"seats": "51-200"}}, "vips", []),
    ({"attributes": {"seats": "few"}}, "review", ["number_unreadable"]),
    ({"country": "United States", "state": "Calif."}, "west", []),
    ({"state": "US-CA"}, "west", []),
    ({"country": "Italia", "state": "Cagliari"}, "unrouted", []),
    ({"country": "Deutschland", "state": "Nordrhein-Westfalen"}, "nordrhein", []),
    ({"country": "St. Lucia"}, "lucia", []),
    ({"country": "n/a"}, "unrouted", ["country_unknown"]),
    ({"language": "en, es"}, "spanish", []),
    ({"employees": "1,000+"}, "large", ["number_ambiguous"]),
    ({"employees": "51-200"}, "middle", []),
    ({"employees": "250.0"}, "large", []),
    ({"consent": {"email": "I agree"}}, "unrouted", ["consent_unreadable"]),
    ({"last_seen_at": "03/04/2026"}, "unrouted", ["date_ambiguous"]),
]


async def test_leads_go_where_their_values_say_however_they_are_written(workspace: Workspace) -> None:
    stored = await workspace.client.put("/tables/zips", json=ZIPS)
    assert (stored.status_code, stored.json()["findings"]) == (201, [])
    await workspace.publish(PLAN)
    decided = [await workspace.assign(company=f"c{at}", **fields) for at, (fields, *_) in enumerate(LEADS)]
    assert [(each["queue"], each["normalized"]["flags"]) for each in decided] == [
        (queue, flags) for _, queue, flags in LEADS
    ]
    ranged = decided[15]
    assert ranged["normalized"]["employees"] == "51-200"
    assert ranged["trace"]["ranges"] == {"employees": {"low": 51, "high": 200}}
    unread = await workspace.get(f"/leads/{decided[3]['lead_id']}")
    assert unread["fields"]["employees"] == "about fifty"
    assert unread["fields"]["flags"] == ["number_unreadable"]
    counted = (await workspace.client.get("/metrics")).text
    assert sample(counted, "lead_assignment_flagged_leads_total", flag="number_unreadable") == 2
    assert (await verify(workspace.pool, workspace.workspace_id)).differences == []
