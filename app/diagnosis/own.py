"""What an owner may see of a diagnosis: their own numbers beside the middle of their team."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from statistics import median_low
from typing import Any

from app.diagnosis.findings import rounded
from app.diagnosis.groups import Count
from app.diagnosis.material import Material
from app.diagnosis.measures import OF_GROUPS
from app.reports.statistics import Rate

MIN_OTHERS = 3
"""With fewer others the middle would tell the numbers of one of them."""
MIN_LEADS = 10
"""Leads that each of the others needs to be counted in the middle."""


def own_numbers(material: Material, owner_id: str) -> list[dict[str, Any]]:
    """Each share of the owner in each of their teams, with its interval and the middle of the others."""
    return [
        {
            "measure": measure,
            "team_id": team,
            **Rate(by_owner[owner_id].hits, by_owner[owner_id].leads).to_json(),
            **_middle(count for owner, count in by_owner.items() if owner != owner_id),
        }
        for (measure, team), by_owner in _by_team(material)
        if owner_id in by_owner
    ]


def _by_team(material: Material) -> Iterator[tuple[tuple[str, str], dict[str, Count]]]:
    counted = [
        (measure.name, each.pool, each.name, each.leads, each.hits)
        for measure in OF_GROUPS
        for each in material.groups.get(measure, ())
        if each.kind == "owner"
    ]
    counted += [("conversion", each.team, each.owner, each.leads, each.hits) for each in material.conversions]
    found: defaultdict[tuple[str, str], dict[str, Count]] = defaultdict(dict)
    for measure_name, team, owner, leads, hits in counted:
        known = found[measure_name, team].get(owner, Count(0, 0))
        found[measure_name, team][owner] = Count(known.leads + leads, known.hits + hits)
    return iter(sorted(found.items()))


def _middle(others: Iterable[Count]) -> dict[str, Any]:
    shares = [each.hits / each.leads for each in others if each.leads >= MIN_LEADS]
    if len(shares) < MIN_OTHERS:
        return {"middle": None, "middle_reason": "too_few_others"}
    return {"middle": rounded(median_low(shares)), "middle_reason": None}
