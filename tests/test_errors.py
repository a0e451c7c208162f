"""Every code that a caller can get is registered, and so documented in docs/errors.md."""

import ast
from collections.abc import Iterator
from pathlib import Path

from app import errors
from app.contract.faults import MESSAGES
from app.errors import FAULTS, kinds_of_problem
from app.plan.findings import CODES

APP = Path(errors.__file__).parent
CALLS = {
    "EntryRefused": 0,
    "Fault": 1,
    "refused_at": 1,
    "invalid": 0,
    "_LimitExceeded": 0,
    "AddressRefused": 0,
}
"""Functions that make a fault, and the position of its code among their arguments."""
NOT_THE_API = ("cli", "plan", "plan_check", "plans", "engine")


def codes_in_the_source() -> Iterator[str]:
    for path in APP.rglob("*.py"):
        if path.relative_to(APP).parts[0] in NOT_THE_API:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
                code = node.args[CALLS[node.func.id]]
                if isinstance(code, ast.Constant):
                    yield str(code.value)


def test_every_code_of_a_fault_is_registered_and_used() -> None:
    used = {*codes_in_the_source(), *(code for code, _ in MESSAGES.values()), "invalid"}
    assert len(used) > 20
    assert used - FAULTS.keys() == set()
    assert FAULTS.keys() - used == set()


def test_one_code_means_one_thing_in_requests_and_plans() -> None:
    shared = FAULTS.keys() & CODES.keys()
    assert {"required", "unknown_field", "wrong_type"} <= shared


def test_every_problem_has_a_cause_and_a_remedy_of_its_own() -> None:
    kinds = list(kinds_of_problem())
    for kind in kinds:
        for text in (kind.cause, kind.remedy):
            assert text.endswith(".")
            assert text[0].isupper() or text[0] == "`"
    assert len({kind.code for kind in kinds}) == len({kind.title for kind in kinds}) == len(kinds)
