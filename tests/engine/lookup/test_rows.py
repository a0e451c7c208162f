"""The row that wins, by the index and by looking at every row."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from app.engine.lookup.rows import RowIndex
from app.intake.arrival import normalize
from app.plan.findings import Faults
from app.plan.language.cells import Span, lead_key, read_cell
from app.plan.language.columns import Column, MatchOn
from app.plan.language.fields import PIPELINE, Field, Kind

FIELDS = {
    "country": PIPELINE.find("country"),
    "postal_code": PIPELINE.find("postal_code"),
    "state": PIPELINE.find("state"),
    "language": PIPELINE.find("language"),
    "employees": PIPELINE.find("employees"),
    "annual_revenue": PIPELINE.find("annual_revenue"),
    "attributes.x": PIPELINE.find("attributes.x"),
    "consent.email": PIPELINE.find("consent.email"),
}


def on(**ways: str) -> MatchOn:
    """A look-up by these columns; `attributes__x` is a dotted name."""
    return tuple(Column(_field(name.replace("__", ".")), how) for name, how in ways.items())  # type: ignore[arg-type]


def _field(name: str) -> Field:
    field = FIELDS[name]
    assert field is not None
    return field


def found(by: MatchOn, rows: Sequence[Sequence[Any]], **values: Any) -> int | None:
    """The position of the row that wins."""
    fit = RowIndex(by, [column.field.name for column in by], rows).find(values)
    return None if fit is None else fit[1]


ZIP = on(country="eq", postal_code="longest_prefix")
SIZE = on(country="eq", employees="range")
ZIPS = on(postal_code="range")
TWO = on(employees="range", country="eq", annual_revenue="range")
OPEN = on(attributes__x="eq")


@pytest.mark.parametrize(
    ("by", "rows", "values", "expected"),
    [
        (ZIP, [["US", "0"], ["US", "021"], ["US", "02"]], {"country": "US", "postal_code": "02139"}, 1),
        (ZIP, [["US", "021"], ["US", "9"]], {"country": "US", "postal_code": "33101"}, None),
        (ZIP, [["US", "021"], ["US", "021"]], {"country": "US", "postal_code": "02139"}, 0),
        (ZIP, [[None, "02139"], ["US", ""]], {"country": "US", "postal_code": "02139"}, 1),
        (ZIP, [["*", "02139"], ["US", "3"]], {"country": "US", "postal_code": "02139"}, 0),
        (ZIP, [["United States", "021*"]], {"country": "US", "postal_code": "02139"}, 0),
        (ZIP, [["GB", "sw1a"]], {"country": "GB", "postal_code": "SW1A 1AA"}, 0),
        (ZIP, [["US", ["1", "02", "021"]], ["US", "0"]], {"country": "US", "postal_code": "02139"}, 0),
        (ZIP, [["US", ["1", "02"]], ["US", "021"]], {"country": "US", "postal_code": "02139"}, 1),
        (ZIP, [["US", ["1", None]], ["US", ["", "2"]]], {"country": "US", "postal_code": "10115"}, None),
        (ZIP, [["US", ""]], {"country": "US"}, 0),
        (ZIP, [["US", "0"]], {"country": "US"}, None),
        (ZIP, [["US", 9]], {"country": "US", "postal_code": "90210"}, 0),
        (SIZE, [["DE", "50-199"], ["DE", "200+"]], {"country": "DE", "employees": 200}, 1),
        (SIZE, [["DE", [50, 199]], ["DE", "..49"]], {"country": "DE", "employees": 49}, 1),
        (SIZE, [["DE", [50, 199]], ["DE", "..49"]], {"country": "DE", "employees": 199.5}, None),
        (SIZE, [["DE", "1..999"], ["DE", "100..200"]], {"country": "DE", "employees": 150}, 1),
        (SIZE, [["DE", "10.."], ["DE", "100.."]], {"country": "DE", "employees": 150}, 1),
        (SIZE, [["DE", "..200"], ["DE", "..170"]], {"country": "DE", "employees": 150}, 1),
        (SIZE, [["DE", 7]], {"country": "DE", "employees": 7}, 0),
        (SIZE, [["DE", "-5..5"]], {"country": "DE", "employees": -5}, 0),
        (SIZE, [["DE", "7"]], {"country": "DE", "employees": "7"}, None),
        (ZIPS, [["90001..90899"], ["9000..9089"]], {"postal_code": "90210"}, 0),
        (ZIPS, [["90001..90899"]], {"postal_code": "9021"}, None),
        (ZIPS, [["90900.."], [["90000", None]]], {"postal_code": "90210"}, 1),
        (ZIPS, [["k1a..k9z"]], {"postal_code": "K2B"}, 0),
        (
            TWO,
            [["1..100", "", "0..9"], ["1..50", "FR", ""]],
            {"employees": 5, "country": "DE", "annual_revenue": 3},
            0,
        ),
        (TWO, [["1..100", "", "0..9"], ["1..50", "", ""]], {"employees": 5, "annual_revenue": 3}, 1),
        (TWO, [["10..20", "", ""], ["15..25", "DE", ""]], {"employees": 17, "country": "DE"}, 1),
        (OPEN, [["5"], ["Gold"]], {"attributes": {"x": 5}}, 0),
        (OPEN, [[5], ["Gold"]], {"attributes": {"x": "gold"}}, 1),
        (OPEN, [["true"]], {"attributes": {"x": True}}, 0),
        (OPEN, [["5"]], {"attributes": {"x": [5]}}, None),
        (on(attributes__x="range"), [["1..9"]], {"attributes": {"x": 5}}, 0),
        (on(attributes__x="range"), [["aa..cc"]], {"attributes": {"x": "BB"}}, 0),
        (on(consent__email="eq"), [["yes"]], {"consent": {"email": True}}, 0),
        (ZIP, [], {"country": "US"}, None),
    ],
)
def test_the_best_matching_row_wins(
    by: MatchOn, rows: list[list[Any]], values: dict[str, Any], expected: int | None
) -> None:
    assert found(by, rows, **values) == expected


def test_a_row_with_an_unreadable_cell_matches_nothing() -> None:
    by = on(country="eq", employees="range")
    index = RowIndex(by, ["employees", "country"], [["many", "DE"], ["1..9", "Nowhere"], [[1, 9], "DE"]])
    assert index.unread == [(0, 0), (1, 1)]
    fit = index.find({"country": "DE", "employees": 3})
    assert fit is not None
    assert fit[1] == 2
    assert index.by(fit[0]) == {"country": "eq", "employees": "range"}


def test_matches_by_column_show_no_values() -> None:
    index = RowIndex(ZIP, ["country", "postal_code"], [["*", "021"]])
    fit = index.find({"country": "US", "postal_code": "02139"})
    assert fit is not None
    assert index.by(fit[0]) == {"country": "any", "postal_code": "prefix of 3"}


@pytest.mark.parametrize("cell", ["..", [None, None], [1], [1, 2, 3], "9..1", [[1], 2], True, "x..y", "1e5"])
def test_an_invalid_range_is_refused(cell: object) -> None:
    with pytest.raises(Faults) as refused:
        read_cell(SIZE[1], cell)
    assert {each.code for each in refused.value.findings} == {"invalid_cell"}


# Few letters and numbers, so that rows often fit and often stand in each other's way.
_COUNTRY = some.sampled_from([None, "DE", "FR", "US"])
_BEGINNING = some.text("12", max_size=3)
_END = some.one_of(some.none(), some.integers(0, 8))
_RANGE = some.one_of(
    some.none(),
    some.tuples(_END, _END)
    .filter(lambda ends: any(end is not None for end in ends))
    .map(lambda ends: list(ends) if None in ends else sorted(ends)),  # type: ignore[type-var]
)
_TEXT_RANGE = some.one_of(
    some.none(),
    some.tuples(some.text("12", min_size=2, max_size=2), some.text("12", min_size=2, max_size=2)).map(sorted),
)
_CELLS = {
    ("country", "eq"): _COUNTRY,
    ("postal_code", "longest_prefix"): _BEGINNING,
    ("postal_code", "range"): _TEXT_RANGE,
    ("employees", "range"): _RANGE,
    ("annual_revenue", "range"): _RANGE,
}


@some.composite
def _tables(draw: some.DrawFn) -> tuple[MatchOn, list[list[Any]], dict[str, Any]]:
    ways = draw(
        some.lists(some.sampled_from(list(_CELLS)), min_size=1, max_size=4, unique_by=lambda way: way[0])
    )
    by = on(**dict(ways))
    rows = draw(some.lists(some.tuples(*(_CELLS[way] for way in ways)).map(list), max_size=12))
    values: dict[str, Any] = {
        "country": draw(_COUNTRY),
        "postal_code": draw(some.one_of(some.none(), some.text("12", min_size=1, max_size=4))),
        "employees": draw(some.one_of(some.none(), some.integers(0, 9))),
        "annual_revenue": draw(some.one_of(some.none(), some.integers(0, 9))),
    }
    return by, rows, {name: value for name, value in values.items() if value is not None}


@settings(max_examples=400, deadline=None)
@given(_tables())
def test_the_index_finds_the_same_row_as_a_scan(
    table: tuple[MatchOn, list[list[Any]], dict[str, Any]],
) -> None:
    by, rows, values = table
    assert found(by, rows, **values) == _by_looking(by, rows, values)


def _by_looking(by: MatchOn, rows: Sequence[Sequence[Any]], values: Mapping[str, Any]) -> int | None:
    fits = []
    for position, row in enumerate(rows):
        ranks = [_rank(column, cell, values) for column, cell in zip(by, row, strict=True)]
        if all(rank is not None for rank in ranks):
            fits.append((ranks, position))
    return min(fits)[1] if fits else None


def _rank(column: Column, cell: Any, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """How well one cell fits, the smaller the better; None when it does not."""
    if cell in (None, ""):
        return (9,)
    value = values.get(column.field.name)
    if value is None:
        return None
    if column.how == "eq":
        return (0,) if value == cell else None
    if column.how == "longest_prefix":
        return (-len(cell),) if value.startswith(cell) else None
    low, high = cell
    if column.field.kind is Kind.STRING:
        span, spot = read_cell(column, cell), lead_key(column, value)
        assert isinstance(span, Span)
        assert isinstance(spot, tuple)
        inside = len(value) == len(low) and low <= value <= high
        assert inside == (spot[0] == span.size and (span.low or 0) <= spot[1] <= (span.high or 0))
        return (0, *span.width) if inside else None
    if (low is not None and value < low) or (high is not None and value > high):
        return None
    if low is None or high is None:
        return (1, high if low is None else -low)
    return (0, high - low)


@pytest.mark.parametrize(
    ("lead", "row"),
    [
        ({"country": "US", "state": "Calif."}, 1),
        ({"state": "California"}, 1),
        ({"state": "ca"}, 1),
        ({"country": "IT", "state": "Cagliari"}, None),
        ({"country": "AU", "state": "Western Australia"}, 2),
        ({"country": "US", "state": "WA"}, 2),
        ({"country": "MX", "state": "DF"}, 3),
        ({"country": "NL", "state": "noord-holland"}, 4),
        ({"country": "US"}, None),
    ],
)
def test_state_is_looked_up_with_its_country(lead: dict[str, str], row: int | None) -> None:
    rows = [["California"], ["WA"], ["MX-CMX"], ["Noord-Holland"]]
    index = RowIndex(on(state="eq"), ["state"], rows)
    fit = index.find(normalize(lead).values)
    assert (fit and fit[1] + 1) == row


@pytest.mark.parametrize(
    ("lead", "row"),
    [
        ({"country": "US", "postal_code": "02139-4307"}, 1),
        ({"country": "Germany", "postal_code": "D-1067"}, 2),
        ({"country": "UK", "postal_code": "sw1a1aa"}, 3),
        ({"country": "CA", "postal_code": "K1A-0B1"}, 4),
        ({"country": "FR", "postal_code": "2139"}, None),
    ],
)
def test_postal_code_is_read_by_the_country_of_the_row(lead: dict[str, str], row: int | None) -> None:
    rows: list[list[Any]] = [["US", 2139], ["DE", "1067"], ["GB", "SW1A1AA"], ["Canada", "k1a 0b1"]]
    by = on(country="eq", postal_code="eq")
    fit = RowIndex(by, ["country", "postal_code"], rows).find(normalize(lead).values)
    assert (fit and fit[1] + 1) == row


@pytest.mark.parametrize(
    ("lead", "row"), [("German", 1), ("es, pt", 2), ("en-US", 2), ("pt", None), ("de, en", 1)]
)
def test_cell_of_two_languages_takes_leads_of_either(lead: str, row: int | None) -> None:
    index = RowIndex(on(language="eq"), ["language"], [["Deutsch"], ["en, es"]])
    fit = index.find(normalize({"language": lead}).values)
    assert (fit and fit[1] + 1) == row


@pytest.mark.parametrize(
    ("employees", "row"),
    [(75, 2), ("51-200", 2), ("60-100", 2), ("1000+", 4), ("5000+", 4), ("100-300", 5), ("about fifty", None),
     ("201-1,000", 3)],
)  # fmt: skip
@pytest.mark.parametrize("more", [False, True])
def test_range_of_a_lead_finds_the_narrowest_row_that_holds_all_of_it(
    employees: object, row: int | None, more: bool
) -> None:
    rows: list[list[Any]] = [["1-50"], ["51-200 employees"], ["201..1000"], ["1000+"], ["1-2,000"]]
    columns, by = ["employees"], {"employees": "range"}
    if more:
        # Two range columns: another kind of level.
        rows, columns = [[*each, None] for each in rows], ["employees", "annual_revenue"]
        by = {**by, "annual_revenue": "range"}
    fit = RowIndex(on(**by), columns, rows).find(normalize({"employees": employees}).values)
    assert (fit and fit[1] + 1) == row


_ENDS = some.integers(0, 12)
_BANDS = some.one_of(
    some.tuples(_ENDS, _ENDS).map(lambda ends: (min(ends), max(ends))),
    _ENDS.map(lambda low: (low, None)),
)


@given(some.lists(_BANDS, min_size=1, max_size=12), _BANDS)
def test_band_of_a_lead_has_the_same_row_in_both_levels_of_ranges(
    bands: list[tuple[int, int | None]], lead: tuple[int, int | None]
) -> None:
    cells = [f"{low}+" if high is None else f"{low}-{high}" for low, high in (*bands, lead)]
    employees = cells.pop()
    last = found(on(employees="range"), [[cell] for cell in cells], employees=employees)
    by = on(employees="range", annual_revenue="range")
    # The column with the most ranges is the last level, so the bands are in the first one here.
    rows = [[cell, None] for cell in cells] + [["1..1", f"{n}-99"] for n in range(20)]
    assert found(by, rows, employees=employees) == last
