"""What an owner does with a lead: a list of steps, each after some working time."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

REASONS = ("wrong_region", "no_budget", "student", "competitor")
_REASON_WEIGHTS = (50, 30, 15, 5)
NO_FIT = ("too_small", "no_need", "wrong_country", "job_seeker")
"""Why owners disqualify leads."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event, after so many minutes of working time."""

    minutes: int
    type: str
    fields: dict[str, Any] = field(default_factory=dict)


AUTOMATIC = Step(1, "first_touch", {"by": "autoresponder", "via": "email"})
"""A machine answers at once. Reports do not count it as a touch."""


def steps_of(rng: Random, *, is_customer: bool) -> list[Step]:
    """What the owner of one assignment will do with it, in order.

    Of twelve leads, one is forgotten and one is rejected. The others are accepted and touched, and some of
    them buy. A few are touched too late.
    """
    if is_customer:
        accepted, touched = rng.randint(5, 50), rng.randint(60, 400)
        return [Step(accepted, "accepted"), Step(touched, "first_touch"), *_of_a_customer(rng, touched)]
    mood = rng.random()
    if mood < 0.08:
        return [AUTOMATIC]
    if mood < 0.16:
        reason = rng.choices(REASONS, _REASON_WEIGHTS)[0]
        return [Step(rng.randint(5, 50), "rejected", {"reason": reason})]
    accepted = rng.randint(5, 55) if mood < 0.95 else rng.randint(70, 200)
    touched = accepted + rng.randint(5, 150)
    return [
        AUTOMATIC,
        Step(accepted, "accepted"),
        Step(touched, "first_touch", {"via": "phone"}),
        *_after_touch(rng, touched),
    ]


def _after_touch(rng: Random, minutes: int) -> list[Step]:
    """The rest of a story that has begun."""
    mood = rng.random()
    if mood < 0.06:
        return [Step(minutes + 5, "invalid_contact" if mood < 0.04 else "spam")]
    if mood < 0.3:
        return _of_a_sequence(rng, minutes)
    reached = minutes + rng.randint(10, 300)
    tries = [Step(reached, "first_touch", {"via": "phone"})] * rng.choices((0, 1, 2), (60, 30, 10))[0]
    found = [*tries, Step(reached, "reached", {"via": "phone"})]
    ending = rng.random()
    if ending < 0.2:
        return [*found, Step(reached + rng.randint(10, 200), "disqualified", {"reason": rng.choice(NO_FIT)})]
    if ending < 0.4:
        return [*found, Step(reached + rng.randint(10, 600), "closed")]
    if ending < 0.7:
        return found
    meeting = reached + rng.randint(60, 480)
    found += [Step(meeting, "meeting"), Step(meeting, "qualified")]
    later = meeting + rng.randint(60, 480)
    amount = 100 * rng.randint(5, 90)
    sale = {"amount": amount, "currency": "EUR", "ref": f"deal-{rng.randrange(10**9)}"}
    found.append(Step(meeting + 30, "opportunity", sale))
    return [*found, Step(later, "lost") if ending < 0.85 else Step(later, "purchase", sale)]


def _of_a_sequence(rng: Random, minutes: int) -> list[Step]:
    """Who does not answer gets a sequence of messages, which some do not want."""
    sent = minutes + rng.randint(10, 60)
    found = [Step(sent, "first_touch", {"via": "sequence"})]
    answer = rng.choices(("unsubscribed", "complained", None), (12, 3, 85))[0]
    return [*found, Step(sent + rng.randint(5, 300), answer)] if answer is not None else found


def _of_a_customer(rng: Random, minutes: int) -> list[Step]:
    """Half of the customers stay or buy more, and one in ten leaves."""
    ending = rng.choices(("saved", "renewed", "expanded", "churned", None), (20, 20, 10, 10, 40))[0]
    if ending is None:
        return []
    money = {"amount": 100 * rng.randint(2, 40), "currency": "EUR"}
    return [Step(minutes + rng.randint(30, 300), ending, money)]
