"""The deals of a lead, as events tell of them.

A deal is named by its `ref`. It is opened once and won once, however often that is reported; the last amount
counts. A negative amount for a deal with a positive one is a refund, and is added to it. A deal that is
reversed is not won any more, and can be won again. A sale without `ref` is a deal of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

SALE_TYPES = ("opportunity", "purchase", "reversed")
"""The types of events that change a deal."""
SaleEffect = Literal["counted", "amended", "reversed", "none"]


@dataclass(frozen=True, slots=True)
class Sale:
    """What one event tells of a deal. `amount` None means that it says nothing about the amount."""

    type: str
    ref: str | None = None
    amount: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Deal:
    """One deal: whether it is open or won, and its last amount."""

    state: Literal["open", "won", "reversed"] | None = None
    amount: Decimal | None = None
    currency: str | None = None

    def after(self, sale: Sale) -> tuple["Deal", SaleEffect]:
        """The deal after an event, and what the event changes."""
        if sale.type == "reversed":
            won = self.state == "won"
            return (Deal("reversed", self.amount, self.currency), "reversed") if won else (self, "none")
        currency = sale.currency or self.currency
        if sale.type == "purchase" and self._is_refund(sale):
            return Deal("won", (self.amount or Decimal()) + (sale.amount or Decimal()), currency), "amended"
        amount = self.amount if sale.amount is None else sale.amount
        state: Literal["open", "won"] = "won" if sale.type == "purchase" else "open"
        if self.state is None or (state == "won" and self.state != "won"):
            return Deal(state, amount, currency), "counted"
        if self.state == state and (amount, currency) != (self.amount, self.currency):
            return Deal(state, amount, currency), "amended"
        return self, "none"

    def _is_refund(self, sale: Sale) -> bool:
        """Whether money goes back. The two may come in either order."""
        same_currency = sale.currency in (None, self.currency)
        return (
            self.state == "won"
            and same_currency
            and self.amount is not None
            and sale.amount is not None
            and min(self.amount, sale.amount) < 0 < max(self.amount, sale.amount)
        )

    @property
    def is_won(self) -> bool:
        """Whether it is a sale. A deal that only gives money back is none."""
        return self.state == "won" and not (self.amount is not None and self.amount < 0)


NO_DEAL = Deal()


@dataclass(frozen=True, slots=True)
class SalesTotal:
    """What a lead has brought: the number of deals that are won, and the sum of their amounts by currency."""

    conversions: int
    revenue: dict[str | None, Decimal]


def total_of(sales: Iterable[Sale]) -> SalesTotal:
    """The total of a lead's sales, given in the order in which they were processed."""
    deals: dict[object, Deal] = {}
    for position, sale in enumerate(sales):
        key = sale.ref if sale.ref is not None else position
        deals[key], _ = deals.get(key, NO_DEAL).after(sale)
    revenue: dict[str | None, Decimal] = {}
    for deal in deals.values():
        if deal.state in ("won", "reversed") and deal.amount is not None:
            won = deal.amount if deal.state == "won" else Decimal()
            revenue[deal.currency] = revenue.get(deal.currency, Decimal()) + won
    return SalesTotal(sum(deal.is_won for deal in deals.values()), revenue)
