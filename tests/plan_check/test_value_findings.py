"""Values that no lead can have are told when a plan is checked."""

from typing import Any

import pytest

from app.engine.lookup.rows import read_rows
from app.engine.lookup.tables import TableContent
from app.plan.language.columns import Column, MatchOn
from app.plan.language.fields import LEAD
from app.plan_check.check import KnownNames, check
from app.plan_check.row_overlaps import find_overlaps
from app.plan_check.tables import odd_cells, unread
from tests.plan.plans import document, whole

NAMES = KnownNames(
    owners={"ana": True, "ben": True},
    teams={name: {"ana": 1} for name in ("inbound", "partners", "dach", "emea")},
)


def findings(condition: object, then: object = None) -> list[tuple[str, str, str]]:
    """What is found about one more rule, without what is said about its place."""
    plan: dict[str, Any] = whole()
    new = {"name": "new", "when": condition, "then": then or {"team": "inbound"}}
    plan["pipeline"].insert(0, {"rule": new})
    found = check(document(plan), NAMES)
    return [(each.code, each.severity, each.text) for each in found if each.path.startswith("pipeline[0]")]


@pytest.mark.parametrize(
    ("condition", "code", "severity", "text"),
    [
        ({"country": {"contains": "land"}}, "wrong_operator", "error", "{country: [DE, Austria]}"),
        ({"country": {"prefix": "G"}}, "wrong_operator", "error", "code of two letters"),
        ({"any": [{"country": {"matches": "^D"}}, {"tier": "a"}]}, "wrong_operator", "error",
        "List the countries"),
        ({"state": ["CA", "California"]}, "duplicate_value", "warning", "the same as `CA`"),
        ({"state": ["Calif.", "US-CA"]}, "duplicate_value", "warning", "listed twice"),
        ({"country": ["DE", "Germany"]}, "duplicate_value", "warning", "listed twice"),
        ({"postal_code": ["SW1A1AA", "sw1a 1aa"]}, "duplicate_value", "warning", "listed twice"),
        ({"state": "Californa"}, "unknown_state", "warning", "Did you mean California?"),
        ({"country": "US", "state": ["Ontario"]}, "unknown_state", "warning", "known in US"),
        ({"language": ["de", "Plattsprech"]}, "unknown_language", "error", "`plattsprech`"),
        ({"flags": {"contains": "postal_code_unvalid"}}, "unknown_flag", "error",
        "mean postal_code_invalid?"),
    ],
)  # fmt: skip
def test_value_that_no_lead_can_have_is_told(condition: object, code: str, severity: str, text: str) -> None:
    (found,) = findings(condition)
    assert found[:2] == (code, severity)
    assert text in found[2]


@pytest.mark.parametrize(
    "condition",
    [
        {"country": ["DE", "Saint Lucia", "Trinidad and Tobago", "CAN", "U.S."]},
        {"state": ["CA", "NY", "Washington"]},
        {"state": ["US-WA", "AU-WA"]},
        {"country": "NL", "state": "Noord-Holland"},
        {"state": "Noord-Holland"},
        {"state": {"prefix": "Cal"}},
        {"all": [{"state": "CA"}, {"state": "California"}]},
        {"all": [{"language": "de"}, {"language": "en"}]},
        {"language": ["German", "pt_BR"]},
        {"flags": {"contains": "postal_code_invalid"}},
        {"postal_code": ["02139", "D-80331"]},
    ],
)
def test_value_that_some_lead_can_have_is_not_told(condition: object) -> None:
    assert findings(condition) == []


def test_unknown_language_of_a_target_is_told() -> None:
    then = {"team": "inbound", "languages": ["German"], "else": [{"team": "dach", "languages": ["xx"]}]}
    ((code, _, text),) = findings({"tier": "a"}, then)
    assert code == "unknown_language"
    assert "`xx`" in text


def match_on(**how: str) -> MatchOn:
    return tuple(Column(LEAD.fields[name], each) for name, each in how.items())  # type: ignore[arg-type]


def content(columns: list[str], *rows: list[Any]) -> TableContent:
    return TableContent(columns, [{"team": "inbound"}], [[*row, 0] for row in rows])


def test_cells_that_are_none_of_their_country_are_told() -> None:
    on = match_on(country="eq", state="eq", postal_code="eq")
    table = content(
        ["country", "state", "postal_code"],
        ["US", "Calif.", "2139"], ["US", "Ontario", None], ["Germany", "NRW", "D-80331"], ["DE", None,
        "8033A"],
        ["NL", "Noord-Holland", "1011ab"],
    )  # fmt: skip
    assert [(each.code, each.text) for each in odd_cells(on, table)] == [
        ("unknown_state", "Row 2 (line 3 of a CSV file), state: `Ontario` is not one of US."),
        ("invalid_cell", "Row 4 (line 5 of a CSV file), postal_code: `8033A` is not one of DE."),
    ]


def test_cell_that_is_no_language_is_told() -> None:
    table = content(["language"], ["German"], ["en, es"], ["xx"])
    on = match_on(language="eq")
    (found,) = unread(on, table, read_rows(on, table.columns, table.rows))
    assert (found.code, found.text) == (
        "invalid_cell",
        "Row 3 (line 4 of a CSV file), language `xx`: Must be a language: a tag, such as de, or a name.",
    )


def test_two_ways_to_write_a_state_are_duplicate_rows() -> None:
    table = content(["state"], ["CA"], ["California"], ["NY"], ["WA"], ["AU-WA"], ["Calif."])
    on = match_on(state="eq")
    found = find_overlaps(on, table, read_rows(on, table.columns, table.rows))
    assert [(each.row, each.other) for each in found.duplicates] == [(2, 1), (5, 4), (6, 1)]
