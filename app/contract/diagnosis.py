"""What `GET /metrics/health` returns, and the settings of reports."""

from typing import Any, Literal

from pydantic import Field

from app.contract.reports import ReportAsOf, ReportPeriod
from app.contract.responses import ResponseModel
from app.contract.types import RecordModel


class ReportSettings(RecordModel):
    """What reports may show in the workspace."""

    owner_comparison: bool = Field(
        True, description="Whether owners may be compared. If not, nobody sees such a comparison."
    )


class FindingSubject(ResponseModel):
    """What a finding is about. `team` is that of an owner, or the queue whose claimants are compared."""

    kind: Literal["rule", "step", "team", "source", "owner", "queue", "score", "signal", "provider", "plan"]
    id: str
    team: str | None = None


class FindingEffect(ResponseModel):
    """How large it is: the value in its unit, with a 95 % interval if it was estimated."""

    measure: str
    unit: str
    value: float
    interval: list[float] | None = None


class FindingConfidence(ResponseModel):
    """How certain it is: `certain` facts, `confirmed` by Holm's correction, `likely` by that of Benjamini and
    Hochberg. The p-values are those before and after both corrections."""

    level: Literal["certain", "confirmed", "likely"]
    passed: Literal["holm", "benjamini_hochberg"] | None
    p_value: float | None = None
    p_holm: float | None = None
    p_benjamini_hochberg: float | None = None
    method: str | None = None


class HealthFinding(ResponseModel):
    """Something that hurts, or may hurt: a sentence, its evidence, and what to look at."""

    code: str
    subject: FindingSubject
    text: str
    effect: FindingEffect
    confidence: FindingConfidence
    evidence: dict[str, Any]
    look_at: str


class HealthCheck(ResponseModel):
    """A kind of finding that was looked for, with the number of tests made, and why none was made."""

    code: str
    state: Literal["done", "silent", "off", "not_available"]
    tests: int
    reason: str | None


class HealthTest(ResponseModel):
    """One test of the run. Only one that `matters` can be a finding: large enough, and bad."""

    code: str
    subject: FindingSubject
    p_value: float
    p_holm: float
    p_benjamini_hochberg: float
    method: str
    effect: float
    matters: bool


class HealthCorrection(ResponseModel):
    """How the run corrects for many tests.

    There is a finding only if a test passes Holm's correction: when nothing is wrong, the chance of any is at
    most `level`. Each finding passes that of Benjamini and Hochberg: on average at most this part of them is
    false.
    """

    level: float
    tests: int
    any_finding: Literal["holm"]
    each_finding: Literal["benjamini_hochberg"]
    passed_holm: int
    passed_benjamini_hochberg: int


class CalibrationSlice(ResponseModel):
    """Leads with neighboring scores. `predicted` is the mean score, where scores are chances from 0 to 1."""

    lowest: float
    highest: float
    leads: int
    won: int
    rate: float
    lift: float | None
    predicted: float | None


class ScoreThreshold(ResponseModel):
    """The score that separates best, chosen by one half of the leads and measured on the other."""

    score: float
    leads_above: int
    leads_below: int
    rate_above: float | None
    rate_below: float | None
    measured_on: Literal["other_half"]


class ScoreFigures(ResponseModel):
    """How well the score separates. The figures are null for the given reason."""

    positives: int
    negatives: int
    immature: int = Field(description="Leads that are younger than `within`, which are left out.")
    unscored: int = Field(description="Leads without a score.")
    minimum_of_each: int
    reason: Literal["no_outcomes", "one_class", "too_few"] | None
    score_decides_work: bool = Field(
        description="Whether leads are routed or worked by their score. Then outcomes follow from it."
    )
    auc: float | None
    auc_interval: list[float] | None
    brier: float | None
    brier_reason: Literal["not_probabilities"] | None
    calibration: list[CalibrationSlice] | None
    threshold: ScoreThreshold | None


class PlanFigures(ResponseModel):
    """How complicated the active plan is, and how much of it matters."""

    plan_version: int
    steps_that_decided: int
    rules: int
    rules_that_fired: int
    overlaps: int
    leads: int
    decided_by_rules: int
    decided_by_top_ten: int
    share_of_top_ten: float | None


class OwnerFigure(ResponseModel):
    """One owner's leads by turn. `expected` is by their mix, `shrunk` the difference pulled toward 0."""

    owner_id: str
    team_id: str
    leads: int
    converted: int
    expected: float | None
    difference: float | None
    interval: list[float] | None
    shrunk: float | None
    reason: Literal["too_few"] | None


class OwnerFigures(ResponseModel):
    """The conversion of owners, adjusted. Without rows, `reason` says why."""

    reason: Literal["off_by_settings", "needs_scope_reports_owners"] | None
    credit: Literal["at_event"]
    adjusted_for: list[str]
    rows: list[OwnerFigure]


class HealthFigures(ResponseModel):
    """The figures that findings rest on, with or without a finding."""

    score: ScoreFigures
    plan: PlanFigures | None
    owners: OwnerFigures


class OwnNumber(ResponseModel):
    """One share of an owner, with its interval. `middle` is the median of the other members' shares."""

    measure: str
    team_id: str
    rate: float | None
    low: float | None
    high: float | None
    numerator: int
    denominator: int
    middle: float | None
    middle_reason: Literal["too_few_others"] | None


class Diagnosis(ResponseModel):
    """The diagnosis of a period. A key of an owner gets `own` only."""

    report: Literal["health"]
    period: ReportPeriod
    as_of: ReportAsOf
    complete: bool = Field(description="False while facts are still being made: ask again.")
    outcome: str
    within_seconds: int
    correction: HealthCorrection | None
    findings: list[HealthFinding]
    checks: list[HealthCheck]
    tests: list[HealthTest]
    figures: HealthFigures | None
    own: list[OwnNumber] | None
