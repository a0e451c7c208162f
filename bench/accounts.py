"""Leads of a workspace with a million accounts: matched by domain, and by the name of the company.

`BENCH_ACCOUNTS` sets another number of accounts.
"""

import asyncio
import os
import random
from collections.abc import Callable, Iterator
from hashlib import md5
from statistics import median

import orjson

from bench.load import RunTimes, post, run
from bench.processes import Service
from bench.scenarios import Row, alternate, at_most, create_team_workspace, plan

ACCOUNTS = int(os.environ.get("BENCH_ACCOUNTS", "1000000"))
REQUESTS = 400
FILL = """
WITH account AS MATERIALIZED (
  SELECT number, 'a-' || number AS id, 'w' || substr(md5(number::text), 1, 4) AS one,
         'v' || substr(md5(number::text), 5, 5) AS other
    FROM generate_series(1, $2::int) AS number
), record AS (
  INSERT INTO directory (workspace_id, resource_type, id, body, revision, updated_at)
  SELECT $1, 'accounts', id, jsonb_build_object('name', one || ' ' || other || ' Logistik GmbH',
           'domains', jsonb_build_array('c' || number || '.example'), 'owner', 'rep-' || number % 20,
           'roles', '{}'::jsonb), 1, now()
    FROM account
), key AS (
  INSERT INTO account_keys (workspace_id, kind, value, account_id)
  SELECT $1, 'domain', 'c' || number || '.example', id FROM account
)
INSERT INTO account_names (workspace_id, kind, value, account_id)
SELECT $1, kind, value, id
  FROM account
 CROSS JOIN LATERAL (VALUES ('name', one || other || 'logistik'), ('word', one), ('word', other),
                            ('word', 'logistik')) AS names (kind, value)
"""
WORKSPACE_OF = "SELECT id FROM workspaces WHERE name = $1"


def accounts_match(service: Service) -> Iterator[Row]:
    """A plan without accounts; matches by domain, where the name agrees; matches by a name in other words."""
    plain, matching = (
        create_team_workspace(service, "no-accounts"),
        create_team_workspace(service, "accounts"),
    )
    asyncio.run(_fill(service, "accounts"))
    written = {**plan(0), "pipeline": [{"account": {}}, *plan(0)["pipeline"]]}  # type: ignore[misc]
    service.send(matching, "POST", "/plans", written)
    service.send(matching, "POST", "/plans/2/publish", {"comment": "to be measured"})
    numbers = random.Random(7)

    def side(key: str, make: Callable[[int], dict[str, str]]) -> RunTimes:
        def body(_: int) -> bytes:
            lead = make(numbers.randint(1, ACCOUNTS))
            return post("/assign", orjson.dumps({"lead": lead}), key)

        times = asyncio.run(run(service.port, 1, REQUESTS, body))
        if set(times.statuses) - {201}:
            raise RuntimeError(f"answers by status: {times.statuses}")
        return times

    for key, make in ((plain, _of_domain), (matching, _of_domain), (matching, _of_name)):
        side(key, make)
    none, exact, named = alternate(
        lambda: side(plain, _of_domain), lambda: side(matching, _of_domain), lambda: side(matching, _of_name)
    )
    what = f"{ACCOUNTS:,} accounts, one connection"
    for name, times in (("no accounts in the plan", none), ("by domain", exact), ("by name", named)):
        half, most = (median([each.percentile(share) for each in times]) for share in (0.5, 0.99))
        yield Row(f"{name}, {what}", f"p50 {half:.2f} ms, p99 {most:.2f} ms")
    yield at_most(f"by domain to no accounts, p50, {what}", _ratio(exact, none, 0.5), 1.15)
    yield at_most(f"by name to by domain, p99, {what}", _ratio(named, exact, 0.99), 10)


def _ratio(sides: list[RunTimes], others: list[RunTimes], share: float) -> float:
    return median([each.percentile(share) for each in sides]) / median(
        [each.percentile(share) for each in others]
    )


def _words(number: int) -> tuple[str, str]:
    digest = md5(str(number).encode(), usedforsecurity=False).hexdigest()
    return f"W{digest[:4]}", f"V{digest[4:9]}"


def _of_domain(number: int) -> dict[str, str]:
    """A lead with a new address at an account's domain, that writes the name of the account."""
    one, other = _words(number)
    return {"email": f"{os.urandom(8).hex()}@c{number}.example", "company": f"{one} {other} Logistik"}


def _of_name(number: int) -> dict[str, str]:
    """A lead with a free address, that writes the name in another order, with another legal form."""
    one, other = _words(number)
    return {"email": f"{os.urandom(8).hex()}@gmail.com", "company": f"Logistik {other}-{one} AG"}


async def _fill(service: Service, name: str) -> None:
    connection = await service.connect()
    workspace_id = await connection.fetchval(WORKSPACE_OF, name)
    await connection.execute(FILL, workspace_id, ACCOUNTS, timeout=3600)
    await connection.execute("ANALYZE directory, account_keys, account_names", timeout=3600)
    await connection.close()
