"""Teams named by fields of the lead: every combination is checked beforehand, and a missing one passes."""

from collections.abc import Iterable
from typing import Any

import pytest

from app.engine.model.records import directory_from
from app.engine.model.state import Facts, State
from app.engine.pipeline.decide import decide
from app.plan_check.check import KnownNames, check
from app.plan_check.references import find_references
from tests.plan.plans import document
from tests.support.decisions import NOW, plan, question

TEAMS = ("sdr-EMEA-smb", "sdr-EMEA-mid", "sdr-NA-smb", "sdr-NA-mid")


def templated(team: str = "sdr-{region}-{segment}") -> dict[str, Any]:
    """A plan with one rule that goes to this team."""
    return {
        "queues": {"unrouted": {}},
        "fields": {
            "region": {"from": "country", "EMEA": ["DE", "FR"], "NA": ["US"]},
            "segment": [{"when": {"employees": {"lt": 200}}, "value": "smb"}, {"value": "mid"}],
        },
        "pipeline": [
            {"score": {"bands": {"hot": {"gte": 60}, "cold": {}}}},
            {"rule": {"name": "sdr", "when": {"score": {"gte": 1}}, "then": {"team": team}}},
            {"queue": {"name": "unrouted"}},
        ],
    }


def names(teams: Iterable[str]) -> KnownNames:
    return KnownNames({"ana": True}, {team: {"ana": 1} for team in teams})


def office(teams: Iterable[str]) -> Facts:
    records: list[tuple[str, str, dict[str, Any]]] = [("owners", "ana", {})]
    records += [("teams", team, {"members": [{"owner": "ana"}]}) for team in teams]
    return Facts(NOW, directory_from(1, records), State())


@pytest.mark.parametrize(
    ("lead", "team"),
    [
        ({"country": "DE", "employees": 5}, "sdr-EMEA-smb"),
        ({"country": "us", "employees": 500}, "sdr-NA-mid"),
        ({"country": "JP"}, None),
        ({}, None),
    ],
)
def test_the_fields_of_the_lead_name_the_team(lead: dict[str, Any], team: str | None) -> None:
    decision = decide(question(score=5, **lead), plan(templated()), office(TEAMS))
    tried = decision.trace["steps"][1]["targets"][0]
    if team is None:
        assert (decision.queue, tried["code"]) == ("unrouted", "not_found")
        assert tried["target"] == {"team": "sdr-{region}-{segment}"}
    else:
        assert (decision.team, tried["target"]) == (team, {"team": team})
        assert decision.turn is not None
        assert decision.turn.team == team
        assert decision.text == f"Assigned by rule sdr (score 5). ana is next in team {team}."


def test_a_team_name_can_use_the_band() -> None:
    decision = decide(question(score=70), plan(templated("sdr-{band}")), office(["sdr-hot"]))
    assert decision.team == "sdr-hot"
    decision = decide(question(score=7), plan(templated("sdr-{band}")), office(["sdr-hot"]))
    assert (decision.queue, decision.trace["steps"][1]["code"]) == ("unrouted", "not_found")


def test_a_score_step_can_use_its_own_band_in_a_target() -> None:
    source = templated()
    source["pipeline"][:2] = [{"score": {"bands": {"hot": {"gte": 60, "then": {"team": "sdr-{band}"}}}}}]
    assert check(document(source), names(["sdr-hot"])) == []
    assert decide(question(score=70), plan(source), office(["sdr-hot"])).team == "sdr-hot"


def test_a_team_name_cannot_use_the_band_before_the_score_step() -> None:
    source = templated("sdr-{band}")
    source["pipeline"][:2] = reversed(source["pipeline"][:2])
    found = check(document(source), names(["sdr-hot", "sdr-cold"]))
    assert [(finding.path, finding.code) for finding in found] == [
        ("pipeline[0].rule.then.team", "used_before_defined")
    ]


def test_every_combination_is_checked() -> None:
    assert check(document(templated()), names(TEAMS)) == []
    found = check(document(templated()), names(TEAMS[1:]))
    assert [(finding.path, finding.code) for finding in found] == [
        ("pipeline[1].rule.then.team", "unknown_team")
    ]
    assert TEAMS[0] in found[0].text


@pytest.mark.parametrize(
    ("team", "code"),
    [
        ("sdr-{country}", "unknown_field"),
        ("sdr-{reigon}", "unknown_field"),
        ("sdr-{region", "invalid_template"),
        ("sdr-{}", "unknown_field"),
        ("sdr-{region}}", "invalid_template"),
        ("{region}" * 2 + "{customer_status}{segment}{band}", "unknown_team"),
    ],
)
def test_faults_of_a_name_are_reported(team: str, code: str) -> None:
    found = check(document(templated(team)), names(TEAMS))
    assert {(finding.path, finding.code) for finding in found} == {("pipeline[1].rule.then.team", code)}


def test_a_name_that_stands_for_too_many_teams_is_refused() -> None:
    source = templated("{a}{b}{c}{d}{e}")
    words = [{"when": {"employees": n}, "value": str(n)} for n in range(7)]
    source["fields"] |= dict.fromkeys("abcde", words)
    found = check(document(source), names(TEAMS))
    assert [finding.code for finding in found] == ["too_many_items"]


def test_a_plan_references_every_possible_team() -> None:
    for team in TEAMS:
        assert find_references(document(templated()), "team", team) == ["pipeline[1].rule.then.team"]
    assert find_references(document(templated()), "team", "sdr-APAC-mid") == []
