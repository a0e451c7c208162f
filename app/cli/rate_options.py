"""How rates are written on the command line."""

import math

from app.cli.context import CommandError
from app.rates import PERIODS, UNSET_RATE, StoredRate, parse_rate

RATE_HELP = "How often it may call: such as 50/s or 600/min, `default`, or `none` for no limit."
BURST_HELP = "How much may come at once after a pause. Default: what the rate allows in two seconds."


def rate_to_store(rate: str, burst: int | None) -> StoredRate:
    """A rate as it is stored. Raises CommandError when it is not a rate."""
    parsed = parse_rate(rate)
    if parsed is not None:
        count, seconds = parsed
        return count / seconds, burst
    if rate not in ("default", "none"):
        raise CommandError(
            f"{rate!r} is not a rate. Write 50/s, or one of: {', '.join(PERIODS)} after the /."
        )
    if burst is not None:
        raise CommandError("A burst needs a rate, such as 50/s.")
    return UNSET_RATE if rate == "default" else (math.inf, None)
