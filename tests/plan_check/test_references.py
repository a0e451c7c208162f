"""References of a plan to teams and owners."""

import pytest

from app.plan.document.plan import PlanDocument
from app.plan.reader.read import read_plan
from app.plan_check.references import find_references

PLAN = """
queues: {desk: {claimable_by: dach}, open: {}}
paths: {news: {accountable: {team: dach}}, chat: {accountable: {owner: dach}}, quiet: {}}
pipeline:
  - rule: {name: a, when: {tier: x}, then: {team: dach, else: [{owner: ana}, {team: DACH}]}}
  - rule: {name: b, when: {tier: y}, then: {owner: dach, else: [{team: dach}]}}
  - round_robin: {team: emea, else: [{team: dach}, {queue: open}]}
  - account: {if_unavailable: [delegate, {hold: 4h}, {team: named}, {owner: tom}], customers: {team: success}}
  - queue: {name: desk}
follow_up:
  - {when: {any: [{team: Dach}, {not: {team: {in: [emea, dach]}}}]}, do: [{type: notify}]}
  - {when: {queue: dach}, do: [{type: notify}]}
tests:
  - {lead: {tier: x}, given: {absent: [ana, dach]}, expect: {team: dach}}
  - {lead: {tier: x}, given: {existing: {owner: ana, team: dach}}, expect: {owner: ana}}
  - {lead: {}, given: {account: {owner: una, parent: {roles: {sdr: udo}}}}, expect: {owner: una}}
"""


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        (
            "team",
            "dach",
            [
                "pipeline[0].rule.then.team",
                "pipeline[1].rule.then.else[0].team",
                "pipeline[2].round_robin.else[0].team",
                "queues.desk.claimable_by",
                "paths.news.accountable.team",
                "tests[0].expect.team",
                "tests[1].given.existing.team",
                "follow_up[0].when.team",
            ],
        ),
        ("team", "DACH", ["pipeline[0].rule.then.else[1].team", "follow_up[0].when.team"]),
        ("team", "emea", ["pipeline[2].round_robin.team", "follow_up[0].when.team"]),
        (
            "owner",
            "dach",
            ["pipeline[1].rule.then.owner", "paths.chat.accountable.owner", "tests[0].given.absent[1]"],
        ),
        (
            "owner",
            "ana",
            [
                "pipeline[0].rule.then.else[0].owner",
                "tests[0].given.absent[0]",
                "tests[1].given.existing.owner",
                "tests[1].expect.owner",
            ],
        ),
        ("owner", "ben", []),
        ("team", "named", ["pipeline[3].account.if_unavailable[2].team"]),
        ("owner", "tom", ["pipeline[3].account.if_unavailable[3].owner"]),
        ("team", "success", ["pipeline[3].account.customers.team"]),
        ("owner", "una", ["tests[2].given.account.owner", "tests[2].expect.owner"]),
        ("owner", "udo", ["tests[2].given.account.parent.roles.sdr"]),
    ],
)
def test_references_are_found(kind: str, name: str, expected: list[str]) -> None:
    document = read_plan(PLAN)
    assert isinstance(document, PlanDocument), document
    assert find_references(document, kind, name) == expected
