"""The state of workspaces at the moment of a scrape, read from the database."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily

STRANDED = ("inactive", "deleted", "away")
"""Why an owner cannot work their open leads; `away` is without a cover."""
_UNDELIVERED = ("undelivered", "dead", "expired")
_FORMS = ("waiting", "failed", "parked", "awaiting_fetch")
_CRM_EVENTS = ("waiting", "failed")


@dataclass(frozen=True, slots=True)
class TargetGauges:
    """The messages to a target by state, since when the oldest waits, and whether the breaker is open."""

    messages: Mapping[str, int]
    oldest: float | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class WorkspaceGauges:
    """The state of one workspace: counts, and times in seconds since 1970, None where there is nothing.

    oldest:             when the oldest lead of a queue began to wait there, by queue.
    held_due:           when the held lead is due that is due first; `held_overdue` counts those that are due.
    clocks_due_at:      when the SLA clock is due that is due first; `clocks_due` counts those that are due.
    actions_oldest:     since when the oldest undelivered action can be taken.
    crm_events:         the events of CRMs by state, by the kind of their endpoint.
    crm_events_oldest:  since when the oldest event of a CRM or form waits that can be looked at, by kind.
    forms:              deliveries of forms that are not done, by state.
    forms_oldest_to_fetch: since when the oldest lead of which only ids came waits.
    handshakes:         when a form tool last checked the address of its endpoint, by endpoint.
    providers_open:     whether the breaker of a provider of enrichment is open; only of those that fail.
    retention_finished: when old data was last deleted completely.
    published:          when the active version of the plan became active.
    """

    waiting: Mapping[str, int] = field(default_factory=dict)
    oldest: Mapping[str, float] = field(default_factory=dict)
    leads: Mapping[str, int] = field(default_factory=dict)
    unaccounted: int = 0
    held_overdue: int = 0
    held_due: float | None = None
    stranded: Mapping[str, int] = field(default_factory=dict)
    actions: Mapping[str, int] = field(default_factory=dict)
    actions_oldest: float | None = None
    is_copy: bool = False
    clocks_due: int = 0
    clocks_due_at: float | None = None
    retention_finished: float | None = None
    crm_events: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    crm_events_oldest: Mapping[str, float] = field(default_factory=dict)
    forms: Mapping[str, int] = field(default_factory=dict)
    forms_oldest_to_fetch: float | None = None
    handshakes: Mapping[str, float] = field(default_factory=dict)
    targets: Mapping[str, TargetGauges] = field(default_factory=dict)
    providers_open: Mapping[str, bool] = field(default_factory=dict)
    plan_version: int = 0
    published: float | None = None


_TEXTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "queue_leads": ("Leads in the queue.", ("queue",)),
    "queue_oldest_lead_timestamp_seconds": (
        "When the oldest lead of the queue began to wait, absent for an empty queue.",
        ("queue",),
    ),
    "leads": ("Leads by state.", ("state",)),
    "unaccounted_leads": ("Leads received that are in no state, 0 in normal operation.", ()),
    "held_leads_overdue": ("Held leads that are due.", ()),
    "held_leads_due_timestamp_seconds": (
        "When the held lead is due that is due first, absent when none is held.",
        (),
    ),
    "stranded_leads": ("Open leads whose owner cannot work them, by why.", ("reason",)),
    "actions": ("Actions by state.", ("state",)),
    "actions_oldest_timestamp_seconds": (
        "Since when the oldest undelivered action can be taken, absent when there is none.",
        (),
    ),
    "sla_clocks_due": ("Pending clocks whose time has come.", ()),
    "sla_clocks_due_timestamp_seconds": (
        "When the pending clock is due that is due first, absent when none is pending.",
        (),
    ),
    "crm_events": ("Events of CRMs by kind of endpoint and state.", ("kind", "state")),
    "crm_events_oldest_timestamp_seconds": (
        "Since when the oldest event of a CRM or form waits, absent when there is none.",
        ("kind",),
    ),
    "forms": ("Deliveries of forms that are not done, by state.", ("state",)),
    "form_fetch_oldest_timestamp_seconds": (
        "Since when the oldest lead of which only ids came waits to be fetched, absent when there is none.",
        (),
    ),
    "form_handshake_timestamp_seconds": (
        "When a form tool last checked the address of its endpoint.",
        ("endpoint",),
    ),
    "target_messages": ("Messages to a target by state.", ("target", "state")),
    "target_oldest_message_timestamp_seconds": (
        "Since when the oldest undelivered message to a target waits, absent when there is none.",
        ("target",),
    ),
    "target_open": ("1 while nothing is sent to a target, because it fails.", ("target",)),
    "enrichment_breaker_open": (
        "1 while a provider of enrichment is not called because it fails; absent while it works.",
        ("provider",),
    ),
    "retention_success_timestamp_seconds": (
        "When old data was last deleted completely, 0 before the first time.",
        (),
    ),
    "plan_version": ("The active version of the plan, 0 without one.", ()),
    "plan_published_timestamp_seconds": (
        "When the active version of the plan became active, absent without one.",
        (),
    ),
    "restored_copy": ("1 when the database is a copy, on which the worker and the outbox do nothing.", ()),
}


def gauge_families(shown: Iterable[tuple[str, WorkspaceGauges]]) -> list[GaugeMetricFamily]:
    """The metrics of workspaces, given by name, in the form of the client of Prometheus."""
    families = {
        name: GaugeMetricFamily(f"lead_assignment_{name}", text, labels=("workspace", *labels))
        for name, (text, labels) in _TEXTS.items()
    }
    for workspace, gauges in shown:
        for name, labels, value in _samples(gauges):
            if value is not None:
                families[name].add_metric((workspace, *labels), value)
    return list(families.values())


def _samples(of: WorkspaceGauges) -> Iterator[tuple[str, tuple[str, ...], float | None]]:
    yield from (("queue_leads", (queue,), leads) for queue, leads in of.waiting.items())
    yield from (("queue_oldest_lead_timestamp_seconds", (queue,), at) for queue, at in of.oldest.items())
    yield from (("leads", (state,), leads) for state, leads in of.leads.items())
    yield "unaccounted_leads", (), of.unaccounted
    yield "held_leads_overdue", (), of.held_overdue
    yield "held_leads_due_timestamp_seconds", (), of.held_due
    yield from (("stranded_leads", (why,), of.stranded.get(why, 0)) for why in STRANDED)
    yield from (("actions", (state,), of.actions.get(state, 0)) for state in _UNDELIVERED)
    yield "actions_oldest_timestamp_seconds", (), of.actions_oldest
    yield "sla_clocks_due", (), of.clocks_due
    yield "sla_clocks_due_timestamp_seconds", (), of.clocks_due_at
    for kind, events in of.crm_events.items():
        yield from (("crm_events", (kind, state), events.get(state, 0)) for state in _CRM_EVENTS)
    yield from (
        ("crm_events_oldest_timestamp_seconds", (kind,), at) for kind, at in of.crm_events_oldest.items()
    )
    yield from (("forms", (state,), of.forms.get(state, 0)) for state in _FORMS)
    yield "form_fetch_oldest_timestamp_seconds", (), of.forms_oldest_to_fetch
    yield from (("form_handshake_timestamp_seconds", (id_,), at) for id_, at in of.handshakes.items())
    for target, state in of.targets.items():
        yield from (("target_messages", (target, name), state.messages.get(name, 0)) for name in _UNDELIVERED)
        yield "target_oldest_message_timestamp_seconds", (target,), state.oldest
        yield "target_open", (target,), state.is_open
    yield from (("enrichment_breaker_open", (name,), is_open) for name, is_open in of.providers_open.items())
    yield "retention_success_timestamp_seconds", (), of.retention_finished or 0
    yield "plan_version", (), of.plan_version
    yield "plan_published_timestamp_seconds", (), of.published
    yield "restored_copy", (), of.is_copy
