"""`quality`: how much of what is received is worth work."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.reports.dimensions import DIMENSIONS
from app.reports.groups import Key, key_of, newest_change, table_of
from app.reports.report import Question, Report
from app.reports.statistics import Rate
from app.reports.tables import Column, Result
from app.store.connection.pool import Connection, Row
from app.store.reports import quality as store
from app.store.reports.cuts import NONE

_COLUMNS = (
    Column("received", "count", "Requests that came in: new leads, leads that came again, and duplicates."),
    Column("duplicates", "rate", "Requests that repeated an earlier one and changed nothing, of received."),
    Column("came_again", "count", "Requests of known leads that said something new, or came later."),
    Column("merged", "rate", "New leads that were merged into another one, of received."),
    Column("spam", "rate", "New leads that are spam, of received."),
    Column(
        "blocked", "rate", "New leads that the plan or a suppression list blocked otherwise, of received."
    ),
    Column("leads", "count", "New leads that are left: real ones."),
    Column("invalid_contact", "rate", "Real leads that cannot be reached by what they sent, of real ones."),
    Column("disqualified", "rate", "Real leads that were disqualified and never qualified, of real ones."),
    Column("converted", "rate", "Real leads that bought, of real ones."),
    Column("fraud", "rate", "New leads that somebody reported as fraud, of received."),
    Column("junk_blocked", "rate", "New leads that were blocked as junk, of received."),
    Column("junk_review", "rate", "New leads that waited for somebody to look at them, of received."),
    Column("junk_flagged", "rate", "New leads of which something spoke for junk, no more, of received."),
    Column("unblocked", "rate", "Leads that a person routed after all, of those blocked as junk."),
    Column("not_spam", "count", "New leads that looked like junk, and were reported as `not_spam`."),
)
_OF_SIGNALS = (
    Column("leads", "count", "New leads that carried the part."),
    Column("junk_blocked", "rate", "Those that were blocked as junk, of these."),
    Column("junk_review", "rate", "Those that waited for somebody to look at them, of these."),
    Column("spam", "rate", "Those that were reported as `spam`, of these."),
    Column("not_spam", "rate", "Those that were reported as `not_spam`, or unblocked, of these."),
    Column("progressed", "rate", "Those that came to a meeting or a purchase, of these."),
    Column("precision", "rate", "Those reported as spam, of those known to be spam or real."),
)
REASON, SIGNAL = "reason", "signal"
_SIGNAL_COUNTS = ("leads", "spam", "not_spam", "progressed")
_FRAUD = "nothing detects fraud; report `x-fraud`, or the reason `fraud`, to count it"
_TESTS = "test leads are kept apart for seven days: `GET /intake/tests`"


async def _answer(connection: Connection, question: Question) -> Result:
    if SIGNAL in (*question.group_by, *question.filters):
        return await _by_signal(connection, question)
    if REASON in (*question.group_by, *question.filters):
        return await _by_reason(connection, question)
    counted = await store.count_received(connection, question.reading)
    reasons = await store.count_reasons(connection, question.reading)
    blocks = await store.count_blocks(connection, question.reading)
    has_fraud = any(row["fraud"] for row in counted)

    def cells(row: Row) -> Mapping[str, Any]:
        return {**_cells(row), "fraud": Rate(row["fraud"], row["received"]) if has_fraud else None}

    signals = await store.count_signals(connection, replace(question, group_by=(SIGNAL,)).reading)
    unknown = {"tests": _TESTS} | ({} if has_fraud else {"fraud": _FRAUD})
    return Result(
        await table_of(question, _COLUMNS, counted, cells),
        credit="first",
        details={
            "disqualified_by_reason": [{"reason": row["name"], "leads": row["leads"]} for row in reasons],
            "blocked_by_name": [{"block": row["name"], "leads": row["leads"]} for row in blocks],
            "junk_by_signal": [
                {SIGNAL: row[SIGNAL], **{name: row[name] for name in _SIGNAL_COUNTS}}
                for row in signals
                if not row["is_total"]
            ],
        },
        not_available=unknown,
        changed_at=await newest_change(counted),
    )


async def _by_reason(connection: Connection, question: Question) -> Result:
    """Why real leads were disqualified: each reason, of all real leads of its group."""
    wanted = question.filters.get(REASON)
    others = [name for name in question.group_by if name != REASON]
    question = replace(
        question,
        group_by=(*others, REASON),
        filters={name: values for name, values in question.filters.items() if name != REASON},
    )
    counted = await store.count_received(connection, question.reading)
    groups = [row for row in counted if not row["is_total"]]
    received: Counter[Key] = Counter()
    real: Counter[Key] = Counter()
    for row in groups:
        key = key_of(row, others)
        received[key] += row["received"]
        real[key] += row["real"]
    told = [row for row in groups if row["disqualified"] and (wanted is None or _name(row) in wanted)]
    disqualified = sum(row["disqualified"] for row in told)

    def cells(row: Row) -> Mapping[str, Any]:
        key = key_of(row, others)
        if row["is_total"]:
            return _of_reasons(received.total(), real.total(), disqualified)
        return _of_reasons(received[key], real[key], row["disqualified"])

    columns = [each for each in _COLUMNS if each.name in ("received", "leads", "disqualified")]
    totals = [row for row in counted if row["is_total"]]
    return Result(
        await table_of(question, columns, [*told, *totals], cells),
        credit="first",
        changed_at=await newest_change(counted),
    )


async def _by_signal(connection: Connection, question: Question) -> Result:
    """What became of the leads that carried each part of junk."""
    if SIGNAL not in question.group_by:
        question = replace(question, group_by=(*question.group_by, SIGNAL))
    counted = await store.count_signals(connection, question.reading)
    return Result(
        await table_of(question, _OF_SIGNALS, counted, _of_signal),
        credit="first",
        changed_at=await newest_change(counted),
    )


def _of_signal(row: Row) -> dict[str, Any]:
    leads = row["leads"]
    shares = ("junk_blocked", "junk_review", "spam", "not_spam", "progressed")
    return {
        "leads": leads,
        **{name: Rate(row[name], leads) for name in shares},
        "precision": Rate(row["spam"], row["spam"] + row["good"]),
    }


def _name(row: Row) -> str:
    return NONE if row[REASON] is None else str(row[REASON])


def _of_reasons(received: int, real: int, disqualified: int) -> dict[str, Any]:
    return {"received": received, "leads": real, "disqualified": Rate(disqualified, real)}


def _cells(row: Row) -> dict[str, Any]:
    received, real = row["received"], row["real"]
    return {
        "received": received,
        "duplicates": Rate(row["duplicate"], received),
        "came_again": row["reengaged"],
        "merged": Rate(row["merged"], received),
        "spam": Rate(row["spam"], received),
        "blocked": Rate(row["blocked"], received),
        "leads": real,
        "invalid_contact": Rate(row["invalid_contact"], real),
        "disqualified": Rate(row["disqualified"], real),
        "converted": Rate(row["converted"], real),
        **{name: Rate(row[name], received) for name in ("junk_blocked", "junk_review", "junk_flagged")},
        "unblocked": Rate(row["unblocked"], row["junk_blocked"]),
        "not_spam": row["not_spam"],
    }


QUALITY = Report(
    name="quality",
    question="How much of what we receive is worth our work, and what is the rest?",
    definition=(
        "Each request of the period is one of these: a duplicate, a known lead that came again, or a new "
        "lead. A new lead may be merged, spam, blocked, or real. Spam is what somebody reported as `spam`, "
        "and what is blocked as junk or by a name that begins with spam. Real leads may turn out to be not "
        "reachable or not a fit. By `reason`, each row is a reason for which real leads were disqualified. "
        "By `signal`, each row is a part of junk, with what became of the new leads that carried it. Of "
        "reports as `spam` and as `not_spam` the newest counts."
    ),
    numerator=(
        "Requests of each kind; real leads with `invalid_contact`, with `disqualified`, with a purchase."
    ),
    denominator=(
        "All requests of the period; for `invalid_contact`, `disqualified` and `converted` the real leads. "
        "Imports are neither."
    ),
    answer=_answer,
    dimensions=(*DIMENSIONS, REASON, SIGNAL),
)
