"""The states in which a postal code can lie."""

from functools import cache

from app.values.folding import read_rows

POSTAL_STATE_COUNTRIES = frozenset(("US", "CA", "AU", "BR", "DE"))
"""The countries whose postal codes tell the state."""
_LONGEST = 3


def states_of_postal_code(code: str, country: str) -> frozenset[str] | None:
    """The ISO 3166-2 codes, without the country, of the states that the code can lie in.

    None if the code tells no state. `code` has the form of its country.
    """
    if country not in POSTAL_STATE_COUNTRIES:
        return None
    known = _beginnings()
    for length in range(_LONGEST, 0, -1):
        found = known.get((country, code[:length]))
        if found is not None:
            return found
    return None


@cache
def _beginnings() -> dict[tuple[str, str], frozenset[str]]:
    beginnings: dict[tuple[str, str], frozenset[str]] = {}
    for country, written, *states in read_rows("postal_states.tab"):
        first, _, last = written.partition("-")
        all_ = (
            [first]
            if not last
            else [str(each).zfill(len(first)) for each in range(int(first), int(last) + 1)]
        )
        for beginning in all_:
            beginnings[country, beginning] = frozenset(states)
    return beginnings
