"""The tests in a plan run only when the plan has no errors."""

from datetime import UTC, datetime

import pytest

from app.engine.model.directory import Directory, Member, Owner, Team
from app.engine.model.state import Facts, State
from app.plan_check.capabilities import Capabilities
from app.plans.check import check_plan
from tests.support.installed import installed

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OWNERS = {"ana": Owner("ana", "Ana"), "gone": Owner("gone", "Gone", active=False)}
TEAMS = {"inbound": Team("inbound", "Inbound", (Member("ana"),))}


@pytest.mark.parametrize(
    ("then", "findings"),
    [
        ({"team": "inbound"}, ["test_failed"]),
        ({"owner": "gone"}, ["inactive_owner", "test_failed"]),
        ({"team": "nope"}, ["unknown_team"]),
    ],
)
def test_plan_tests_run_despite_warnings_but_not_despite_errors(
    then: dict[str, str], findings: list[str]
) -> None:
    plan = {
        "pipeline": [
            {"rule": {"name": "first", "when": {"tier": "a"}, "then": then}},
            {"round_robin": {"team": "inbound"}},
            {"queue": {"name": "unrouted"}},
        ],
        "queues": {"unrouted": {}},
        "tests": [{"lead": {}, "expect": {"queue": "unrouted"}}],
    }
    found = check_plan(plan, Facts(NOW, Directory(1, OWNERS, TEAMS), State()), Capabilities(installed()))
    assert [each.code for each in found.findings] == findings


@pytest.mark.parametrize(
    ("before", "reason", "actions"),
    [(None, "duplicate", []), ({"tier": "a"}, "duplicate", []), ({"tier": "b"}, "reengaged", ["task"])],
)
def test_existing_lead_of_a_test_has_the_fields_it_had_before(
    before: dict[str, str] | None, reason: str, actions: list[str]
) -> None:
    existing = {"owner": "ana", "at": "now-3m", **({"lead": before} if before else {})}
    plan = {
        "pipeline": [
            {"rule": {"name": "first", "when": {"tier": "a"}, "then": {"team": "inbound"}}},
            {"queue": {"name": "unrouted"}},
        ],
        "queues": {"unrouted": {}},
        "follow_up": [{"when": {"rule": "first"}, "do": [{"type": "task", "title": "Call"}]}],
        "tests": [
            {
                "lead": {"tier": "a"},
                "given": {"existing": existing},
                "expect": {"owner": "ana", "reason": reason, "actions": actions},
            }
        ],
    }
    found = check_plan(plan, Facts(NOW, Directory(1, OWNERS, TEAMS), State()), Capabilities(installed()))
    assert found.findings == []
