"""The leads of one company: who has them, and how many names the company goes by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from app.engine.model.lead_keys import COMPANY
from app.plan.language.durations import parse_iso
from app.store.connection.pool import Connection

MAX_COLLEAGUES = 20
"""The newest leads of a company that are looked at."""
MAX_NAMED = 200
"""The newest leads of a company among which its names are counted."""

SELECT_COMPANIES = f"""
SELECT wanted.domain,
       (SELECT json_agg(DISTINCT source) FROM (
          SELECT source FROM identities
           WHERE workspace_id = $1 AND kind = wanted.kind AND value = wanted.domain
           ORDER BY lead_id DESC LIMIT {MAX_NAMED}) AS named WHERE source <> '') AS names,
       (SELECT json_agg(colleague) FROM (
          SELECT lead.id, lead.state, assignment.owner_id, assignment.team_id, assignment.decided_at
            FROM (
              SELECT lead_id FROM identities
               WHERE workspace_id = $1 AND kind = wanted.kind AND value = wanted.domain
               ORDER BY lead_id DESC LIMIT {MAX_COLLEAGUES}) AS own
           CROSS JOIN LATERAL (
             SELECT id, state, assignment_id FROM leads
              WHERE workspace_id = $1 AND id = own.lead_id LIMIT 1) AS lead
           CROSS JOIN LATERAL (
             SELECT owner_id, team_id, decided_at FROM assignments
              WHERE workspace_id = $1 AND id = lead.assignment_id LIMIT 1) AS assignment
           ORDER BY lead.id DESC) AS colleague) AS colleagues
  FROM unnest($2::text[], $3::text[]) AS wanted (kind, domain)
"""
"""The newest leads of companies, and hashes of the names that their people gave."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """A lead of a company, with the owner and the team of its current assignment."""

    lead_id: str
    state: str
    owner: str | None
    team: str | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Company:
    """What is stored of a company: its newest leads, the newest first, and hashes of its names."""

    colleagues: Sequence[Colleague] = ()
    names: frozenset[str] = frozenset()


NO_COMPANY = Company()


async def find_companies(
    connection: Connection, workspace_id: int, domains: Sequence[str]
) -> dict[str, Company]:
    """Return the companies of domains."""
    rows = await connection.fetch(SELECT_COMPANIES, workspace_id, [COMPANY] * len(domains), list(domains))
    return {
        row["domain"]: Company(
            [
                Colleague(
                    each["id"],
                    each["state"],
                    each["owner_id"],
                    each["team_id"],
                    parse_iso(each["decided_at"]),
                )
                for each in orjson.loads(row["colleagues"] or "[]")
            ],
            frozenset(orjson.loads(row["names"] or "[]")),
        )
        for row in rows
    }
