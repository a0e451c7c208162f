"""A plan with every kind of key, for the tests of reading and checking."""

from typing import Any

from app.plan.document.plan import PlanDocument
from app.plan.reader.read import load_plan, read_plan

WHOLE = """
queues: {partner-desk: {claimable_by: partners, crm: {salesforce: "00G1"}}, unrouted: {claimable_by: inbound}}
paths:  {newsletter: {accountable: {team: inbound}}}
returning_leads: {window: 90d, duplicate_window: 10m}
pipeline:
  - rule: {name: students, when: {lead_type: student}, then: {block: students}}
  - rule: {name: partners, when: {source: partner}, then: {queue: partner-desk, priority: 50}}
  - rule:
      name: small
      when: {employees: {lt: 5}, lead_type: {in: [content, webinar]}}
      then: {path: newsletter}
  - rule:
      name: dach
      when: {all: [{country: {in: [DE, AT, CH]}}, {not: {lead_type: support}}]}
      then: {team: dach, pick: least_loaded, skills: [enterprise], else: [{team: emea}]}
  - rule:
      name: vip
      when: {attributes.vip: true}
      then: {owner: ana, priority: 9, else: [{queue: unrouted}]}
  - round_robin: {team: inbound}
  - queue: {name: unrouted}
follow_up:
  - when: {team: dach}
    do: [{type: notify, via: slack}, {type: task, title: "Call {lead.first_name} now", due: 15m}]
tests:
  - {lead: {source: partner}, expect: {queue: partner-desk}}
"""

SCORED = """
fields:
  region: {from: country, EMEA: [DE, FR, AT, CH], NA: [US, CA]}
  segment: [{when: {employees: {lt: 200}}, value: smb}, {value: mid}]
  attributes.seats: {type: integer}
scores:
  fit:
    - {when: {employees: {gte: 200}}, points: 30}
    - {when: {title: {matches: "(?i)head|vp|chief"}}, points: 20}
  intent:
    - {when: {pages: {contains: pricing}}, points: 25}
    - {when: {engagement: {name: pricing, within: 14d, count: {gte: 2}}}, points: 20, half_life: 7d}
queues: {unrouted: {}, sales: {}, europe: {}}
paths:  {newsletter: {accountable: {team: inbound}}}
pipeline:
  - score: {model: [fit, intent], bands: {hot: {gte: 60}, warm: {gte: 15}, cold: {}}}
  - rule: {name: hot, when: {band: hot, region: EMEA}, then: {queue: europe, priority: 80}}
  - rule: {name: big, when: {scores.fit: {gte: 30}, attributes.seats: {gt: 10}}, then: {queue: sales}}
  - rule: {name: cold, when: {band: cold}, then: {path: newsletter}}
  - queue: {name: unrouted}
follow_up:
  - when: {band: hot, segment: mid}
    do: [{type: notify, via: "{lead.band} {lead.region} {lead.scores.total}"}]
tests:
  - {lead: {employees: 500, title: Head, pages: [pricing], country: FR}, expect: {rule: hot, band: hot}}
  - {lead: {employees: 5}, expect: {rule: cold, band: cold}}
"""


def whole() -> dict[str, Any]:
    """The plan as plain data. Tests may change it."""
    data = load_plan(WHOLE)
    assert isinstance(data, dict)
    return data


def scored() -> dict[str, Any]:
    """The plan with fields and scores, as plain data."""
    data = load_plan(SCORED)
    assert isinstance(data, dict)
    return data


def document(data: object) -> PlanDocument:
    """The document of valid plain data."""
    read = read_plan(data)  # type: ignore[arg-type]
    assert isinstance(read, PlanDocument), read
    return read
