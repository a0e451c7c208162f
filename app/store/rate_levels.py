"""How full the buckets of rate limits are, and how much is asked of them: a row for each one in use."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.rates import Rate
from app.store.clocks import MAX_AHEAD
from app.store.connection.pool import Pool, look_up_all

DEMAND_SECONDS = 3.0
"""Demand is what was asked per second of late. After this long 1/e of it is left, as of a dead process."""
EXCHANGE_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Use:
    """What a process took from a bucket since its last exchange, and how much callers asked for."""

    bucket: str
    rate: Rate
    used: int
    asked: int


@dataclass(frozen=True, slots=True)
class Level:
    """What a bucket holds, negative after a large request, and the demand of all processes a second."""

    tokens: float
    demand: float


# A row that comes in stands for a bucket that was full before, so `burst - tokens` is what was used. The
# exponent is bounded because a smaller result is an error in Postgres. A bucket of a clock that had jumped
# ahead follows the clock again; otherwise nothing would flow into it.
EXCHANGE = f"""
INSERT INTO rate_levels AS old (bucket, per_second, burst, tokens, demand, at)
SELECT bucket, per_second, burst, burst - used, asked / {DEMAND_SECONDS}, coalesce($6, clock_timestamp())
  FROM unnest($1::text[], $2::float8[], $3::float8[], $4::float8[], $5::float8[])
       AS sent (bucket, per_second, burst, used, asked)
 ORDER BY bucket
    ON CONFLICT (bucket) DO UPDATE
   SET per_second = excluded.per_second,
       burst = excluded.burst,
       tokens = least(excluded.burst, old.tokens + excluded.per_second
                  * greatest(0, extract(epoch FROM excluded.at - old.at)::float8))
                - (excluded.burst - excluded.tokens),
       demand = old.demand * exp(-least(50, greatest(0, extract(epoch FROM excluded.at - old.at)::float8)
                  / {DEMAND_SECONDS})) + excluded.demand,
       at = CASE WHEN old.at > excluded.at + interval '{MAX_AHEAD.total_seconds():.0f} seconds'
                 THEN excluded.at ELSE greatest(old.at, excluded.at) END
RETURNING bucket, tokens, demand
"""
"""Take what a process used from the levels, after adding what became free, and return them."""

DELETE_FULL = """
DELETE FROM rate_levels
 WHERE at + make_interval(secs => 60 + greatest(0, burst - tokens) / per_second) < clock_timestamp()
"""
"""Drop the buckets that are full again: one without a row is full."""


async def exchange_uses(pool: Pool, uses: Sequence[Use], at: datetime | None = None) -> dict[str, Level]:
    """Take what this process used from the levels. Return the new levels by bucket.

    `at` is the time of the database unless given. Raises one of CONNECTION_ERRORS.
    """
    rows = await look_up_all(
        pool,
        EXCHANGE_TIMEOUT_SECONDS,
        EXCHANGE,
        [use.bucket for use in uses],
        [use.rate.per_second for use in uses],
        [float(use.rate.burst) for use in uses],
        [float(use.used) for use in uses],
        [float(use.asked) for use in uses],
        at,
    )
    return {row["bucket"]: Level(row["tokens"], row["demand"]) for row in rows}


async def delete_full_levels(pool: Pool) -> None:
    """Drop the rows of buckets that are full again."""
    await look_up_all(pool, EXCHANGE_TIMEOUT_SECONDS, DELETE_FULL)
