"""Exact under concurrency: many clients, two processes, one ledger."""

from collections.abc import Sequence

import pytest

from tests.promises.audit import audit, deviation
from tests.support.callers import callers, insist_on_all
from tests.support.factories import lead
from tests.support.processes import services
from tests.support.workspace import stored_workspace


@pytest.mark.parametrize(
    ("weights", "leads"),
    [
        pytest.param([1] * 7, 70 * 7, id="seven equal", marks=pytest.mark.long),
        pytest.param([10, *[1] * 10], 400, id="one of ten times the weight"),
        pytest.param([3, 18, 18, 17, 17, 18, 19, 19], 387, id="uneven", marks=pytest.mark.long),
        pytest.param([2.5, 0.5, 0, 1], 160, id="fractions and zero"),
    ],
)
async def test_shares_are_exact_over_two_processes(
    database: str, weights: Sequence[float], leads: int
) -> None:
    async with stored_workspace(database, weights) as workspace:
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                answers = await insist_on_all(clients, [(f"k{n}", lead(n)) for n in range(leads)], 64)
            assert not any(service.logged_errors for service in running)
        books = await audit(workspace)
    chosen = books.chosen["inbound"]
    shares = {f"rep{member}": int(weight * 1000) for member, weight in enumerate(weights) if weight}
    assert len(chosen) == len({answer["assignment_id"] for answer in answers}) == leads
    assert {answer["outcome"] for answer in answers} == {"assigned"}
    assert deviation(chosen, shares) < 1
    if len(set(shares.values())) == 1:
        rounds = range(len(shares), leads + 1, len(shares))
        assert all({chosen[:n].count(one) for one in shares} == {n // len(shares)} for n in rounds)
