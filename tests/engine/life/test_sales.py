"""The deals of a lead."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.engine.life.sales import NO_DEAL, SALE_TYPES, Deal, Sale, total_of

sales = st.builds(
    Sale,
    st.sampled_from(SALE_TYPES),
    st.sampled_from(["D1", "D2"]),
    st.none() | st.integers(0, 9).map(Decimal),
    st.none() | st.sampled_from(["EUR", "USD"]),
)


def test_a_deal_is_opened_then_won() -> None:
    opened, first = NO_DEAL.after(Sale("opportunity", "D", Decimal(5), "EUR"))
    won, second = opened.after(Sale("purchase", "D"))
    assert (first, second) == ("counted", "counted")
    assert won == Deal("won", Decimal(5), "EUR")
    assert won.after(Sale("opportunity", "D", Decimal(7))) == (won, "none")


def test_a_sale_that_was_never_won_is_not_reversed() -> None:
    assert NO_DEAL.after(Sale("reversed", "D")) == (NO_DEAL, "none")


def test_sales_without_a_deal_count_each() -> None:
    total = total_of([Sale("purchase", None, Decimal(1)), Sale("purchase", None, Decimal(1))])
    assert (total.conversions, total.revenue) == (2, {None: Decimal(2)})


def test_a_refund_is_taken_off_its_deal_in_any_order() -> None:
    bought, refund = Sale("purchase", "D", Decimal(500), "EUR"), Sale("purchase", "D", Decimal(-200), "EUR")
    for told in ([bought, refund], [refund, bought]):
        total = total_of(told)
        assert (total.conversions, total.revenue) == (1, {"EUR": Decimal(300)})
    assert total_of([bought, refund, Sale("reversed", "D")]).revenue == {"EUR": Decimal(0)}


def test_a_refund_without_a_deal_is_no_conversion() -> None:
    total = total_of([Sale("purchase", "D", Decimal(500)), Sale("purchase", None, Decimal(-200))])
    assert (total.conversions, total.revenue) == (1, {None: Decimal(300)})


@given(st.lists(sales))
def test_a_repeated_event_changes_nothing(told: list[Sale]) -> None:
    twice = [sale for sale in told for _ in range(2)]
    assert total_of(twice) == total_of(told)


@given(st.lists(sales))
def test_no_deal_counts_more_than_once(told: list[Sale]) -> None:
    total = total_of(told)
    assert total.conversions <= len({sale.ref for sale in told if sale.type == "purchase"})
    assert all(amount >= 0 for amount in total.revenue.values())
