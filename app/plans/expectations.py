"""A plan's own tests: what each expects of its lead, against what the plan decides."""

from collections.abc import Callable, Iterable, Mapping

from app.plan.document.plan import PlanDocument
from app.plan.document.plan_tests import PlanTest
from app.plan.findings import Finding, quote

TestFailure = Mapping[str, str | tuple[str, ...] | None]
"""A decision by the names a test may expect; what does not apply is None."""
Run = Callable[[PlanTest], TestFailure]
"""Decides a test's lead; answers outcome, owner, team, queue, path, block, rule, step and band by name."""

_ORDER = ("outcome", "block", "path", "queue", "team", "owner", "rule", "step", "band")
_IF_ASKED = ("reason", "sla", "actions")
"""Told of a decision only where the test expects something of it."""


def run_tests(document: PlanDocument, run: Run) -> list[Finding]:
    """One finding for every test of the plan's own that comes to another decision than it expects."""
    findings = []
    for position, case in enumerate(document.tests):
        wanted = case.expect.wanted()
        got = run(case)
        wrong = [name for name, value in wanted.items() if got.get(name) != value]
        if wrong:
            names = [*_ORDER, *(name for name in _IF_ASKED if name in wanted)]
            text = (
                f"Mend the plan or the test: expected {_told(wanted, names)}, "
                f"but the plan gives {_told(got, names)}."
            )
            findings.append(Finding(f"tests[{position}].expect.{wrong[0]}", "test_failed", text))
    return findings


def _told(decision: TestFailure, names: Iterable[str]) -> str:
    parts = [f"{name} {_word(value)}" for name in names if (value := decision.get(name)) is not None]
    return ", ".join(parts) or "nothing"


def _word(value: str | tuple[str, ...]) -> str:
    return quote(value) if isinstance(value, str) else f"[{', '.join(map(quote, value))}]"
