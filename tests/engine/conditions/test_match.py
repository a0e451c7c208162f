"""Members who must match the lead, by its language and by skills."""

from typing import Any

import pytest

from app.engine.pipeline.decide import decide
from app.plan.findings import Finding
from app.plan.reader.read import read_plan
from tests.support.decisions import TEAM, facts, plan, question

OWNERS: dict[str, dict[str, Any]] = {
    "ana": {"languages": ["de", "en"], "skills": ["Software", "emea"]},
    "ben": {"languages": ["en"], "skills": ["retail", "na"]},
    "eva": {"languages": ["FR_ca"], "skills": ["software"]},
    "zoe": {"languages": ["pt-BR"], "skills": ["software"]},
}
FIELDS = {"region": {"from": "country", "EMEA": ["DE", "FR"], "NA": ["US"]}}


def matching(*fields: str) -> dict[str, Any]:
    """A plan with one team, whose members must match the lead in these fields."""
    step = {"round_robin": {"team": TEAM, "match": list(fields)}}
    return {"fields": FIELDS, "queues": {"desk": {}}, "pipeline": [step, {"queue": {"name": "desk"}}]}


@pytest.mark.parametrize(
    ("fields", "lead", "able"),
    [
        (["language"], {"language": "de"}, {"ana"}),
        (["language"], {"language": "en"}, {"ana", "ben"}),
        (["language"], {"language": "fr"}, {"eva"}),
        (["language"], {"language": "pl"}, set()),
        (["language"], {"language": "pt-PT"}, {"zoe"}),
        (["language"], {}, {"ana", "ben", "eva", "zoe"}),
        (["industry"], {"industry": "software"}, {"ana", "eva", "zoe"}),
        (["industry"], {"industry": "Retail"}, {"ben"}),
        (["language", "industry"], {"language": "en", "industry": "software"}, {"ana"}),
        (["region"], {"country": "DE"}, {"ana"}),
        (["region"], {"country": "US"}, {"ben"}),
        (["region"], {"country": "BR"}, {"ana", "ben", "eva", "zoe"}),
    ],
)
def test_only_matching_members_are_eligible(fields: list[str], lead: dict[str, Any], able: set[str]) -> None:
    decision = decide(question(**lead), plan(matching(*fields)), facts(OWNERS))
    tried = decision.trace["steps"][0]["targets"][0]
    refusals = {"missing_skill", "missing_language"}
    assert {one["owner"] for one in tried["candidates"] if one["code"] not in refusals} == able
    assert decision.outcome == ("assigned" if able else "queued")


@pytest.mark.parametrize("asked", ["de", "DE", "de-AT", "de_CH"])
@pytest.mark.parametrize(
    ("spoken", "able"), [("de", True), ("de-AT", True), ("De_ch", True), ("en-DE", False), ("nds", False)]
)
def test_a_language_matches_by_its_primary_subtag(asked: str, spoken: str, able: bool) -> None:
    step = {"round_robin": {"team": TEAM, "languages": [asked]}}
    document = {"queues": {"desk": {}}, "pipeline": [step, {"queue": {"name": "desk"}}]}
    decision = decide(question(), plan(document), facts({"ana": {"languages": [spoken]}}))
    assert decision.outcome == ("assigned" if able else "queued")


@pytest.mark.parametrize("field", ["shoe_size", "employees", "pages", "consent.email"])
def test_a_field_that_is_not_a_string_cannot_be_matched(field: str) -> None:
    found = read_plan(matching(field))
    assert isinstance(found, list)
    (finding,) = found
    assert isinstance(finding, Finding)
    assert (finding.path, finding.code) == ("pipeline[0].round_robin.match[0]", "unknown_field")


def test_only_a_team_can_be_matched() -> None:
    then = {"queue": "desk", "match": ["language"]}
    document = {
        "queues": {"desk": {}},
        "pipeline": [{"rule": {"name": "all", "then": then}}, {"queue": {"name": "desk"}}],
    }
    found = read_plan(document)
    assert isinstance(found, list)
    assert [finding.code for finding in found] == ["misplaced_field"]
