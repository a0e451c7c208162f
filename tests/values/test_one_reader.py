"""Whatever intake reads, plans and tables read to the same value."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.conditions.condition import compile_condition
from app.engine.lookup.rows import RowIndex
from app.intake.arrival import normalize
from app.plan.findings import Faults
from app.plan.language.columns import Column
from app.plan.language.conditions import parse_condition
from app.plan.language.fields import PIPELINE
from app.values.folding import read_rows

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
COUNTRIES = [
    each for file in ("countries.tab", "country_variants.tab") for row in read_rows(file) for each in row
]
STATES = [(full[:2], name) for full, *names in read_rows("states.tab") for name in (full, full[3:], *names)]
LANGUAGES = [
    each for file in ("languages.tab", "language_variants.tab") for row in read_rows(file) for each in row
]
INDUSTRIES = [each for row in read_rows("industries.tab") for each in row]
POSTAL_CODES = [
    ("US", "02139"), ("US", "02139-4307"), ("US", "2139"), ("DE", "D-80331"), ("DE", "1067"),
    ("GB", "sw1a1aa"),
    ("GB", "EC1A"), ("CA", "k1a-0b1"), ("NL", "1011ab"), ("BR", "01310-100"), ("CZ", "110 00"),
    ("JP", "60-8501"),
    ("IE", "d02af30"), ("AU", "800"), ("US", "'02139"), ("US", "z:01960"), ("FR", "F-75001"),
]  # fmt: skip

NUMBERS = [
    "250",
    "250.0",
    "$1,250,000",
    "51-200",
    "51 - 200 employees",
    "1000+",
    "10,001+",
    "<50",
    "up to 9",
    "5k",
]
BOOLEANS = ["true", "on", "Yes", "1", "ja", "false", "off", "no", "0", "nein"]

SENT = st.one_of(
    st.sampled_from(NUMBERS).map(lambda text: ({"country": "US", "employees": text}, "employees")),
    st.sampled_from(NUMBERS).map(lambda text: ({"country": "US", "annual_revenue": text}, "annual_revenue")),
    st.sampled_from(COUNTRIES).map(lambda text: ({"country": text}, "country")),
    st.sampled_from(STATES).map(lambda each: ({"country": each[0], "state": each[1]}, "state")),
    st.sampled_from(POSTAL_CODES).map(
        lambda each: ({"country": each[0], "postal_code": each[1]}, "postal_code")
    ),
    st.sampled_from(LANGUAGES).map(lambda text: ({"language": text}, "language")),
    st.sampled_from(INDUSTRIES).map(lambda text: ({"industry": text}, "industry")),
)
CASES = st.sampled_from([str, str.upper, str.title, lambda text: f"  {text} "])


def _row_of(values: dict[str, Any], columns: list[str], row: list[Any]) -> int | None:
    match_on = tuple(Column(PIPELINE.fields[name], "eq") for name in columns)
    fit = RowIndex(match_on, columns, [row]).find(values)
    return None if fit is None else fit[1]


@given(st.sampled_from(BOOLEANS), CASES)
def test_boolean_is_found_by_the_text_it_was_sent_with(text: str, write: Any) -> None:
    values = normalize({"consent": {"email": write(text)}}).values
    assert compile_condition(parse_condition({"consent.email": write(text)}, PIPELINE)).holds(values, NOW)
    columns = (Column(PIPELINE.fields["consent.email"], "eq"),)
    assert RowIndex(columns, ["consent.email"], [[write(text)]]).find(values) is not None


@settings(max_examples=500, deadline=None)
@given(SENT, CASES)
def test_lead_is_found_by_the_text_it_was_sent_with(sent: tuple[dict[str, str], str], write: Any) -> None:
    lead, field = sent
    text = write(lead[field])
    lead = {**lead, field: text}
    arrival = normalize(lead)
    if arrival.flags:
        return
    # A table has the country in the row, so it also restores zeros; a condition cannot.
    columns = list(lead)
    assert _row_of(arrival.values, columns, [lead[name] for name in columns]) == 0
    if field != "postal_code" or text.strip().upper() not in {"2139", "1067", "60-8501", "800"}:
        try:
            condition = compile_condition(parse_condition({field: text}, PIPELINE))
        except Faults:
            raise AssertionError(f"{field} {text!r} is refused by the plan") from None
        assert condition.holds(arrival.values, NOW)
