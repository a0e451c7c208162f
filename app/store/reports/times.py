"""Times in statements of reports: whole seconds, or of very many leads the bins that they fall into."""

EXACT = 50_000
"""The times of more leads are put into bins."""
BIN = 1.02
"""Each bin is two per cent above the one before, so its middle is at most one per cent away from any time."""
MAX_TIMES = 400_000
"""More different times, of all groups together, are not read."""


def seconds_of(seconds: str, *, binned: bool) -> str:
    """Seconds as an integer, zero or more, or the number of their bin. They must not be NULL."""
    if not binned:
        return f"greatest({seconds}, 0)::integer"
    # Less than one second falls into the bin before the first one.
    return f"(1 + floor(ln(greatest({seconds}, 0.99)) / ln({BIN}::float8)))::integer"


def seconds_between(start: str, end: str, *, binned: bool) -> str:
    """Seconds between two times, halves up. As double precision: `numeric` takes ten times as long."""
    return seconds_of(f"floor(date_part('epoch', {end} - {start}) + 0.5)", binned=binned)
