"""A table of leads and the verdict for each. No service and no database is needed."""

import pytest
from lead_assignment.testing import build_facts
from lead_assignment_language import Language, LanguageConfig

FACTS = build_facts(
    owners={"ana": {"languages": ["de", "en"]}, "ben": {"languages": ["fr"]}},
    teams={"inbound": {"members": [{"owner": "ana"}, {"owner": "ben"}, {"owner": "gone"}]}},
)
CASES = [
    ({"language": "fr"}, "inbound", None, ["fr"]),
    ({"language": "de-AT"}, "inbound", None, ["de-AT"]),
    ({"language": ["pt", "fr"]}, "inbound", None, ["fr"]),
    ({"language": "pt"}, "inbound", None, []),
    ({}, "inbound", None, []),
    ({}, "inbound", "en", ["en"]),
    ({"language": "fr"}, "inbound", "en", ["fr"]),
    ({"language": "fr"}, "nobody", None, []),
]


@pytest.mark.parametrize(("values", "team", "fallback", "languages"), CASES)
def test_verdict_asks_for_a_speaker_then_for_anyone(values, team, fallback, languages):
    verdict = Language().decide(values, FACTS, LanguageConfig(team=team, fallback=fallback))
    assert [language for target in verdict.targets for language in target.languages] == languages
    assert {(target.kind, target.name, target.pick) for target in verdict.targets} == {
        ("team", team, "longest_idle")
    }
    assert verdict.targets[-1].languages == ()
