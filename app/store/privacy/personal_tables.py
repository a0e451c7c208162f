"""Which tables hold data about the person behind a lead, and how the rows of one lead are found and erased.

Every table of a workspace is in exactly one of the two lists here; a test compares them with the catalog. So
a new table is a line in one of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PersonalTable:
    """A table with data about leads.

    section: its name in an export.
    key:     the columns of its primary key after `workspace_id`.
    rows:    the condition that finds rows; `$2` is the id of a lead, or with `by` of an assignment.
    erase:   what erasure sets in a row, where `$2` is the time. An empty text deletes the row.
    hidden:  columns that an export leaves out: they tell nothing about the person.
    """

    section: str
    name: str
    key: tuple[str, ...]
    rows: str
    erase: str | None
    by: Literal["lead", "assignment"] = "lead"
    hidden: tuple[str, ...] = ()


KEPT: None = None
"""Rows that stay as they are: they hold ids and times, but nothing that the person sent."""
DELETED = ""

# The order of columns after ORDER BY is that of the index to use: while a table is empty, the planner could
# otherwise take one that reads the whole workspace.
PERSONAL_TABLES = (
    PersonalTable(
        "leads", "leads", ("id",), "id = $2",
        "state = 'erased', assignment_id = NULL, fields_from = NULL, barred_owners = '{}', signals = NULL,"
        " preferences = NULL, merged_into = NULL",
    ),
    PersonalTable(
        "preference_changes", "preference_changes", ("lead_id", "id"), "lead_id = $2 ORDER BY id", DELETED
    ),
    PersonalTable(
        "contacts", "contacts", ("lead_id", "at", "action_id"), "lead_id = $2 ORDER BY at, action_id", DELETED
    ),
    PersonalTable(
        "merges", "lead_merges", ("id",),
        "(lead_id = $2 OR survivor_id = $2)",
        "reason = NULL, taken = NULL, keys = NULL, records = NULL, undo_reason = NULL",
        hidden=("refunded", "undo_response"),
    ),
    PersonalTable("keys", "identities", ("kind", "value", "lead_id", "source"), "lead_id = $2", DELETED),
    PersonalTable(
        "decisions", "assignments", ("id",), "lead_id = $2 ORDER BY decision_number",
        "response = '', inputs = ''",
    ),
    PersonalTable(
        "events", "events", ("id",), "assignment_id = $2",
        "event_id = NULL, body_hash = NULL, note = NULL, response = NULL, details = NULL,"
        " reason = CASE WHEN effect = 'rejected' THEN reason END",
        by="assignment", hidden=("body_hash", "sequence"),
    ),
    PersonalTable(
        "clocks", "sla_clocks", ("assignment_id", "kind"), "assignment_id = $2 ORDER BY kind", KEPT,
        by="assignment",
    ),
    PersonalTable(
        "actions", "actions", ("id",), "lead_id = $2 AND type <> 'erase' ORDER BY sequence",
        "body = '{\"params\": {}, \"due_at\": null}', ended_at = coalesce(ended_at, $2),"
        " state = CASE WHEN state = 'acknowledged' THEN state ELSE 'withdrawn' END",
        hidden=("lease_token", "leased_until", "sequence"),
    ),
    PersonalTable(
        "messages", "target_messages", ("target_id", "id"),
        "lead_id = $2 AND type <> 'erase' ORDER BY target_id, sequence",
        "ended_at = CASE WHEN state <> 'leased' THEN coalesce(ended_at, $2) END,"
        " state = CASE WHEN state IN ('waiting', 'ready', 'dead') THEN 'withdrawn' ELSE state END",
        hidden=("lease_token", "leased_until", "sequence"),
    ),
    PersonalTable(
        "job_results", "bulk_job_items", ("job_id", "position"), "lead_id = $2 ORDER BY position, job_id",
        "details = NULL, terms = NULL",
    ),
    PersonalTable(
        "idempotency_keys", "idempotency_keys", ("key",), "lead_id = $2", "status = 410, response = NULL",
        hidden=("body_hash",),
    ),
    PersonalTable(
        "crm_records", "crm_records", ("system", "object", "id"), "lead_id = $2", DELETED
    ),
    PersonalTable(
        "form_records", "form_records", ("endpoint_id", "record"), "lead_id = $2", "lead_id = NULL",
    ),
    PersonalTable(
        "suppressions", "suppressions", ("kind", "value", "id"), "assignment_id = $2", KEPT, by="assignment",
        hidden=("value",),
    ),
)  # fmt: skip
"""The tables in which a lead is found by its id, or by those of its assignments.

