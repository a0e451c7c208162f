"""Countries, states and postal codes as people write them."""

from collections.abc import Iterator

from app.intake.arrival import normalize
from bench.quality.measures import Measure, Outcome, measure, read_labels

_UNREAD = {"country": "country_unknown", "state": "state_unknown", "postal_code": "postal_code_invalid"}


def places() -> Iterator[Measure]:
    """Each kind against labels written by hand."""
    yield measure("country", _read("country", "countries.tab"), 0.98, 0.95)
    yield measure("state", _read("state", "states.tab"), 0.98, 0.95)
    yield measure("postal code", _read("postal_code", "postal_codes.tab"), 0.98, 0.95)


def _read(field: str, file: str) -> Iterator[Outcome]:
    """A row is what was written, what it means (empty for nothing), and the country of the lead."""
    for written, meant, *country in read_labels(file):
        lead = {"company": "ACME", field: written}
        if country:
            lead["country"] = country[0]
        found = normalize(lead)
        unread = _UNREAD[field] in found.flags
        yield meant or None, None if unread else found.values[field]
