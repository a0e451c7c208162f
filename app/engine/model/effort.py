"""The budget of one decision. A lead that exceeds it is kept as failed, and holds up no other lead."""

MAX_EFFORT = 500_000
"""Comparisons, rows and candidates, as far as they are counted: some tenths of a second."""

MAX_ACTIONS = 200
"""Actions that follow from one decision or event. Each is a row, and a part of the answer."""


class DecisionTooCostly(Exception):
    """The decision of a lead takes more steps than any lead may take."""


class Effort:
    """What is left of the budget. It is counted by the step, because counting comparisons would cost more."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_EFFORT

    def spend(self, amount: int) -> None:
        """Note work that comes next. Raises DecisionTooCostly."""
        self.left -= amount
        if self.left < 0:
            raise DecisionTooCostly
