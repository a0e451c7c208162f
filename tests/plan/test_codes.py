"""A request and a plan report the same fault by the same code."""

import pytest

from app.contract import faults
from app.plan.document import pydantic_errors
from app.plan.findings import CODES


@pytest.mark.parametrize("kind", sorted(pydantic_errors.MESSAGES))
def test_plan_and_request_share_the_code_of_a_fault(kind: str) -> None:
    code, _ = pydantic_errors.MESSAGES[kind]
    assert code in CODES
    assert faults.MESSAGES.get(kind, (code, ""))[0] == code
