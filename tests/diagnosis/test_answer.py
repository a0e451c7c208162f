"""Whole diagnoses of generated months: planted problems are found, and clean months are left alone."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from app.diagnosis.answer import answer
from tests.diagnosis.world import World, converts, material

CLEAN = World()
RUNS = 200


def told(found: dict[str, Any]) -> set[tuple[str, str]]:
    """The codes and subjects of the findings."""
    return {(each["code"], each["subject"]["id"]) for each in found["findings"]}


@pytest.mark.parametrize(
    ("planted", "expected"),
    [
        ({"accepted": lambda lead: 0.4 if lead.owner == "ben" else 0.85}, ("low_acceptance", "ben")),
        (
            {"moved": lambda lead: 0.6 if lead.step == "enterprise" else 0.1},
            ("high_reassignment", "enterprise"),
        ),
        ({"touched": lambda lead: 0.3 if lead.source == "fair" else 0.8}, ("low_contact", "fair")),
        ({"late": lambda lead: 0.5 if lead.team == "south" else 0.1}, ("clustered_sla_misses", "south")),
        ({"late": lambda lead: 0.7 if 16 <= lead.hour < 20 else 0.1}, ("clustered_sla_misses", "north")),
        ({"sits": lambda lead: 0.7 if lead.owner == "eva" else 0.15}, ("accept_and_sit", "eva")),
        ({"sniped": lambda lead: 0.9 if lead.owner == "gus" else 0.1}, ("claim_sniping", "gus")),
        ({"elsewhere": lambda lead: 0.6 if lead.owner == "cem" else 0.1}, ("rejects_close_elsewhere", "cem")),
        (
            {"converts": lambda lead: converts(lead) * (0.3 if lead.owner == "dia" else 1)},
            ("owner_conversion", "dia"),
        ),
        ({"of_rule": lambda day: 0.2 if day < date(2026, 11, 16) else 0.03}, ("rule_drift", "enterprise")),
        ({"converts": lambda lead: 0.2}, ("score_does_not_separate", "score")),
    ],
    ids=lambda each: each[0] if isinstance(each, tuple) else "",
)
@pytest.mark.parametrize("seed", [1, *(pytest.param(each, marks=pytest.mark.long) for each in (2, 3))])
def test_planted_problem_is_found(planted: dict[str, Any], expected: tuple[str, str], seed: int) -> None:
    assert expected in told(answer(material(replace(CLEAN, **planted), seed)))


def test_most_certain_comes_first_with_its_corrections() -> None:
    world = replace(
        CLEAN,
        accepted=lambda lead: 0.4 if lead.owner == "ben" else 0.85,
        sits=lambda lead: 0.4 if lead.owner == "eva" else 0.15,
    )
    found = answer(material(world, 1))
    levels = [each["confidence"]["p_holm"] for each in found["findings"]]
    assert levels == sorted(levels)
    assert found["correction"]["tests"] == len(found["tests"])
    p_values = sorted(each["p_value"] for each in found["tests"])
    assert found["tests"][0]["p_holm"] == pytest.approx(min(1, p_values[0] * len(p_values)))


def test_owner_who_gets_other_leads_is_no_finding() -> None:
    """Ana gets only good leads, and Ben only bad ones. Their numbers differ, and they do not."""
    world = replace(CLEAN, leads_a_day=100)
    given = material(world, 4)
    moved = [
        replace(each, owner="ben" if each.stratum.startswith("cold") else "ana")
        if each.owner in ("ana", "ben")
        else each
        for each in given.conversions
    ]
    merged: dict[tuple[str, str, str], Any] = {}
    for each in moved:
        key = (each.team, each.owner, each.stratum)
        known = merged.get(key)
        merged[key] = (
            replace(each, leads=each.leads + known.leads, hits=each.hits + known.hits) if known else each
        )
    found = answer(replace(given, conversions=list(merged.values())))
    rates = {
        each["owner_id"]: each["converted"] / each["leads"] for each in found["figures"]["owners"]["rows"]
    }
    assert rates["ana"] > 1.5 * rates["ben"]
    assert not any(each["code"] == "owner_conversion" for each in found["findings"])


@pytest.mark.parametrize(
    ("owners", "reason"), [("off", "off_by_settings"), ("forbidden", "needs_scope_reports_owners")]
)
def test_nothing_about_owners_where_they_may_not_be_compared(owners: str, reason: str) -> None:
    world = replace(CLEAN, accepted=lambda lead: 0.4 if lead.owner == "ben" else 0.85)
    found = answer(material(world, 1, owners))
    assert all(each["subject"]["kind"] != "owner" for each in (*found["findings"], *found["tests"]))
    assert found["figures"]["owners"]["rows"] == []
    assert found["figures"]["owners"]["reason"] == reason
    states = {each["code"]: each for each in found["checks"]}
    assert states["owner_conversion"]["state"] == "off"
    assert states["owner_conversion"]["reason"] == reason


def test_small_month_is_silent() -> None:
    world = replace(CLEAN, leads_a_day=1, accepted=lambda lead: 0.1 if lead.owner == "ben" else 1.0)
    found = answer(material(world, 1))
    assert found["findings"] == []
    states = {each["code"]: each["state"] for each in found["checks"]}
    assert states["low_acceptance"] == "silent"
    assert states["owner_conversion"] == "silent"


def test_clean_months_have_hardly_any_finding() -> None:
    """Twenty of them here, and two hundred in the long test."""
    assert sum(bool(told(answer(material(CLEAN, seed)))) for seed in range(20)) <= 4


@pytest.mark.long
def test_at_most_one_clean_month_in_twenty_has_a_finding() -> None:
    wrong = sum(bool(told(answer(material(CLEAN, seed)))) for seed in range(1000, 1000 + RUNS))
    assert wrong / RUNS <= 0.05 + 2 * (0.05 * 0.95 / RUNS) ** 0.5


@pytest.mark.long
def test_at_most_one_finding_in_twenty_of_mixed_months_is_false() -> None:
    """Three owners of seven have a problem. What is told about others is false."""
    world = replace(
        CLEAN,
        sits=lambda lead: 0.45 if lead.owner == "eva" else 0.15,
        sniped=lambda lead: 0.55 if lead.owner == "gus" else 0.2,
        elsewhere=lambda lead: 0.4 if lead.owner == "cem" else 0.1,
    )
    true = {("accept_and_sit", "eva"), ("claim_sniping", "gus"), ("rejects_close_elsewhere", "cem")}
    months = [told(answer(material(world, seed))) for seed in range(2000, 2100)]
    assert sum(len(month & true) for month in months) >= 150
    shares = [len(month - true) / len(month) if month else 0.0 for month in months]
    assert sum(shares) / len(shares) <= 0.05 + 0.03
