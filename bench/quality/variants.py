"""Other ways to write the name of a company, made by rules that look at nothing but the name.

This file imports nothing of the service, so that no rule is made for the way in which names are compared.
"""

import random
import re
from collections.abc import Callable, Iterator

_FORMS = (
    "Inc.",
    "Inc",
    "Incorporated",
    "Corp.",
    "Corporation",
    "Company",
    "Co.",
    "LLC",
    "L.L.C.",
    "Ltd.",
    "Limited",
    "PLC",
    "plc",
    "LP",
    "N.V.",
    "S.A.",
    "GmbH",
    "AG",
    "SE",
    "S.p.A.",
    "Pty Ltd",
    "Holdings, Inc.",
    "& Co.",
)
_FORM = re.compile(
    r"[\s,]+(?:inc|incorporated|corp|corporation|company|co|cos|companies|llc|ltd|limited|plc|group|holdings)\.?$",
    re.IGNORECASE,
)
_SHORT = {
    "international": "Intl",
    "manufacturing": "Mfg",
    "services": "Svcs",
    "technologies": "Tech",
    "american": "Amer.",
    "national": "Natl",
    "systems": "Sys.",
    "associates": "Assoc.",
    "department": "Dept.",
    "brothers": "Bros.",
    "united": "Utd",
    "corporation": "Corp",
    "company": "Co",
    "and": "&",
    "group": "Grp",
    "insurance": "Ins.",
    "financial": "Fin.",
    "management": "Mgmt",
    "resources": "Res.",
    "industries": "Ind.",
    "energy": "Engy",
    "holdings": "Hldgs",
    "communications": "Comm.",
    "general": "Gen.",
    "electric": "Elec.",
    "laboratories": "Labs",
    "pharmaceuticals": "Pharma",
    "products": "Prod.",
    "center": "Ctr",
    "saint": "St.",
    "first": "1st",
}
_NEAR = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo",
    "j": "hk", "k": "jl", "l": "ko", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et",
    "s": "ad", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
_MARKS = {"a": "áàä", "e": "éèë", "i": "íï", "o": "óôö", "u": "úü", "c": "ç", "n": "ñ"}
_SPELLED = {
    "ä": "ae",
    "ö": "oe",
    "ü": "ue",
    "ß": "ss",
    "é": "e",
    "è": "e",
    "à": "a",
    "ñ": "n",
    "ç": "c",
    "ó": "o",
}


def _form(name: str, dice: random.Random) -> str:
    """Another legal form, behind the name without its own."""
    return f"{_FORM.sub('', name)}{dice.choice((' ', ', '))}{dice.choice(_FORMS)}"


def _bare(name: str, dice: random.Random) -> str:  # noqa: ARG001  one shape for all
    return _FORM.sub("", name)


def _case(name: str, dice: random.Random) -> str:
    return dice.choice((str.upper, str.lower, str.title, str.swapcase))(name)


def _marks(name: str, dice: random.Random) -> str:
    """Other punctuation and blanks."""
    other = dice.choice(
        (
            name.replace("&", "and") if "&" in name else name.replace(" and ", " & "),
            name.replace("-", " "),
            re.sub(r"[.,'’]", "", name),
            name.replace(" ", "  "),
            f' "{name}" ',
            name.replace("'", "’"),
            f"The {name}" if not name.startswith("The ") else name[4:],
        )
    )
    return other if other != name else f"{name}."


def _abbreviation(name: str, dice: random.Random) -> str:
    words = name.split()
    able = [at for at, word in enumerate(words) if word.lower() in _SHORT]
    if not able:
        return name.replace(" ", "_")
    at = dice.choice(able)
    words[at] = _SHORT[words[at].lower()]
    return " ".join(words)


def _typo(name: str, dice: random.Random) -> str:
    """One slip of a finger: a letter left out, doubled, exchanged with its neighbor or hit beside."""
    places = [at for at, letter in enumerate(name) if letter.isalpha()]
    at = dice.choice(places)
    match dice.randrange(4):
        case 0:
            return name[:at] + name[at + 1 :] if len(places) > 1 else name
        case 1:
            return name[: at + 1] + name[at:]
        case 2 if at + 1 < len(name):
            return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
        case _:
            near = _NEAR.get(name[at].lower())
            return name if near is None else name[:at] + dice.choice(near) + name[at + 1 :]


def _accent(name: str, dice: random.Random) -> str:
    """An accent more, or the letters without the accents that there are."""
    if any(letter in _SPELLED for letter in name.lower()):
        return "".join(_SPELLED.get(letter, letter) for letter in name.lower())
    places = [at for at, letter in enumerate(name) if letter.lower() in _MARKS]
    if not places:
        return name
    at = dice.choice(places)
    return name[:at] + dice.choice(_MARKS[name[at].lower()]) + name[at + 1 :]


_RULES: dict[str, Callable[[str, random.Random], str]] = {
    "legal forms": _form,
    "without legal form": _bare,
    "case": _case,
    "punctuation": _marks,
    "abbreviations": _abbreviation,
    "typing errors": _typo,
    "accents": _accent,
}
KINDS = tuple(_RULES)


def variants(name: str, seed: int) -> Iterator[tuple[str, str]]:
    """One variant of each kind, with the name of the kind. The same seed gives the same ones."""
    dice = random.Random(seed)
    for kind, rule in _RULES.items():
        yield kind, rule(name, dice)
