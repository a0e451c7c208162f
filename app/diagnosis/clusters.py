"""Times of the day or week at which promises of a team are broken far more often than at others."""

from collections.abc import Iterator, Mapping

from app.diagnosis.findings import Effect, Hypothesis, Kind, Subject, percent
from app.diagnosis.groups import MIN_EXPECTED, Count
from app.diagnosis.statistics.distributions import chi_square_upper_tail

MIN_PROMISES = 60
"""Settled promises of a team."""
MIN_POINTS = 0.15
"""How far the worst time must be above all others."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Cells = Mapping[str, Count]
"""Settled and broken promises, by weekday or by part of the day."""


def cluster_tests(by_team: Mapping[tuple[str, str], Cells]) -> Iterator[Hypothesis]:
    """One test for each team and each way to part the week. Keys: the team, and `weekday` or `hours`."""
    for (team, parts), cells in sorted(by_team.items()):
        large = _with_enough(cells)
        if len(large) >= 2 and sum(each.leads for each in large.values()) >= MIN_PROMISES:
            yield _test(team, parts, large)


def _with_enough(cells: Cells) -> Cells:
    """The cells in which enough broken and kept promises were to be expected. The others are left out."""
    leads = sum(each.leads for each in cells.values())
    share = sum(each.hits for each in cells.values()) / leads if leads else 0.0
    return {
        name: each
        for name, each in sorted(cells.items())
        if each.leads * min(share, 1 - share) >= MIN_EXPECTED
    }


def _test(team: str, parts: str, cells: Cells) -> Hypothesis:
    leads, hits = (sum(each[at] for each in cells.values()) for at in (0, 1))
    share = hits / leads
    distance = sum(
        (each.hits - each.leads * share) ** 2 / (each.leads * share * (1 - share)) for each in cells.values()
    )
    worst = max(cells, key=lambda name: cells[name].hits / cells[name].leads)
    rate = cells[worst].hits / cells[worst].leads
    other = (hits - cells[worst].hits) / (leads - cells[worst].leads)
    return Hypothesis(
        code="clustered_sla_misses",
        subject=Subject(Kind.TEAM, team),
        text=(
            f"{percent(rate)} of the promises of the team `{team}` that began {_when(parts, worst)} were"
            f" broken, and {percent(other)} of all others."
        ),
        effect=Effect("sla_missed", "share", rate - other),
        look_at="Who is on shift at that time, and what arrives then: shifts, caps, `off_hours` of steps.",
        p_value=chi_square_upper_tail(distance, len(cells) - 1),
        method="chi_square",
        worth=rate - other >= MIN_POINTS,
        evidence={
            "by": parts,
            "worst": worst,
            "cells": {name: {"settled": each.leads, "missed": each.hits} for name, each in cells.items()},
            "chi_square": distance,
            "degrees_of_freedom": len(cells) - 1,
        },
    )


def _when(parts: str, cell: str) -> str:
    return f"on a {cell}" if parts == "weekday" else f"from {cell}"
