"""Names of marketing, as facts hold them."""

import pytest

from app.reports.documents import name_of
from app.store.reports.fact_rows import OTHER_NAME


@pytest.mark.parametrize(
    "name", ["autumn", "spring-2026-11-30", "sale 20261130", "2026-11 launch", "a_2026_11_30_b", "24/7 fair"]
)
def test_name_with_a_date_is_kept(name: str) -> None:
    assert name_of(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "mara@kunde.example",
        "+49 171 2345678",
        "0171-2030-1120",
        "030 20261130",
        "(030)20261130",
        "call 2030-11-20 55",
        "2030-11-20-5512",
        "202611305",
    ],
)
def test_name_that_looks_like_a_person_is_not(name: str) -> None:
    assert name_of(name) == OTHER_NAME


def test_name_is_trimmed_and_cut() -> None:
    assert name_of("  " + "x" * 200) == "x" * 100
    assert name_of("  ") is None
