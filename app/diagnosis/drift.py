"""Rules that fire far more or less since a change: a plan, a table, a team, or the launch of a campaign."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.diagnosis.findings import Effect, Hypothesis, Kind, Subject, in_order, percent
from app.diagnosis.groups import MIN_EXPECTED, Count
from app.diagnosis.statistics.distributions import two_sided_student
from app.diagnosis.statistics.strata import Comparison, Stratum, compare

WINDOW_DAYS = 28
"""The longest time before and after a change that is compared."""
MIN_DAYS = 3
"""Days with leads on each side."""
MIN_LEADS = 50
"""Leads on each side."""
MIN_RATIO = 1.5
MIN_POINTS = 0.02
"""How far the share must move: as a ratio, and in points."""
MAX_CHANGES = 20
"""Days with changes. Of more, the newest are compared."""

Days = Mapping[date, Count]
"""For each local day the leads received, and how many of them the rule decided."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was changed on a local day. `what` names it: `plan 7`, `table regions`."""

    day: date
    kind: str
    what: str


def drift_tests(
    by_step: Mapping[str, Days], changes: Iterable[Change], rules: Collection[str]
) -> Iterator[Hypothesis]:
    """One test for each step and each day with changes, as far as there are leads on the same weekdays."""
    by_day: defaultdict[date, list[Change]] = defaultdict(list)
    for change in changes:
        by_day[change.day].append(change)
    for step in sorted(by_step):
        subject = Subject(Kind.RULE if step in rules else Kind.STEP, step)
        for day in sorted(by_day)[-MAX_CHANGES:]:
            found = _test(subject, by_step[step], day, by_day[day])
            if found is not None:
                yield found


def strongest(found: Iterable[Hypothesis]) -> list[Hypothesis]:
    """For each rule the change that explains its drift best: neighboring changes see the same drift."""
    best: dict[str, Hypothesis] = {}
    for each in found:
        known = best.get(each.subject.id)
        if known is None or each.p_value < known.p_value:
            best[each.subject.id] = each
    return list(best.values())


def _test(subject: Subject, days: Days, day: date, changes: Sequence[Change]) -> Hypothesis | None:
    """The day of the change itself belongs to neither side."""
    before = _side(days, day - timedelta(days=WINDOW_DAYS), day)
    after = _side(days, day + timedelta(days=1), day + timedelta(days=WINDOW_DAYS + 1))
    weekdays = {each.weekday() for each in before} & {each.weekday() for each in after}
    before, after = (
        {each: count for each, count in side.items() if each.weekday() in weekdays}
        for side in (before, after)
    )
    if min(len(before), len(after)) < MIN_DAYS:
        return None
    found = compare(_strata(before, after))
    if found is None or not _is_large_enough(found):
        return None
    return _tested(subject, found, before, after, changes)


def _side(days: Days, first: date, end: date) -> Days:
    return {day: count for day, count in days.items() if first <= day < end and count.leads}


def _strata(before: Days, after: Days) -> list[Stratum]:
    """One stratum for each weekday: the days after the change against those before it."""
    totals: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for at, side in ((0, after), (2, before)):
        for day, count in side.items():
            totals[day.weekday()][at] += count.leads
            totals[day.weekday()][at + 1] += count.hits
    return [Stratum(*totals[weekday]) for weekday in sorted(totals)]


def _is_large_enough(found: Comparison) -> bool:
    share = (found.hits + found.other_hits) / (found.leads + found.other_leads)
    expected = min(found.leads, found.other_leads) * min(share, 1 - share)
    return min(found.leads, found.other_leads) >= MIN_LEADS and expected >= MIN_EXPECTED


def _p_value(found: Comparison, before: Days, after: Days) -> tuple[float, float]:
    """The p-value, and how much more days differ than chance alone would have it.

    Leads of one day are alike: a mailing, a fair. So days, and not leads, are the sample: the variance grows
    by the factor by which the days of one side differ among themselves (quasi-binomial, McCullagh and Nelder
    1989, 4.5), and Student's t takes the place of the normal distribution.
    """
    degrees = len(before) + len(after) - 2
    distance = sum(map(_distance, (before, after)))
    factor = max(1.0, distance / degrees)
    if not found.error:
        return found.p_value, factor
    t = found.difference / (found.error * factor**0.5)
    return max(found.p_value, two_sided_student(t, degrees)), factor


def _distance(side: Days) -> float:
    """Pearson's distance of the days from their common share."""
    share = sum(count.hits for count in side.values()) / sum(count.leads for count in side.values())
    if share in (0.0, 1.0):
        return 0.0
    return sum(
        (count.hits - count.leads * share) ** 2 / (count.leads * share * (1 - share))
        for count in side.values()
    )


def _tested(
    subject: Subject, found: Comparison, before: Days, after: Days, changes: Sequence[Change]
) -> Hypothesis:
    now, then = found.hits / found.leads, found.other_hits / found.other_leads
    p_value, factor = _p_value(found, before, after)
    low, high = sorted((now, then))
    what = in_order(sorted({f"{each.kind} {each.what}".strip() for each in changes}))
    day = changes[0].day
    return Hypothesis(
        code="rule_drift",
        subject=subject,
        text=(
            f"The {subject.kind.value} `{subject.id}` decided {percent(then)} of all leads before {day} and"
            f" {percent(now)} since then, on the same weekdays. Changed on that day: {what}."
        ),
        effect=Effect("share_of_leads", "share", found.difference, *found.interval),
        look_at="Whether the change meant this; the rules before this one; the campaign's leads.",
        p_value=p_value,
        method="quasi_binomial_same_weekdays",
        worth=high - low >= MIN_POINTS and (low == 0 or high / low >= MIN_RATIO),
        evidence={
            "changed_on": day.isoformat(),
            "changes": [{"kind": each.kind, "what": each.what} for each in changes],
            "before": _shown(before),
            "after": _shown(after),
            "overdispersion": factor,
        },
    )


def _shown(side: Days) -> dict[str, object]:
    leads, hits = (sum(each[at] for each in side.values()) for at in (0, 1))
    return {
        "from": min(side).isoformat(),
        "to": (max(side) + timedelta(days=1)).isoformat(),
        "days": len(side),
        "leads": leads,
        "fired": hits,
        "share": hits / leads,
    }
