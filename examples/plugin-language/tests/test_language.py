"""A table of leads: what the strategy says to each. No service and no database is needed for it."""

from datetime import UTC, datetime

import pytest
from lead_assignment_language import Language, LanguageConfig

from app.engine.model.records import directory_from
from app.engine.model.state import Facts, State

RECORDS = [
    ("owners", "ana", {"languages": ["de", "en"]}),
    ("owners", "ben", {"languages": ["fr"]}),
    ("teams", "inbound", {"members": [{"owner": "ana"}, {"owner": "ben"}, {"owner": "gone"}]}),
]
FACTS = Facts(datetime(2026, 11, 20, 12, tzinfo=UTC), directory_from(1, RECORDS), State())
CASES = [
    ({"language": "fr"}, "inbound", None, ["fr"]),
    ({"language": "de-AT"}, "inbound", None, ["de-AT"]),
    ({"language": "pt"}, "inbound", None, []),
    ({}, "inbound", None, []),
    ({}, "inbound", "en", ["en"]),
    ({"language": "fr"}, "inbound", "en", ["fr"]),
    ({"language": "fr"}, "nobody", None, []),
]


@pytest.mark.parametrize(("values", "team", "fallback", "asked"), CASES)
def test_what_it_says(values, team, fallback, asked):
    said = Language().decide(values, FACTS, LanguageConfig(team=team, fallback=fallback))
    assert [language for target in said.targets for language in target.languages] == asked
    assert {(target.kind, target.name, target.pick) for target in said.targets} == {
        ("team", team, "longest_idle")
    }
    assert said.targets[-1].languages == ()
