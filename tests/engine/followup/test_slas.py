"""When a lead must be accepted and touched, in the owner's own working time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.engine.model.decision import Decision, PriorAssignment, SlaDeadlines, Target
from app.engine.pipeline.decide import decide
from app.plan.reader.read import read_plan
from app.plan_check.check import KnownNames, check
from tests.plan.plans import document
from tests.support.decisions import PLAN, TEAM, facts, plan, question

BERLIN = {"timezone": "Europe/Berlin", "hours": "Mo-Fr 09:00-17:00; PH off", "country": "DE"}
NEVER = {"timezone": "UTC", "hours": "off"}
SLAS = {"hot": {"accept": "5m", "touch": "15m"}, "calm": {"touch": "2h"}}


def decided(
    moment: str,
    owner: dict[str, Any] | None = None,
    *,
    step: dict[str, Any] | None = None,
    written: dict[str, Any] | None = None,
    prior: PriorAssignment | None = None,
    absences: tuple[dict[str, str], ...] = (),
    **values: Any,
) -> Decision:
    pipeline = [step or {"round_robin": {"team": TEAM, "sla": "hot"}}, {"queue": {"name": "desk"}}]
    ready = plan({**PLAN, "slas": SLAS, "pipeline": pipeline, **(written or {})})
    calendars = {"berlin": BERLIN, "never": NEVER}
    at = facts({"ana": owner or {}}, now=when(moment), calendars=calendars, absences=absences)
    return decide(question(prior, **values), ready, at)


def when(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


WORKS = {"calendar": "berlin"}


@pytest.mark.parametrize(
    ("moment", "owner", "accept", "touch"),
    [
        ("2026-11-20T12:00Z", {}, "2026-11-20T12:05Z", "2026-11-20T12:15Z"),
        ("2026-11-20T12:00Z", WORKS, "2026-11-20T12:05Z", "2026-11-20T12:15Z"),
        ("2026-11-20T16:50+01:00", WORKS, "2026-11-20T16:55+01:00", "2026-11-23T09:05+01:00"),
        ("2026-11-21T12:00Z", WORKS, "2026-11-23T09:05+01:00", "2026-11-23T09:15+01:00"),
        ("2026-12-24T16:58+01:00", WORKS, "2026-12-28T09:03+01:00", "2026-12-28T09:13+01:00"),
        # One Sunday's clock is set forward, one's back: Monday's shift begins by the new one.
        ("2026-03-27T17:30+01:00", WORKS, "2026-03-30T09:05+02:00", "2026-03-30T09:15+02:00"),
        ("2026-10-23T17:30+02:00", WORKS, "2026-10-26T09:05+01:00", "2026-10-26T09:15+01:00"),
    ],
)
def test_due_times_count_working_time(moment: str, owner: dict[str, Any], accept: str, touch: str) -> None:
    assert decided(moment, owner).sla == SlaDeadlines("hot", when(accept), when(touch))


def test_owner_for_whom_the_sla_never_comes_due_is_passed_over() -> None:
    found = decided("2026-11-20T12:00Z", {"calendar": "never"})
    assert (found.outcome, found.sla, found.trace["never_due"]) == ("queued", None, ["ana"])


def test_queue_and_path_have_the_clock_of_their_own_sla() -> None:
    slas = {"desk": {"claim": "30m"}}
    queue = {"queue": {"name": "desk"}}
    path = {"rule": {"name": "r", "then": {"path": "newsletter"}}}
    for step, unowned in (
        (queue, {"queues": {"desk": {"sla": "desk", "claimable_by": TEAM}}}),
        (path, {"paths": {"newsletter": {"sla": "desk", "accountable": {"team": TEAM}}}}),
    ):
        found = decided("2026-11-20T16:50+01:00", WORKS, step=step, written={"slas": slas, **unowned})
        assert [(each.kind, each.due_at) for each in found.clocks] == [
            ("claim", when("2026-11-23T09:20+01:00"))
        ]
        assert found.sla == SlaDeadlines("desk", claim_by=when("2026-11-23T09:20+01:00"))


def test_an_absence_does_not_count_as_working_time() -> None:
    away = {"owner": "ana", "from": "2026-11-20T12:10:00Z", "to": "2026-11-20T13:10:00Z"}
    sla = decided("2026-11-20T12:00Z", WORKS, absences=(away,)).sla
    assert sla == SlaDeadlines("hot", when("2026-11-20T12:05Z"), when("2026-11-20T13:15Z"))


FOR = [{"when": {"lead_type": "demo_request"}, "sla": "hot"}, {"when": {"tier": "gold"}, "sla": "calm"}]


@pytest.mark.parametrize(
    ("step", "values", "name"),
    [
        ({"round_robin": {"team": TEAM}}, {"lead_type": "demo_request", "tier": "gold"}, "hot"),
        ({"round_robin": {"team": TEAM}}, {"tier": "gold"}, "calm"),
        ({"round_robin": {"team": TEAM}}, {}, None),
        ({"round_robin": {"team": TEAM, "sla": "calm"}}, {"lead_type": "demo_request"}, "calm"),
        ({"rule": {"name": "r", "then": {"owner": "ana", "sla": "calm"}}}, {}, "calm"),
        ({"rule": {"name": "r", "then": {"team": "x", "sla": "calm", "else": [{"team": TEAM}]}}}, {}, "calm"),
        (
            {
                "rule": {
                    "name": "r",
                    "then": {"team": "x", "sla": "calm", "else": [{"team": TEAM, "sla": "hot"}]},
                }
            },
            {},
            "hot",
        ),
        ({"rule": {"name": "r", "then": {"queue": "desk", "sla": "hot"}}}, {"tier": "gold"}, None),
        ({"rule": {"name": "r", "then": {"path": "newsletter"}}}, {"tier": "gold"}, None),
    ],
)
def test_the_sla_of_the_step_comes_before_the_sla_rules(
    step: dict[str, Any], values: dict[str, Any], name: str | None
) -> None:
    sla = decided("2026-11-20T12:00Z", step=step, written={"sla_rules": FOR}, **values).sla
    assert (sla.name if sla else None) == name


def test_a_limit_that_is_not_set_is_none() -> None:
    sla = decided("2026-11-20T12:00Z", step={"round_robin": {"team": TEAM, "sla": "calm"}}).sla
    assert sla == SlaDeadlines("calm", None, when("2026-11-20T14:00Z"))


@pytest.mark.parametrize(("age", "name"), [(timedelta(minutes=1), None), (timedelta(days=1), "hot")])
def test_a_duplicate_starts_no_new_deadline(age: timedelta, name: str | None) -> None:
    now = when("2026-11-20T12:00Z")
    prior = PriorAssignment("l", "a", "email", "assigned", "ana", TEAM, None, None, None, 0, now - age)
    sla = decided("2026-11-20T12:00Z", written={"sla_rules": [{"sla": "hot"}]}, prior=prior).sla
    assert (sla.name if sla else None) == name


def test_a_claimed_lead_counts_as_accepted() -> None:
    ready = plan({**PLAN, "slas": SLAS, "sla_rules": [{"sla": "hot"}]})
    asked = question()
    claim = type(asked)("claim", "a", "l", {}, to=Target("owner", "ana"), queue="desk")
    at = facts({"ana": {}}, now=when("2026-11-20T12:00Z"))
    assert decide(claim, ready, at).sla == SlaDeadlines("hot", None, when("2026-11-20T12:15Z"))


def test_an_action_can_be_due_with_the_sla() -> None:
    do = [
        {"type": "task", "title": "Accept", "due": "accept"},
        {"type": "task", "title": "Call", "due": "touch"},
    ]
    written = {"follow_up": [{"do": do}]}
    held = decided("2026-11-20T16:50+01:00", WORKS, written=written)
    dues = [action["due_at"] for action in held.actions]
    assert dues == [when("2026-11-20T16:55+01:00"), when("2026-11-23T09:05+01:00")]
    without = decided("2026-11-20T12:00Z", step={"round_robin": {"team": TEAM}}, written=written)
    assert [action["due_at"] for action in without.actions] == [None, None]


NAMES = KnownNames({"ana": True}, {TEAM: {"ana": 1}})
LAST = {"queue": {"name": "desk"}}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"pipeline": [{"round_robin": {"team": TEAM, "sla": "hit"}}, LAST]}, "pipeline[0].round_robin.sla"),
        (
            {
                "pipeline": [
                    {
                        "rule": {
                            "name": "r",
                            "when": {"tier": "a"},
                            "then": {"team": TEAM, "sla": "hit", "else": [{"queue": "desk"}]},
                        }
                    },
                    LAST,
                ]
            },
            "pipeline[0].rule.then.sla",
        ),
        (
            {
                "pipeline": [
                    {
                        "rule": {
                            "name": "r",
                            "when": {"tier": "a"},
                            "then": {"team": TEAM, "else": [{"owner": "ana", "sla": "hit"}]},
                        }
                    },
                    LAST,
                ]
            },
            "pipeline[0].rule.then.else[0].sla",
        ),
        (
            {
                "pipeline": [
                    {"score": {"bands": {"a": {"gte": 9}, "b": {"then": {"team": TEAM, "sla": "hit"}}}}},
                    LAST,
                ]
            },
            "pipeline[0].score.bands.b.then.sla",
        ),
        ({"sla_rules": [{"sla": "hit"}]}, "sla_rules[0].sla"),
        ({"slas": {}, "follow_up": [{"do": [{"type": "chat", "due": "touch"}]}]}, "follow_up[0].do[0].due"),
    ],
)
def test_an_undeclared_sla_is_reported(change: dict[str, Any], path: str) -> None:
    findings = check(document({**PLAN, "slas": SLAS, "follow_up": [], **change}), NAMES)
    assert [(finding.path, finding.code) for finding in findings] == [(path, "unknown_sla")]


@pytest.mark.parametrize(
    ("lines", "path", "code"),
    [
        ([{"sla": "hot"}, {"when": {"country": "DE"}, "sla": "calm"}], "sla_rules[1]", "unreachable"),
        (
            [{"when": {"country": "DE", "all": [{"country": "FR"}]}, "sla": "hot"}],
            "sla_rules[0].when",
            "contradiction",
        ),
    ],
)
def test_a_rule_that_never_applies_is_reported(lines: list[dict[str, Any]], path: str, code: str) -> None:
    findings = check(document({**PLAN, "slas": SLAS, "sla_rules": lines}), NAMES)
    assert [(finding.path, finding.code) for finding in findings] == [(path, code)]


@pytest.mark.parametrize(
    ("slas", "path", "code"),
    [
        ({"hot": {}}, "slas.hot", "required"),
        ({"hot": {"accept": "soon"}}, "slas.hot.accept", "invalid_duration"),
        ({"hot": {"accept": "0"}}, "slas.hot.accept", "invalid_duration"),
        ({"hot": {"touch": "91d"}}, "slas.hot.touch", "invalid_duration"),
        ({"hot": {"tuch": "1d"}}, "slas.hot.tuch", "unknown_field"),
    ],
)
def test_an_invalid_sla_is_refused(slas: dict[str, Any], path: str, code: str) -> None:
    found = read_plan({**PLAN, "slas": slas})
    assert isinstance(found, list)
    assert (found[0].path, found[0].code) == (path, code), found


@pytest.mark.parametrize(
    ("written", "path", "code"),
    [
        ({"slas": {"hot": {"accept": "3m", "remind": ["5m"]}}}, "slas.hot.remind[0]", "invalid_duration"),
        ({"slas": {"hot": {"touch": "1h", "max_wall": "1h"}}}, "slas.hot.max_wall", "invalid_duration"),
        (
            {"slas": {"hot": {"accept": "3m", "escalate_to": [{"owner": "xx"}, {"queue": "desk"}]}}},
            "slas.hot.escalate_to[0].owner",
            "unknown_owner",
        ),
        (
            {"slas": {"hot": {"accept": "3m", "escalate_to": [{"queue": "dsk"}]}}},
            "slas.hot.escalate_to[0].queue",
            "unknown_queue",
        ),
        ({"queues": {"desk": {"sla": "hit"}}}, "queues.desk.sla", "unknown_sla"),
        (
            {"queues": {"desk": {"max_wait": "8h", "then": {"team": "inbound", "sla": "hit"}}}},
            "queues.desk.then.sla",
            "unknown_sla",
        ),
        (
            {
                "queues": {
                    "desk": {
                        "max_wait": "8h",
                        "then": {"team": "inbound", "else": [{"owner": "ana", "sla": "hit"}]},
                    }
                }
            },
            "queues.desk.then.else[0].sla",
            "unknown_sla",
        ),
    ],
)
def test_what_an_sla_names_is_checked(written: dict[str, Any], path: str, code: str) -> None:
    findings = check(document({**PLAN, "slas": {"hot": {"touch": "1h"}}, **written}), NAMES)
    assert (path, code) in [(finding.path, finding.code) for finding in findings]
