"""The tests in a plan: the expected decision compared with the actual one."""

from collections.abc import Callable, Iterable, Mapping

from app.plan.document.plan import PlanDocument
from app.plan.document.plan_tests import PlanTest
from app.plan.findings import Finding, quote

TestFailure = Mapping[str, str | tuple[str, ...] | None]
"""A decision by the fields of an expectation. None does not apply."""
Run = Callable[[PlanTest], TestFailure]
"""Decides the lead of a test."""

_ORDER = ("outcome", "block", "path", "queue", "team", "owner", "rule", "step", "band")
_IF_ASKED = ("reason", "sla", "actions")
"""Shown only when the test expects them."""


def run_tests(document: PlanDocument, run: Run) -> list[Finding]:
    """One finding for every test whose decision differs from the expected one."""
    findings = []
    for position, case in enumerate(document.tests):
        expected = case.expect.expected()
        got = run(case)
        wrong = [name for name, value in expected.items() if got.get(name) != value]
        if wrong:
            names = [*_ORDER, *(name for name in _IF_ASKED if name in expected)]
            text = (
                f"The test expected {_described(expected, names)}, "
                f"but the plan decided {_described(got, names)}."
            )
            findings.append(Finding(f"tests[{position}].expect.{wrong[0]}", "test_failed", text))
    return findings


def _described(decision: TestFailure, names: Iterable[str]) -> str:
    parts = [f"{name} {_word(value)}" for name in names if (value := decision.get(name)) is not None]
    return ", ".join(parts) or "nothing"


def _word(value: str | tuple[str, ...]) -> str:
    return quote(value) if isinstance(value, str) else f"[{', '.join(map(quote, value))}]"
