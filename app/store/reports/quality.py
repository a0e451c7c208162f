"""What was received: leads, requests that came twice, and what turned out to be none."""

from collections.abc import Sequence

from app.store.connection.pool import Connection, Row
from app.store.reports.cuts import Parts, Reading
from app.store.reports.reading import fetch_rows

_OF_THE_TIME = "(SELECT {0} WHERE told.workspace_id = $1 AND {1} >= $2 AND {1} < $3 AND {2})"
_SPAM_BLOCKS = _OF_THE_TIME.format(
    "told.lead_id FROM assignment_facts AS told",
    "told.arrived_at",
    "told.excluded = 'blocked' AND (told.block ILIKE 'spam%' OR told.code = 'junk')",
)
"""The leads of the time that the plan blocked by such a name."""
_FRAUD = _OF_THE_TIME.format(
    "told.lead_id FROM event_facts AS told",
    "told.lead_received_at",
    """told.type IN ('x-fraud', 'spam', 'disqualified', 'rejected')
                     AND (told.type = 'x-fraud' OR told.reason = 'fraud')""",
)
"""The leads of the time that somebody reported as fraud."""
_JUNK = ("blocked", "review", "flagged")
_KIND = f"""CASE WHEN excluded = 'merged' THEN 'merged'
                    WHEN spam_at IS NOT NULL THEN 'spam'
                    WHEN excluded IS NULL THEN 'real'
                    WHEN not_spam_at IS NULL AND lead_id IN {_SPAM_BLOCKS} THEN 'spam'
                    ELSE 'blocked' END"""
"""What a new lead was. It is spam if somebody says so, or if the plan blocks it by such a name and nobody
says that it is none.
"""
_DISQUALIFIED = "disqualified_at IS NOT NULL AND qualified_at IS NULL"
IS_SPAM = "spam_at IS NOT NULL"
SAID_GOOD = (
    "(spam_at IS NULL AND (not_spam_at IS NOT NULL OR (junk = 'blocked' AND unblocked_at IS NOT NULL)))"
)
PROGRESSED = "(spam_at IS NULL AND (meeting_at IS NOT NULL OR purchase_at IS NOT NULL))"
"""What became of a lead that looked like junk. What people say comes before what happened."""
_REASON = {
    "reason": f"""CASE WHEN excluded IS NULL AND spam_at IS NULL AND {_DISQUALIFIED}
                        THEN disqualified_reason END"""
}
_NO_REASON = {"reason": "NULL::text"}
_KINDS = ("reengaged", "duplicate", "merged", "spam", "blocked", "real")
_VERDICTS = ("invalid_contact", "disqualified", "converted")


async def count_received(connection: Connection, reading: Reading) -> Sequence[Row]:
    """Return what the requests of the time were, for each group and for all.

    Imports, and leads that people open again, are no requests. A group may be a `reason` for which real leads
    were disqualified; the others have none.
    """
    parts = Parts(reading, "received_at", _REASON)
    again = Parts(reading, "arrived_at", _NO_REASON)
    again.values = parts.values
    kinds = "".join(f", count(*) FILTER (WHERE kind = '{each}') AS {each}" for each in _KINDS)
    junk = "".join(f", count(*) FILTER (WHERE junk = '{each}') AS junk_{each}" for each in _JUNK)
    verdicts = "".join(f", count(*) FILTER (WHERE kind = 'real' AND {each}) AS {each}" for each in _VERDICTS)
    statement = f"""
SELECT {parts.total} AS is_total, {parts.names}count(*) AS received{kinds}{verdicts}{junk},
       count(*) FILTER (WHERE unblocked) AS unblocked, count(*) FILTER (WHERE not_spam) AS not_spam,
       count(*) FILTER (WHERE fraud) AS fraud, max(changed_at) AS changed_at
  FROM (SELECT {parts.keys}{_KIND} AS kind, invalid_contact_at IS NOT NULL AS invalid_contact,
               {_DISQUALIFIED} AS disqualified, purchase_at IS NOT NULL AS converted,
               lead_id IN {_FRAUD} AS fraud, junk, junk = 'blocked' AND unblocked_at IS NOT NULL AS unblocked,
               junk IS NOT NULL AND not_spam_at IS NOT NULL AS not_spam, changed_at
          FROM lead_facts WHERE {parts.where} AND NOT imported
         UNION ALL
        SELECT {again.keys}arrival, false, false, false, false, NULL, false, false, changed_at
          FROM assignment_facts WHERE {again.where} AND arrival IN ('reengaged', 'duplicate')) AS request
 {parts.grouping}
"""
    return await fetch_rows(connection, statement, parts.values)


async def count_reasons(connection: Connection, reading: Reading) -> Sequence[Row]:
    """Return why real leads were disqualified, the most frequent reason first."""
    parts = Parts(reading, "received_at")
    statement = f"""
SELECT disqualified_reason AS name, count(*) AS leads
  FROM lead_facts
 WHERE {parts.where} AND NOT imported AND excluded IS NULL AND spam_at IS NULL AND {_DISQUALIFIED}
 GROUP BY disqualified_reason ORDER BY leads DESC, name
"""
    return await fetch_rows(connection, statement, parts.values)


async def count_blocks(connection: Connection, reading: Reading) -> Sequence[Row]:
    """Return by which names new leads were blocked, the most frequent first."""
    parts = Parts(reading, "arrived_at")
    statement = f"""
SELECT block AS name, count(*) AS leads
  FROM assignment_facts
 WHERE {parts.where} AND arrival = 'new' AND excluded = 'blocked'
 GROUP BY block ORDER BY leads DESC, name
"""
    return await fetch_rows(connection, statement, parts.values)


async def count_signals(connection: Connection, reading: Reading) -> Sequence[Row]:
    """Return what became of new leads by each part of junk that they carried, for each group and for all.

    A group may be a `signal`. Of everything together each lead counts once.
    """
    parts = Parts(reading, "received_at", {**_REASON, "signal": "signal"})
    ends = {
        "spam": IS_SPAM,
        "not_spam": SAID_GOOD,
        "progressed": PROGRESSED,
        "good": f"({SAID_GOOD} OR {PROGRESSED})",
        **{f"junk_{each}": f"junk = '{each}'" for each in _JUNK},
    }
    counts = "".join(f", count(DISTINCT lead_id) FILTER (WHERE {name}) AS {name}" for name in ends)
    columns = "".join(f"{what} AS {name}, " for name, what in ends.items())
    statement = f"""
SELECT {parts.total} AS is_total, {parts.names}count(DISTINCT lead_id) AS leads{counts},
       max(changed_at) AS changed_at
  FROM (SELECT {parts.keys}{columns}lead_id, changed_at
          FROM lead_facts CROSS JOIN LATERAL unnest(junk_parts) AS part (signal)
         WHERE {parts.where} AND NOT imported AND excluded IS DISTINCT FROM 'merged') AS lead
 {parts.grouping}
"""
    return await fetch_rows(connection, statement, parts.values)
