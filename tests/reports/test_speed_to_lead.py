"""`speed-to-lead` through HTTP, against tables that were computed by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.reports.case import Case, minutes
from tests.support.workspace import Workspace

NOON = datetime(2030, 11, 20, 12, tzinfo=UTC)
PLAN = """
slas: {}
pipeline:
  - rule: {name: ana, when: {source: ana}, then: {owner: ana}}
  - rule: {name: nurture, when: {lead_type: content}, then: {path: newsletter}}
  - queue: {name: desk}
queues: {desk: {}}
paths: {newsletter: {accountable: {team: inbound}}}
"""


@pytest.fixture
async def case(workspace: Workspace) -> Case:
    """A workspace with this plan, three hours before noon."""
    found = Case(workspace)
    await found.at(NOON - timedelta(hours=4))
    await workspace.publish(PLAN)
    return found


async def answered(case: Case, waits: list[tuple[float, bool]]) -> None:
    """Leads that waited for so many minutes: until they were touched, or until noon."""
    arrivals = []
    for number, (wait, touched) in enumerate(waits):
        arrivals.append((NOON - minutes(max(wait, 130 + number) if touched else wait), wait, touched))
    touches = []
    for arrived, wait, touched in sorted(arrivals):
        decision = await case.lead(arrived, source="ana")
        if touched:
            touches.append((decision, arrived + minutes(wait)))
    await case.at(NOON)
    for decision, at in touches:
        await case.event(decision, "first_touch", at)


async def test_untouched_leads_are_in_the_sample(case: Case) -> None:
    await answered(
        case,
        [
            (3, True),
            (5, True),
            (8, True),
            (10, False),
            (20, True),
            (30, False),
            (45, True),
            (120, True),
            (200, False),
        ],
    )
    found = (await case.report("speed-to-lead"))["totals"]
    assert (found["response_median"], found["response_p90"]) == (45 * 60, "not_reached")
    assert found["leads"] == 9
    within = found["within_15m"]
    assert (within["numerator"], within["denominator"]) == (3, 8)
    assert (round(within["low"], 3), round(within["high"], 3)) == (0.137, 0.694)
