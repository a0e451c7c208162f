"""Whether two submissions come from one person, on people that a program invents.

The errors and their shares are declared here. Half of the submissions are of a person who comes again and
writes it in another way. The others are of somebody else who is like that person: with the same phone, the
same name, the same mailbox of a role, or, seldom, a private mailbox that two people use.
"""

import random
from collections.abc import Iterator
from typing import Any

from app.engine.model.lead_keys import MatchRules
from app.intake.arrival import normalize
from app.intake.matching import ComparedLead, match
from bench.quality.measures import Measure, Outcome, measure

PEOPLE = 4000
_SEED = 20261130
_FIRST = (
    "Ana", "Ben", "Mara", "Joan", "Li", "Amir", "Zoë", "Nguyen", "Björn", "Søren", "Łukasz", "İpek", "Chloé",
    "José", "Petra", "Tomás", "Nadia", "Oleg", "Priya", "Kenji", "Fatima", "David", "Sara", "Omar", "Elena",
    "Ivan", "Noor", "Paul", "Ruth", "Emre",
)  # fmt: skip
_LAST = (
    "Ruiz", "Kurz", "Lind", "Müller", "Sørensen", "Nowak", "O'Brien", "García-Lopez", "Wójcik", "Yılmaz",
    "Smith", "Jones", "Tanaka", "Singh", "Haddad", "Rossi", "Petrov", "Schmidt", "Dubois", "Silva", "Kim",
    "Chen", "Ahmed", "Novak", "Berg", "Otto", "Weiß", "Ng", "Costa", "Moreau",
)  # fmt: skip
_ROLES = ("info", "sales", "office", "einkauf")

SAME = {
    "all again": 0.40,
    "address in capitals": 0.15,
    "phone written in another way": 0.10,
    "name misspelled": 0.10,
    "without a phone": 0.07,
    "without a name": 0.05,
    "initial instead of the first name": 0.05,
    "phone only": 0.05,
    "plus tag in the address": 0.03,
}
"""How somebody who comes again writes it, by share."""
OTHERS = {
    "colleague with the same phone": 0.35,
    "colleague in the mailbox of a role": 0.20,
    "family with the same phone and family name": 0.15,
    "namesake": 0.29,
    "another one in a mailbox of two": 0.01,
}
"""How somebody else is like a person, by share."""


def persons() -> Iterator[Measure]:
    """Joins of the one function that decides who is the same person."""
    outcomes = list(_outcomes())
    yield measure("person: the same one", (each for _, each in outcomes), 0.98)
    for kind in (*SAME, *OTHERS):
        yield measure(f"– {kind}", (each for of, each in outcomes if of == kind))


def _outcomes() -> Iterator[tuple[str, Outcome]]:
    dice = random.Random(_SEED)
    for number in range(PEOPLE):
        person = _person(dice, number)
        stored = _compared("stored", person)
        again = dice.random() < 0.5
        kinds = SAME if again else OTHERS
        kind = dice.choices(list(kinds), list(kinds.values()))[0]
        if kind == "colleague in the mailbox of a role":
            person["email"] = f"{dice.choice(_ROLES)}@firma{number}.example"
            stored = _compared("stored", person)
        sent = _again(person, kind, dice) if again else _other(person, kind, dice, number)
        found = match(_compared("sent", sent), [stored], MatchRules())
        yield kind, ("stored" if again else None, found.lead_id)


def _compared(id_: str, lead: dict[str, Any]) -> ComparedLead:
    arrival = normalize(lead)
    return ComparedLead(id_, arrival.keys, arrival.values)


def _person(dice: random.Random, number: int) -> dict[str, Any]:
    return {
        "first_name": dice.choice(_FIRST),
        "last_name": dice.choice(_LAST),
        "email": f"person{number}@firma{number % 997}.example",
        "phone": f"+4930{9018000 + number}",
        "country": "DE",
        "company": f"Firma {number % 997}",
    }


def _again(person: dict[str, Any], kind: str, dice: random.Random) -> dict[str, Any]:
    sent = dict(person)
    match kind:
        case "address in capitals":
            sent["email"] = f" {person['email'].upper()} "
        case "phone written in another way":
            sent["phone"] = f"030 / {person['phone'][5:8]} {person['phone'][8:]}"
        case "name misspelled":
            name = person["last_name"]
            at = dice.randrange(len(name))
            sent["last_name"] = name[:at] + name[at + 1 :] or name
        case "without a phone":
            del sent["phone"]
        case "without a name":
            del sent["first_name"], sent["last_name"]
        case "initial instead of the first name":
            sent["first_name"] = f"{person['first_name'][0]}."
        case "phone only":
            del sent["email"]
        case "plus tag in the address":
            sent["email"] = person["email"].replace("@", "+fair@")
    return sent


def _other(person: dict[str, Any], kind: str, dice: random.Random, number: int) -> dict[str, Any]:
    other = dict(person)
    firsts = [each for each in _FIRST if each != person["first_name"]]
    lasts = [each for each in _LAST if each != person["last_name"]]
    other["first_name"] = dice.choice(firsts)
    if kind != "family with the same phone and family name":
        other["last_name"] = dice.choice(lasts)
    if kind == "namesake":
        other |= {"first_name": person["first_name"], "last_name": person["last_name"]}
        other |= {"email": f"other{number}@anders.example", "phone": f"+4940{9018000 + number}"}
    elif kind == "colleague with the same phone" and dice.random() < 0.5:
        del other["email"]
    elif kind.endswith("same phone") or kind.startswith("family"):
        other["email"] = f"other{number}@firma{number % 997}.example"
    else:
        del other["phone"]
    return other
