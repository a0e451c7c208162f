"""Fair share in integers: which member is next in turn.

The rule is Tijdeman's solution of the chairman assignment problem (R. Tijdeman, "The chairman
assignment problem", Discrete Mathematics 32, 1980, 323-330): with a fixed set of k members every
prefix stays within 1 - 1/(2k-2) of the fair share. All amounts are integers; one lead is `LEAD_UNITS`.
"""

from collections.abc import Mapping, Sequence

LEAD_UNITS = 10**12
"""One whole lead in the unit of balances."""


def next_in_turn(weights: Sequence[int], balances: Sequence[int]) -> tuple[int, list[int]]:
    """The position that is next in turn, and how the turn changes each balance.

    `weights` are positive integers of any common unit, `balances` are in `LEAD_UNITS`, both in
    the order of the team, which breaks ties. The changes sum to zero.

    Raises ValueError when there are no members.
    """
    if not weights:
        raise ValueError("a turn needs at least one member")
    total = sum(weights)
    changes = [LEAD_UNITS * weight // total for weight in weights]
    given = sum(changes)
    after = [balance + change for balance, change in zip(balances, changes, strict=True)]
    chosen = _due(weights, after, total)
    changes[chosen] -= given
    return chosen, changes


def _due(weights: Sequence[int], balances: Sequence[int], total: int) -> int:
    """The position to serve now, after each member got their share.

    Both bounds are fractions of 2k-2, so every comparison is made on balances scaled by it.
    """
    if len(weights) == 1:
        return 0
    scale = 2 * len(weights) - 2
    upper = LEAD_UNITS * (scale - 1)
    largest = max(range(len(weights)), key=balances.__getitem__)
    if balances[largest] * scale > upper:
        return largest
    ready = [at for at, balance in enumerate(balances) if balance * scale >= LEAD_UNITS]
    if not ready:
        return largest

    def turns_until_late(at: int) -> int:
        return (upper - balances[at] * scale) * total // (scale * weights[at] * LEAD_UNITS)

    return min(ready, key=turns_until_late)


def turn_of(chosen: str, weights: Mapping[str, int]) -> dict[str, int]:
    """How a turn that this member took changes each balance, even if another one was next.

    The changes sum to zero.
    """
    total = sum(weights.values())
    changes = {owner: LEAD_UNITS * weight // total for owner, weight in weights.items()}
    changes[chosen] -= sum(changes.values())
    return changes


def spread_balance(balance: int, others: Mapping[str, int]) -> dict[str, int]:
    """Spread the `balance` of a leaving member over the `others` by weight. Returns each change.

    A remainder goes to the first members, one unit each, so that nothing is left over. Without other members
    there are no changes; the balance of a lone member is always zero.
    """
    total = sum(others.values())
    if not total:
        return {}
    changes = {owner: balance * weight // total for owner, weight in others.items()}
    rest = balance - sum(changes.values())
    for owner in list(changes)[:rest]:
        changes[owner] += 1
    return changes
