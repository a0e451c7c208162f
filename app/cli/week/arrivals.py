"""The leads of the simulated week: when they come, and what they say."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from app.cli.week.world import COUNTRIES

FIRST_NAMES = ("Ada", "Bao", "Carl", "Dora", "Emil", "Fay", "Gina", "Hugo", "Ines", "Jon", "Kaya", "Lou")
LAST_NAMES = ("Adams", "Becker", "Chen", "Diaz", "Endo", "Fischer", "Gupta", "Hill", "Ito", "Jones")
SOURCES = ("website", "fair", "webinar", "partner", "newsletter")
_SOURCE_WEIGHTS = (60, 12, 12, 10, 6)
CAMPAIGNS = {
    "website": ("spring-search", "Paid Search", 120),
    "fair": ("spring-fair", "Events", 400),
    "webinar": ("spring-webinar", "Events", 60),
}
"""The campaign of a source, its channel, and what it costs a day in euros. Other sources have none."""
_HOUR_WEIGHTS = (1, 1, 1, 1, 1, 2, 3, 5, 8, 9, 9, 8, 7, 8, 9, 9, 8, 7, 5, 4, 3, 2, 2, 1)
_COUNTRIES = tuple(country for countries in COUNTRIES.values() for country in countries)


def arrivals(rng: Random, start: datetime, days: int, count: int) -> list[tuple[datetime, dict[str, Any]]]:
    """The leads with their times, in order. One in fifteen comes a second time, and some click twice."""
    found: list[tuple[datetime, dict[str, Any]]] = []
    for number in range(count):
        day = rng.choices(range(days), [3 if day % 7 < 5 else 1 for day in range(days)])[0]
        hour = rng.choices(range(24), _HOUR_WEIGHTS)[0]
        at = start + timedelta(days=day, hours=hour, seconds=rng.randrange(3600))
        again = found[-1][0] + timedelta(seconds=rng.randint(2, 60)) if found else at
        if found and rng.random() < 1 / 50 and again < start + timedelta(days=days):
            found.append((again, found[-1][1]))
            continue
        found.append((at, _lead(rng, number if rng.random() > 1 / 15 else rng.randrange(number + 1))))
    return sorted(found, key=lambda arrival: arrival[0])


def _lead(rng: Random, number: int) -> dict[str, Any]:
    """A lead. The number stands for the person."""
    person = Random(f"person {number}")  # noqa: S311 - a story, not a secret
    first, last = person.choice(FIRST_NAMES), person.choice(LAST_NAMES)
    domain = f"company{person.randrange(600)}.example"
    country = person.choice(_COUNTRIES)
    source = rng.choices(SOURCES, _SOURCE_WEIGHTS)[0]
    campaign, channel, _ = CAMPAIGNS.get(source, (None, None, 0))
    tags: dict[str, Any] = {"campaign": campaign, "channel": channel} if campaign is not None else {}
    if tags and rng.random() < 0.4:
        # Of some leads the tags of their last click contradict what the form sends.
        tags["utm"] = {"source": source, "campaign": rng.choice((campaign, campaign, "autumn-search"))}
    return {
        "email": f"{first}.{last}.{number}@{domain}".lower(),
        "first_name": first,
        "last_name": last,
        "company": f"Company {domain.partition('.')[0][7:]}",
        "country": country,
        "source": source,
        # By chance alone: the diagnosis finds that this score separates nothing.
        "score": person.randrange(100),
        "lead_type": rng.choice(("demo_request", "contact", "content")),
        "employees": person.choice((5, 20, 80, 300, 1200)),
        **tags,
    }


def spend_rows(start: datetime, days: int) -> list[dict[str, Any]]:
    """What the campaigns cost, by day."""
    return [
        {
            "campaign": campaign,
            "day": f"{start + timedelta(days=day):%Y-%m-%d}",
            "currency": "EUR",
            "amount": cost,
        }
        for campaign, _, cost in CAMPAIGNS.values()
        for day in range(days)
    ]
