"""What the events of a lead change in its deals, event by event."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.engine.life.sales import NO_DEAL, SALE_TYPES, Deal, Sale
from app.store.reports.fact_rows import EventFact, SaleFact
from app.store.reports.fact_sources import EventRecord

_FROM_EVENT = (
    "source", "campaign", "channel", "lead_type", "band", "account_status", "trigger", "step", "strategy",
    "team_id", "owner_id", "form", "plan_version", "excluded", "event_id", "lead_id", "type", "at", "told_at",
    "lead_received_at", "first_owner_id", "last_owner_id",
)  # fmt: skip


def sales_of(events: Sequence[EventRecord], facts: Mapping[str, EventFact]) -> list[SaleFact]:
    """The sales out of the events of a lead in the order of processing, and their facts."""
    deals: dict[object, Deal] = {}
    numbers: dict[object, int] = {}
    sales: list[SaleFact] = []
    for event in events:
        if event.type not in SALE_TYPES:
            continue
        key = event.ref if event.ref is not None else (event.id,)
        before = deals.get(key, NO_DEAL)
        after, effect = before.after(Sale(event.type, event.ref, event.amount, event.currency))
        deals[key] = after
        number = numbers.setdefault(key, len(numbers) + 1)
        if effect != "none":
            sales += _changes(before, after, number, facts[event.id])
    return sales


def _changes(before: Deal, after: Deal, number: int, fact: EventFact) -> list[SaleFact]:
    """What changed, in each currency."""
    found: dict[str, dict[str, Any]] = {}

    def add(deal: Deal, sign: int, kind: str, counted: int) -> None:
        change = found.setdefault(deal.currency or "", {"won": Decimal(), "pipeline": Decimal()})
        change[kind] += sign * (deal.amount or Decimal())
        change[f"{kind}_deals"] = change.get(f"{kind}_deals", 0) + counted

    if before.state == "won":
        add(before, -1, "won", -int(before.is_won))
    if after.state == "won":
        add(after, 1, "won", int(after.is_won))
    if before.state == "open" and after.state == "open":
        add(before, -1, "pipeline", -1)
    if after.state == "open":
        add(after, 1, "pipeline", 1)
    cuts = {name: getattr(fact, name) for name in _FROM_EVENT}
    return [
        SaleFact(
            **cuts,
            currency=currency,
            deal=number,
            won=str(change["won"]),
            won_deals=change.get("won_deals", 0),
            pipeline=str(change["pipeline"]),
            pipeline_deals=change.get("pipeline_deals", 0),
        )
        for currency, change in found.items()
    ]
