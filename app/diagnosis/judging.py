"""Which tests of a run become findings.

Two promises hold for each run. On data without any difference the chance of any finding is at most 5 %, for
there are findings only if one test passes the correction of Holm over all tests of the run. And of the
findings at most 5 % are false on average, for each passes the correction of Benjamini and Hochberg.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from app.diagnosis.findings import Hypothesis, Kind
from app.diagnosis.statistics.corrections import benjamini_hochberg, holm

LEVEL = 0.05
HOLM = "holm"
BENJAMINI_HOCHBERG = "benjamini_hochberg"


@dataclass(frozen=True, slots=True)
class Judged:
    """A test with its corrected p-values. `passed` is the strictest correction that it passes."""

    hypothesis: Hypothesis
    holm: float
    benjamini_hochberg: float
    passed: str | None

    @property
    def is_finding(self) -> bool:
        """Whether the test passed, and its effect is worth telling."""
        return self.passed is not None and self.hypothesis.worth


def judge(hypotheses: Iterable[Hypothesis]) -> list[Judged]:
    """All tests of a run, the most certain first."""
    tested = _once(hypotheses)
    p_values = [each.p_value for each in tested]
    by_holm, by_bh = holm(p_values), benjamini_hochberg(p_values)
    gate = any(p <= LEVEL for p in by_holm)
    judged = [
        Judged(each, strict, wide, _passed(strict, wide if gate else 1.0))
        for each, strict, wide in zip(tested, by_holm, by_bh, strict=True)
    ]
    return sorted(judged, key=lambda each: (each.holm, each.hypothesis.p_value))


def _passed(strict: float, wide: float) -> str | None:
    if strict <= LEVEL:
        return HOLM
    return BENJAMINI_HOCHBERG if wide <= LEVEL else None


def _once(hypotheses: Iterable[Hypothesis]) -> Sequence[Hypothesis]:
    """Without tests of the same numbers: a team and the only rule that feeds it are one thing."""
    seen: dict[tuple[str, Hashable], Kind] = {}
    found = []
    for each in hypotheses:
        if each.data is not None:
            first = seen.setdefault((each.code, each.data), each.subject.kind)
            if first is not each.subject.kind:
                continue
        found.append(each)
    return found
