"""A Salesforce id in 15 and in 18 characters is one id, and its case counts."""

import pytest

from app.values.crm_ids import case_suffix, crm_id_key

SHORT, LONG = "00QDn000007RBGC", "00QDn000007RBGCMA4"


def test_both_forms_are_one_id() -> None:
    assert case_suffix(SHORT) == "MA4"
    assert crm_id_key(LONG) == crm_id_key(SHORT) == SHORT


@pytest.mark.parametrize("lost", [LONG.upper(), LONG.lower()])
def test_case_that_was_lost_comes_back_from_the_last_three(lost: str) -> None:
    assert crm_id_key(lost) == SHORT


@pytest.mark.parametrize("other", [SHORT.lower(), "003A", "4711", "123456789012345678", "00QDn000007RBGCAAA"])
def test_other_ids_stay_as_they_are(other: str) -> None:
    assert crm_id_key(other) == other
