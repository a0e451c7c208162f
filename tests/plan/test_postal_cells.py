"""Cells of postal codes: which codes an area, a beginning or a range takes, and which of several wins."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.engine.lookup.rows import RowIndex
from app.plan.findings import Faults
from app.plan.language.columns import Column, MatchOn
from app.plan.language.fields import PIPELINE
from app.plan.language.postal_cells import WiderKeys, postal_keys, read_postal_cell


def takes(cell: Any, code: str, country: str | None = None) -> bool:
    keys = postal_keys(code)
    return any(key in keys for key, _ in read_postal_cell(cell, country).ranks)


@pytest.mark.parametrize(
    ("cell", "taken", "left"),
    [
        ("E", ["E1 4AB", "E14 9AA", "E1W 1AA"], ["EC1A 1BB", "EN1 1AA", "SE1 1AA"]),
        ("E1", ["E1 4AB", "e1 4ab", "E14AB"], ["E14 9AA", "E1W 1AA"]),
        ("E1*", ["E1 4AB", "E14 9AA", "E1W 1AA"], ["E2 1AA"]),
        ("E1 4", ["E1 4AB"], ["E14 9AA", "E1 5AB"]),
        ("SW1A 1", ["SW1A 1AA"], ["SW1A 2AA", "SW1 1AA"]),
        ("sw1a1aa", ["SW1A 1AA"], ["SW1A 1AB"]),
        ("N1 ", ["N1 2AB"], ["N12 2AB"]),
        ("N1-N8", ["N1 2AB", "N8 1AA"], ["N9 1AA", "N12 1AA"]),
        ("N8-N11", ["N10 1AA"], ["N1 1AA", "N12 1AA"]),
        ("EC1-EC3", ["EC1A 1BB", "EC3V 9AA"], ["EC4M 1AA", "E1 4AB"]),
        ("W1", ["W1K 1AA"], ["W10 1AA", "W2 1AA"]),
        ("SW1, EC2", ["SW1A 1AA", "EC2M 1AA"], ["SW11 1AA", "EC1A 1BB"]),
        ("K1A", ["K1A 0B1"], ["K1B 0B1"]),
        ("M4A-M5Z", ["M4A 1A1", "M5V 2T6"], ["M6A 1A1", "M3Z 1A1"]),
        ("D02", ["D02 X285"], ["D04 X285"]),
        ("1000-1299", ["1000", "1299", "1011 AB"], ["1300", "0999", "10"]),
        ("021", ["02139"], ["01239"]),
        ("021*", ["02139"], ["01239"]),
        ("96xxx", ["96123"], ["9612", "961234", "97123"]),
        ("97###", ["97123"], ["9712"]),
        ("940-941", ["94000", "94199"], ["94200", "93999"]),
        ("90001..90899", ["90001", "90899", "90210-1234"], ["90900", "90000", "9021"]),
        ("10115 – 10119", ["10117"], ["10120"]),
        ("94105-1234", ["94105", "94105-9999"], ["94106"]),
        ("1000-001", ["1000-001"], ["1000-002"]),
        ("100, 101; 105", ["10012", "10199", "10500"], ["10400"]),
        (["100", 101], ["10012", "10199"], ["10400"]),
        ("D-80331", ["80331"], ["80333"]),
        ("z:01960", ["01960"], ["19600"]),
        ("'02139", ["02139"], ["21390"]),
        (2139, ["21390"], ["02139"]),
    ],
)
def test_a_cell_takes_its_codes_and_no_others(cell: Any, taken: list[str], left: list[str]) -> None:
    assert [code for code in taken if not takes(cell, code)] == []
    assert [code for code in left if takes(cell, code)] == []


@pytest.mark.parametrize(
    ("cell", "country", "taken"),
    [
        (2139, "US", "02139"), ("1067", "DE", "01067"), (2139.0, "US", "02139"), ("0800", "AU", "0800"),
        ("213", "US", "21390"), ("2139*", "US", "21390"), ("E1", "GB", "E1 4AB"),
    ],
)  # fmt: skip
def test_the_country_of_the_row_decides_about_lost_zeros(cell: Any, country: str, taken: str) -> None:
    assert takes(cell, taken, country)


@pytest.mark.parametrize(
    ("cell", "country"),
    [
        ("Berlin", None), ("94101-99", None), ("5-1", None), ("N8-N1", None), ("E1-SW9", None), ("", None),
        (",", None), (True, None), (None, None), ("E1", "DE"), ("123456", "US"), ("100000-199999", "US"),
        ("N1-K1A", None), (["100", None], None), ("x", "US"), ("abc", None),
    ],
)  # fmt: skip
def test_a_cell_that_is_no_postal_code_is_refused(cell: Any, country: str | None) -> None:
    with pytest.raises(Faults) as refused:
        read_postal_cell(cell, country)
    assert {each.code for each in refused.value.findings} == {"invalid_cell"}


postal_code_field = PIPELINE.find("postal_code")
assert postal_code_field is not None
ON: MatchOn = (Column(postal_code_field, "postal"),)


@pytest.mark.parametrize(
    ("cells", "code", "row"),
    [
        (["9", "94", "940-941", "9410"], "94105", 3),
        (["9", "94", "940-941", "9410"], "94199", 2),
        (["9", "94", "940-941", "9410"], "94305", 1),
        (["*", "E", "E1", "E1 4"], "E1 4AB", 3),
        (["*", "E", "E1", "E1 4"], "E1 5AB", 2),
        (["*", "E", "E1", "E1 4"], "E14 5AB", 1),
        (["*", "E", "E1", "E1 4"], "N1 5AB", 0),
        (["90001..90899", "902; 903"], "90210", 1),
        (["021", "021"], "02139", 0),
    ],
)
def test_the_most_specific_row_wins(cells: list[str], code: str, row: int) -> None:
    fit = RowIndex(ON, ["postal_code"], [[cell, 0] for cell in cells]).find({"postal_code": code})
    assert fit is not None
    assert fit[1] == row


digits = some.text("0123456789", min_size=1, max_size=5)


@given(
    some.lists(some.tuples(digits, digits), min_size=1, max_size=6),
    some.text("0123456789", min_size=5, max_size=5),
)
def test_ranges_of_digits_take_what_lies_between_their_ends(ends: list[tuple[str, str]], code: str) -> None:
    spans = [tuple(sorted((low, high.zfill(len(low))[: len(low)]))) for low, high in ends]
    cell = ", ".join(f"{low}..{high}" for low, high in spans)
    expected = any(low <= code[: len(low)] <= high for low, high in spans)
    assert takes(cell, code) is expected


areas, ends = some.sampled_from(["E", "EC", "N", "SW", "ZE"]), some.sampled_from(["", "4", "W"])


@given(areas, some.sampled_from("123456789"), ends, some.from_regex(r"[0-9][A-Z]{2}", fullmatch=True))
def test_a_british_code_belongs_to_its_area_district_and_sector(
    area: str, digit: str, end: str, inward: str
) -> None:
    district = f"{area}{digit}{end}"
    code = f"{district} {inward}"
    for cell in (area, district, f"{district} {inward[0]}", code, code.replace(" ", "")):
        assert takes(cell, code)
    for cell in ("QZ", f"{district}{'1' if not end else ''}Q", f"{area}{digit}X"):
        assert not takes(cell, code)


@given(some.from_regex(r"[0-9]{5}|[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}", fullmatch=True))
def test_wider_keys_are_keys_of_the_same_code(code: str) -> None:
    keys = postal_keys(code)
    assert set(WiderKeys(keys).of(keys[0])) <= set(keys)
    assert keys[0] not in WiderKeys(keys).of(keys[0])


@given(some.from_regex(r"[0-9]{3,7}", fullmatch=True), some.data())
def test_all_known_keys_that_stand_for_more_codes_are_found(code: str, draw: some.DataObject) -> None:
    key, *others = draw.draw(some.lists(some.sampled_from(postal_keys(code)), min_size=1, unique=True))
    beginning = re.split(r"[#+]", key)[0]
    keys = postal_keys(beginning)
    wider = keys[keys.index(key) + 1 :] if key in keys else keys
    known = {key, *others, "77", "8#3", "EC1"}
    found = [each for each in WiderKeys(known).of(key) if each in known]
    assert found == [each for each in wider if each in known and each != beginning]