Suppressions are keyed hashes from the start. Erasure also replaces the names of deals by numbers.
"""

RECIPIENTS = (
    """SELECT DISTINCT 'executor' AS kind, leased_by AS id FROM actions
        WHERE workspace_id = $1 AND lead_id = $2 AND leased_by IS NOT NULL AND type <> 'erase'""",
    """SELECT DISTINCT 'target' AS kind, target_id AS id FROM target_messages
        WHERE workspace_id = $1 AND lead_id = $2 AND attempts > 0 AND type <> 'erase'""",
)
"""Statements that name everybody outside who got data of a lead (`$2`): a kind, and an id of that kind."""

RECORDS = ("SELECT system, object, id FROM crm_records WHERE workspace_id = $1 AND lead_id = $2",)
"""Statements that name the CRM records of a lead (`$2`): their system, object and id."""

ELSEWHERE: Mapping[str, str] = {
    "failed_leads": "leads that could not be decided; found by the keys of the person",
    "attribute_names": "names of custom attributes; those of an erased lead that no plan uses are deleted",
    "plans": "plans, whose tests may hold the fields of a lead",
    "crm_inbox": "events of webhooks, found by the CRM records of the lead, and failures by their values",
    "crm_deliveries": "bodies of webhooks, found by their events",
    "crm_field_versions": "values of fields of CRM records",
    "crm_findings": "findings about CRM records",
    "crm_turns": "CRM records that are being processed",
    "enrichment_answers": "answers of providers about the person, found by its addresses and numbers",
    "test_leads": "test leads of form tools, which go after seven days",
    "arrivals": "hashes of addresses from which leads came, which go after a day",
}
"""Tables with data about leads that need a statement of their own."""

NOTHING: Mapping[str, str] = {
    "workspace_locks": "one row for each workspace",
    "clocks": "the time of the workspace",
    "count_changes": "counts of leads by state and by queue",
    "journal": "balances, turns and loads of owners",
    "directory": "owners, teams, accounts, tables",
    "table_versions": "lookup tables",
    "account_keys": "domains and CRM ids of accounts",
    "account_names": "words of the names of accounts",
    "account_name_backfills": "how far the names of accounts have come",
    "changes": "edits of the directory and of plans; entries about suppressions leave the address out",
    "ledger_entries": "turns of owners, by assignment",
    "share_facts": "which split each row of a ledger has",
    "share_splits": "shares of owners, by cause",
    "enrichment_breakers": "providers that fail",
    "enrichment_secrets": "secrets of providers",
    "enrichment_keys": "the key of the hashes of what providers were asked",
    "bulk_jobs": "what a job was asked to do",
    "clock_recounts": "owners",
    "worker_runs": "times",
    "endpoint_secrets": "secrets of webhooks",
    "endpoint_hours": "counts of webhooks",
    "form_ids": "hashes of ids of deliveries",
    "form_tokens": "tokens with which leads are fetched",
    "crm_confirmed_writes": "decisions whose owner the CRM confirmed",
    "crm_users": "owners as users of CRMs",
    "crm_watch": "how far the decisions were looked at",
    "targets": "where messages are sent",
    "target_secrets": "secrets of targets",
    "target_cursors": "how far messages were made",
    "erasures": "ids of erased leads, who erased them and when",
    "owner_erasures": "ids of erased owners, who erased them and when",
    "hash_keys": "the key of the hashes that are kept of erased persons",
    "suppression_keys": "the keys of the hashes in suppression lists",
    "barred_records": "keyed hashes of erased CRM records",
    "retention_runs": "how far the deletion of old leads is",
    **dict.fromkeys(
        ("lead_facts", "assignment_facts", "promise_facts", "event_facts", "sale_facts"),
        "facts for reports: ids, codes, times, amounts and names of marketing, and nothing about the person",
    ),
    "fact_cursors": "how far facts are made",
    "stale_facts": "ids of leads whose facts are to be made again",
    "spend": "what campaigns cost, by day",
    "console_sessions": "hashes of tokens, with the ids of keys, until they end",
    "console_links": "the same",
}
"""Tables without data about the person behind a lead, and what they hold."""
