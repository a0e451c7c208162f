"""The answer of a diagnosis: findings, most certain first, with every test and figure they rest on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from app.diagnosis import checks
from app.diagnosis.catalog import CATALOG, OF_OWNERS_ONLY, OF_PLANS
from app.diagnosis.drift import strongest
from app.diagnosis.findings import Fact, Hypothesis, rounded
from app.diagnosis.judging import BENJAMINI_HOCHBERG, HOLM, LEVEL, Judged, judge
from app.diagnosis.junk import signal_tests
from app.diagnosis.material import Material
from app.diagnosis.owners import ADJUSTED_FOR, CREDIT, OwnerRow, owner_tests
from app.diagnosis.providers import denied
from app.diagnosis.queues import unattended
from app.diagnosis.scores import score_figures, score_test

CONFIDENCE = {HOLM: "confirmed", BENJAMINI_HOCHBERG: "likely"}


def answer(material: Material) -> dict[str, Any]:
    """Everything that is told."""
    outcome = material.asked.outcome
    owners = checks.rows_of_owners(material)
    scored = checks.scored_leads(material)
    plan_figures, facts = checks.facts_of_plan(material)
    facts += denied(material.failing, material.now)
    facts += unattended(material.queues, material.now, material.zone)
    tested = score_test(scored, outcome)
    judged = judge(
        [
            *checks.tests_of_groups(material),
            *checks.tests_of_owners(material),
            *checks.tests_of_times(material),
            *checks.tests_of_drift(material),
            *signal_tests(material.signals),
            *owner_tests(iter(owners), outcome),
            *([tested] if tested is not None else ()),
        ]
    )
    return {
        "correction": _correction(judged),
        "findings": [*map(_fact, facts), *map(_finding, _findings(judged))],
        "checks": _checks(material, judged),
        "tests": [_test(each) for each in judged],
        "figures": {
            "score": score_figures(scored),
            "plan": plan_figures,
            "owners": _owners(material, owners),
        },
    }


def _correction(judged: Sequence[Judged]) -> dict[str, Any]:
    return {
        "level": LEVEL,
        "tests": len(judged),
        "any_finding": HOLM,
        "each_finding": BENJAMINI_HOCHBERG,
        "passed_holm": sum(each.holm <= LEVEL for each in judged),
        "passed_benjamini_hochberg": sum(each.benjamini_hochberg <= LEVEL for each in judged),
    }


def _findings(judged: Sequence[Judged]) -> list[Judged]:
    """Those that passed, with one finding for each rule that drifts."""
    found = [each for each in judged if each.is_finding]
    drifts = strongest(each.hypothesis for each in found if each.hypothesis.code == "rule_drift")
    kept = {id(each) for each in drifts}
    return [each for each in found if each.hypothesis.code != "rule_drift" or id(each.hypothesis) in kept]


def _fact(fact: Fact) -> dict[str, Any]:
    return _told(fact, {"level": "certain", "passed": None})


def _finding(judged: Judged) -> dict[str, Any]:
    confidence = {
        "level": CONFIDENCE[judged.passed or HOLM],
        "passed": judged.passed,
        "p_value": judged.hypothesis.p_value,
        "p_holm": judged.holm,
        "p_benjamini_hochberg": judged.benjamini_hochberg,
        "method": judged.hypothesis.method,
    }
    return _told(judged.hypothesis, confidence)


def _told(found: Fact | Hypothesis, confidence: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "code": found.code,
        "subject": found.subject.to_json(),
        "text": found.text,
        "effect": found.effect.to_json(),
        "confidence": confidence,
        "evidence": _plain(found.evidence),
        "look_at": found.look_at,
    }


def _plain(value: Any) -> Any:
    """Figures to six decimals."""
    if isinstance(value, float):
        return rounded(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _test(judged: Judged) -> dict[str, Any]:
    each = judged.hypothesis
    return {
        "code": each.code,
        "subject": each.subject.to_json(),
        "p_value": each.p_value,
        "p_holm": judged.holm,
        "p_benjamini_hochberg": judged.benjamini_hochberg,
        "method": each.method,
        "effect": rounded(each.effect.value),
        "matters": each.worth,
    }


def _checks(material: Material, judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """What was looked for, and what was silent and why."""
    tests = Counter(each.hypothesis.code for each in judged)
    return [{"code": code, "tests": tests[code], **_state(code, material, tests[code])} for code in CATALOG]


def _state(code: str, material: Material, tests: int) -> dict[str, str | None]:
    if code in OF_OWNERS_ONLY and material.asked.owners != "on":
        reason = "needs_scope_reports_owners" if material.asked.owners == "forbidden" else "off_by_settings"
        return {"state": "off", "reason": reason}
    if code in OF_PLANS and not material.plans:
        reason = "plan_too_costly" if material.plans is None else "no_plan"
        return {"state": "not_available", "reason": reason}
    if CATALOG[code].is_test and not tests:
        return {"state": "silent", "reason": "too_few"}
    return {"state": "done", "reason": None}


def _owners(material: Material, rows: Sequence[OwnerRow]) -> dict[str, Any]:
    state = {"on": None, "off": "off_by_settings", "forbidden": "needs_scope_reports_owners"}
    return {
        "reason": state[material.asked.owners],
        "credit": CREDIT,
        "adjusted_for": list(ADJUSTED_FOR),
        "rows": [_owner(each) for each in rows],
    }


def _owner(row: OwnerRow) -> dict[str, Any]:
    comparison = row.found.comparison
    counted = {
        "owner_id": row.found.group,
        "team_id": row.team,
        "leads": comparison.leads,
        "converted": comparison.hits,
    }
    if not row.tested:
        silent = dict.fromkeys(("expected", "difference", "interval", "shrunk"))
        return counted | silent | {"reason": "too_few"}
    return counted | {
        "expected": rounded(comparison.expected),
        "difference": rounded(comparison.difference),
        "interval": [rounded(each) for each in comparison.interval],
        "shrunk": rounded(row.shrunk),
        "reason": None,
    }
