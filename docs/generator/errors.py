"""The problems that a caller can get, and the codes of the faults in them."""

from app.engine.explain.codes import CLAIMS, REFUSALS
from app.errors import FAULTS, ClaimRefused, kinds_of_problem
from docs.generator.tables import meanings, table


def problems() -> str:
    """Every problem, with its cause and remedy, by status."""
    kinds = sorted(kinds_of_problem(), key=lambda kind: (kind.status, kind.code))
    head = ("status", "code", "title", "cause", "remedy")
    return table(
        head,
        [
            (str(kind.status), f"`{kind.code}`", kind.title, kind.cause, kind.remedy)
            for kind in kinds
            if kind is not ClaimRefused
        ],
    )


def claim_problems() -> str:
    """Every code of a refused claim."""
    return meanings({**REFUSALS, **CLAIMS})


def faults() -> str:
    """Every code of a fault in a request."""
    return meanings(dict(sorted(FAULTS.items())))
