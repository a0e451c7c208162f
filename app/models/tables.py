"""All tables after the newest migration, for tools that compare schemas. Statements are in `app/store`.

`metadata` holds columns, keys and indexes. Checks, grants and row-level security are in the migrations only,
and tests read them from the catalog.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, TIMESTAMP

metadata = MetaData()
INSTANT = TIMESTAMP(timezone=True)

GLOBAL = frozenset(
    (
        "workspaces", "api_keys", "rate_levels", "webhook_paths", "installation", "report_readers",
        "alembic_version",
    )
)  # fmt: skip
"""Tables that are read without a workspace. In all others `workspace_id` is the first column of each key."""


def _required(name: str, kind: Any, *more: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, *more, nullable=False, **options)


def _of_a_workspace(name: str, *items: Any, key: tuple[str, ...] = ()) -> Table:
    """A table with `workspace_id` as the first column of its key."""
    first = Column("workspace_id", BigInteger, nullable=False, autoincrement=False)
    return Table(name, metadata, first, *items, PrimaryKeyConstraint("workspace_id", *key))


def _index(name: str, *columns: str, where: str | None = None) -> Index:
    parts = (text(column) if " " in column else column for column in columns)
    return Index(name, "workspace_id", *parts, postgresql_where=text(where) if where else None)


CUTS = (
    "source", "campaign", "channel", "lead_type", "band", "account_status", "trigger", "step", "strategy",
    "team_id", "owner_id", "form",
)  # fmt: skip
"""What reports group and filter by, besides the version of the plan."""


def _cuts() -> Iterator[Column[Any]]:
    """What reports group and filter by, in each table of facts."""
    yield from (Column(name, Text) for name in CUTS)
    yield _required("plan_version", Integer)
    yield Column("excluded", Text)


workspaces = Table(
    "workspaces",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _required("name", Text, unique=True),
    _required("created_at", INSTANT, server_default=text("now()")),
    _required("timezone", Text, server_default=text("'UTC'")),
    Column("rate", Double),
    Column("burst", Integer),
    Column("quota_leads", Integer),
    Column("quota_days", Integer),
)
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    _required("workspace_id", BigInteger, ForeignKey("workspaces.id", ondelete="CASCADE")),
    _required("secret_hash", LargeBinary),
    _required("scopes", ARRAY(Text)),
    Column("owner_id", Text),
    _required("label", Text),
    _required("created_at", INSTANT, server_default=text("now()")),
    Column("revoked_at", INSTANT),
    Column("source", Text),
    Column("rate", Double),
    Column("burst", Integer),
)
rate_levels = Table(
    "rate_levels",
    metadata,
    Column("bucket", Text, primary_key=True),
    *(_required(name, Double) for name in ("per_second", "burst", "tokens", "demand")),
    _required("at", INSTANT),
)
webhook_paths = Table(
    "webhook_paths",
    metadata,
    Column("path_hash", LargeBinary, primary_key=True),
    _required("workspace_id", BigInteger, ForeignKey("workspaces.id", ondelete="CASCADE")),
    _required("endpoint_id", Text),
    _required("path", LargeBinary),
    _required("created_at", INSTANT, server_default=text("now()")),
    Column("ends_at", INSTANT),
    Column("deleted", LargeBinary),
    Column("last_handshake_at", INSTANT),
    Index("webhook_paths_of_endpoint", "workspace_id", "endpoint_id"),
)
installation = Table(
    "installation",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, server_default=text("1")),
    _required("system_identifier", Text),
    _required("database_name", Text),
    _required("recorded_at", INSTANT, server_default=text("now()")),
)

report_readers = Table(
    "report_readers",
    metadata,
    Column("login", Text, primary_key=True),
    _required("workspace_id", BigInteger, ForeignKey("workspaces.id", ondelete="CASCADE")),
)

console_sessions = _of_a_workspace(
    "console_sessions",
    _required("token_hash", LargeBinary),
    _required("key_id", Text),
    _required("began_at", INSTANT, server_default=text("now()")),
    _required("ends_at", INSTANT),
    _index("console_sessions_by_end", "ends_at"),
    key=("token_hash",),
)
console_links = _of_a_workspace(
    "console_links",
    _required("token_hash", LargeBinary),
    _required("key_id", Text),
    _required("ends_at", INSTANT),
    _index("console_links_by_end", "ends_at"),
    key=("token_hash",),
)
workspace_locks = _of_a_workspace("workspace_locks")
clocks = _of_a_workspace(
    "clocks", _required("set_at", INSTANT), _required("base_time", INSTANT), _required("speed", Double)
)
journal = _of_a_workspace(
    "journal",
    _required("number", BigInteger),
    _required("token", Uuid),
    _required("at", INSTANT),
    _required("decision_number", BigInteger),
    _required("received", BigInteger),
    _required("matched", BigInteger),
    _required("directory_version", BigInteger),
    _required("plan_version", Integer),
    _required("state_delta", JSON),
    Column("full_state", JSON),
    _index("journal_full_state", "number", where="full_state IS NOT NULL"),
    key=("number",),
)

directory = _of_a_workspace(
    "directory",
    _required("resource_type", Text),
    _required("id", Text),
    _required("body", JSONB),
    _required("revision", BigInteger),
    _required("updated_at", INSTANT),
    _index(
        "directory_moving_absences",
        "id",
        where="resource_type = 'absences' AND body ->> 'open_leads' = 'move'",
    ),
    key=("resource_type", "id"),
)
table_versions = _of_a_workspace(
    "table_versions",
    _required("id", Text),
    _required("revision", BigInteger),
    _required("content", LargeBinary),
    _required("row_count", Integer),
    _required("actor", Text),
    _required("at", INSTANT),
    key=("id", "revision"),
)
account_keys = _of_a_workspace(
    "account_keys",
    _required("kind", Text),
    _required("value", Text),
    _required("account_id", Text),
    _required("rank", SmallInteger, server_default=text("0")),
    _index("account_keys_of_account", "account_id"),
    key=("kind", "value", "rank", "account_id"),
)
account_names = _of_a_workspace(
    "account_names",
    _required("kind", Text),
    _required("value", Text),
    _required("account_id", Text),
    _index("account_names_of_account", "account_id"),
    key=("kind", "value", "account_id"),
)
account_name_backfills = _of_a_workspace(
    "account_name_backfills",
    _required("after_id", Text),
    key=(),
)
changes = _of_a_workspace(
    "changes",
    _required("version", BigInteger),
    _required("at", INSTANT),
    _required("actor", Text),
    _required("resource_type", Text),
    _required("resource_id", Text),
    _required("action", Text),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("comment", Text),
    _index("changes_of_resource", "resource_type", "resource_id", "version"),
    key=("version",),
)
plans = _of_a_workspace(
    "plans",
    _required("version", Integer),
    _required("document", JSON),
    _required("source_text", Text),
    _required("author", Text),
    Column("comment", Text),
    _required("created_at", INSTANT),
    Column("activated_at", INSTANT),
    Column("label_names", JSON),
    key=("version",),
)

leads = _of_a_workspace(
    "leads",
    _required("id", Uuid),
    _required("state", Text),
    Column("assignment_id", Uuid),
    _required("received_at", INSTANT),
    Column("fields_from", Uuid),
    _required("barred_owners", ARRAY(Text), server_default=text("'{}'::text[]")),
    Column("signals", JSON),
    Column("preferences", JSON),
    Column("merged_into", Uuid),
    _index("leads_by_state", "state"),
    _index("leads_merged", "merged_into", where="merged_into IS NOT NULL"),
    key=("id",),
)
count_changes = _of_a_workspace(
    "count_changes",
    _required("number", BigInteger, Identity()),
    _required("is_sum", Boolean, server_default=text("false")),
    _required("counts", JSONB),
    _index("count_changes_sums", "number", where="is_sum"),
    key=("number",),
)
identities = _of_a_workspace(
    "identities",
    _required("kind", Text),
    _required("value", Text),
    _required("lead_id", Uuid),
    _required("source", Text, server_default=text("''")),
    ForeignKeyConstraint(["workspace_id", "lead_id"], ["leads.workspace_id", "leads.id"]),
    _index("identities_of_lead", "lead_id"),
    key=("kind", "value", "lead_id", "source"),
)
assignments = _of_a_workspace(
    "assignments",
    _required("id", Uuid),
    _required("decision_number", BigInteger),
    _required("lead_id", Uuid),
    _required("cause", Text),
    _required("outcome", Text),
    _required("code", Text),
    *(Column(name, Text) for name in ("step", "owner_id", "team_id", "queue", "path", "block")),
    _required("priority", Integer),
    _required("open", Boolean),
    _required("counts_toward_load", Boolean),
    Column("existing_kind", Text),
    Column("existing_assignment_id", Uuid),
    _required("decided_at", INSTANT),
    _required("plan_version", Integer),
    _required("response", LargeBinary),
    _required("inputs", LargeBinary),
    Column("held_until", INSTANT),
    Column("held_for_owner", Text),
    Column("held_for_team", Text),
    _required("attempt", SmallInteger, server_default=text("1")),
    Column("ended_at", INSTANT),
    Column("end_cause", Text),
    *(Column(name, INSTANT) for name in ("accepted_at", "touched_at", "active_at", "idle_from")),
    Column("queue_since", INSTANT),
    Column("queue_rank", Double),
    Column("queue_number", BigInteger),
    Column("origin_owner", Text),
    Column("from_assignment_id", Uuid),
    Column("handoff", Text),
    _required("refunded", Boolean, server_default=text("false")),
    Column("dispute", Text),
    UniqueConstraint("workspace_id", "decision_number"),
    ForeignKeyConstraint(["workspace_id", "lead_id"], ["leads.workspace_id", "leads.id"]),
    _index("assignments_of_lead", "lead_id", "decision_number"),
    _index("assignments_open", "owner_id", "decision_number", where="open AND owner_id IS NOT NULL"),
    _index("assignments_open_of_team", "team_id", "decision_number", where="open AND team_id IS NOT NULL"),
    _index("assignments_open_by_number", "decision_number", where="open AND decision_number > 0"),
    _index("assignments_blocked", "decision_number", where="outcome = 'blocked'"),
    _index("assignments_idle", "idle_from", where="open AND idle_from IS NOT NULL"),
    _index("assignments_left_in_crm", "owner_id", "ended_at", where="end_cause = 'crm'"),
    _index("assignments_refunded", "id", where="refunded"),
    _index("assignments_of_origin", "origin_owner", where="open AND origin_owner IS NOT NULL"),
    _index("assignments_toward_load", "owner_id", "decided_at", where="counts_toward_load"),
    _index(
        "assignments_waiting",
        "queue",
        "queue_rank DESC",
        "queue_since",
        "queue_number",
        where="open AND queue IS NOT NULL",
    ),
    _index("assignments_waiting_since", "queue", "queue_since", where="open AND queue IS NOT NULL"),
    _index("assignments_held", "held_until", where="open AND held_until IS NOT NULL"),
    _index(
        "assignments_held_for",
        "held_for_owner",
        "held_for_team",
        "priority DESC",
        "decision_number",
        where="open AND held_until IS NOT NULL",
    ),
    key=("id",),
)
ledger_entries = _of_a_workspace(
    "ledger_entries",
    _required("team_id", Text),
    _required("number", BigInteger),
    _required("cause", Text),
    Column("chosen", Text),
    Column("assignment_id", Uuid),
    _required("at", INSTANT),
    _required("owners", ARRAY(Text)),
    _required("amounts", ARRAY(BigInteger)),
    _index("ledger_entries_of_assignment", "assignment_id", where="assignment_id IS NOT NULL"),
    key=("team_id", "number"),
)
share_splits = _of_a_workspace(
    "share_splits",
    _required("id", Uuid),
    _required("owners", ARRAY(Text)),
    _required("columns", ARRAY(Text)),
    _required("amounts", ARRAY(BigInteger)),
    key=("id",),
)
share_facts = _of_a_workspace(
    "share_facts",
    _required("team_id", Text),
    _required("number", BigInteger),
    _required("at", INSTANT),
    Column("assignment_id", Uuid),
    _required("split_id", Uuid),
    Index(
        "share_facts_by_time",
        "workspace_id",
        "at",
        postgresql_include=["team_id", "split_id", "assignment_id"],
    ),
    key=("team_id", "number"),
)
events = _of_a_workspace(
    "events",
    _required("id", Uuid),
    _required("assignment_id", Uuid),
    _required("type", Text),
    _required("at", INSTANT),
    _required("actor", Text),
    Column("lead_id", Uuid),
    Column("sequence", BigInteger, Identity(), nullable=False),
    _required("source", Text, server_default=text("''")),
    Column("event_id", Text),
    Column("body_hash", LargeBinary),
    _required("received_at", INSTANT, server_default=text("now()")),
    _required("day_only", Boolean, server_default=text("false")),
    *(Column(name, Text) for name in ("by_id", "via", "reason")),
    Column("amount", Numeric),
    *(Column(name, Text) for name in ("currency", "note", "ref")),
    Column("for_at", INSTANT),
    Column("until_at", INSTANT),
    _required("effect", Text, server_default=text("'none'")),
    Column("status", SmallInteger),
    Column("response", LargeBinary),
    Column("details", JSON),
    _index("events_of_assignment", "assignment_id"),
    Index(
        "events_by_source",
        "workspace_id",
        "source",
        "event_id",
        unique=True,
        postgresql_where=text("event_id IS NOT NULL"),
    ),
    _index("events_of_lead", "lead_id", "received_at"),
    _index(
        "events_of_deals",
        "lead_id",
        "sequence",
        where="type IN ('opportunity', 'purchase', 'reversed')",
    ),
    _index("events_by_age", "received_at"),
    _index("events_with_id", "received_at", where="event_id IS NOT NULL OR response IS NOT NULL"),
    key=("id",),
)
sla_clocks = _of_a_workspace(
    "sla_clocks",
    _required("assignment_id", Uuid),
    _required("kind", Text),
    _required("lead_id", Uuid),
    *(Column(name, Text) for name in ("sla", "owner_id", "team_id", "queue")),
    *(_required(name, INSTANT) for name in ("started_at", "first_due_at", "due_at", "next_at")),
    _required("reminded", SmallInteger, server_default=text("0")),
    _required("terms", JSON),
    _required("state", Text),
    Column("ended_at", INSTANT),
    Column("strike", Text),
    _index("sla_clocks_next", "next_at", where="state = 'pending'"),
    _index("sla_clocks_pending", "owner_id", "assignment_id", where="state = 'pending'"),
    _index("sla_clocks_strikes", "owner_id", "ended_at", where="strike IN ('new', 'counted')"),
    _index("sla_clocks_of_owner", "owner_id", "state", "ended_at"),
    key=("assignment_id", "kind"),
)
actions = _of_a_workspace(
    "actions",
    _required("id", Text),
    Column("sequence", BigInteger, Identity(), nullable=False),
    _required("lead_id", Uuid),
    _required("assignment_id", Uuid),
    _required("type", Text),
    _required("body", JSON),
    _required("created_at", INSTANT),
    _required("available_at", INSTANT),
    Column("number", BigInteger),
    _required("state", Text),
    _required("deliveries", SmallInteger, server_default=text("0")),
    Column("lease_token", Uuid),
    Column("leased_until", INSTANT),
    Column("leased_by", Text),
    Column("ended_at", INSTANT),
    _required("push", Boolean, server_default=text("false")),
    Column("contact_names", ARRAY(Text)),
    Column("cause", Text),
    Index(
        "actions_by_number",
        "workspace_id",
        "number",
        unique=True,
        postgresql_where=text("number IS NOT NULL"),
    ),
    _index("actions_waiting", "available_at", where="state = 'waiting'"),
    _index("actions_undelivered", "number", where="state IN ('available', 'leased')"),
    _index("actions_leased", "leased_until", where="state = 'leased'"),
    _index("actions_failed", "state", "number", where="state IN ('dead', 'expired')"),
    _index("actions_of_lead", "lead_id", "sequence"),
    _index("actions_ended", "ended_at", where="ended_at IS NOT NULL"),
    key=("id",),
)
targets = _of_a_workspace(
    "targets",
    _required("id", Text),
    _required("url", Text),
    _required("types", ARRAY(Text)),
    _required("active", Boolean),
    _required("max_parallel", SmallInteger),
    _required("revision", BigInteger),
    _required("updated_at", INSTANT),
    _required("updated_by", Text),
    _required("failures", Integer, server_default=text("0")),
    Column("opened_at", INSTANT),
    Column("open_until", INSTANT),
    key=("id",),
)
target_secrets = _of_a_workspace(
    "target_secrets",
    _required("target_id", Text),
    _required("id", Uuid),
    _required("sealed", LargeBinary),
    _required("fingerprint", Text),
    _required("created_at", INSTANT),
    Column("last_used_at", INSTANT),
    ForeignKeyConstraint(
        ("workspace_id", "target_id"), ("targets.workspace_id", "targets.id"), ondelete="CASCADE"
    ),
    key=("target_id", "id"),
)
target_cursors = _of_a_workspace(
    "target_cursors",
    _required("action_number", BigInteger),
    _required("decision_number", BigInteger),
)
target_messages = _of_a_workspace(
    "target_messages",
    _required("target_id", Text),
    _required("id", Text),
    Column("sequence", BigInteger, Identity(), nullable=False),
    _required("type", Text),
    _required("lead_id", Uuid),
    Column("assignment_id", Uuid),
    _required("source", Text),
    _required("state", Text),
    _required("created_at", INSTANT),
    _required("attempts", SmallInteger, server_default=text("0")),
    Column("first_at", INSTANT),
    _required("next_at", INSTANT),
    Column("lease_token", Uuid),
    Column("leased_until", INSTANT),
    Column("status", SmallInteger),
    Column("code", Text),
    Column("ended_at", INSTANT),
    ForeignKeyConstraint(
        ("workspace_id", "target_id"), ("targets.workspace_id", "targets.id"), ondelete="CASCADE"
    ),
    _index("target_messages_of_lead", "lead_id", "target_id", "sequence"),
    _index("target_messages_ready", "target_id", "next_at", where="state = 'ready'"),
    _index("target_messages_leased", "target_id", where="state = 'leased'"),
    _index("target_messages_left", "created_at", where="state IN ('waiting', 'ready', 'dead')"),
    _index("target_messages_ended", "ended_at", where="ended_at IS NOT NULL"),
    _index("target_messages_by_state", "target_id", "state", "sequence"),
    key=("target_id", "id"),
)
bulk_jobs = _of_a_workspace(
    "bulk_jobs",
    _required("id", Uuid),
    _required("kind", Text),
    _required("state", Text),
    _required("params", JSON),
    _required("total", Integer),
    _required("actor", Text),
    _required("created_at", INSTANT),
    Column("ended_at", INSTANT),
    _index("bulk_jobs_running", "id", where="state = 'running'"),
    _index("bulk_jobs_ended", "ended_at", where="ended_at IS NOT NULL"),
    key=("id",),
)
bulk_job_items = _of_a_workspace(
    "bulk_job_items",
    _required("job_id", Uuid),
    _required("position", Integer),
    _required("lead_id", Uuid),
    Column("assignment_id", Uuid),
    Column("result", Text),
    Column("details", JSON),
    Column("terms", JSON),
    ForeignKeyConstraint(["workspace_id", "job_id"], ["bulk_jobs.workspace_id", "bulk_jobs.id"]),
    _index("bulk_job_items_left", "job_id", "position", where="result IS NULL"),
    _index("bulk_job_items_of_lead", "lead_id", "position", "job_id"),
    key=("job_id", "position"),
)
suppressions = _of_a_workspace(
    "suppressions",
    _required("kind", Text),
    _required("value", Text),
    _required("id", Uuid),
    _required("list", Text),
    _required("actor", Text),
    _required("at", INSTANT),
    Column("assignment_id", Uuid),
    Column("event_id", Uuid),
    Column("code", Text),
    _required("key_id", Integer),
    Index("suppressions_by_id", "workspace_id", "id", unique=True),
    _index("suppressions_of_assignment", "assignment_id"),
    Index(
        "suppressions_once",
        "workspace_id",
        "list",
        "kind",
        "value",
        unique=True,
        postgresql_where=text("assignment_id IS NULL"),
    ),
    _index("suppressions_by_list", "list", "id", "kind", "key_id"),
    key=("kind", "value", "id"),
)
suppression_keys = _of_a_workspace(
    "suppression_keys",
    Column("id", Integer, autoincrement=False),
    _required("key", LargeBinary),
    _required("created_at", INSTANT),
    key=("id",),
)
preference_changes = _of_a_workspace(
    "preference_changes",
    Column("lead_id", Uuid),
    Column("id", Uuid),
    _required("version", Integer),
    _required("at", INSTANT),
    _required("actor", Text),
    _required("details", JSON),
    key=("lead_id", "id"),
)
lead_merges = _of_a_workspace(
    "lead_merges",
    *(_required(name, Uuid) for name in ("id", "lead_id", "survivor_id")),
    _required("at", INSTANT),
    *(_required(name, Text) for name in ("source", "actor")),
    Column("reason", Text),
    _required("state", Text),
    _required("refunded", ARRAY(Uuid), server_default=text("'{}'::uuid[]")),
    *(Column(name, JSON) for name in ("taken", "keys", "records")),
    Column("undone_at", INSTANT),
    *(Column(name, Text) for name in ("undone_by", "undo_reason", "undo_response")),
    _index("lead_merges_of_lead", "lead_id", "at"),
    _index("lead_merges_of_survivor", "survivor_id", "at"),
    _index("lead_merges_undoable", "at", where="taken IS NOT NULL"),
    key=("id",),
)
contacts = _of_a_workspace(
    "contacts",
    Column("lead_id", Uuid),
    Column("at", INSTANT),
    Column("action_id", Text),
    _required("channel", Text),
    key=("lead_id", "at", "action_id"),
)
clock_recounts = _of_a_workspace(
    "clock_recounts", _required("owner_id", Text), Column("after", Uuid), key=("owner_id",)
)
worker_runs = _of_a_workspace(
    "worker_runs",
    _required("polled_at", INSTANT),
    Column("gap_from", INSTANT),
    Column("resumed_at", INSTANT),
    Column("holidays", Text),
)
crm_records = _of_a_workspace(
    "crm_records",
    *(_required(name, Text) for name in ("system", "object", "id")),
    Column("lead_id", Uuid),
    _required("state", Text),
    _required("seen_at", INSTANT),
    Column("gone_at", INSTANT),
    Column("merged_into", Text),
    _required("is_primary", Boolean, server_default=text("false")),
    Column("asked_at", INSTANT),
    Column("asked_for", Text),
    Column("action_id", Text),
    Column("deal", JSON),
    _required("endpoint_id", Text),
    _index("crm_records_of_lead", "lead_id", where="lead_id IS NOT NULL"),
    _index("crm_records_gone", "gone_at", where="state = 'gone'"),
    _index("crm_records_asked", "asked_at", where="asked_at IS NOT NULL"),
    _index("crm_records_merged", "system", "object", "merged_into", where="merged_into IS NOT NULL"),
    _index("crm_records_seen", "system", "seen_at"),
    _index("crm_records_without_lead", "seen_at", where="lead_id IS NULL"),
    key=("system", "object", "id"),
)
crm_field_versions = _of_a_workspace(
    "crm_field_versions",
    *(_required(name, Text) for name in ("system", "object", "id", "field")),
    Column("at", INSTANT),
    _required("order", BigInteger),
    _required("value", Text),
    Column("since", INSTANT),
    _required("by_person", Boolean),
    key=("system", "object", "id", "field"),
)
crm_confirmed_writes = _of_a_workspace(
    "crm_confirmed_writes",
    _required("assignment_id", Uuid),
    _required("system", Text),
    _required("at", INSTANT),
    key=("assignment_id", "system"),
)
crm_users = _of_a_workspace(
    "crm_users",
    *(_required(name, Text) for name in ("system", "id", "owner_id", "state")),
    Column("at", INSTANT),
    Column("absence_id", Text),
    Column("leaves_since", INSTANT),
    _index("crm_users_leaving", "leaves_since", where="leaves_since IS NOT NULL"),
    key=("system", "id"),
)
crm_findings = _of_a_workspace(
    "crm_findings",
    *(_required(name, Text) for name in ("code", "endpoint_id", "object", "record_id")),
    _required("since", INSTANT),
    _required("last_at", INSTANT),
    _required("count", BigInteger, server_default=text("1")),
    Column("lead_id", Uuid),
    _index("crm_findings_by_age", "last_at"),
    key=("code", "endpoint_id", "object", "record_id"),
)
crm_watch = _of_a_workspace("crm_watch", _required("decision_number", BigInteger))
idempotency_keys = _of_a_workspace(
    "idempotency_keys",
    _required("key", Text),
    _required("body_hash", LargeBinary),
    Column("assignment_id", Uuid),
    _required("status", SmallInteger),
    Column("response", LargeBinary),
    _required("at", INSTANT),
    Column("lead_id", Uuid),
    _index("idempotency_keys_by_age", "at"),
    _index("idempotency_keys_of_lead", "lead_id", where="lead_id IS NOT NULL"),
    _index("idempotency_keys_of_lists", "key", where="lead_id IS NULL AND response IS NOT NULL"),
    key=("key",),
)
failed_leads = _of_a_workspace(
    "failed_leads",
    _required("id", Uuid),
    _required("at", INSTANT),
    _required("code", Text),
    _required("request", LargeBinary),
    key=("id",),
)
attribute_names = _of_a_workspace(
    "attribute_names",
    _required("name", Text),
    _required("seen_at", INSTANT),
    key=("name",),
)
endpoint_secrets = _of_a_workspace(
    "endpoint_secrets",
    _required("endpoint_id", Text),
    _required("id", Uuid),
    _required("secret", LargeBinary),
    _required("fingerprint", Text),
    _required("created_at", INSTANT),
    Column("last_used_at", INSTANT),
    key=("endpoint_id", "id"),
)
endpoint_hours = _of_a_workspace(
    "endpoint_hours",
    _required("endpoint_id", Text),
    _required("hour", INSTANT),
    Column("last_at", INSTANT),
    _required("deliveries", BigInteger, server_default=text("0")),
    _required("events", BigInteger, server_default=text("0")),
    _required("duplicates", BigInteger, server_default=text("0")),
    _required("refused", BigInteger, server_default=text("0")),
    _required("unrecognized", BigInteger, server_default=text("0")),
    key=("endpoint_id", "hour"),
)
crm_deliveries = _of_a_workspace(
    "crm_deliveries",
    _required("id", Uuid),
    _required("endpoint_id", Text),
    _required("received_at", INSTANT),
    _required("headers", JSON),
    Column("body", LargeBinary),
    _index("crm_deliveries_kept", "received_at", where="body IS NOT NULL"),
    _index("crm_deliveries_by_age", "received_at"),
    _index("crm_deliveries_of_endpoint", "endpoint_id"),
    key=("id",),
)
crm_inbox = _of_a_workspace(
    "crm_inbox",
    _required("endpoint_id", Text),
    _required("dedupe_key", LargeBinary),
    _required("id", Uuid),
    _required("delivery_id", Uuid),
    _required("system", Text),
    _required("object", Text),
    _required("record_id", Text),
    _required("kind", Text),
    _required("event_at", INSTANT),
    _required("event_order", BigInteger),
    _required("position", Integer),
    Column("event", LargeBinary),
    _required("received_at", INSTANT),
    _required("state", Text),
    _required("tries", Integer, server_default=text("0")),
    _required("next_at", INSTANT),
    Column("wait_until", INSTANT),
    Column("code", Text),
    Column("ended_at", INSTANT),
    Index("crm_inbox_by_id", "workspace_id", "id", unique=True),
    _index("crm_inbox_of_delivery", "delivery_id"),
    _index("crm_inbox_of_record", "record_id", "object"),
    _index("crm_inbox_next", "next_at", where="state = 'pending'"),
    _index("crm_inbox_waiting", "wait_until", where="state = 'pending' AND wait_until IS NOT NULL"),
    _index("crm_inbox_pending", "record_id", "object", "system", where="ended_at IS NULL"),
    _index("crm_inbox_failed", "id", where="state = 'failed'"),
    _index("crm_inbox_of_forms", "state", "id", where="starts_with(system, 'form:') AND state <> 'done'"),
    _index("crm_inbox_ended", "ended_at", where="ended_at IS NOT NULL"),
    _index(
        "crm_inbox_to_fetch",
        "endpoint_id",
        "(coalesce(wait_until, '-infinity'::timestamptz))",
        where="state = 'failed' AND code = 'awaiting_fetch'",
    ),
    key=("endpoint_id", "dedupe_key"),
)
crm_turns = _of_a_workspace(
    "crm_turns",
    _required("system", Text),
    _required("object", Text),
    _required("record_id", Text),
    _required("until", INSTANT),
    Column("token", Uuid),
    key=("system", "object", "record_id"),
)
form_ids = _of_a_workspace(
    "form_ids",
    _required("endpoint_id", Text),
    _required("id_hash", LargeBinary),
    _required("inbox_id", Uuid),
    _required("until", INSTANT),
    _index("form_ids_until", "until"),
    key=("endpoint_id", "id_hash"),
)
enrichment_keys = _of_a_workspace("enrichment_keys", _required("key", LargeBinary))
enrichment_answers = _of_a_workspace(
    "enrichment_answers",
    _required("provider", Text),
    _required("query", Text),
    _required("kind", Text),
    Column("answer", JSON),
    Column("code", Text),
    Column("person", Text),
    _required("asked_at", INSTANT),
    _required("expires_at", INSTANT),
    _index("enrichment_answers_of_person", "person", where="person IS NOT NULL"),
    _index("enrichment_answers_expire", "expires_at"),
    key=("provider", "query"),
)
enrichment_breakers = _of_a_workspace(
    "enrichment_breakers",
    _required("provider", Text),
    _required("failures", Integer),
    _required("code", Text),
    _required("denied", Boolean),
    _required("failed_at", INSTANT),
    Column("open_until", INSTANT),
    Column("probe_until", INSTANT),
    key=("provider",),
)
enrichment_secrets = _of_a_workspace(
    "enrichment_secrets",
    _required("name", Text),
    _required("host", Text),
    _required("secret", LargeBinary),
    _required("fingerprint", Text),
    _required("created_at", INSTANT),
    key=("name",),
)
form_tokens = _of_a_workspace(
    "form_tokens",
    _required("endpoint_id", Text),
    _required("token", LargeBinary),
    _required("fingerprint", Text),
    _required("created_at", INSTANT),
    _required("refused", Boolean, server_default=text("false")),
    Column("code", Text),
    Column("failed_at", INSTANT),
    _required("failures", Integer, server_default=text("0")),
    Column("paused_until", INSTANT),
    Column("fetched_at", INSTANT),
    key=("endpoint_id",),
)
form_records = _of_a_workspace(
    "form_records",
    _required("endpoint_id", Text),
    _required("record", LargeBinary),
    Column("lead_id", Uuid),
    _required("until", INSTANT),
    Column("first", LargeBinary),
    _index("form_records_of_lead", "lead_id", where="lead_id IS NOT NULL"),
    _index("form_records_until", "until"),
    key=("endpoint_id", "record"),
)
arrivals = _of_a_workspace(
    "arrivals",
    _required("subject", Text),
    _required("value", LargeBinary),
    _required("at", INSTANT),
    _required("assignment_id", Uuid),
    _required("hour", Integer),
    _index("arrivals_by_hour", "hour"),
    key=("subject", "value", "at", "assignment_id"),
)
test_leads = _of_a_workspace(
    "test_leads",
    _required("id", Uuid),
    _required("endpoint_id", Text),
    _required("at", INSTANT),
    _required("lead", LargeBinary),
    _required("decision", LargeBinary),
    _index("test_leads_by_age", "at"),
    key=("id",),
)

erasures = _of_a_workspace(
    "erasures",
    _required("lead_id", Uuid),
    _required("at", INSTANT),
    _required("actor", Text),
    _required("report", JSON),
    key=("lead_id",),
)
owner_erasures = _of_a_workspace(
    "owner_erasures",
    _required("owner_id", Text),
    _required("version", BigInteger),
    _required("decision_number", BigInteger),
    _required("at", INSTANT),
    _required("asked_at", INSTANT, server_default=text("now()")),
    _required("actor", Text),
    _required("step", SmallInteger, server_default=text("0")),
    Column("after", JSON),
    Column("ended_at", INSTANT),
    _index("owner_erasures_running", where="ended_at IS NULL"),
    key=("owner_id", "version"),
)
hash_keys = _of_a_workspace("hash_keys", _required("key", LargeBinary))
barred_records = _of_a_workspace(
    "barred_records", _required("hash", Text), _required("until", INSTANT), key=("hash",)
)
retention_runs = _of_a_workspace(
    "retention_runs",
    Column("started_at", INSTANT),
    Column("after", Uuid),
    Column("finished_at", INSTANT),
    *(
        _required(name, BigInteger, server_default=text("0"))
        for name in ("leads", "failed_leads", "decisions")
    ),
)

lead_facts = _of_a_workspace(
    "lead_facts",
    _required("lead_id", Uuid),
    _required("received_at", INSTANT),
    _required("state", Text),
    _required("imported", Boolean),
    Column("merged_into", Uuid),
    *_cuts(),
    *(Column(name, Text) for name in ("last_owner_id", "last_team_id")),
    Column("score", Double),
    _required("first_number", BigInteger),
    _required("changed_at", INSTANT),
    _required("tags_conflict", Boolean),
    *(_required(name, Integer) for name in ("arrivals", "duplicates")),
    Column("first_touch_at", INSTANT),
    Column("first_touch_by", Text),
    Column("reached_at", INSTANT),
    Column("reached_by", Text),
    _required("tries", Integer),
    Column("tries_until_reached", Integer),
    Column("automated_at", INSTANT),
    _required("automated_answers", Integer),
    *(Column(name, INSTANT) for name in ("qualified_at", "disqualified_at")),
    Column("disqualified_reason", Text),
    *(
        Column(name, INSTANT)
        for name in (
            "meeting_at",
            "opportunity_at",
            "purchase_at",
            "lost_at",
            "closed_at",
            "saved_at",
            "renewed_at",
            "expanded_at",
            "churned_at",
            "unsubscribed_at",
            "complained_at",
            "invalid_contact_at",
            "spam_at",
            "follow_up_at",
        )
    ),
    *(_required(name, Integer) for name in ("moves", "cover_moves", "handoffs", "claims", "rejects")),
    _required("ping_pong", Boolean),
    _required("junk_parts", ARRAY(Text), server_default=text("'{}'")),
    Column("junk", Text),
    *(Column(name, INSTANT) for name in ("not_spam_at", "unblocked_at")),
    _index("lead_facts_received", "received_at"),
    _index("lead_facts_merged", "merged_into", where="merged_into IS NOT NULL"),
    _index("lead_facts_campaigns", "campaign", where="campaign IS NOT NULL"),
    key=("lead_id",),
)
assignment_facts = _of_a_workspace(
    "assignment_facts",
    *(_required(name, Uuid) for name in ("assignment_id", "lead_id")),
    _required("decision_number", BigInteger),
    _required("decided_at", INSTANT),
    *(_required(name, Text) for name in ("cause", "outcome", "code")),
    *_cuts(),
    Column("score", Double),
    *(Column(name, Text) for name in ("queue", "path", "block")),
    _required("open", Boolean),
    Column("ended_at", INSTANT),
    Column("end_cause", Text),
    _required("attempt", SmallInteger),
    Column("handoff", Text),
    *(_required(name, Boolean) for name in ("counts_toward_load", "refunded")),
    *(Column(name, Text) for name in ("dispute", "reject_reason")),
    _required("action_types", ARRAY(Text)),
    _required("tags_conflict", Boolean),
    Column("arrival", Text),
    Column("arrived_at", INSTANT),
    Column("arrival_owner_id", Text),
    Column("response_at", INSTANT),
    Column("response_by", Text),
    _required("response_day_only", Boolean),
    Column("response_work_seconds", BigInteger),
    _required("response_early", Boolean),
    *(Column(name, INSTANT) for name in ("response_accepted_at", "response_reached_at")),
    *(Column(name, BigInteger) for name in ("accepted_work_seconds", "reached_work_seconds")),
    Column("automated_at", INSTANT),
    *(Column(name, Text) for name in ("previous_owner_id", "move")),
    _required("ping_pong", Boolean),
    *(Column(name, INSTANT) for name in ("accepted_at", "touched_at")),
    Column("touched_by", Text),
    _required("touch_day_only", Boolean),
    Column("owner_touched_at", INSTANT),
    Column("owner_work_seconds", BigInteger),
    _required("changed_at", INSTANT),
    Column("promised", Boolean),
    Column("submitted_at", INSTANT),
    _required("junk_parts", ARRAY(Text), server_default=text("'{}'")),
    _index("assignment_facts_of_lead", "lead_id"),
    _index("assignment_facts_decided", "decided_at"),
    _index("assignment_facts_arrived", "arrived_at", where="arrived_at IS NOT NULL"),
    _index(
        "assignment_facts_apart",
        "arrived_at",
        where="arrival IN ('reengaged', 'duplicate') OR excluded = 'blocked'",
    ),
    _index("assignment_facts_ended", "ended_at", where="ended_at IS NOT NULL AND team_id IS NOT NULL"),
    key=("assignment_id",),
)
promise_facts = _of_a_workspace(
    "promise_facts",
    _required("assignment_id", Uuid),
    _required("kind", Text),
    _required("lead_id", Uuid),
    *(_required(name, INSTANT) for name in ("arrived_at", "started_at")),
    Column("sla", Text),
    *_cuts(),
    Column("queue", Text),
    _required("due_at", INSTANT),
    Column("met_at", INSTANT),
    Column("met_by", Text),
    Column("void_at", INSTANT),
    _required("first", Boolean),
    Column("lead_met_at", INSTANT),
    Column("lead_met_by", Text),
    Column("lead_void_at", INSTANT),
    _required("changed_at", INSTANT),
    _index("promise_facts_of_lead", "lead_id"),
    _index("promise_facts_started", "started_at"),
    _index("promise_facts_arrived", "arrived_at", where="first"),
    key=(
        "assignment_id",
        "kind",
    ),
)
event_facts = _of_a_workspace(
    "event_facts",
    *(_required(name, Uuid) for name in ("event_id", "lead_id", "assignment_id")),
    _required("type", Text),
    _required("at", INSTANT),
    _required("day_only", Boolean),
    *(_required(name, INSTANT) for name in ("told_at", "lead_received_at")),
    _required("actor", Text),
    Column("by_owner_id", Text),
    *_cuts(),
    *(Column(name, Text) for name in ("first_owner_id", "last_owner_id", "via", "reason")),
    _required("effect", Text),
    _required("first", Boolean),
    Column("amount", Numeric),
    Column("currency", Text),
    Column("for_at", INSTANT),
    _required("closes", ARRAY(Text), server_default=text("'{}'")),
    Column("topic", Text),
    _index("event_facts_of_lead", "lead_id"),
    _index("event_facts_happened", "type", "at"),
    _index("event_facts_received", "type", "lead_received_at"),
    key=("event_id",),
)
sale_facts = _of_a_workspace(
    "sale_facts",
    _required("event_id", Uuid),
    _required("currency", Text),
    _required("lead_id", Uuid),
    _required("deal", Integer),
    _required("type", Text),
    *(_required(name, INSTANT) for name in ("at", "told_at", "lead_received_at")),
    *_cuts(),
    *(Column(name, Text) for name in ("first_owner_id", "last_owner_id")),
    _required("won", Numeric),
    _required("won_deals", SmallInteger),
    _required("pipeline", Numeric),
    _required("pipeline_deals", SmallInteger),
    _index("sale_facts_of_lead", "lead_id"),
    _index("sale_facts_happened", "at"),
    _index("sale_facts_received", "lead_received_at"),
    key=(
        "event_id",
        "currency",
    ),
)
fact_cursors = _of_a_workspace(
    "fact_cursors",
    *(_required(name, BigInteger, server_default=text("0")) for name in ("decision_number", "change_number")),
    Column("at", INSTANT),
)
stale_facts = _of_a_workspace(
    "stale_facts",
    Column("number", BigInteger, Identity(), nullable=False),
    _required("lead_id", Uuid),
    key=("number",),
)
spend = _of_a_workspace(
    "spend",
    _required("campaign", Text),
    _required("fact_campaign", Text),
    _required("day", Date),
    _required("currency", Text),
    _required("amount", Numeric),
    _required("updated_at", INSTANT, server_default=text("now()")),
    _required("updated_by", Text),
    _index("spend_by_day", "day", "campaign", "currency"),
    key=("campaign", "day", "currency"),
)
