"""A generated month of a workspace as the counts that a diagnosis is made from."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from app.diagnosis.drift import Change
from app.diagnosis.material import Asked, Material
from app.diagnosis.measures import (
    ACCEPT_AND_SIT,
    ACCEPTANCE,
    CLAIM_SNIPING,
    CONTACT,
    REASSIGNMENT,
    REJECTS_ELSEWHERE,
    SLA,
)
from app.diagnosis.plan_structure import PlanStructure
from app.store.diagnosis.conversions import OwnerCount, ScoreCount
from app.store.diagnosis.group_counts import GroupCount, TimeCount
from app.store.diagnosis.plan_use import StepCount

FIRST, END = date(2026, 11, 2), date(2026, 11, 30)
TEAMS = {"north": ("ana", "ben", "cem", "dia"), "south": ("eva", "finn", "gus")}
SOURCES = ("website", "fair", "webinar", "partner")
STEPS = (("enterprise", "rule"), ("north", "round_robin"), ("south", "round_robin"))


@dataclass(frozen=True, slots=True)
class Lead:
    """What a lead is, before anybody works on it."""

    day: date
    hour: int
    team: str
    owner: str
    source: str
    step: str
    score: int

    @property
    def band(self) -> str:
        """Its band."""
        return "hot" if self.score >= 60 else "warm" if self.score >= 30 else "cold"


Chance = Callable[[Lead], float]


def converts(lead: Lead) -> float:
    """Good scores and partners convert more: the owner has no part in it."""
    return 0.02 + 0.004 * lead.score + (0.1 if lead.source == "partner" else 0.0)


@dataclass(frozen=True, slots=True)
class World:
    """The chances of a lead. The default has no problem: each chance depends on the day and the lead only."""

    converts: Chance = converts
    accepted: Chance = lambda lead: 0.85 if lead.day.weekday() < 5 else 0.6
    moved: Chance = lambda lead: 0.15
    touched: Chance = lambda lead: 0.8 if lead.day.weekday() < 5 else 0.5
    late: Chance = lambda lead: 0.2
    sits: Chance = lambda lead: 0.15
    sniped: Chance = lambda lead: 0.2
    elsewhere: Chance = lambda lead: 0.1
    of_rule: Callable[[date], float] = lambda day: 0.2
    changes: tuple[Change, ...] = (
        Change(date(2026, 11, 16), "plan", "2"),
        Change(date(2026, 11, 9), "team", "north"),
    )
    leads_a_day: int = 60


def material(world: World, seed: int, owners: str = "on") -> Material:
    """A month of this world."""
    rng = Random(seed)
    history = FIRST - timedelta(days=28)
    leads, steps = [], []
    for number in range((END - history).days):
        day = history + timedelta(days=number)
        of_day = [_lead(rng, world, day) for _ in range(_size(rng, world, day))]
        version = 1 if day < date(2026, 11, 16) else 2
        steps += [
            StepCount(day, version, step, count) for step, count in Counter(e.step for e in of_day).items()
        ]
        leads += of_day if day >= FIRST else []
    scores = Counter((lead.score, rng.random() < 0.5, rng.random() < world.converts(lead)) for lead in leads)
    plans = [PlanStructure(version, STEPS) for version in (1, 2)]
    return Material(
        asked=Asked(FIRST, END, "purchase", timedelta(days=7), owners),
        now=datetime(2026, 12, 10, tzinfo=UTC),
        zone=ZoneInfo("Europe/Berlin"),
        groups={
            ACCEPTANCE: _groups(rng, leads, world.accepted),
            REASSIGNMENT: _groups(rng, leads, world.moved),
            CONTACT: _groups(rng, leads, world.touched),
            SLA: _groups(rng, leads, world.late),
            ACCEPT_AND_SIT: _of_owners(rng, leads, world.sits, "team"),
            CLAIM_SNIPING: _of_owners(rng, leads, world.sniped, "queue"),
            REJECTS_ELSEWHERE: _of_owners(rng, leads, world.elsewhere, "team"),
        },
        times=_times(rng, leads, world.late),
        conversions=_conversions(rng, leads, world.converts),
        scores=[
            ScoreCount(score, half, scores[score, bool(half), True], scores[score, bool(half), False], 0)
            for score in sorted({lead.score for lead in leads})
            for half in (0, 1)
        ],
        steps=steps,
        changes=world.changes,
        plans=plans,
    )


def _size(rng: Random, world: World, day: date) -> int:
    usual = world.leads_a_day * (1 if day.weekday() < 5 else 0.3)
    return max(0, round(rng.gauss(usual, usual * 0.2)))


def _lead(rng: Random, world: World, day: date) -> Lead:
    """The team goes by the source, and so do the scores: owners of teams get other leads."""
    source = rng.choices(SOURCES, (50, 20, 20, 10))[0]
    team = "north" if rng.random() < (0.7 if source in ("website", "partner") else 0.3) else "south"
    step = "enterprise" if rng.random() < world.of_rule(day) else team
    score = min(99, max(0, round(rng.gauss(55 if team == "north" else 40, 20))))
    return Lead(day, rng.randrange(24), team, rng.choice(TEAMS[team]), source, step, score)


def _groups(rng: Random, leads: list[Lead], chance: Chance) -> list[GroupCount]:
    counts: Counter[tuple[str, str, str, str | None, date]] = Counter()
    hits: Counter[tuple[str, str, str, str | None, date]] = Counter()
    strategies = dict(STEPS)
    for lead in leads:
        hit = rng.random() < chance(lead)
        for key in (
            ("step", "", lead.step, strategies[lead.step], lead.day),
            ("team", "", lead.team, None, lead.day),
            ("source", "", lead.source, None, lead.day),
            ("owner", lead.team, lead.owner, None, lead.day),
        ):
            counts[key] += 1
            hits[key] += hit
    return [GroupCount(*key, count, hits[key]) for key, count in counts.items()]


def _of_owners(rng: Random, leads: list[Lead], chance: Chance, pool: str) -> list[GroupCount]:
    counts: Counter[tuple[str, str, date]] = Counter()
    hits: Counter[tuple[str, str, date]] = Counter()
    for lead in leads[::4]:
        week = lead.day - timedelta(days=lead.day.weekday())
        key = (lead.team if pool == "team" else "partners", lead.owner, week)
        counts[key] += 1
        hits[key] += rng.random() < chance(lead)
    return [
        GroupCount("owner", pool_, name, None, week, count, hits[pool_, name, week])
        for (pool_, name, week), count in counts.items()
    ]


def _times(rng: Random, leads: list[Lead], chance: Chance) -> list[TimeCount]:
    counts: Counter[tuple[str, bool, int]] = Counter()
    hits: Counter[tuple[str, bool, int]] = Counter()
    for lead in leads:
        hit = rng.random() < chance(lead)
        for key in ((lead.team, True, lead.day.isoweekday()), (lead.team, False, lead.hour // 4)):
            counts[key] += 1
            hits[key] += hit
    return [TimeCount(*key, count, hits[key]) for key, count in counts.items()]


def _conversions(rng: Random, leads: list[Lead], chance: Chance) -> list[OwnerCount]:
    counts: Counter[tuple[str, str, str]] = Counter()
    hits: Counter[tuple[str, str, str]] = Counter()
    for lead in leads:
        key = (lead.team, lead.owner, f"{lead.band} / {lead.source} / {lead.day.isocalendar().week}")
        counts[key] += 1
        hits[key] += rng.random() < chance(lead)
    return [OwnerCount(*key, count, hits[key]) for key, count in counts.items()]
